# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.plugin_utils import _harden

THERE = {"harden_answered": {"ping": "pong"}, "harden_begun": {"ping": "pong"}}
RESULT = {
    "changed": True,
    "mta": "sendmail",
    "version": "8.18.1",
    "instance": "sendmail",
    "settings": ["confMAX_MESSAGE_SIZE"],
    "activation": {"kind": "restart", "because": ["DAEMON_OPTIONS"]},
}
AUDIT = {"verdict": "passed", "groups": {"relay": {"total": 64, "good": 64}, "tls": {"total": 6, "good": 6}}}
DONE = dict(THERE, relay_result=RESULT, harden_audit=AUDIT)


@pytest.mark.parametrize(
    ("variables", "state", "reason"),
    [
        ({}, _harden.WAITING, ""),
        ({"harden_answered": {"ping": "pong"}}, _harden.WAITING, ""),
        ({"harden_answered": {"unreachable": True, "msg": "no\nroute"}}, _harden.UNREACHABLE, "no route"),
        (dict(THERE, harden_begun={"unreachable": True, "msg": "gone"}), _harden.UNREACHABLE, "gone"),
        ({"harden_prober_answered": {"unreachable": True, "msg": "x"}}, _harden.FAILED, "the host that probes"),
        (THERE, _harden.UNFINISHED, "it was lost before"),
        (dict(THERE, harden_failure={"msg": "refused"}, harden_failed_task="Apply"), _harden.FAILED, "Apply: refused"),
        (dict(THERE, relay_result=RESULT), _harden.UNFINISHED, "not proven from outside"),
        (
            dict(THERE, relay_result=RESULT, harden_audit={"unreachable": True, "msg": "x"}),
            _harden.UNFINISHED,
            "not proven",
        ),
        (dict(THERE, relay_result={"unreachable": True, "msg": "x"}), _harden.UNREACHABLE, "x"),
        (dict(THERE, relay_result={"failed": True, "msg": "x"}), _harden.FAILED, "x"),
        (dict(THERE, relay_result=RESULT, harden_audit={"skipped": True}), _harden.HARDENED, ""),
        (DONE, _harden.HARDENED, ""),
    ],
)
def test_state(variables, state, reason):
    relay = _harden.read("mx1", variables)
    assert relay.state == state
    assert reason in relay.reason
    assert bool(relay.reason) == bool(reason)


def test_only_the_hardened_pass_the_end_and_only_the_answering_the_beginning():
    relays = [
        _harden.read("a", DONE),
        _harden.read("b", {}),
        _harden.read("c", {"harden_answered": {"unreachable": True}}),
    ]
    assert list(_harden.blamed_before(relays)) == ["c"]
    assert list(_harden.blamed_after(relays)) == ["b", "c"]
    assert not _harden.blamed_after(relays[:1])


def test_table():
    idle = dict(DONE, relay_result=dict(RESULT, changed=False, settings=[]))
    assert _harden.table([_harden.read("mx1", DONE), _harden.read("mx2", idle)]) == [
        "HOST  MTA              INSTANCE  CHANGED               ACTIVATION               PROBES",
        "mx1   sendmail 8.18.1  sendmail  confMAX_MESSAGE_SIZE  restart: DAEMON_OPTIONS  70 of 70",
        "mx2   sendmail 8.18.1  sendmail  nothing               -                        70 of 70",
    ]


def test_table_in_check_mode():
    head = _harden.table([_harden.read("mx1", dict(DONE, harden_audit={"skipped": True}))], check_mode=True)
    assert head[0].split()[3:5] == ["WOULD", "CHANGE"]
    assert head[1].endswith("restart: DAEMON_OPTIONS  -")
    bare = _harden.table(
        [_harden.read("mx1", dict(THERE, relay_result={"skipped": True}, harden_audit={"skipped": True}))], True
    )
    assert "would be installed" in bare[1]


def test_table_is_never_wider_than_100_columns():
    long = dict(RESULT, settings=["a" * 70, "b" * 70], activation={"kind": "restart", "because": ["c" * 90]})
    assert len(_harden.table([_harden.read("mx1", dict(DONE, relay_result=long))])[1]) <= 100
    many = dict(RESULT, settings=[f"smtpd_some_long_parameter_{number}" for number in range(90)], notes=["note " * 60])
    lost = dict(THERE, harden_failure={"msg": "a long reason " * 40}, harden_failed_task="Apply")
    lines = _harden.table([_harden.read("mx1", dict(DONE, relay_result=many)), _harden.read("mx2", lost)])
    assert max(map(len, lines)) <= 100
    assert "90 settings" in lines[1]
    assert "Not hardened:" in lines
    assert "Notes:" in lines


def test_the_same_note_of_several_relays_is_said_once():
    noted = dict(DONE, relay_result=dict(RESULT, notes=["no such thing"]))
    lines = _harden.table([_harden.read("mx1", noted), _harden.read("mx2", noted)])
    assert lines[-2:] == ["Notes:", "  mx1, mx2: no such thing"]


def test_message_of_an_audit_names_the_first_findings():
    failures = [{"probe": f"O{n}", "trick": "t", "judgement": "open", "reason": "250"} for n in range(5)]
    assert _harden.message({"summary": "75/80", "failures": failures}) == (
        "75/80; O0 t: open (250); O1 t: open (250); O2 t: open (250); and 2 more"
    )


def test_what_was_done_besides_is_named_too():
    idle = dict(DONE, relay_result=dict(RESULT, changed=False), nscd_result={"changed": True})
    assert _harden.table([_harden.read("mx1", idle)])[1].split()[4:6] == ["nscd", "-"]


def test_the_items_of_a_loop_say_why_they_failed():
    items = [{"failed": True, "msg": "no such address", "_ansible_item_label": "postfix-EXT"}, {"changed": True}]
    assert _harden.message({"msg": "One or more items failed", "results": items}) == "postfix-EXT: no such address"


def test_what_the_probes_need_is_said_before_anything_is_changed():
    checked = {"failed": True, "msg": "the policy trusts this prober"}
    relay = _harden.read("mx1", {"harden_answered": {"ping": "pong"}, "harden_probes_checked": checked})
    assert (relay.state, relay.reason) == (_harden.FAILED, "the policy trusts this prober")


@pytest.mark.parametrize(
    "answer, cell, sentence",
    [
        ({"rolled_back": [17]}, "rolled back", "the change is rolled back"),
        ({"failed": True, "msg": "x"}, "not rolled back yet", "the host does so by itself"),
        ({"unreachable": True, "msg": "x"}, "not rolled back yet", "the host does so by itself"),
        ({"skipped": True}, "confMAX_MESSAGE_SIZE", "Probe it: open"),
        ({}, "confMAX_MESSAGE_SIZE", "Probe it: open"),
    ],
)
def test_what_became_of_a_change_that_is_not_proven(answer, cell, sentence):
    failed = dict(THERE, relay_result=RESULT, harden_failure={"msg": "open"}, harden_failed_task="Probe it")
    lines = _harden.table([_harden.read("mx1", dict(failed, harden_rolled_back=answer))])
    assert cell in lines[1] and sentence in " ".join(" ".join(lines[2:]).split())


def _loop(*results):
    return {"results": list(results)}


EXT = {"name": "postfix-EXT"}
CONFIGURED = {
    "__relay_postfix_leaving": _loop(
        {"item": {"name": "postfix-old"}, "changed": True, "actions": ["remove postfix-old"]}
    ),
    "__relay_postfix_instances": _loop({"item": EXT, "changed": True, "actions": ["create postfix-EXT"]}),
    "__relay_sendmail_instances": _loop({"item": EXT, "skipped": True}),
    "__relay_instance_policies": _loop({"item": [EXT, {}], "changed": True, "settings": ["myhostname"]}),
}


def test_each_additional_instance_has_a_row():
    audits = _loop(dict(AUDIT, item=EXT))
    lines = _harden.table([_harden.read("mx1", dict(DONE, **CONFIGURED, harden_instance_audits=audits))])
    assert [line.split()[3] for line in lines[1:]] == ["sendmail", "postfix-old", "postfix-EXT"]
    assert "create postfix-EXT, myhost" in lines[3] and lines[3].endswith("70 of 70")
    assert "remove postfix-old" in lines[2] and lines[2].endswith("-")


@pytest.mark.parametrize(
    "audit",
    [
        {"verdict": "failed", "summary": "1 of 105"},
        {"failed": True, "msg": "1 of 105"},
        {"unreachable": True, "msg": "1 of 105"},
    ],
)
def test_an_instance_that_fails_its_probes_is_not_hardened(audit):
    relay = _harden.read("mx1", dict(DONE, **CONFIGURED, harden_instance_audits=_loop(dict(audit, item=EXT))))
    assert (relay.state, relay.reason) == (_harden.FAILED, "postfix-EXT: 1 of 105")


def test_what_the_probes_waited_for_is_told():
    audit = dict(AUDIT, notes=["the relay limited this prober: 3 probes were sent again, for up to 46 s"])
    text = " ".join(" ".join(_harden.table([_harden.read("mx1", dict(DONE, harden_audit=audit))])).split())
    assert "Notes: mx1: the relay limited this prober: 3 probes were sent again" in text
