# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import collections
import random
import sys

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import queue, queue_summary
from ansible_collections.postmaster.mta.plugins.module_utils._model.queue import Message, Recipient

NOW = 2000000
GREYLISTED = "host mx1.a.test[192.0.2.1] said: 451 4.7.1 Greylisted (in reply to RCPT TO command)"


def message(number=1, age=60, sender="s@sender.test", recipients=(("u@a.test", GREYLISTED),), **changes):
    fields = {
        "id": f"{number:011X}",
        "instance": "postfix",
        "queue": "deferred",
        "status": "deferred",
        "arrival": NOW - age,
        "size": 100 * number,
        "sender": sender,
        "recipients": tuple(Recipient(*one) for one in recipients),
    }
    return Message(**dict(fields, **changes))


def summary(messages, top=0):
    tally = queue_summary.Tally(NOW)
    for one in messages:
        tally.add(one)
    return tally.summary(top)


def rows(table):
    return {row["name"]: (row["messages"], row["recipients"], row["bytes"]) for row in table}


# --- reasons ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason, text, host",
    [
        (GREYLISTED, "451 4.7.1 Greylisted", "mx1.a.test"),
        (
            "connect to mx.refused.test[127.0.0.25]:25: Connection refused",
            "Connection refused",
            "mx.refused.test",
        ),
        (
            "connect to mx.six.test[2001:db8::25]:25: Network is unreachable",
            "Network is unreachable",
            "mx.six.test",
        ),
        (
            "connect to 2001:db8::7[2001:db8::7]:25: No route to host",
            "No route to host",
            "2001:db8::7",
        ),
        ("Deferred: Connection refused by mx.refused.test.", "Connection refused", "mx.refused.test"),
        ("Deferred: Connection timed out with [192.0.2.9]", "Connection timed out", ""),
        (
            "Deferred: Name server: servfail.test.: host name lookup failure",
            "Host name lookup failure",
            "servfail.test",
        ),
        ("451 4.7.1 Greylisted, try again later", "451 4.7.1 Greylisted, try again later", ""),
        (
            "421-4.7.28 too much, see https://support.a.test/mail d2e1a72fcca58-7252.12 - gsmtp",
            "421-4.7.28 too much, see https://support.a.test/mail ID - gsmtp",
            "",
        ),
        ("450 4.2.0 <u@a.test>: try in 300 seconds", "450 4.2.0 <ADDRESS>: try in N seconds", ""),
        ("Deferred: 450 4.7.1 <mx.our.test>: Helo command rejected", "450 4.7.1 <HOST>: Helo command rejected", ""),
        ("Deferred: 450 4.7.25 cannot find relay.our.test[192.0.2.7]", "450 4.7.25 cannot find HOST", ""),
        ("quarantine: captured", "captured", ""),
        ("<u@a.test>: Recipient address captured", "captured", ""),
        ("<relay.our.test[192.0.2.7]>: Client host suspicious", "suspicious", ""),
        ("", queue_summary.NO_REASON, ""),
    ],
)
def test_explain(reason, text, host):
    assert queue_summary.explain(reason) == (text, host)


@pytest.mark.parametrize("postfix, sendmail", [
    (GREYLISTED, "Deferred: 451 4.7.1 Greylisted"),
    ("host mx1.a.test[192.0.2.1] refused to talk to me: 421 4.7.0 Too many errors", "Deferred: 421 4.7.0 Too many errors"),
    ("connect to mx1.a.test[192.0.2.1]:25: Connection refused", "Deferred: Connection refused by mx1.a.test."),
    ("connect to mx1.a.test[192.0.2.1]:25: Connection timed out", "Deferred: Connection timed out with mx1.a.test."),
    ("connect to mx1.a.test[192.0.2.1]:25: No route to host", "Deferred: No route to host"),
    ("Host or domain name not found. Name service error for name=servfail.test type=MX: Host not found, try again",
     "Deferred: Name server: servfail.test.: host name lookup failure"),
])  # fmt: skip
def test_one_cause_is_one_row_on_both_mtas(postfix, sendmail):
    assert queue_summary.explain(postfix).text == queue_summary.explain(sendmail).text


def test_timeouts_to_two_addresses_are_one_reason():
    first = queue_summary.explain("connect to mx1.y.test[1.2.3.4]:25: Connection timed out")
    second = queue_summary.explain("connect to mx7.y.test[5.6.7.8]:25: Connection timed out")
    assert first.text == second.text and first.host != second.host


# --- summaries ----------------------------------------------------------------------------------------------------


def test_summary_counts_messages_once_per_domain_and_recipients_each():
    found = summary(
        [
            message(1, recipients=(("u@a.test", ""), ("v@A.test", ""), ("w@b.test", ""))),
            message(2, recipients=(("u@a.test", ""),), sender="<>"),
        ]
    )
    assert (found["total"]["messages"], found["total"]["recipients"], found["total"]["bytes"]) == (2, 4, 300)
    assert rows(found["domains"]) == {"a.test": (2, 3, 300), "b.test": (1, 1, 100)}
    assert rows(found["recipients"]) == {"u@a.test": (2, 2, 300), "v@A.test": (1, 1, 100), "w@b.test": (1, 1, 100)}
    assert rows(found["senders"]) == {"s@sender.test": (1, 3, 100), "<>": (1, 1, 200)}
    assert rows(found["sender_domains"]) == {"sender.test": (1, 3, 100), "<>": (1, 1, 200)}
    assert rows(found["nexthops"]) == {"a.test": (2, 3, 300), "b.test": (1, 1, 100)}
    assert rows(found["reasons"]) == {queue_summary.NO_REASON: (2, 4, 300)}


def test_oldest_per_domain_names_message_and_reason():
    found = summary(
        [
            message(1, age=50, recipients=(("u@a.test", "later"),)),
            message(2, age=7200, recipients=(("u@a.test", "timed out"), ("u@b.test", "refused"))),
        ]
    )
    oldest = {row["name"]: row["oldest"] for row in found["domains"]}
    assert oldest["a.test"] == {
        "arrival": NOW - 7200,
        "arrived": "1970-01-24T01:33:20Z",
        "id": "00000000002",
        "instance": "postfix",
        "reason": "timed out",
    }
    assert oldest["b.test"]["reason"] == "refused"


@pytest.mark.parametrize(
    "minutes, column",
    [(0, 0), (4.99, 0), (5, 1), (9.99, 1), (10, 2), (639, 8 - 1), (640, 8), (1279, 8), (1280, 9), (99999, 9)],
)
def test_age_classes_are_those_of_qshape(minutes, column):
    found = summary([message(age=int(minutes * 60), recipients=(("u@a.test", ""), ("v@a.test", "")))])
    expected = [0] * 10
    expected[column] = 2
    assert found["total"]["ages"] == expected == found["domains"][0]["ages"]


def test_an_empty_queue():
    found = summary([])
    assert found["total"] == {"messages": 0, "recipients": 0, "bytes": 0, "oldest": None, "ages": [0] * 10}
    assert found["domains"] == [] and found["complete"]


def test_top_cuts_and_says_so():
    messages = [message(number, sender=f"s{number % 5}@x.test") for number in range(1, 12)]
    found = summary(messages, top=2)
    assert [row["name"] for row in found["senders"]] == ["s1@x.test", "s0@x.test"]
    assert found["distinct"]["senders"] == 5
    assert not found["complete"]


def many(seed, count):
    chance = random.Random(seed)
    for number in range(count):
        recipients = tuple(
            (f"u{chance.randrange(9)}@d{chance.randrange(4)}.test", chance.choice(["", GREYLISTED, "timed out"]))
            for dummy in range(chance.randrange(1, 5))
        )
        yield message(seed * 1000 + number, chance.randrange(100000), f"s{chance.randrange(7)}@x.test", recipients)


def test_merged_summaries_equal_one_count_over_all_messages():
    parts = {f"relay{seed}": list(many(seed, 60)) for seed in (1, 2, 3)}
    merged = queue_summary.merge({host: summary(messages) for host, messages in parts.items()})
    whole = summary([one for messages in parts.values() for one in messages])
    # The merged one names the host; apart from that they are equal, whatever the order.
    hosts = {one.id: host for host, messages in parts.items() for one in messages}
    assert merged == with_hosts(whole, hosts)
    again = queue_summary.merge({"later": merged, "none": summary([])})
    assert again == merged


def with_hosts(found, hosts):
    if isinstance(found, dict) and "reason" in found and "arrival" in found:
        return dict(found, host=hosts[found["id"]])
    if isinstance(found, dict):
        return {key: with_hosts(value, hosts) for key, value in found.items()}
    return [with_hosts(one, hosts) for one in found] if isinstance(found, list) else found


def test_a_merge_of_cut_summaries_says_that_it_is_not_exact():
    assert not queue_summary.merge({"a": summary(list(many(1, 50)), top=2), "b": summary([])})["complete"]


def test_summaries_agree_with_a_plain_count():
    messages = list(many(5, 300))
    found = summary(messages)
    senders = collections.Counter(one.sender for one in messages)
    reasons = collections.Counter(to.reason or queue_summary.NO_REASON for one in messages for to in one.recipients)
    assert {row["name"]: row["messages"] for row in found["senders"]} == senders
    assert sorted(row["recipients"] for row in found["reasons"]) == sorted(reasons.values())


def test_every_row_agrees_with_a_plain_count():
    """Each table from its definition, message by message; and the summary may be asked for while the count goes on."""
    messages = list(many(6, 200))
    tally = queue_summary.Tally(NOW)
    for number, one in enumerate(messages, 1):
        tally.add(one)
        if number in (1, 50, 200):
            found = tally.summary(0)
            assert {name: full_rows(found[name]) for name in queue_summary.TABLES} == plain_count(messages[:number])
            assert found["total"]["messages"] == number
            assert found["total"]["recipients"] == sum(len(each.recipients) for each in messages[:number])


def full_rows(table):
    return {row["name"]: (row["messages"], row["recipients"], row["bytes"], row["oldest"]["id"]) for row in table}


def plain_count(messages):
    found = {name: {} for name in queue_summary.TABLES}
    for one in messages:
        for table, name, recipient in names(one):
            found[table].setdefault(name, []).append((one, recipient))
    return {table: {name: plain_row(hits) for name, hits in rows.items()} for table, rows in found.items()}


def names(one):
    for recipient in one.recipients:
        explained = queue_summary.explain(recipient.reason or one.reason)
        domain = recipient.address.rpartition("@")[2]
        yield "statuses", one.status, recipient
        yield "senders", one.sender, recipient
        yield "sender_domains", one.sender.rpartition("@")[2], recipient
        yield "recipients", recipient.address, recipient
        yield "domains", domain, recipient
        yield "nexthops", explained.host or domain, recipient
        yield "reasons", explained.text, recipient


def plain_row(hits):
    messages = {one.id: one for one, dummy in hits}
    oldest = min(messages.values(), key=lambda one: (one.arrival, one.id))
    return len(messages), len(hits), sum(one.size for one in messages.values()), oldest.id


def test_100000_messages_do_not_stand_in_memory():
    before = allocated()
    tally = queue_summary.Tally(NOW)
    stream = (
        message(number, number, f"s{number % 50}@x.test", ((f"u{number % 100}@a.test", GREYLISTED),))
        for number in range(100000)
    )
    assert len(queue.first(tally.watch(stream), "oldest", 10)) == 10
    assert tally.summary(0)["total"]["messages"] == 100000
    assert allocated() - before < 20000


def allocated():
    return sys.getallocatedblocks()


def test_one_cause_is_one_next_hop_whichever_mta_records_it():
    """sendmail does not say which host has answered, Postfix does."""
    deferred = "Deferred: 451 4.7.1 Greylisted"
    fleet = queue_summary.merge(
        {
            "postfix": summary([message(1), message(2, recipients=(("u@b.test", GREYLISTED),))]),
            "sendmail": summary([message(3, recipients=(("w@a.test", deferred), ("u@c.test", deferred)))]),
        }
    )
    assert rows(fleet["nexthops"]) == {"mx1.a.test": (2, 2, 300), "a.test": (1, 1, 300), "c.test": (1, 1, 300)}
    shown = queue_summary.by_host(fleet)
    assert rows(shown["nexthops"]) == {"mx1.a.test": (3, 3, 600), "c.test": (1, 1, 300)}
    assert shown["distinct"]["nexthops"] == 2
    assert shown["nexthops"][0]["ages"][0] == 3


def test_a_domain_with_several_hosts_stays_a_next_hop_of_its_own():
    other = GREYLISTED.replace("mx1.", "mx2.")
    fleet = queue_summary.merge(
        {
            "postfix": summary([message(1, recipients=(("u@a.test", GREYLISTED), ("v@a.test", other)))]),
            "sendmail": summary([message(3, recipients=(("w@a.test", "Deferred: 451 4.7.1 Greylisted"),))]),
        }
    )
    assert set(rows(queue_summary.by_host(fleet)["nexthops"])) == {"mx1.a.test", "mx2.a.test", "a.test"}
