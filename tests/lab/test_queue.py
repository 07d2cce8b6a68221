# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queues of real relays: every number against an independent count, every action by its effect."""

from __future__ import annotations

import json
import re
import time
import typing as t

import pytest
from queuehosts import VERSIONS, QueueHost, queue_host

DEFER = "127.0.0.22"


#: Each version has a container of its own, which no other test knows.
APART = [pytest.param(version, marks=pytest.mark.lab(group=f"queue-{version}")) for version in VERSIONS]


@pytest.fixture(scope="module", name="host", params=APART)
def _host(request: pytest.FixtureRequest) -> t.Iterator[QueueHost]:
    with queue_host(request.param) as host:
        yield host


@pytest.fixture(name="relay")
def _empty_relay(host: QueueHost) -> QueueHost:
    """The relay with an empty queue; nothing is tried unless a test asks for it."""
    if host.mta == "postfix":
        quiet = "queue_run_delay=3000s minimal_backoff_time=3000s maximal_backoff_time=3000s"
        both = "for d in /etc/postfix /etc/postfix-two; do {}; done"
        host.run(
            both.format(f"postsuper -c $d -d ALL; postconf -c $d -e {quiet}") + "; postfix reload; : > /tmp/sink.log"
        )
    else:
        host.run(
            "pkill -x sendmail; sleep 0.5; rm -rf /var/spool/mq/q*/?f[0-9]* /var/spool/mq/q2/?f/*; : > /tmp/sink.log",
            check=False,
        )
        host.background("/usr/sbin/sendmail", "-bD", "-L", "sm-mta")
        host.wait_for("127.0.0.2")
    host.mode(DEFER, "defer")
    return host


def rows(table: t.Sequence[t.Mapping[str, t.Any]]) -> t.Dict[str, t.Tuple[int, int]]:
    """Name to messages and recipients."""
    return {row["name"]: (row["messages"], row["recipients"]) for row in table}


def statuses(relay: QueueHost) -> t.Dict[str, int]:
    """Messages by status."""
    return {name: counts[0] for name, counts in rows(relay.info(limit=0)["summary"]["statuses"]).items()}


def mixed(relay: QueueHost) -> None:
    """Mail to destinations that defer, stall and reject, on both instances where there are two."""
    relay.send(0, 40, "defer.test", "stall.test", "reject.test", "refused.test", also=["x", "y"])
    if relay.mta == "postfix":
        relay.send(40, 8, "defer.test", relay="127.0.0.3")
    time.sleep(8)
    relay.settle()


# --- numbers ------------------------------------------------------------------------------------------------------


def test_every_number_equals_an_independent_count(relay: QueueHost) -> None:
    mixed(relay)
    relay.act("hold", select={"sender": ["m0@s.test", "m4@s.test"]})
    found = relay.info()
    assert found["unreadable"] == []
    if relay.mta == "postfix":
        _equals_postfix(relay, found)
    else:
        _equals_sendmail(relay, found)
    assert statuses(relay)["hold"] == 2


def _equals_postfix(relay: QueueHost, found: t.Mapping[str, t.Any]) -> None:
    listed = [
        json.loads(line) for d in ("", "-two") for line in relay.run(f"postqueue -c /etc/postfix{d} -j").splitlines()
    ]
    total = found["summary"]["total"]
    assert total["messages"] == len(listed) == len(found["messages"])
    assert total["recipients"] == sum(len(one["recipients"]) for one in listed)
    assert total["bytes"] == sum(one["message_size"] for one in listed)
    assert total["oldest"]["arrival"] == min(one["arrival_time"] for one in listed)
    assert {one["id"] for one in found["messages"]} == {one["queue_id"] for one in listed}
    counted: t.Dict[str, int] = {}
    for address in (to["address"] for one in listed for to in one["recipients"]):
        domain = address.rpartition("@")[2]
        counted[domain] = counted.get(domain, 0) + 1
    by_domain = {name: counts[1] for name, counts in rows(found["summary"]["domains"]).items()}
    assert by_domain == counted
    if _has_qshape(relay):
        assert by_domain == _qshape(relay)
    _equals_tables(found["summary"], [_from_postqueue(one) for one in listed])
    assert [one["name"] for one in found["instances"]] == ["postfix", "postfix-two"]
    files = relay.run("find /var/spool/postfix/hold /var/spool/postfix-two/hold -type f | wc -l").strip()
    assert int(files) == rows(found["summary"]["statuses"])["hold"][0]


class Counted(t.NamedTuple):
    """A message as the tests see it: recipients are pairs of address and reason."""

    id: str
    status: str
    sender: str
    size: int
    arrival: int
    recipients: t.Tuple[t.Tuple[str, str], ...]


def _from_postqueue(one: t.Mapping[str, t.Any]) -> Counted:
    to = tuple((each["address"], each.get("delay_reason", "")) for each in one["recipients"])
    return Counted(one["queue_id"], one["queue_name"], one["sender"], one["message_size"], one["arrival_time"], to)


def _from_control_file(name: str, text: str, size: int) -> Counted:
    """Each message of these tests goes to one domain, so that its recipients wait for the same reason."""
    # sendmail's own bounces are from C(MAILER-DAEMON), which is how it writes the null sender.
    (sender,) = re.findall(r"^S<?(.*?)>?$", text, re.M)
    reason = (re.findall(r"^M(.*)$", text, re.M) or [""])[-1]
    to = tuple((address, reason) for address in re.findall(r"^R\w*:<(.*)>$", text, re.M))
    arrival = int(re.search(r"^T(\d+)$", text, re.M).group(1))
    return Counted(
        name[2:],
        "hold" if name[0] == "h" else "deferred",
        "<>" if sender in ("", "MAILER-DAEMON") else sender,
        size,
        arrival,
        to,
    )


def _equals_tables(summary: t.Mapping[str, t.Any], messages: t.Sequence[Counted]) -> None:
    """Every row of every table whose names need no reckoning, and how many wait for each of the reasons."""
    wanted: t.Dict[str, t.Dict[str, t.List[t.Tuple[Counted, str]]]] = {}
    for one in messages:
        for address, reason in one.recipients:
            for table, name in (
                ("statuses", one.status),
                ("senders", one.sender),
                ("sender_domains", one.sender.rpartition("@")[2]),
                ("recipients", address),
                ("domains", address.rpartition("@")[2]),
            ):
                wanted.setdefault(table, {}).setdefault(name, []).append((one, reason))
    for table, names in wanted.items():
        assert {row["name"]: _numbers(row) for row in summary[table]} == {
            name: _expected(hits) for name, hits in names.items()
        }, table
    for word in ("Greylisted", "onnection refused"):
        mine = [(one, reason) for one in messages for dummy, reason in one.recipients if word in reason]
        assert mine and sum(row["recipients"] for row in summary["reasons"] if word in row["name"]) == len(mine)


def _numbers(row: t.Mapping[str, t.Any]) -> t.Tuple[t.Any, ...]:
    oldest = row["oldest"]
    return (row["messages"], row["recipients"], row["bytes"], oldest["arrival"], oldest["id"], sum(row["ages"]))


def _expected(hits: t.Sequence[t.Tuple[Counted, str]]) -> t.Tuple[t.Any, ...]:
    messages = {one.id: one for one, dummy in hits}.values()
    # Both MTAs count seconds: of those that arrived in one, the first by ID; of Postfix's, those of the first instance first.
    first = min(one.arrival for one in messages)
    ids = {one.id for one in messages if one.arrival == first}
    return (len(messages), len(hits), sum(one.size for one in messages), first, _Any(ids), len(hits))


class _Any:
    """Equal to each of some values."""

    def __init__(self, values: t.Set[str]) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        return other in self.values

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"one of {sorted(self.values)}"


def _has_qshape(relay: QueueHost) -> bool:
    """It needs a Perl with all its modules."""
    return relay.run("qshape >/dev/null 2>&1 && echo yes", check=False).strip() == "yes"


def _qshape(relay: QueueHost) -> t.Dict[str, int]:
    shape: t.Dict[str, int] = {}
    for directory in ("", "-two"):
        for line in relay.run(f"qshape -c /etc/postfix{directory} deferred hold active incoming").splitlines()[2:]:
            name, count = line.split()[:2]
            shape[name] = shape.get(name, 0) + int(count)
    return shape


def _equals_sendmail(relay: QueueHost, found: t.Mapping[str, t.Any]) -> None:
    listed = relay.run(
        "/usr/sbin/sendmail -C /etc/mail/sendmail.cf -bp; /usr/sbin/sendmail -C /etc/mail/sendmail.cf -qQ -bp"
    )
    sizes = {m.group(1): int(m.group(2)) for m in re.finditer(r"^(\w{14,})[*X-]* +(\d+) ", listed, re.M)}
    assert {one["id"]: one["size"] for one in found["messages"]} == sizes
    total = found["summary"]["total"]
    assert (total["messages"], total["bytes"]) == (len(sizes), sum(sizes.values()))
    assert sum(int(number) for number in re.findall(r"Total requests: (\d+)", listed)) == total["messages"]
    recipients = relay.run(
        "cat /var/spool/mq/q*/[qh]f* /var/spool/mq/q2/qf/[qh]f* 2>/dev/null | grep -a '^R'"
    ).splitlines()
    assert total["recipients"] == len(recipients)
    domains: t.Dict[str, int] = {}
    for line in recipients:
        domain = line.rpartition("@")[2].rstrip(">")
        domains[domain] = domains.get(domain, 0) + 1
    assert domains == {name: counts[1] for name, counts in rows(found["summary"]["domains"]).items()}
    oldest = relay.run(
        "cat /var/spool/mq/q*/[qh]f* /var/spool/mq/q2/qf/[qh]f* 2>/dev/null | grep -a '^T' | sort | head -1"
    )
    assert total["oldest"]["arrival"] == int(oldest[1:])
    remembered = relay.run("/usr/sbin/sendmail -C /etc/mail/sendmail.cf -bh")
    assert {one["host"] for one in found["host_status"]} == set(re.findall(r"^[* ](\S+) +[0-9+:]+ ", remembered, re.M))
    # Up to the headers, in which there are bytes that are no text.
    every = "for f in /var/spool/mq/q*/[qh]f* /var/spool/mq/q2/qf/[qh]f*; do test -f $f && echo FILE $f && sed '/^H/,$d' $f; done"
    parts = [part.partition("\n") for part in relay.run(every, check=False).split("FILE ")[1:]]
    files = [(path.rpartition("/")[2], text) for path, dummy, text in parts]
    _equals_tables(found["summary"], [_from_control_file(name, text, sizes[name[2:]]) for name, text in files])
    used = {one["path"].rpartition("/")[0] for one in found["messages"]}
    assert used == {"/var/spool/mq/q0", "/var/spool/mq/q1", "/var/spool/mq/q2/qf"}


def test_since_when_and_why_one_domain_is_stuck(relay: QueueHost) -> None:
    relay.send(0, 6, "defer.test", "refused.test")
    time.sleep(3)
    relay.settle()
    found = relay.info(select={"domain": ["refused.test"]}, limit=1)
    assert list(rows(found["summary"]["domains"])) == ["refused.test"]
    (reason,) = found["summary"]["reasons"]
    assert "onnection refused" in reason["name"] and "127.0.0.9" not in reason["name"]
    assert found["summary"]["domains"][0]["oldest"]["id"] == found["messages"][0]["id"]
    assert {row["name"] for row in relay.info(select={"reason": ["greylisted"]})["summary"]["domains"]} == {
        "defer.test"
    }


# --- actions ------------------------------------------------------------------------------------------------------


def test_one_of_200_is_delivered_and_the_hold_state_of_the_others_stays(relay: QueueHost) -> None:
    relay.send(0, 200, "defer.test")
    time.sleep(4)
    relay.settle()
    relay.act("hold", select={"sender": ["m1?@s.test"]})
    before = {one["id"]: one["status"] for one in relay.info()["messages"]}
    assert sorted(before.values()).count("hold") == 10 and len(before) == 200
    wanted = next(one for one in relay.info()["messages"] if one["sender"] == "m77@s.test")
    relay.mode(DEFER, "accept")
    result = relay.act("deliver", select={"ids": [wanted["id"]]})
    assert result["affected"] == 1
    assert any("Sent" in line or "status=sent" in line for line in result["transcript"]), result
    assert relay.delivered() == ["r0@defer.test m77"]
    after = {one["id"]: one["status"] for one in relay.info()["messages"]}
    assert after == {name: status for name, status in before.items() if name != wanted["id"]}


def test_flush_takes_what_was_selected_and_not_what_is_on_hold(relay: QueueHost) -> None:
    relay.send(0, 12, "defer.test")
    time.sleep(3)
    relay.settle()
    relay.act("hold", select={"sender": ["m1@s.test"]})
    relay.mode(DEFER, "accept")
    predicted = relay.act("flush", check_mode=True, select={"sender": ["m1@s.test", "m2@s.test"]})
    assert [(one["sender"], one["outcome"], one["why"]) for one in predicted["messages"]] == [
        ("m2@s.test", "predicted", ""),
        ("m1@s.test", "skipped", "it is on hold"),
    ]
    assert relay.delivered() == []
    relay.act("flush", select={"sender": ["m1@s.test", "m2@s.test"]})
    time.sleep(3)
    assert [line.split()[1] for line in relay.delivered()] == ["m2"]
    relay.act("flush")
    time.sleep(4)
    assert len(relay.delivered()) == 11
    assert statuses(relay) == {"hold": 1}


def test_release_makes_no_attempt(relay: QueueHost) -> None:
    relay.send(0, 3, "defer.test")
    time.sleep(2)
    relay.settle()
    assert relay.act("hold", select={"domain": ["defer.test"]})["affected"] == 3
    assert not relay.act("hold", select={"domain": ["defer.test"]})["changed"]
    relay.mode(DEFER, "accept")
    assert relay.act("release", select={"sender": ["m0@s.test"]})["affected"] == 1
    time.sleep(2)
    assert relay.delivered() == []
    assert statuses(relay) == {"hold": 2, "deferred": 1}


def test_deliver_of_a_held_message_has_no_effect_and_says_so(relay: QueueHost) -> None:
    relay.send(0, 1, "defer.test")
    time.sleep(2)
    relay.settle()
    relay.act("hold", select={"sender": ["m0@s.test"]})
    relay.mode(DEFER, "accept")
    result = relay.act("deliver", select={"sender": ["m0@s.test"]})
    assert not result["changed"] and result["messages"][0]["why"] == "it is on hold"
    assert relay.delivered() == []


def test_delete_and_what_it_refuses(relay: QueueHost) -> None:
    relay.send(0, 10, "defer.test", "refused.test")
    time.sleep(3)
    relay.settle()
    shown = relay.act("delete", check_mode=True, select={"domain": ["refused.test"]}, max=5)
    assert shown["affected"] == 5 and len(relay.info()["messages"]) == 10
    stale = [dict(one, arrival=one["arrival"] - 1) for one in shown["messages"]]
    assert relay.act("delete", messages=stale, max=5)["gone"] == 5
    assert len(relay.info()["messages"]) == 10
    assert relay.act("delete", messages=shown["messages"], max=5)["affected"] == 5
    again = relay.act("delete", messages=shown["messages"], max=5)
    assert (again["changed"], again["gone"]) == (False, 5)
    assert set(rows(relay.info()["summary"]["domains"])) == {"defer.test"}
    if relay.mta == "sendmail":
        left = relay.run("cd /var/spool/mq && ls q0 q1 q2/qf q2/df | grep -c '^[qdxt]f'").strip()
        assert int(left) == 10


def test_expire_returns_messages_to_their_senders(relay: QueueHost) -> None:
    relay.send(0, 2, "defer.test")
    time.sleep(3)
    relay.settle()
    assert relay.act("expire", select={"sender": ["m0@s.test"]})["affected"] == 1
    relay.act("flush", select={"sender": ["m0@s.test"]})
    time.sleep(4)
    assert [line.split()[0] for line in relay.delivered()] == ["m0@s.test"]
    assert [one["sender"] for one in relay.info()["messages"]] == ["m1@s.test"]


def test_requeue_gives_new_ids_and_keeps_what_is_on_hold(relay: QueueHost) -> None:
    if relay.mta == "sendmail":
        pytest.skip("sendmail cannot requeue")
    relay.send(0, 4, "defer.test")
    time.sleep(2)
    relay.settle()
    relay.act("hold", select={"sender": ["m3@s.test"]})
    before = {one["sender"]: one["id"] for one in relay.info()["messages"]}
    assert relay.act("requeue", select={"domain": ["defer.test"]})["affected"] == 3
    time.sleep(3)
    relay.settle()
    after = {one["sender"]: one["id"] for one in relay.info()["messages"]}
    assert set(after) == set(before)
    assert {name for name in before if before[name] == after[name]} == {"m3@s.test"}
    assert statuses(relay) == {"hold": 1, "deferred": 3}


# --- traps of Postfix and sendmail --------------------------------------------------------------------------------


def test_exit_codes_that_say_nothing(relay: QueueHost) -> None:
    """Why actions are judged by the queue: these succeed, and do nothing."""
    if relay.mta == "sendmail":
        relay.run(
            "/usr/sbin/sendmail -C /etc/mail/sendmail.cf -qI6AN6mY00000000 && /usr/sbin/sendmail -C /etc/mail/sendmail.cf -Qx -qI6AN6mY00000000"
        )
        return
    relay.run("postqueue -i 0123456789A && postsuper -d 0123456789A && echo 0123456789A | postsuper -h -")
    # fast flush answers only for destinations that it was set up for, so it is not used
    assert relay.run("postqueue -s nowhere.test; echo $?").strip() == "69"


def test_one_message_in_full(relay: QueueHost) -> None:
    relay.send(7, 1, "defer.test")
    time.sleep(2)
    relay.settle()
    wanted = relay.info()["messages"][0]
    found = relay.call("look", id=wanted["id"], body_limit=3, log_limit=50)
    assert found["exists"] and found["message"]["sender"] == "m7@s.test"
    headers = {one["name"].lower(): one["value"] for one in found["headers"]}
    assert headers["subject"] == "m7"
    assert (found["body"], found["body_size"] > 3) == ("bod", True)
    assert "4.7.1" in found["waits_for"] and found["attempts"]
    assert all(wanted["id"] in line for line in found["log"])
    if relay.mta == "postfix":
        assert found["message"]["next_attempt"] > wanted["arrival"]
    relay.act("delete", select={"ids": [wanted["id"]]}, max=1)
    gone = relay.call("look", id=wanted["id"], body_limit=3, log_limit=50)
    assert not gone["exists"] and gone["log"]
