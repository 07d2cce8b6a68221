# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the probes to a relay: each in a conversation of its own, from changing source addresses.

Private to the collection: it can change at any time.

A probe that got no telling answer (421, hang-up, refused connection, words about too many connections) is tried again
later and from another address; it never counts as refused. If the relay does not talk at all, the audit gives up early.
"""

import concurrent.futures
import threading
import time
import typing as t

from .._clock import utc
from .._errors import OptionError
from .._smtp.dialogue import ANSWERED, Dialogue, Reply, Step, tls_context
from .._smtp.sink import Sinks
from . import catalogue
from . import verdict as judge
from .catalogue import Names
from .verdict import ProbeVerdict

#: Seconds to wait before each further attempt: together longer than the usual rate window of a minute.
PAUSES = (1.0, 3.0, 6.0, 12.0, 24.0, 30.0)

#: So many attempts in a row without any word from the relay end the audit: it is gone.
SILENT_ATTEMPTS = 40

#: So many probes in a row that told nothing at all their attempts end it as well: it will not talk to us any more.
REFUSED_PROBES = 10

#: A control that breaks off without a word is tried so often; then there is no relay to audit.
CONTROL_ATTEMPTS = 4

#: Why a probe was not tried on a relay that did not even greet us for the controls.
SILENT = "the relay did not talk to us"

#: The group of the positive controls; it always runs.
CONTROL = "control"


class Expectations(t.NamedTuple):
    """What the policy promises; a number of 0 is not checked.

    C(smuggling) is C(reject) where a message with a bare LF must be refused, C(normalize) where it may be repaired.
    """

    message_size: int = 0
    recipients_per_message: int = 0
    tls_minimum: str = "TLSv1.2"
    tls_offered: bool = True
    vrfy: bool = False
    smuggling: str = "reject"
    greeting_delay: float = 0.0


class ProbedRelay(t.NamedTuple):
    """The relay: where it listens, and how long a step may take."""

    address: str
    port: int = 25
    timeout: float = 60.0


class ProbeResult(t.NamedTuple):
    """What one probe found out. I(steps) are those of the attempt that counted."""

    number: str
    group: str
    trick: str
    judgement: str
    reason: str
    source: str
    attempts: int
    steps: t.Tuple[Step, ...]

    @property
    def good(self) -> bool:
        """Return whether the relay behaved as it should."""
        return self.judgement in judge.GOOD


class Experiment(t.NamedTuple):
    """A probe made ready: how to hold the conversation, and how to judge it."""

    number: str
    group: str
    trick: str
    play: t.Callable[[Dialogue], None]
    judge: t.Callable[[t.Sequence[Step]], ProbeVerdict]


class AuditReport(t.NamedTuple):
    """All findings in the order of the catalogue, and what the relay told of itself."""

    findings: t.Tuple[ProbeResult, ...]
    version: int
    greeting: str
    keywords: t.Dict[str, str]
    tls: t.Dict[str, t.Any]


class Sources:
    """The addresses to connect from, lent in turn; one that the relay is tired of goes to the end of the row."""

    def __init__(self, addresses: t.Sequence[str]) -> None:
        self._row = list(addresses)
        self._lock = threading.Lock()

    def lend(self) -> t.Optional[str]:
        """Return the next address; None where the operating system shall choose."""
        with self._lock:
            if not self._row:
                return None
            address = self._row.pop(0)
            self._row.append(address)
            return address


class Brake:
    """Notices that the relay is gone, or that it will not talk to us any more."""

    def __init__(self) -> None:
        self._silent = 0
        self._refused = 0
        self._lock = threading.Lock()

    def note_attempt(self, answered: bool) -> None:
        """Note whether the relay said anything at all, a 421 included."""
        with self._lock:
            self._silent = 0 if answered else self._silent + 1

    def note_probe(self, told: bool) -> None:
        """Note whether a probe told something, after all its attempts."""
        with self._lock:
            self._refused = 0 if told else self._refused + 1

    @property
    def pulled(self) -> bool:
        """Return whether to give up."""
        return self._silent >= SILENT_ATTEMPTS or self._refused >= REFUSED_PROBES


class Prober:
    """Sends the probes of one audit.

    :param mark: a word that no other message holds; it finds the audit's own messages in the sinks.
    :param pauses: seconds before each further attempt of a probe.
    :param quiet: seconds of silence after which no further reply to a message is expected.
    """

    def __init__(
        self,
        target: ProbedRelay,
        names: Names,
        expected: Expectations,
        sources: t.Sequence[str] = (),
        concurrency: int = 10,
        sinks: t.Optional[Sinks] = None,
        mark: str = "",
        pauses: t.Sequence[float] = PAUSES,
        quiet: float = 1.5,
    ) -> None:
        self.target = target
        self.names = names
        self.expected = expected
        self.sources = Sources(sources)
        self.concurrency = concurrency
        self.sinks = sinks or Sinks()
        self.mark = mark or f"audit-{time.time_ns() if hasattr(time, 'time_ns') else int(time.time() * 1e9):x}"
        self.pauses = tuple(pauses)
        self.quiet = quiet
        self.brake = Brake()
        self.keywords: t.Dict[str, str] = {}
        self.tls: t.Dict[str, t.Any] = {}

    # --- the run --------------------------------------------------------------------------------------------------

    def run(self, groups: t.Sequence[str]) -> AuditReport:
        """Run the controls, then the probes of I(groups), then look into the sinks."""
        controls: t.List[ProbeResult] = []
        for experiment in self._controls():
            silent = bool(controls) and controls[0].judgement == judge.NOT_TESTED
            controls.append(_not_tried(experiment, SILENT) if silent else self._perform(experiment))
        experiments = self.experiments(groups)
        if controls[0].judgement != judge.NOT_TESTED:
            # pool.map keeps the order of the catalogue.
            with concurrent.futures.ThreadPoolExecutor(max_workers=self.concurrency) as pool:
                findings = list(pool.map(self._perform, experiments))
        else:
            findings = [_not_tried(experiment, SILENT) for experiment in experiments]
        findings = self._ask_the_sinks(findings)
        greeting = controls[0].steps[0] if controls[0].steps else None
        version = 6 if ":" in self.target.address else 4
        return AuditReport(tuple(controls + findings), version, str(greeting or ""), self.keywords, self.tls)

    def _perform(self, experiment: Experiment) -> ProbeResult:
        """Hold the conversation of a probe, again and again until it tells something."""
        finding = _not_tried(experiment, "given up: the relay has stopped talking to us")
        for attempt, pause in enumerate((0.0,) + self.pauses, 1):
            if self.brake.pulled:
                break
            time.sleep(pause)
            finding = self._attempt(experiment, attempt)
            if not judge.worth_another_try(finding.steps, ProbeVerdict(finding.judgement, finding.reason)):
                break
            if experiment.group == CONTROL and attempt >= CONTROL_ATTEMPTS and _broken(finding.steps):
                break
        if finding.attempts:
            self.brake.note_probe(finding.judgement != judge.NOT_TESTED or not finding.steps)
        return finding

    def _attempt(self, experiment: Experiment, attempt: int) -> ProbeResult:
        source = self.sources.lend()
        target = self.target
        with Dialogue(target.address, target.port, source, timeout=target.timeout, timeouts={"quit": 5.0}) as dialogue:
            try:
                experiment.play(dialogue)
                verdict = experiment.judge(dialogue.steps)
            except OptionError as error:
                verdict = ProbeVerdict(judge.NOT_TESTED, f"cannot be tried from here: {error}")
            steps = tuple(dialogue.steps)
            if dialogue.is_open:
                dialogue.quit()
        self.brake.note_attempt(not steps or steps[0].reply is not None or steps[0].outcome == ANSWERED)
        name = (experiment.number, experiment.group, experiment.trick)
        return ProbeResult(*name, verdict.judgement, verdict.reason, source or "", attempt, steps)

    def _ask_the_sinks(self, findings: t.Sequence[ProbeResult]) -> t.List[ProbeResult]:
        """Prove or refute what was accepted by looking at what arrived."""
        accepted = [result for result in findings if _relayed(result)]
        if self.sinks.third_party and accepted:
            self.sinks.wait(self.sinks.third_party, [self._token(result.number) for result in accepted])
        if self.sinks.served and any(result.group in _DELIVERING for result in findings):
            self.sinks.settle(self.sinks.served, self.mark)
        return [self._with_evidence(result) for result in findings]

    def _with_evidence(self, result: ProbeResult) -> ProbeResult:
        if self.sinks.third_party and _relayed(result):
            copies = self.sinks.find(self.sinks.third_party, self._token(result.number))
            if not copies:
                return result._replace(
                    judgement=judge.SUSPICIOUS, reason=f"{result.reason}; no copy at the third party"
                )
            return result._replace(reason=f"{result.reason}; {len(copies)} delivered to the third party")
        if self.sinks.served and result.group in _DELIVERING:
            verdict = judge_copies(self.sinks.find(self.sinks.served, self._token(result.number)))
            if verdict is not None:
                return result._replace(judgement=verdict.judgement, reason=f"{result.reason}; {verdict.reason}")
        return result

    def _token(self, number: str) -> str:
        return f"{self.mark}-{number}."

    # --- the experiments ------------------------------------------------------------------------------------------

    def experiments(self, groups: t.Sequence[str]) -> t.List[Experiment]:
        """Return all probes of I(groups), in the order of the catalogue."""
        makers: t.Dict[str, t.Callable[[], t.List[Experiment]]] = {
            catalogue.RELAY: lambda: [self._address(probe, catalogue.RELAY) for probe in catalogue.ADDRESS_PROBES],
            catalogue.SESSION: self._sessions,
            catalogue.LIMITS: self._limits,
            catalogue.TLS: self._handshakes,
            catalogue.SMUGGLING: self._smuggling,
            catalogue.CROSS: lambda: [self._address(probe, catalogue.CROSS) for probe in catalogue.cross_probes()],
            catalogue.LINE_ENDS: self._line_ends,
        }
        return [experiment for group in catalogue.GROUPS if group in groups for experiment in makers[group]()]

    def _controls(self) -> t.List[Experiment]:
        return [self._check(check, CONTROL) for check in catalogue.CONTROLS]

    def _address(self, probe: catalogue.AddressProbe, group: str) -> Experiment:
        lines = ("EHLO c.{C}", f"MAIL FROM:{probe.mail}", f"RCPT TO:{probe.rcpt}")
        return self._relaying(probe.number, group, probe.trick, lines, False)

    def _relaying(self, number: str, group: str, trick: str, lines: t.Sequence[str], helo_trick: bool) -> Experiment:
        filled = [self.names.fill(line) for line in lines]

        def play(dialogue: Dialogue) -> None:
            _say(dialogue, filled)
            accepted = dialogue.steps[-1].name == "rcpt" and dialogue.steps[-1].family == 2
            if accepted and self.sinks.third_party:
                self._deliver(dialogue, number)

        def verdict(steps: t.Sequence[Step]) -> ProbeVerdict:
            relayed = [step for step in steps if step.name not in ("data", "message")]
            return judge.judge_relaying(relayed, len(filled), helo_trick)

        return Experiment(number, group, trick, play, verdict)

    def _deliver(self, dialogue: Dialogue, number: str) -> None:
        """Send a message that can be recognised at the third party, now that the relay took the recipient."""
        if dialogue.data().code == 354:
            dialogue.message(self._text(number, "open relay probe"))

    def _text(self, number: str, subject: str) -> bytes:
        text = f"From: <probe@{self.names.client}>\r\nSubject: {subject} {self._token(number)}\r\n\r\nAAAA"
        return text.encode("utf-8")

    def _sessions(self) -> t.List[Experiment]:
        probes = [probe for probe in catalogue.SESSION_PROBES if probe.number != "T14" or not self.expected.vrfy]
        return [self._session(probe) for probe in probes]

    def _session(self, probe: catalogue.SessionProbe) -> Experiment:
        verb, dummy, argument = probe.lines[-1].partition(" ")
        if verb not in ("VRFY", "EXPN"):
            return self._relaying(probe.number, catalogue.SESSION, probe.trick, probe.lines, probe.helo_trick)
        return self._scripted(
            probe.number,
            catalogue.SESSION,
            probe.trick,
            probe.lines,
            lambda steps: judge.judge_user_query(steps, argument),
        )

    def _scripted(
        self,
        number: str,
        group: str,
        trick: str,
        lines: t.Sequence[str],
        verdict: t.Callable[[t.Sequence[Step]], ProbeVerdict],
    ) -> Experiment:
        """Make an experiment that says I(lines) one after the other."""
        filled = [self.names.fill(line) for line in lines]
        return Experiment(number, group, trick, lambda dialogue: _say(dialogue, filled), verdict)

    def _check(self, check: catalogue.Check, group: str) -> Experiment:
        filled = [self.names.fill(line) for line in check.lines]

        def play(dialogue: Dialogue) -> None:
            _say(dialogue, filled)
            self.keywords = dialogue.keywords or self.keywords

        return Experiment(
            check.number, group, check.trick, play, lambda steps: judge.judge_expected(steps, check.expected)
        )

    def _limits(self) -> t.List[Experiment]:
        """Return the checks of manners and limits; those that the policy does not mention are left out."""
        expected, names, group = self.expected, self.names, catalogue.LIMITS
        ehlo, mail, rcpt = "EHLO c.{C}", "MAIL FROM:<probe@{C}>", "RCPT TO:<{S}>"
        experiments = [self._check(check, group) for check in catalogue.CHECKS]
        experiments.append(
            self._scripted("L05", group, "greeting", [ehlo], lambda steps: judge.judge_greeting(steps, names.relay))
        )
        experiments.append(
            self._scripted("L06", group, "extensions offered to strangers", [ehlo], judge.judge_keywords)
        )
        experiments.append(self._stuffed("L07", [ehlo, mail, rcpt, "DATA"]))
        if not expected.vrfy:
            users = [ehlo, "VRFY postmaster", "VRFY nobody-" + self.mark]
            experiments.append(self._scripted("L08", group, "VRFY tells users apart", users, judge.judge_same_answer))
        if expected.message_size:
            size = expected.message_size
            experiments.append(
                self._scripted(
                    "L09", group, "size announced", [ehlo], lambda steps: judge.judge_size_keyword(steps, size)
                )
            )
            oversize = catalogue.Check("L10", "oversize message", (ehlo, f"{mail} SIZE={size + 1}"), ("552",))
            experiments.append(self._check(oversize, group))
        if expected.recipients_per_message:
            experiments.append(self._recipients("L11", expected.recipients_per_message))
        if expected.greeting_delay:
            experiments.append(
                Experiment("L12", group, "talking before the greeting", self._talk_early, judge.judge_early_talker)
            )
        return experiments

    def _stuffed(self, number: str, lines: t.Sequence[str]) -> Experiment:
        filled = [self.names.fill(line) for line in lines]

        def play(dialogue: Dialogue) -> None:
            dialogue.connect()
            if dialogue.pipeline(filled)[-1].code == 354:
                # A QUIT would now be taken for the message.
                dialogue.close()

        return Experiment(number, catalogue.LIMITS, "commands ahead of their turn", play, judge.judge_stuffing)

    def _recipients(self, number: str, limit: int) -> Experiment:
        names = self.names

        def play(dialogue: Dialogue) -> None:
            _say(dialogue, [f"EHLO c.{names.client}", f"MAIL FROM:<probe@{names.client}>"])
            for dummy in range(limit + 1):
                if dialogue.rcpt(names.recipient).family != 2:
                    break

        return Experiment(
            number,
            catalogue.LIMITS,
            "one recipient too many",
            play,
            lambda steps: judge.judge_recipient_limit(steps, limit),
        )

    def _talk_early(self, dialogue: Dialogue) -> None:
        names = self.names
        dialogue.connect(banner=False)
        dialogue.command(f"EHLO c.{names.client}")
        for line in (f"MAIL FROM:<probe@{names.client}>", f"RCPT TO:<{names.recipient}>"):
            if dialogue.is_open and dialogue.steps[-1].family != 5:
                dialogue.command(line)

    # --- TLS --------------------------------------------------------------------------------------------------------

    def _handshakes(self) -> t.List[Experiment]:
        names, group = self.names, catalogue.TLS
        offered = "STARTTLS" in self.keywords
        experiments: t.List[Experiment] = []
        if self.expected.tls_offered or offered:
            ehlo = catalogue.Check("S00", "STARTTLS is offered", ("EHLO c.{C}",), ("2",))
            experiments.append(
                self._check(ehlo, group)._replace(judge=lambda steps: judge.judge_keyword(steps, "STARTTLS", True))
            )
            experiments += [self._handshake(probe) for probe in catalogue.TLS_PROBES]
            experiments.append(
                Experiment("S09", group, "command injected behind STARTTLS", self._inject, judge.judge_injection)
            )
            experiments.append(Experiment("S10", group, "AUTH after STARTTLS", self._ehlo_again, _judge_no_auth))
            experiments.append(
                Experiment("S11", group, "certificate is valid today", self._show_certificate, self._in_date)
            )
        return [experiment._replace(trick=names.fill(experiment.trick)) for experiment in experiments]

    def _handshake(self, probe: catalogue.TlsProbe) -> Experiment:
        accepted = probe.accepted and not (probe.version == "1.2" and self.expected.tls_minimum == "TLSv1.3")

        def play(dialogue: Dialogue) -> None:
            self._secure(dialogue, probe.version, probe.ciphers)

        return Experiment(
            probe.number, catalogue.TLS, probe.trick, play, lambda steps: judge.judge_handshake(steps, accepted)
        )

    def _secure(
        self,
        dialogue: Dialogue,
        version: t.Optional[str] = None,
        ciphers: t.Optional[str] = None,
        stuffed: bytes = b"",
    ) -> None:
        context = tls_context(version, ciphers)
        _say(dialogue, [f"EHLO c.{self.names.client}"])
        dialogue.starttls(context, stuffed=stuffed)

    def _inject(self, dialogue: Dialogue) -> None:
        self._secure(dialogue, stuffed=b"RSET\r\n")
        if dialogue.tls is not None:
            dialogue.receive("injected", self.quiet)

    def _ehlo_again(self, dialogue: Dialogue) -> None:
        self._secure(dialogue)
        if dialogue.tls is not None:
            dialogue.ehlo(f"c.{self.names.client}")

    def _show_certificate(self, dialogue: Dialogue) -> None:
        self._secure(dialogue)
        if dialogue.tls is not None:
            facts = dialogue.tls._asdict()
            certificate = dialogue.tls.certificate
            facts["certificate"] = dict(certificate._asdict(), names=list(certificate.names)) if certificate else None
            self.tls = dict(facts)

    def _in_date(self, steps: t.Sequence[Step]) -> ProbeVerdict:
        certificate = self.tls.get("certificate")
        if steps[-1].name != "tls" or steps[-1].outcome != ANSWERED or not certificate:
            return ProbeVerdict(judge.NOT_TESTED, f"{steps[-1].name}: {steps[-1]}")
        now = utc(time.time())
        dates = f"{certificate['not_before']} to {certificate['not_after']}"
        if certificate["not_before"] <= now <= certificate["not_after"]:
            return ProbeVerdict(judge.PASSED, dates)
        return ProbeVerdict(judge.FAILED, f"{dates}, today is {now}")

    # --- smuggling --------------------------------------------------------------------------------------------------

    def _smuggling(self) -> t.List[Experiment]:
        experiments = [self._sequence(sequence, catalogue.SMUGGLING) for sequence in catalogue.SEQUENCES]
        if self.expected.smuggling == "reject":
            experiments.append(
                Experiment("E00", catalogue.SMUGGLING, "a bare LF", self._bare_newline, judge.judge_bare_newline)
            )
        return experiments

    def _line_ends(self) -> t.List[Experiment]:
        experiments = [self._sequence(sequence, catalogue.LINE_ENDS) for sequence in catalogue.line_end_sequences()]
        if "CHUNKING" in self.keywords:
            experiments += [self._chunk(sequence) for sequence in catalogue.SEQUENCES]
        return experiments

    def _sequence(self, sequence: catalogue.Sequence, group: str) -> Experiment:
        def play(dialogue: Dialogue) -> None:
            if self._ask_for_data(dialogue):
                dialogue.exchange(self._smuggler(sequence), "message")
                self._listen(dialogue)

        return Experiment(sequence.number, group, sequence.name, play, judge.judge_sequence)

    def _chunk(self, sequence: catalogue.Sequence) -> Experiment:
        """Send the same bytes through BDAT (RFC 3030), which must take them as one message, without an end of data."""
        number = "B" + sequence.number[1:]

        def play(dialogue: Dialogue) -> None:
            self._open_transaction(dialogue)
            content = self._smuggler(sequence._replace(number=number))
            dialogue.exchange(b"BDAT %d LAST\r\n" % len(content) + content, "message")
            self._listen(dialogue)

        def verdict(steps: t.Sequence[Step]) -> ProbeVerdict:
            # BDAT has no reply that asks for the message: one is put in so that the judge finds its place.
            names = [step.name for step in steps]
            place = names.index("message") if names[-1] in ("message", "more") else len(steps)
            asked = steps[place - 1]._replace(name="data", reply=_GO_ON)
            return judge.judge_sequence(list(steps[:place]) + [asked] + list(steps[place:]))

        return Experiment(number, catalogue.LINE_ENDS, f"BDAT {sequence.name}", play, verdict)

    def _open_transaction(self, dialogue: Dialogue) -> None:
        names = self.names
        _say(dialogue, [f"EHLO c.{names.client}", f"MAIL FROM:<probe@{names.client}>", f"RCPT TO:<{names.recipient}>"])

    def _ask_for_data(self, dialogue: Dialogue) -> bool:
        self._open_transaction(dialogue)
        return dialogue.steps[-1].family == 2 and dialogue.data().code == 354

    def _smuggler(self, sequence: catalogue.Sequence) -> bytes:
        """Send a message, the trick, and a second transaction that must stay part of the message."""
        names = self.names
        second = [f"MAIL FROM:<smuggled@{names.served}>", f"RCPT TO:<{names.recipient}>", "DATA"]
        second += [f"Subject: smuggled {self._token(sequence.number)}", "", "second ZZZZ", ".", ""]
        return self._text(sequence.number, "outer") + sequence.wire + "\r\n".join(second).encode("utf-8")

    def _bare_newline(self, dialogue: Dialogue) -> None:
        if self._ask_for_data(dialogue):
            dialogue.exchange(self._text("E00", "bare newline") + b"\nBBBB ZZZZ\r\n.\r\n", "message")

    def _listen(self, dialogue: Dialogue) -> None:
        """Read what else the relay says; after a quiet moment nothing more is coming."""
        while dialogue.is_open and dialogue.receive("more", self.quiet).reply is not None:
            pass


_DELIVERING = (catalogue.SMUGGLING, catalogue.LINE_ENDS)

_GO_ON = Reply(354, "", ("",))


def judge_copies(copies: t.Sequence[bytes]) -> t.Optional[ProbeVerdict]:
    """Judge what a message with a line-end trick became at the next hop; None where nothing is wrong with it."""
    if len(copies) > 1:
        return ProbeVerdict(judge.OPEN, f"{len(copies)} messages arrived")
    for copy in copies:
        rest = copy.replace(b"\r\n", b"")
        lone = [name for name, byte in (("CR", b"\r"), ("LF", b"\n"), ("NUL", b"\0")) if byte in rest]
        if lone:
            return ProbeVerdict(judge.OPEN, f"a lone {' and '.join(lone)} was passed on")
    return None


# --- helpers -------------------------------------------------------------------------------------------------------


def _say(dialogue: Dialogue, lines: t.Sequence[str]) -> None:
    """Connect and say the lines, as long as the relay listens."""
    dialogue.connect()
    for line in lines:
        if line.startswith("EHLO "):
            dialogue.ehlo(line[5:])
        else:
            dialogue.command(line)


def _judge_no_auth(steps: t.Sequence[Step]) -> ProbeVerdict:
    return judge.judge_keyword(steps, "AUTH", False)


def _relayed(result: ProbeResult) -> bool:
    """Return whether the relay took a message for the third party."""
    taken = any(step.name == "message" and step.family == 2 for step in result.steps)
    return taken and result.judgement == judge.OPEN and result.group not in _DELIVERING


def _broken(steps: t.Sequence[Step]) -> bool:
    """Return whether the relay hung up without a word why: it deserves less patience than one that says 421."""
    return not steps or judge.deciding_step(steps).reply is None


def _not_tried(experiment: Experiment, reason: str) -> ProbeResult:
    name = (experiment.number, experiment.group, experiment.trick)
    return ProbeResult(*name, judge.NOT_TESTED, reason, "", 0, ())
