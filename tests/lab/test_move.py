# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sendmail and a Postfix beside it are asked the same, and the ports go from one to the other.

What was converted answers alike, and what was not is found. No message is lost on the way there and back.
"""

from __future__ import annotations

import contextlib
import time
import typing as t

import everything
import movehosts
import pytest
from labhosts import WORLD, Host, some

_LOG = """\
2026-11-30T20:00:00.000000+00:00 {0} sm-mta[10]: 6AUK000A000010: from=<a@ok.test>, size=10, nrcpts=2, msgid=<m@x>, relay=trusted.lab.test [10.25.0.60]
2026-11-30T20:00:01.000000+00:00 {0} sm-mta[11]: 6AUK000A000010: to=<anna@{0}.lab.test>,<b@third.test>, delay=00:00:01, mailer=esmtp, dsn=2.0.0, stat=Sent (ok)
"""


@pytest.fixture(autouse=True, name="both")
def _both(host: Host) -> t.Iterator[None]:
    with movehosts.beside(host):
        yield


@pytest.mark.parametrize("host", some("sm13"), ids=str)
def test_what_is_not_alike_is_found_with_the_rule_of_each_side(host: Host) -> None:
    before = host.look("/etc/mail")
    read = host.done("move_info")
    for name, lines in read["tables"].items():
        host.write(f"/etc/postfix/{name}", "".join(f"{line}\n" for line in lines).encode())
        host.run(f"postmap /etc/postfix/{name}")
    main = dict(read["natives"].get("main", {}), master_service_disable="inet", relayhost="[10.25.0.99]")
    policy = dict(read["policy"], relay=dict(read["policy"].get("relay", {}), networks=["10.25.0.60/32"]))
    master = read["natives"].get("master", {})
    accepted = {"undefined_service": "it listens nowhere"}
    params = {"baseline": "none", "policy": policy, "main": main, "master": master, "accept_risk": accepted}
    host.done("relay", mta="postfix", **params)
    host.write("/tmp/envelopes", _LOG.format(host.name).encode())
    answer = host.done("move_compare", path=["/tmp/envelopes"], days=0, made_up=False)
    host.run("rm /tmp/envelopes")
    assert (answer["logged"], answer["asked"], answer["unexplained"]) == (2, 2, 1), answer
    (difference,) = [item for item in answer["differences"] if not item["explained"]]
    assert difference["example"]["recipient"] == "b@third.test" and difference["old_rule"] and difference["new_rule"]
    assert host.look("/etc/mail") == before
    assert not host.run("ps -C master -o args= || true").strip()


# --- the switch -----------------------------------------------------------------------------------------------------


def _state(host: Host) -> str:
    """Return what must be as it was: who listens, what starts at boot, whose program local users call."""
    return host.run(
        "ss -ltnpH 'sport = :25' | grep -o '\"[a-z-]*\"' | sort -u; systemctl is-enabled sendmail postfix;"
        " readlink -f /usr/sbin/sendmail; ls /etc/systemd/system | grep postmaster-mta-drain || true"
    )


@contextlib.contextmanager
def _waiting(host: Host, prefix: str, count: int) -> t.Iterator[None]:
    """Messages that wait in the queue of sendmail, and can be delivered while the block runs."""
    recipient = f"{prefix}waits@third.test"
    WORLD.run(f"sinkctl set third.test defer {recipient}")
    try:
        for number in range(count):
            host.run(f"printf 'Subject: waits\\n\\nhello\\n' | sendmail -f {prefix}w{number}@ok.test {recipient}")
        for dummy in range(100):
            waiting = host.run(f"grep -ls 'Deferred.*' $(grep -ls {recipient} /var/spool/mqueue/qf*) | wc -l")
            if int(waiting) == count:
                break
            time.sleep(0.3)
        assert int(waiting) == count, host.run("mailq")
    finally:
        WORLD.run(f"sinkctl set third.test default {recipient}")
    yield


@pytest.mark.long
@pytest.mark.parametrize("host", some("sm13"), ids=str)
def test_the_ports_go_to_postfix_and_back_and_no_message_is_lost(host: Host) -> None:
    """Mail flows all the time, some waits before; each message arrives once, and afterwards the host is as it was."""
    before, prefix = _state(host), movehosts.fresh(host)
    mail = {name: facts[:4] for name, facts in host.look("/etc/mail").items()}
    movehosts.prepared(host)
    with movehosts.mail_flows(host, prefix, 20, 0.5) as told, _waiting(host, prefix, 3):
        moved = host.done("move_switch", state="moved", confirm="10m")
        assert (moved["listens"], moved["drains"]) == ("postfix", "sendmail"), moved
        assert "/usr/sbin/sendmail.postfix" in _state(host) and '"smtpd"' in _state(host)
        assert host.done("move_switch", state="moved")["changed"] is False
        movehosts.drained(host)
        back = host.done("move_switch", state="back")
        assert (back["listens"], back["drains"]) == ("sendmail", "postfix"), back
    movehosts.drained(host)
    expected = sorted([*told["taken"], *(f"{prefix}w{number}@ok.test" for number in range(3))])
    assert sorted(movehosts.arrived(prefix)) == expected, (told["refused"], told["again"])
    assert _state(host) == before
    # The start of sendmail writes its own file anew, with what was in it.
    assert {name: facts[:4] for name, facts in host.look("/etc/mail").items()} == mail
    assert not host.run("ls /etc/systemd/system | grep postmaster-mta || true")


@pytest.mark.long
@pytest.mark.parametrize("host", some("sm13"), ids=str)
def test_one_command_moves_a_relay_and_one_goes_back(host: Host) -> None:
    """200 messages meanwhile: none is lost, none comes twice."""
    before = _state(host)
    figures = movehosts.there_and_back(host, 200, 0.5)
    assert not figures["lost"] and not figures["twice"], figures
    assert _state(host) == before


@pytest.mark.long
@pytest.mark.parametrize("host", some("sm13"), ids=str)
def test_a_relay_with_every_construct_in_it_moves_and_comes_back(host: Host) -> None:
    """Each construct has a verdict, both MTAs answer alike where they should, and no message is lost on the way."""
    with everything.everything(host):
        before = host.look("/etc/mail")
        read = host.done("move_info")
        assert read["absent"] == [], read["absent"]
        movehosts.prepared(host)
        host.write("/tmp/envelopes", everything.log_of(everything.few(host)))
        answer = host.done("move_compare", path=["/tmp/envelopes"], days=0, show=0)
        host.run("rm /tmp/envelopes")
        assert answer["unexplained"] == 0, [item for item in answer["differences"] if not item["explained"]]
        assert answer["alike"] > answer["asked"] / 2 and host.look("/etc/mail") == before, answer
        slip = host.call("move_compare", accept=["access:1"])
        assert slip["failed"] and "accept: access:1" in slip["msg"], slip
        prefix = movehosts.fresh(host)
        with movehosts.mail_flows(host, prefix, 20, 0.5) as told:
            host.done("move_switch", state="moved", confirm="10m")
            movehosts.drained(host)
            host.done("move_switch", state="back")
        movehosts.drained(host)
        assert sorted(movehosts.arrived(prefix)) == sorted(told["taken"]), (told["refused"], told["again"])


@pytest.mark.parametrize("host", some("sm13"), ids=str)
def test_what_stands_in_the_way_is_said_before_anything_changes(host: Host) -> None:
    """An mc that does not build, none at all, a message that nobody can read, a Postfix that would not wait."""
    unprepared = host.call("move_switch", state="moved")
    assert "main.cf: master_service_disable: it does not say inet" in unprepared["msg"], unprepared
    host.run("cp -p /etc/mail/sendmail.mc /root/kept.mc; printf x > /var/spool/mqueue/qf6B100000000001")
    host.run("touch -d yesterday /var/spool/mqueue/qf6B100000000001")
    before = _state(host)
    try:
        host.run("echo 'FEATURE(`nosuchfeature'\"'\"')dnl' >> /etc/mail/sendmail.mc")
        refused = host.call("move_switch", state="checked")
        assert refused["failed"] and "sendmail.mc: " in refused["msg"] and "does not build" in refused["msg"], refused
        assert "qf6B100000000001: " in refused["msg"] and "would never be empty" in refused["msg"], refused
        host.run("rm /etc/mail/sendmail.mc")
        assert "/etc/mail/sendmail.mc: there is none" in host.call("move_switch", state="checked")["msg"]
    finally:
        host.run("cp -p /root/kept.mc /etc/mail/sendmail.mc; rm -f /root/kept.mc /var/spool/mqueue/?f6B100000000001")
    assert host.done("move_switch", state="checked")["changed"] is False
    assert host.done("move_switch", state="back")["changed"] is False
    assert _state(host) == before
