# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the running MTA is asked after a change: its own configuration, and whether it still takes legitimate mail.

Private to the collection: it can change at any time.
"""

import time
import typing as t

from .. import _proc
from .._driver.daemon import daemon_of
from .._driver.read import read_of
from .._model import policy
from .._model.host import Host
from .._model.policy_record import Policy
from .._smtp import verify_policy
from .._smtp.dialogue import Dialogue, Step

#: The name with which the dialogues say hello.
_NAME = "probe.example.org"
_PATIENCE = 30.0


class Question(t.NamedTuple):
    """Mail that is legitimate: to a recipient that is served, asked at a place from which the client is trusted or a stranger."""

    client: str
    address: str
    port: int
    recipient: str


class LiveAnswers:
    """The dialogues before a change, and those after it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._taken: t.Tuple[Question, ...] = ()
        self._was_up = daemon_of(host.mta).running(host).pid is not None
        self.verified: t.List[str] = []

    def observe(self) -> None:
        """Note what the MTA takes now, before it is changed."""
        if self._was_up:
            self._taken = tuple(question for question in self._questions(self._live()) if ask(question).family == 2)

    def findings(self) -> t.List[str]:
        """Return where the MTA does not answer as its configuration says, or refuses what it took before."""
        if not self._was_up:
            self.verified.append("the MTA was not running before and was not started")
            return []
        live = self._live()
        expected = verify_policy.expected(live)
        findings: t.List[str] = []
        for address, port in verify_policy.addresses(live):
            broken = verify_policy.settled(expected, address, port)
            findings += [f"{address}:{port}: {finding}" for finding in broken]
            self.verified.append(f"{address}:{port} answers as its configuration says")
        findings = findings or self._refusals(live)
        refuses = daemon_of(self._host.mta).running(self._host).refuses if findings else ""
        if refuses:
            self.verified = [f"nothing could be verified, by its own configuration the MTA refuses: {refuses}"]
            return []
        return findings

    def _refusals(self, live: Policy) -> t.List[str]:
        """Return what was taken before and is refused now, though the relay still serves it."""
        findings: t.List[str] = []
        for question in set(self._taken) & set(self._questions(live)):
            mail = f"legitimate mail to {question.recipient} from a {question.client}"
            step = settled(question)
            if step.family == 2:
                self.verified.append(f"{mail} is taken")
            else:
                findings.append(f"{mail} was taken before and is refused now: {step}")
        return sorted(findings)

    def _questions(self, live: Policy) -> t.List[Question]:
        domains = list(live.relay.domains or ()) or list(live.identity.local_domains or ())
        listening = daemon_of(self._host.mta).running(self._host).listening
        return questions(domains, listening, _proc.own_addresses())

    def _live(self) -> Policy:
        # What the live configuration says now: native settings have won where they differ from the policy.
        return policy.parse(read_of(self._host.mta).read(self._host)["policy"], baseline="none")


def questions(
    domains: t.Sequence[str], listening: t.Sequence[t.Tuple[str, int]], own: t.Sequence[str]
) -> t.List[Question]:
    """Return the questions about the first domain that is served.

    From 127.0.0.1 the host itself asks, which every relay trusts; from another address of the host a client that nobody knows.
    """
    outside = [address for address in own if ":" not in address and not address.startswith("127.")]
    by_client: t.Dict[str, Question] = {}
    for domain in domains[:1]:
        for address, port in sorted(listening, key=lambda place: place[1] != 25):
            recipient = f"postmaster@{domain}"
            if address in ("0.0.0.0", "::", "127.0.0.1"):
                by_client.setdefault("trusted", Question("trusted client", "127.0.0.1", port, recipient))
            for stranger in outside:
                if address in ("0.0.0.0", "::", stranger):
                    by_client.setdefault("stranger", Question("stranger", stranger, port, recipient))
    return list(by_client.values())


def settled(question: Question) -> Step:
    """Return the answer that stays.

    A process that waited for a client when the configuration was reloaded serves one more client as before, and one that is just
    starting may refuse: both are over after a moment.
    """
    deadline = time.monotonic() + verify_policy.SETTLING
    ask(question)
    step = ask(question)
    while step.family != 2 and time.monotonic() < deadline:
        time.sleep(0.2)
        step = ask(question)
    return step


def ask(question: Question) -> Step:
    """Return the reply to RCPT, or to the command before it that was refused. Nothing is sent."""
    with Dialogue(question.address, question.port, timeout=_PATIENCE) as dialogue:
        step = dialogue.connect()
        if step.code == 220:
            step = dialogue.ehlo(_NAME)
        if step.family == 2:
            step = dialogue.mail("")
        if step.family == 2 and step.name == "mail":
            step = dialogue.rcpt(question.recipient)
        if dialogue.is_open:
            dialogue.quit()
        return step
