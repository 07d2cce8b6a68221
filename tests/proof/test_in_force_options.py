# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In force, option by option: a client that connects twice a second sees the new answer within a second of the module's end.

Each row is one option of the policy, or one table, that changes what a recipient, a sender or a client is answered. It comes
and goes; a row of the table that is printed says how many connections were answered as before more than a second later.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import re
import time
import typing as t

import accesshosts
import pytest
from labhosts import HOSTS, WORLD, Host, policy_of
from test_relay import figure

#: Runs on world: says the same again and again, twice a second; each answer with the time at which its connection began.
#: A line is a command, a message as it is sent behind DATA, or the newest TLS version that the client speaks.
WATCH = """
import json, os, ssl, sys, time
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import dialogue
call = json.load(sys.stdin)

def say(session, line):
    if isinstance(line, str):
        return session.command(line)
    if "message" in line:
        return session.exchange(line["message"].encode("latin-1"), "message")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion[line["tls"]]
    return session.starttls(context)

def answer():
    with dialogue.Dialogue(call["address"], call["port"], source=call["source"], timeout=10) as session:
        session.connect()
        for line in call["lines"]:
            say(session, line)
        return " | ".join(
            "%s %s" % (step.code, " ".join(step.reply.lines)) if step.reply else str(step) for step in session.steps
        )

answers = []
end = time.time() + 120
while time.time() < end and not os.path.exists(call["until"]):
    began = time.time()
    answers.append([began, answer()])
    time.sleep(max(0.0, began + 0.5 - time.time()))
json.dump(answers, sys.stdout)
"""
#: How long a change may take to be seen by the next connection.
GRACE = 1.0
SERVED = "user@served.test"
Policy = t.Dict[str, t.Any]


class Case(t.NamedTuple):
    """One option: what is given, what a client says, and what it is answered with the option and without it."""

    name: str
    given: t.Dict[str, t.Any]
    lines: t.Sequence[t.Any]
    with_it: str
    without: str
    source: str = "10.25.0.110"
    port: int = 25
    only: str = ""

    def __str__(self) -> str:
        return self.name


def to(recipient: str, sender: str = "a@stranger.test", helo: str = "client.stranger.test") -> t.List[t.Any]:
    """Return the lines of an envelope."""
    return [f"EHLO {helo}", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"]


def with_message(content: str) -> t.List[t.Any]:
    """Return the lines of a message whose envelope is taken."""
    return [*to(SERVED), "DATA", {"message": content}]


#: The last answer of a conversation.
TAKEN = r"\| 250 [^|]*$"
REFUSED = r"\| 5\d\d [^|]*$"
NOT_NOW = r"\| 4\d\d [^|]*$"
EHLO = ["EHLO client.stranger.test"]
_GONE = "gone@served.test"

CASES = (
    Case("identity.banner", {"identity": {"banner": "new words"}}, [], "new words", "^220 (?!.*new words)"),
    Case(
        "identity.hostname", {"identity": {"hostname": "other.lab.test"}}, [], "^220 other.lab.test", "^220 (?!other)"
    ),
    Case(
        "identity.local_domains", {"identity": {"local_domains": ["here.test"]}}, to("root@here.test"), TAKEN, REFUSED
    ),
    Case("identity.port", {"identity": {"port": 2626}}, [], "^220", "^refused", port=2626),
    Case("identity.listen", {"identity": {"listen": ["loopback"]}}, [], "^refused", "^220"),
    Case(
        "relay.networks",
        {"relay": {"networks": ["10.25.0.60/32", "fd00:25::60/128", "10.25.0.110/32"]}},
        to("v@third.test"),
        TAKEN,
        REFUSED,
    ),
    Case(
        "relay.clients.networks",
        {"relay": {"clients": [{"networks": ["10.25.0.110/32"]}]}},
        to("v@third.test"),
        TAKEN,
        REFUSED,
    ),
    Case(
        "relay.clients.names",
        {"relay": {"clients": [{"names": ["stranger10.stranger.test"]}]}},
        to("v@third.test"),
        TAKEN,
        REFUSED,
    ),
    Case(
        "relay.clients.senders",
        {"relay": {"clients": [{"networks": ["10.25.0.110/32"], "senders": ["a@stranger.test"]}]}},
        to("v@third.test"),
        TAKEN,
        REFUSED,
    ),
    Case("relay.domains", {"relay": {"domains": ["served.test", "third.test"]}}, to("v@third.test"), TAKEN, REFUSED),
    Case("relay.subdomains", {"relay": {"subdomains": True}}, to("v@below.served.test"), TAKEN, REFUSED),
    Case(
        "routes.domains",
        {"routes": {"domains": [{"domain": "served.test", "action": "reject"}]}},
        to(SERVED),
        REFUSED,
        TAKEN,
    ),
    Case(
        "routes.addresses",
        {"routes": {"addresses": [{"address": _GONE, "action": "reject"}]}},
        to(_GONE),
        REFUSED,
        TAKEN,
    ),
    Case(
        "recipients.domains",
        {"recipients": {"domains": [{"domain": "served.test", "users": ["user"]}]}},
        to(_GONE),
        REFUSED,
        TAKEN,
    ),
    Case(
        "rewrite.domains",
        {"rewrite": {"domains": [{"domain": "third.test", "to": "served.test"}]}},
        to("v@third.test"),
        TAKEN,
        REFUSED,
    ),
    Case(
        "rewrite.recipients",
        {
            "recipients": {"domains": [{"domain": "served.test", "users": ["user"]}]},
            "rewrite": {"recipients": [{"match": _GONE, "to": SERVED}]},
        },
        to("other@served.test"),
        REFUSED,
        TAKEN,
    ),
    Case(
        "session.helo_required", {"session": {"helo_required": False}}, ["MAIL FROM:<a@stranger.test>"], TAKEN, REFUSED
    ),
    Case("session.helo_checks", {"session": {"helo_checks": False}}, to(SERVED, helo="{relay}"), TAKEN, r"\| 5\d\d"),
    Case("session.vrfy", {"session": {"vrfy": True}}, [*EHLO, "VRFY postmaster"], r"\| 25[0-2] [^|]*$", REFUSED),
    Case(
        "session.expn",
        {"session": {"expn": True}},
        [*EHLO, "EXPN postmaster"],
        r"\| 250 [^|]*$",
        REFUSED,
        only="sendmail",
    ),
    Case("session.etrn", {"session": {"etrn": True}}, [*EHLO, "ETRN served.test"], r"\| 2\d\d [^|]*$", REFUSED),
    Case(
        "session.sender_domain_exists",
        {"session": {"sender_domain_exists": False}},
        to(SERVED, "a@nowhere.invalid"),
        TAKEN,
        r"\| 5\d\d",
    ),
    Case(
        "session.require_ptr",
        {"session": {"require_ptr": True}},
        to(SERVED),
        r"\| [45]\d\d",
        TAKEN,
        source="10.25.0.61",
    ),
    Case(
        "session.special_addresses",
        {"session": {"special_addresses": False}},
        to("v%third.test@served.test"),
        REFUSED,
        r"\| (250|5\d\d) [^|]*$",
    ),
    Case("session.smtputf8", {"session": {"smtputf8": True}}, EHLO, "SMTPUTF8", "^220 (?!.*SMTPUTF8)", only="postfix"),
    Case(
        "session.bare_newline",
        {"session": {"bare_newline": "accept"}},
        with_message("Subject: x\n\nx\r\n.\r\n"),
        TAKEN,
        r"\| [45]\d\d",
    ),
    Case(
        "session.nul",
        {"session": {"nul": "accept"}},
        with_message("Subject: x\r\n\r\na\0b\r\n.\r\n"),
        TAKEN,
        r"\| 5\d\d",
    ),
    Case("limits.message_size", {"limits": {"message_size": "12345k"}}, EHLO, "SIZE 12641280", "SIZE 26214400"),
    Case(
        "limits.recipients_per_message",
        {"limits": {"recipients_per_message": 120}},
        [*to(SERVED)[:2], *(f"RCPT TO:<u{number}@served.test>" for number in range(110))],
        TAKEN,
        NOT_NOW,
    ),
    Case(
        "limits.hops",
        {"limits": {"hops": 60}},
        with_message("Received: x\r\n" * 45 + "Subject: x\r\n\r\nx\r\n.\r\n"),
        TAKEN,
        r"\| 5\d\d",
        only="postfix",
    ),
    # No limits.connection_rate: it is counted over a minute, and a small one refuses the module's own questions.
    Case("load.refuse", {"load": {"refuse": 1}}, EHLO, "421|refused|closed", "^220 .*250", only="sendmail"),
    Case("tls.server.level none", {"tls": {"server": {"level": "none"}}}, EHLO, "^220 (?!.*STARTTLS)", "STARTTLS"),
    Case("tls.server.level encrypt", {"tls": {"server": {"level": "encrypt"}}}, to(SERVED), r"\| 530", TAKEN),
    Case(
        "tls.server.minimum",
        {"tls": {"server": {"minimum": "TLSv1.3"}}},
        [*EHLO, {"tls": "TLSv1_2"}, *EHLO],
        "tls_|closed",
        TAKEN,
    ),
    Case("aliases", {"aliases": {"newname": "root"}}, to("newname@{relay}"), TAKEN, REFUSED),
)
RELAYS = [HOSTS["pf13"], HOSTS["sm13"]]


def merged(policy: Policy, given: Policy) -> Policy:
    """Return a policy with some options more."""
    both = dict(policy)
    for name, value in given.items():
        known = both.get(name)
        both[name] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return both


class Watch:
    """A client that asks while something is changed."""

    def __init__(self, answers: "concurrent.futures.Future[t.List[t.Tuple[float, str]]]") -> None:
        self._answers = answers

    def late(self, moment: float, right: str) -> t.Tuple[int, t.List[t.Tuple[float, str]]]:
        """Return how many connections began a while after a moment, and those of them whose answer was not the right one."""
        answers = [(round(began - moment, 1), said) for began, said in self._answers.result() if began > moment + GRACE]
        return len(answers), [answer for answer in answers if not re.search(right, answer[1], re.DOTALL)]


@contextlib.contextmanager
def watched(host: Host, case: Case) -> t.Iterator[Watch]:
    """Ask a relay the same, from before the block until four connections after it."""
    until = f"/tmp/in-force-option-{host}"
    WORLD.run(f"rm -f {until}")
    lines = [line.replace("{relay}", f"{host}.lab.test") if isinstance(line, str) else line for line in case.lines]
    call = {"address": host.address, "port": case.port, "source": case.source, "lines": lines, "until": until}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        watch = Watch(pool.submit(WORLD.ask, WATCH, call))
        time.sleep(1)
        try:
            yield watch
            # A busy machine begins few connections in a second.
            time.sleep(GRACE + 6)
        finally:
            WORLD.run(f"touch {until}")


def seen(host: Host, case: Case, right: str, change: t.Callable[[], t.Dict[str, t.Any]]) -> t.Tuple[int, t.List[t.Any]]:
    """Change something under a client's eyes; return how many connections came late enough, and the wrong ones."""
    with watched(host, case) as watch:
        answer = change()
        ended = time.time()
    assert not answer.get("failed"), answer
    return watch.late(ended, right)


def came_and_went(host: Host, case: Case, come: t.Callable[[], t.Any], go: t.Callable[[], t.Any]) -> None:
    """Add and remove something; both must be in force."""
    try:
        added = seen(host, case, case.with_it, come)
    finally:
        removed = seen(host, case, case.without, go)
    figure(
        "B1",
        f"{host} {case}: added, {len(added[1])} of {added[0]} late; removed, {len(removed[1])} of {removed[0]} late",
    )
    assert added[0] and not added[1], (case.with_it, added[1])
    assert removed[0] and not removed[1], (case.without, removed[1])


@pytest.fixture(scope="module", params=RELAYS, ids=str)
def at_rest(request: pytest.FixtureRequest) -> Host:
    """Return a relay with the fleet's policy and without rules."""
    host: Host = request.param
    answer = host.apply(policy_of(host))
    assert not answer.get("failed"), answer
    accesshosts.clear(host)
    return host


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_option_is_in_force_when_the_module_says_so(at_rest: Host, case: Case) -> None:
    """Both ways."""
    host = at_rest
    if case.only not in ("", host.mta):
        pytest.skip(f"an option of {case.only}")
    policy = policy_of(host)
    came_and_went(host, case, lambda: host.apply(merged(policy, case.given)), lambda: host.apply(policy))


#: A rule, and what a client says that meets it.
RULES = (
    Case("access from address", {"from": ["a@stranger.test"]}, to(SERVED), r"\| 5\d\d", TAKEN),
    Case("access from domain", {"from": ["stranger.test"]}, to(SERVED), r"\| 5\d\d", TAKEN),
    Case("access to", {"to": [_GONE]}, to(_GONE), REFUSED, TAKEN),
    Case("access connect", {"connect": ["10.25.0.110"]}, to(SERVED), r"\| 5\d\d|^5\d\d", TAKEN),
    Case("access connect network", {"connect": ["10.25.0.0/24"]}, to(SERVED), r"\| 5\d\d|^5\d\d", TAKEN),
    Case("access helo", {"helo": ["client.stranger.test"]}, to(SERVED), r"\| 5\d\d", TAKEN),
)


@pytest.mark.parametrize("case", RULES, ids=str)
def test_a_rule_is_in_force_when_the_module_says_so(at_rest: Host, case: Case) -> None:
    """Both ways."""
    host = at_rest
    come, go = (
        lambda state=state: accesshosts.access(host, rules=[case.given], state=state) for state in ("present", "absent")
    )
    came_and_went(host, case, come, go)
