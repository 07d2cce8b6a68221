# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of diagnosis_info.py: checks side by side, each of which may fail or hang without the others."""

import base64
import functools
import threading
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._module import diagnosis_info
from ansible_collections.postmaster.mta.tests.unit.patience import AT_ONCE


def params(**changes):
    values = {name: spec.get("default") for name, spec in diagnosis_info.ARGUMENT_SPEC.items()}
    return dict(values, domain="ok.test", **changes) if "domain" not in changes else dict(values, **changes)


ROUTE = {"verdict": "remote", "hops": [{"name": "mx", "port": 25, "by_mx": False}]}


@pytest.fixture(name="parts")
def _parts(monkeypatch):
    """The checks, replaced; a test changes what one of them does."""
    parts = {
        "names": lambda runner, options: {"findings": []},
        "route": lambda runner, options: dict(ROUTE, verdict="local"),
        "host": lambda runner, options: {"findings": []},
        "queue": lambda runner, options: {"messages": [], "summary": {"total": {"messages": 0}}, "unreadable": []},
    }
    modules = {
        "names": diagnosis_info.dns_info,
        "route": diagnosis_info.route_info,
        "host": diagnosis_info.host_info,
        "queue": diagnosis_info.queue_info,
    }
    for name, module in modules.items():
        monkeypatch.setattr(module, "run", functools.partial(_ask, parts, name))
    monkeypatch.setattr(diagnosis_info._mta, "installed", lambda runner, mta: ())
    return parts


def _ask(parts, name, options, check_mode, runner):
    return parts[name](runner, options)


def meeting(everybody, value):
    """Return a check that ends when all that take part in the meeting run."""

    def check(runner, options):
        everybody.wait(AT_ONCE)
        return value

    return check


def test_everything(parts):
    answer = diagnosis_info.run(params(), False)
    assert answer["problems"] == {}
    assert answer["address"] == "postmaster@ok.test"
    assert set(answer["check_seconds"]) == {"names", "route", "host", "queue"}


def test_it_takes_as_long_as_the_slowest_check(parts):
    everybody = threading.Barrier(3)
    parts["names"] = meeting(everybody, {"findings": []})
    parts["host"] = meeting(everybody, {"findings": []})
    parts["route"] = meeting(everybody, dict(ROUTE, verdict="local"))
    assert diagnosis_info.run(params(timeout=2 * AT_ONCE), False)["problems"] == {}


def test_a_check_that_fails_leaves_the_others(parts):
    def fails(runner, options):
        raise PostmasterError("no dnspython")

    def breaks(runner, options):
        raise KeyError("x")

    parts["names"], parts["queue"] = fails, breaks
    answer = diagnosis_info.run(params(), False)
    assert answer["problems"] == {"names": "no dnspython", "queue": "KeyError: 'x'"}
    assert answer["names"] is None
    assert answer["host"] == {"findings": []}


def test_a_check_that_hangs_is_left_behind(parts):
    release = threading.Event()
    parts["route"] = lambda runner, options: release.wait(AT_ONCE)
    answer = diagnosis_info.run(params(timeout=2.5), False)
    assert not release.is_set()
    release.set()
    assert answer["problems"] == {"route": "it did not end in time"}
    assert answer["talk"] == []


def test_the_message_is_looked_at(parts):
    content = b'Content-Type: x; name="a\n\nx'
    answer = diagnosis_info.run(params(message_base64=base64.b64encode(content).decode()), False)
    assert answer["message"]["open_quotes"][0]["field"] == "Content-Type"


def test_what_waits(parts):
    message = {"arrived": "2026-11-23T06:00:00Z", "id": "4X", "reason": "other",
               "recipients": [{"address": "a@x.test", "reason": "no"}, {"address": "b@OK.test", "reason": "451 later"}]}  # fmt: skip
    parts["queue"] = lambda runner, options: {
        "messages": [message],
        "summary": {"total": {"messages": 3}},
        "unreadable": [],
    }
    assert diagnosis_info.run(params(), False)["queue"] == {
        "messages": 3, "oldest": "2026-11-23T06:00:00Z", "id": "4X", "reason": "451 later", "unreadable": [],
    }  # fmt: skip


def test_the_destination_is_talked_to(parts, monkeypatch):
    plans = []

    def talk(plan):
        plans.append(plan)
        return diagnosis_info.destination.Talk(plan, (), {}, None, (), False, 0.1)

    parts["route"] = lambda runner, options: ROUTE
    monkeypatch.setattr(diagnosis_info.destination, "talk", talk)
    answer = diagnosis_info.run(params(domain="anna@ok.test", sender="s@x.test"), False)
    assert (plans[0].host, plans[0].sender, plans[0].recipients, plans[0].until) == (
        "mx",
        "s@x.test",
        ("anna@ok.test",),
        "rcpt",
    )
    assert answer["talk"][0]["accepted"] is False
    plans.clear()
    assert diagnosis_info.run(params(talk=False), False)["talk"] == []
    assert plans == []


def test_one_server_that_takes_it_is_enough():
    talks = [
        {"accepted": False, "findings": [{"severity": "error"}]},
        {"accepted": True, "findings": []},
    ]
    assert diagnosis_info._weighed(talks)[0]["findings"] == [{"severity": "warning"}]
    assert diagnosis_info._weighed(talks[:1])[0]["findings"] == [{"severity": "warning"}]


@pytest.mark.parametrize("changes", [{"domain": "a b"}, {"domain": "x\n.test"}, {"message_base64": "***"}])
def test_options_that_cannot_be_meant(changes):
    with pytest.raises(OptionError):
        diagnosis_info.run(params(**changes), False)


def test_a_conversation_without_end_is_a_finding(parts, monkeypatch):
    parts["route"] = lambda runner, options: ROUTE
    monkeypatch.setattr(diagnosis_info, "_MARGIN", 0.1)
    monkeypatch.setattr(diagnosis_info.destination, "talk", lambda plan: time.sleep(AT_ONCE))
    answer = diagnosis_info.run(params(talk_timeout=0.1), False)
    assert [finding["code"] for finding in answer["talk"][0]["findings"]] == ["no_conversation"]


# --- a place in the list of exchangers ----------------------------------------------------------------------------


def exchangers(*named):
    return [diagnosis_info.Destination(host, 25, f"MX {preference}") for preference, host in named]


@pytest.mark.parametrize("named, left", [
    ([(10, "203.0.113.1"), (20, "203.0.113.2")], ["203.0.113.1", "203.0.113.2"]),
    ([(10, "203.0.113.1"), (20, "203.0.113.2"), (20, "127.0.0.1"), (30, "203.0.113.3")], ["203.0.113.1"]),
    ([(10, "203.0.113.1"), (20, "::1")], ["203.0.113.1"]),
])  # fmt: skip
def test_a_host_talks_to_those_before_itself(named, left):
    found = diagnosis_info._before_this_host(exchangers(*named))
    assert [one.host for one in found] == left and not any(one.here for one in found)


def test_mail_that_would_loop_is_a_finding(parts, monkeypatch):
    parts["route"] = lambda runner, options: dict(ROUTE, hops=[{"name": "ok.test", "port": 25, "by_mx": True}])
    monkeypatch.setattr(diagnosis_info.query, "MISSING", "")
    monkeypatch.setattr(
        diagnosis_info,
        "_by_mx",
        lambda name, port: diagnosis_info._before_this_host(exchangers((10, "localhost"), (10, "203.0.113.9"))),
    )
    monkeypatch.setattr(diagnosis_info.destination, "talk", None)
    (talk,) = diagnosis_info.run(params(), False)["talk"]
    assert [finding["code"] for finding in talk["findings"]] == ["loops_back"]
    assert not talk["accepted"]


@pytest.mark.parametrize("host, expected", [
    ("127.0.0.1", True), ("::1", True), ("localhost", True), ("203.0.113.1", False), ("2001:db8::1", False),
    ("no-such-name.invalid", False), ("a..b", False), ("x" * 300, False),
])  # fmt: skip
def test_is_here(host, expected):
    assert diagnosis_info.is_here(host) is expected


def test_without_root_there_is_no_diagnosis(parts, monkeypatch):
    monkeypatch.setattr(diagnosis_info.Runner, "is_root", lambda self: False)
    with pytest.raises(PostmasterError, match="become root"):
        diagnosis_info.run(params(), False)
