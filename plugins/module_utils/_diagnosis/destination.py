# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A conversation with a mail server, step by step: had, timed, judged, and compared with another.

Private to the collection: it can change at any time.
"""

import socket
import time
import typing as t

from .._model.finding import ERROR, WARNING, Finding, make_finding
from .._smtp import message
from .._smtp.dialogue import ANSWERED, NOT_CONNECTED, NOT_SENT, Dialogue, Step, TlsFacts, tls_context
from .certificate import is_name, judge_certificate

CONNECT, EHLO, STARTTLS, MAIL, RCPT, MESSAGE = STAGES = ("connect", "ehlo", "starttls", "mail", "rcpt", "message")
NEVER, TRY, REQUIRE = TLS_MODES = ("never", "try", "require")
#: Seconds from which a greeting is a slow one; other servers give up after 300 (RFC 5321 4.5.3.2), careful ones much sooner.
#: The finding for the first digit of a reply, and how it is said.
_REFUSALS = {4: ("deferred", "says not now"), 5: ("refused", "refuses")}

SLOW_GREETING = 5.0


class TalkPlan(t.NamedTuple):
    """What to say, and to whom.

    :param until: the last stage, one of STAGES.
    :param content: the message, for the last stage.
    :param timeout: seconds for each step.
    """

    host: str
    port: int = 25
    source: t.Optional[str] = None
    helo: str = ""
    starttls: str = TRY
    ca_file: t.Optional[str] = None
    until: str = EHLO
    sender: str = ""
    recipients: t.Tuple[str, ...] = ()
    content: bytes = b""
    timeout: float = 60.0

    @property
    def where(self) -> str:
        """Return the server as findings name it."""
        return f"{self.host}:{self.port}"

    def goes_on_after(self, stage: str) -> bool:
        """Return whether there are stages behind this one."""
        return STAGES.index(self.until) > STAGES.index(stage)


class Talk(t.NamedTuple):
    """What was said.

    :param accepted: the recipients that the server accepted.
    :param delivered: whether it accepted the message.
    """

    plan: TalkPlan
    steps: t.Tuple[Step, ...]
    keywords: t.Mapping[str, str]
    tls: t.Optional[TlsFacts]
    accepted: t.Tuple[str, ...]
    delivered: bool
    seconds: float


def talk(plan: TalkPlan) -> Talk:
    """Talk to the server up to the stage where the plan ends. Whatever the server does is recorded, never raised."""
    started = time.monotonic()
    with Dialogue(plan.host, plan.port, plan.source, timeout=plan.timeout) as dialogue:
        accepted: t.Tuple[str, ...] = ()
        delivered = False
        if _introduce(dialogue, plan):
            accepted = _address(dialogue, plan)
        if accepted and plan.goes_on_after(RCPT):
            delivered = _deliver(dialogue, plan)
        if dialogue.is_open:
            dialogue.quit()
        steps = tuple(step for step in dialogue.steps if step.outcome != NOT_SENT)
        seconds = time.monotonic() - started
        return Talk(plan, steps, dict(dialogue.keywords), dialogue.tls, accepted, delivered, seconds)


def _introduce(dialogue: Dialogue, plan: TalkPlan) -> bool:
    """Connect, say EHLO and start TLS; return whether MAIL comes next."""
    if dialogue.connect().code != 220 or not plan.goes_on_after(CONNECT):
        return False
    if not _hello(dialogue, plan) or not plan.goes_on_after(EHLO):
        return False
    return _secure(dialogue, plan) and plan.goes_on_after(STARTTLS)


def _address(dialogue: Dialogue, plan: TalkPlan) -> t.Tuple[str, ...]:
    """Say MAIL and RCPT; return the recipients that were accepted."""
    eight_bit = "BODY=8BITMIME" if "8BITMIME" in dialogue.keywords and not _is_ascii(plan.content) else ""
    if dialogue.mail(plan.sender, eight_bit).family != 2 or not plan.goes_on_after(MAIL):
        return ()
    return tuple(address for address in plan.recipients if dialogue.is_open and dialogue.rcpt(address).family == 2)


def _deliver(dialogue: Dialogue, plan: TalkPlan) -> bool:
    """Say DATA and send the message; return whether it was accepted."""
    if dialogue.data().code != 354:
        return False
    return dialogue.exchange(message.on_the_wire(plan.content), MESSAGE).family == 2


def _hello(dialogue: Dialogue, plan: TalkPlan) -> bool:
    step = dialogue.ehlo(plan.helo)
    if step.family != 2 and dialogue.is_open:
        step = dialogue.helo(plan.helo)
    return step.family == 2


def _secure(dialogue: Dialogue, plan: TalkPlan) -> bool:
    """Start TLS as the plan says; return whether the conversation can go on."""
    if plan.starttls == NEVER or (plan.starttls == TRY and "STARTTLS" not in dialogue.keywords):
        return True
    name = plan.host if is_name(plan.host) else None
    step = dialogue.starttls(tls_context(ca_file=plan.ca_file), name)
    if dialogue.tls is not None and dialogue.is_open:
        return dialogue.ehlo(plan.helo).family == 2
    refused_politely = dialogue.is_open and step.outcome == ANSWERED
    return refused_politely and plan.starttls == TRY


def _is_ascii(content: bytes) -> bool:
    return all(byte < 128 for byte in content)


def own_name(source: t.Optional[str] = None, peer: str = "") -> str:
    """Return the name to say in EHLO. The resolver is asked only where the host name has no domain.

    A host without a full name says its address (RFC 5321 4.1.3): servers refuse a name without a domain.

    :param source: the address that the host sends from; without it, the one that I(peer) sees, or that of the default route.
    """
    name = socket.gethostname()
    full = name if "." in name else socket.getfqdn()
    if "." in full and not full.startswith("localhost."):
        return full
    address = source or _own_address(peer)
    if not address:
        return full
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _own_address(peer: str) -> str:
    """Return the address of this host on its way to another one, "" without one. Connecting a UDP socket sends nothing."""
    ways = [(family, peer) for family in (socket.AF_INET, socket.AF_INET6) if peer]
    for family, outside in (*ways, (socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((outside, 25))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return ""


# --- judging ------------------------------------------------------------------------------------------------------


def judge(conversation: Talk, now: float) -> t.Tuple[Finding, ...]:
    """Return what is wrong with a conversation."""
    where = conversation.plan.where
    findings: t.List[Finding] = []
    for step in conversation.steps:
        findings += _judge_step(step, where)
    if (
        conversation.plan.starttls == REQUIRE
        and conversation.tls is None
        and any(step.name == EHLO for step in conversation.steps)
    ):
        findings.append(make_finding("no_tls", ERROR, where, f"{where} has no TLS, which is required"))
    if conversation.tls is not None and conversation.tls.certificate is not None:
        findings += judge_certificate(conversation.tls.certificate, conversation.plan.host, where, now)
    return tuple(findings)


def _judge_step(step: Step, where: str) -> t.List[Finding]:
    evidence = (f"{step.name}: {step} ({step.seconds:.2f} s)",)
    if step.name in (STARTTLS, "tls") and (step.outcome != ANSWERED or step.family in (4, 5)):
        what = f"{where} offers STARTTLS, but it fails: {step}"
        return [make_finding("tls_fails", WARNING, where, what, evidence)]
    if step.name == "quit":
        return []
    if step.reply is None and step.outcome != ANSWERED:
        return [_judge_silence(step, where, evidence)]
    if step.family == 5 and step.name == EHLO:
        return []  # HELO follows
    if step.family in _REFUSALS:
        code, verb = _REFUSALS[step.family]
        return [make_finding(code, ERROR, where, f"{where} {verb} at {step.name}: {step}", evidence)]
    if step.name == CONNECT and step.seconds > SLOW_GREETING:
        why = "it is busy, or it looks names up and its name servers do not answer"
        what = f"{where} takes {step.seconds:.1f} s for its greeting: {why}"
        return [make_finding("slow_greeting", WARNING, where, what, evidence)]
    return []


def _judge_silence(step: Step, where: str, evidence: t.Sequence[str]) -> Finding:
    """Judge a step without a reply: a firewall, a server that is sick, and a broken conversation are three things."""
    if step.name != CONNECT:
        what = f"{where} breaks the conversation off: {step} at {step.name}, after {step.seconds:.1f} s"
        return make_finding("no_conversation", ERROR, where, what, evidence)
    if step.outcome in NOT_CONNECTED:
        what = f"{where} cannot be connected to: {step}, after {step.seconds:.1f} s"
        return make_finding("no_connection", ERROR, where, what, evidence)
    what = f"{where} accepts the connection and does not greet: {step}, after {step.seconds:.1f} s"
    return make_finding("no_greeting", ERROR, where, what, evidence)


def differences(here: Talk, there: Talk) -> t.List[t.Dict[str, str]]:
    """Return where two conversations with the same words differ: in codes and status codes, and in what EHLO offers."""
    differing = []
    steps_there = {(step.name, number): step for number, step in enumerate(there.steps)}
    for number, step in enumerate(here.steps):
        twin = steps_there.pop((step.name, number), None)
        if twin is None:
            differing.append({"step": step.name, "here": str(step), "there": _NOT_REACHED})
        elif _class_of(step) != _class_of(twin):
            differing.append({"step": step.name, "here": str(step), "there": str(twin)})
    for step in steps_there.values():
        differing.append({"step": step.name, "here": _NOT_REACHED, "there": str(step)})
    here_only = sorted(set(here.keywords) - set(there.keywords))
    there_only = sorted(set(there.keywords) - set(here.keywords))
    if here_only or there_only:
        differing.append({"step": "ehlo keywords", "here": " ".join(here_only), "there": " ".join(there_only)})
    return differing


_NOT_REACHED = "not reached"


def _class_of(step: Step) -> str:
    return f"{step.code} {step.reply.enhanced}" if step.reply else step.outcome


def altered(sent: bytes, arrived: bytes, where: str) -> t.Tuple[t.Tuple[message.MessageChange, ...], t.List[Finding]]:
    """Compare a message as it was sent with what arrived; return the changes, and the finding that they are."""
    changes = message.changes(sent, arrived)
    lost = [change for change in changes if message.lost_letter(change)]
    if not lost:
        return changes, []
    what = (
        f"the message that went through {where} lost a letter: the sender's program does not close a quote, "
        "and sendmail closes it over the last letter"
    )
    evidence = tuple(f"{change.sent.strip()}  became  {change.arrived.strip()}" for change in lost)
    return changes, [make_finding("lost_letter", ERROR, where, what, evidence)]
