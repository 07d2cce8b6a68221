# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules on real relays, asked from outside: the same rule, the same reply, on Postfix and on sendmail."""

from __future__ import annotations

import time
import typing as t
import uuid

import pytest
from accesshosts import access, call, clear, rcpt, say
from labhosts import WORLD, Host, some

#: One of each kind of table (lmdb, hash, sendmail's) and the oldest Python.
HOSTS = some("pf13", "sles15", "sm12")
#: Where rules come and go: the type of the table makes no difference there.
CHANGED = some("pf12", "sm12")
TRUSTED = "10.25.0.60"
#: Clients that no other test of this file uses up: each case that opens many sessions has its own.
STRANGER = "10.25.0.117"
SERVED = "user@served.test"
KNOWN = "probe@stranger.test"


class Case(t.NamedTuple):
    """A rule, mail that it is about, and the reply: code and status, or just 250."""

    rule: t.Dict[str, t.Any]
    source: str
    sender: str
    recipient: str
    reply: t.Tuple[int, str]


def _from(pattern: str, sender: str, reply: t.Tuple[int, str], **words: t.Any) -> Case:
    return Case({"from": [pattern], **words}, STRANGER, sender, SERVED, reply)


def _to(pattern: str, recipient: str, reply: t.Tuple[int, str], source: str = TRUSTED, **words: t.Any) -> Case:
    return Case({"to": [pattern], **words}, source, "user@lab.test", recipient, reply)


def _connect(pattern: str, source: str, reply: t.Tuple[int, str], recipient: str = SERVED, **words: t.Any) -> Case:
    return Case({"connect": [pattern], **words}, source, KNOWN, recipient, reply)


REJECTED, DEFERRED, TAKEN = (550, "5.7.1"), (450, "4.7.1"), (250, "2.1.5")
REJECT, DEFER = {"action": "reject"}, {"action": "defer"}

CASES = {
    # from
    "from address reject": _from("bad@a.example", "bad@a.example", REJECTED, **REJECT),
    "from address reject detail": _from("bad@a2.example", "bad+tag@a2.example", REJECTED, **REJECT),
    "from address reject case": _from("bad@a3.example", "BAD@A3.EXAMPLE", REJECTED, **REJECT),
    "from address defer": _from("bad@a4.example", "bad@a4.example", DEFERRED, **DEFER),
    "from address discard": _from("d1@stranger.test", "d1@stranger.test", TAKEN, action="discard"),
    "from address hold": _from("h1@stranger.test", "h1@stranger.test", TAKEN, action="hold"),
    "from address ok": _from("o1@a.nx.example", "o1@a.nx.example", TAKEN, action="ok"),
    "from user reject": _from("spamuser@", "spamuser@stranger.test", REJECTED, **REJECT),
    "from user reject detail": _from("spamuser2@", "spamuser2+x@stranger.test", REJECTED, **REJECT),
    "from user defer": _from("spamuser3@", "spamuser3@stranger.test", DEFERRED, **DEFER),
    "from domain reject": _from("b.example", "x@b.example", REJECTED, **REJECT),
    "from domain code": _from("b2.example", "x@b2.example", (571, "5.7.27"), code=571, status="5.7.27"),
    "from domain 554": _from("b3.example", "x@b3.example", (554, "5.7.1"), code=554),
    "from domain 451": _from("b4.example", "x@b4.example", (451, "4.3.0"), action="defer", code=451, status="4.3.0"),
    "from domain case": _from("B5.Example.", "x@b5.EXAMPLE", REJECTED, **REJECT),
    "from domain dot": _from("b6.example", "x@b6.example.", REJECTED, **REJECT),
    "from domain idn": _from("b\u00fccher.example", "x@xn--bcher-kva.example", REJECTED, **REJECT),
    "from domain discard": _from("third.test", "x@third.test", TAKEN, action="discard"),
    "from domain hold": _from("ok.test", "x@ok.test", TAKEN, action="hold"),
    "from domain ok": _from("nx2.example", "x@nx2.example", TAKEN, action="ok"),
    "from subdomain reject": _from("c.example", "x@deep.sub.c.example", REJECTED, **REJECT),
    "from subdomain defer": _from("c2.example", "x@sub.c2.example", DEFERRED, **DEFER),
    "from tld reject": _from("spamtld", "x@any.spamtld", REJECTED, **REJECT),
    "from tld defer": _from("slowtld", "x@any.slowtld", DEFERRED, **DEFER),
    # to
    "to address reject": _to("u1@served.test", "u1@served.test", REJECTED, STRANGER, **REJECT),
    "to address reject detail": _to("u2@served.test", "u2+tag@served.test", REJECTED, STRANGER, **REJECT),
    "to address defer": _to("u3@served.test", "u3@served.test", DEFERRED, STRANGER, **DEFER),
    "to address discard": _to("u4@served.test", "u4@served.test", TAKEN, STRANGER, action="discard"),
    "to address hold": _to("u5@served.test", "u5@served.test", TAKEN, STRANGER, action="hold"),
    "to address ok": _to("u6@served.test", "u6@served.test", TAKEN, STRANGER, action="ok"),
    "to domain reject": _to("d1.example", "x@d1.example", REJECTED, **REJECT),
    "to domain 553": _to("d2.example", "x@d2.example", (553, "5.1.3"), code=553, status="5.1.3"),
    "to domain defer": _to("d3.example", "x@d3.example", DEFERRED, **DEFER),
    "to subdomain reject": _to("d4.example", "x@sub.d4.example", REJECTED, **REJECT),
    "to tld reject": _to("rcpttld", "x@any.rcpttld", REJECTED, **REJECT),
    "to domain ok does not relay": _to("d5.example", "x@d5.example", REJECTED, STRANGER, action="ok"),
    # connect
    "connect address reject": _connect("10.25.0.100", "10.25.0.100", REJECTED, **REJECT),
    "connect address defer": _connect("10.25.0.101", "10.25.0.101", DEFERRED, **DEFER),
    "connect address discard": _connect("10.25.0.102", "10.25.0.102", TAKEN, action="discard"),
    "connect address hold": _connect("10.25.0.103", "10.25.0.103", TAKEN, action="hold"),
    "connect network reject": _connect("10.25.0.104/30", "10.25.0.106", REJECTED, **REJECT),
    "connect name reject": _connect("stranger10.stranger.test", "10.25.0.110", REJECTED, **REJECT),
    "connect relay": _connect("10.25.0.112/31", "10.25.0.113", TAKEN, "x@ok.test", action="relay"),
    "connect ok does not relay": _connect("10.25.0.114", "10.25.0.114", REJECTED, "x@ok.test", action="ok"),
    "connect discard does not relay": _connect("10.25.0.115", "10.25.0.115", REJECTED, "x@ok.test", action="discard"),
}  # fmt: skip

#: Neighbours of the rules above, which no rule is about: they flow.
NEIGHBOURS = {
    "another sender": (STRANGER, "good@stranger.test", SERVED),
    "a longer name": (STRANGER, "xd1@stranger.test", SERVED),
    "a shorter name": (STRANGER, "1@stranger.test", SERVED),
    "the trusted client": (TRUSTED, "user@lab.test", "x@ok.test"),
    "a client beside the network": ("10.25.0.108", KNOWN, SERVED),
    "another recipient": (STRANGER, KNOWN, "u7@served.test"),
}


@pytest.fixture(scope="module", name="ruled")
def _ruled(hardened, relays):
    """Every relay has every rule, and loses them afterwards."""
    rules = [case.rule for case in CASES.values()]
    for host in relays:
        clear(host)
        # Some of the rules are about a top-level domain.
        answer = access(host, rules=rules, ticket="LAB-1", by="lab", anyway=["spamtld", "slowtld", "rcpttld"])
        assert not answer.get("failed"), f"{host}: {answer['msg']}"
    yield
    for host in relays:
        clear(host)


@pytest.mark.parametrize("host", HOSTS, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_the_rule_is_kept_on_the_wire(ruled, host, name):
    case = CASES[name]
    reply = rcpt(host, case.source, case.sender, case.recipient)
    if name.endswith("does not relay"):
        # Here the relay control speaks, whose code is the MTA's own.
        assert (reply["code"] // 100, reply["enhanced"]) == (5, "5.7.1"), reply
        return
    assert (reply["code"], reply["enhanced"]) == case.reply, reply
    if case.reply[0] >= 500:
        assert "Refused because of abuse" in reply["text"]


@pytest.mark.parametrize("host", HOSTS, ids=str)
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_neighbours_flow(ruled, host, name):
    reply = rcpt(host, *NEIGHBOURS[name])
    assert reply["code"] == 250, reply


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_a_discarded_message_is_gone_and_a_held_one_is_kept(ruled, host):
    """The fate of a message, not only the reply to it."""
    for sender, held in (("d1@stranger.test", False), ("h1@stranger.test", True)):
        mark = uuid.uuid4().hex
        lines = [
            "EHLO client.stranger.test",
            f"MAIL FROM:<{sender}>",
            f"RCPT TO:<{SERVED}>",
            "DATA",
            f"Subject: {mark}\r\n\r\n.",
            "QUIT",
        ]
        assert say(host, STRANGER, lines)[5]["code"] == 250
        queue = "/var/spool/postfix/hold" if host.mta == "postfix" else "/var/spool/mqueue"
        found = host.run(f"sleep 1; grep -rl {mark} {queue} | wc -l").strip()
        assert (found != "0") == held
    # What the tests hold is not kept for the next ones.
    host.run("postsuper -d ALL hold 2>/dev/null; rm -f /var/spool/mqueue/hf* /var/spool/mqueue/df*; true")


@pytest.mark.parametrize("host", CHANGED, ids=str)
def test_discard_drops_the_message_for_all_its_recipients(hardened, host):
    """As the documentation of the action says: also for the recipient that no rule is about, whom nobody tells."""
    clear(host)
    access(host, rules=[{"to": ["thrown@served.test"], "action": "discard"}])
    marks = {"both": uuid.uuid4().hex, "other": uuid.uuid4().hex}
    for which, mark in marks.items():
        recipients = ["other@ok.test"] + (["thrown@served.test"] if which == "both" else [])
        lines = ["EHLO client.lab.test", "MAIL FROM:<user@lab.test>"]
        lines += [f"RCPT TO:<{recipient}>" for recipient in recipients]
        lines += ["DATA", f"Subject: {mark}\r\n\r\n.", "QUIT"]
        assert say(host, TRUSTED, lines)[-2]["code"] == 250
    counts = {}
    for dummy in range(40):
        for which, mark in marks.items():
            counts[which] = int(WORLD.run(f"grep -rl {mark} /var/spool/sink/ok.test 2>/dev/null | wc -l"))
        if counts["other"]:
            break
        time.sleep(0.5)
    clear(host)
    queue = "/var/spool/postfix" if host.mta == "postfix" else "/var/spool/mqueue"
    assert counts["other"] and not counts["both"]
    assert host.run(f"grep -rl {marks['both']} {queue} | wc -l").strip() == "0"


@pytest.mark.parametrize("host", some("pf12"), ids=str)
def test_a_domain_without_its_subdomains(hardened, host):
    clear(host)
    access(host, rules=[{"from": ["stranger.test"], "subdomains": False}])
    assert rcpt(host, STRANGER, KNOWN, SERVED)["code"] == 550
    assert rcpt(host, STRANGER, "x@sub.stranger.test", SERVED)["text"].find("Refused because of abuse") < 0
    clear(host)


@pytest.mark.parametrize("host", some("sm12"), ids=str)
def test_what_sendmail_cannot_do_is_refused_by_name(hardened, host):
    answer = access(host, rules=[{"from": ["stranger.test"], "subdomains": False}])
    assert answer["kind"] == "Unsupported" and "subdomains" in answer["msg"] and "stranger.test" in answer["msg"]


#: What is taken in for a foreign recipient: each action and each kind of pattern; in C(make proof) each with each.
TAKEN_IN = [
    pytest.param("third.test", "discard"),
    pytest.param("x@third.test", "hold"),
    pytest.param("third.test", "hold", marks=pytest.mark.long),
    pytest.param("x@third.test", "discard", marks=pytest.mark.long),
]


@pytest.mark.parametrize("host", CHANGED, ids=str)
@pytest.mark.parametrize("pattern, action", TAKEN_IN)
def test_what_is_taken_in_for_a_recipient_opens_no_relay(hardened, host, action, pattern):
    """A stranger's mail to a foreign domain stays refused: Postfix asks behind its relay control, and sendmail refuses the rule."""
    clear(host)
    answer = access(host, rules=[{"to": [pattern], "action": action}])
    reply = rcpt(host, STRANGER, KNOWN, "x@third.test")
    clear(host)
    assert (reply["code"] // 100, reply["enhanced"]) == (5, "5.7.1"), reply
    if host.mta == "sendmail":
        assert answer["kind"] == "Unsupported" and f"{action} for to {pattern}" in answer["msg"], answer["msg"]


@pytest.mark.parametrize("host", CHANGED, ids=str)
def test_a_served_domain_is_blocked(hardened, host):
    """Never a rule that is there and counts for nothing: sendmail would find the policy's word for the domain first."""
    clear(host)
    assert access(host, rules=[{"to": ["served.test"]}])["changed"]
    reply = rcpt(host, STRANGER, KNOWN, SERVED)
    clear(host)
    assert reply["code"] == 550 and "Refused because of abuse" in reply["text"], reply
    assert rcpt(host, STRANGER, KNOWN, SERVED)["code"] == 250


@pytest.mark.parametrize("host", CHANGED, ids=str)
def test_block_again_and_unblock(hardened, host):
    """A second run changes nothing; unblocking restores every source to the byte."""
    clear(host)
    before = _sources(host)
    rules = [
        {
            "from": ["emalsrv.example", "complains.example", "x.ok.test", "boss@gmail.example"],
            "ticket": "SPAM-7",
            "expires": "30d",
        }
    ]
    assert access(host, rules=rules, verify="wire")["counts"]["added"] == 4
    look = host.look()
    again = access(host, rules=rules, verify="wire")
    assert again["changed"] is False and host.look() == look
    gone = access(host, rules=rules, state="absent", verify="wire")
    assert gone["counts"]["removed"] == 4
    assert _sources(host) == before


@pytest.mark.parametrize("host", CHANGED, ids=str)
def test_check_mode_predicts(hardened, host):
    clear(host)
    before = host.look()
    predicted = access(host, rules=[{"from": ["p.example"]}], check_mode=True)
    assert predicted["changed"] and host.look() == before
    done = access(host, rules=[{"from": ["p.example"]}])
    for key in ("added", "actions", "activation", "counts"):
        assert done[key] == predicted[key]
    clear(host)


@pytest.mark.parametrize("host", CHANGED, ids=str)
def test_a_block_that_hits_legitimate_mail_is_taken_back(hardened, host):
    clear(host)
    before = _sources(host)
    pair = {"from": "root@ok.test", "to": f"root@{host}.lab.test"}
    answer = access(host, rules=[{"from": ["ok.test"]}], verify="wire", legitimate=[pair])
    assert answer["failed"] and answer["restored"] is True and "legitimate mail" in answer["msg"], answer
    assert _sources(host) == before
    assert rcpt(host, STRANGER, "root@ok.test", SERVED)["code"] == 250


@pytest.mark.parametrize("host", CHANGED, ids=str)
def test_who_asks_is_told_the_rule_and_who_added_it(hardened, host):
    clear(host)
    access(host, rules=[{"from": ["i.example"], "ticket": "SPAM-9", "by": "drj", "comment": "told by Jane"}])
    (one, other) = call(host, "access_info", **{"from": ["sub.i.example", "j.example"]})["answers"]
    assert one["refused"] and (one["ticket"], one["by"], one["comment"]) == ("SPAM-9", "drj", "told by Jane")
    assert one["rule"] == "from i.example" and one["code"] == 550 and one["line"]
    assert not other["refused"]
    clear(host)


@pytest.mark.parametrize("host", CHANGED, ids=str)
def test_a_line_by_hand_is_named_and_not_touched(hardened, host):
    clear(host)
    access(host, rules=[{"from": ["first.example"]}])
    name = "access_from" if host.mta == "postfix" else "access"
    path = f"{host.directory}/{name}"
    tag = "" if host.mta == "postfix" else "From:"
    hand = f"# Jane was here\n{tag}hand.example\tOK\n".encode()
    host.bytes(f"cat >> {path}", hand)
    access(host, rules=[{"from": ["second.example"]}])
    assert hand in host.read(path)
    refused = access(host, rules=[{"from": ["hand.example"]}])
    assert refused["kind"] == "Conflict" and path in refused["msg"] and "hand.example" in refused["msg"]
    told = access(host, rules=[{"from": ["hand.example"]}], state="absent")
    assert told["changed"] is False and "hand.example" in told["by_hand"][0]
    host.write(path, host.read(path).replace(hand, b""))
    clear(host)


def _sources(host: Host) -> t.Dict[str, str]:
    """The digest of every file that is no compiled table."""
    return {name: facts[0] for name, facts in host.look().items() if not name.endswith((".db", ".lmdb", ".cdb"))}
