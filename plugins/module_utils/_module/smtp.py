# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An SMTP conversation for somebody who looks for a fault: step by step, with its times, judged, and compared with another.

Private to the collection: it can change at any time.
"""

import base64
import binascii
import calendar
import os
import re
import socket
import time
import typing as t
import uuid

from .. import _addresses
from .. import _parallel as _together
from .._diagnosis.certificate import Certificate
from .._errors import OptionError
from .._model.finding import ERROR, NOTICE, WARNING, Finding, as_facts
from .._smtp import message as _message
from .._smtp import sink as _sink
from .._smtp.dialogue import ANSWERED, Dialogue, Step, TlsFacts, printable, step_facts, tls_context

CONNECT, EHLO, STARTTLS, MAIL, RCPT, MESSAGE = STAGES = ("connect", "ehlo", "starttls", "mail", "rcpt", "message")
NEVER, TRY, REQUIRE = TLS_MODES = ("never", "try", "require")
#: Seconds from which a greeting is a slow one; other servers give up after 300 (RFC 5321 4.5.3.2), careful ones much sooner.
SLOW_GREETING = 5.0
#: Days before its end that a certificate is worth a word.
CERTIFICATE_DAYS = 14

_TARGET: t.Dict[str, t.Any] = {"host": {"type": "str", "required": True}, "port": {"type": "int", "default": 25}}
ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    _TARGET,
    compare_with={"type": "dict", "options": _TARGET},
    source={"type": "str"},
    helo={"type": "str"},
    starttls={"type": "str", "choices": list(TLS_MODES), "default": TRY},
    ca_file={"type": "path"},
    until={"type": "str", "choices": list(STAGES), "default": EHLO},
    sender={"type": "str", "default": ""},
    recipients={"type": "list", "elements": "str", "default": []},
    message_path={"type": "path"},
    message_base64={"type": "str"},
    subject={"type": "str", "default": "Test"},
    body={"type": "str", "default": "This is a test."},
    mark={"type": "bool", "default": True},
    sink={"type": "path"},
    sink_patience={"type": "float", "default": 20.0},
    timeout={"type": "float", "default": 60.0},
)
MUTUALLY_EXCLUSIVE = [("message_path", "message_base64")]


class Plan(t.NamedTuple):
    """What is to be said, to whom.

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


class Talk(t.NamedTuple):
    """What was said. I(accepted) are the recipients that were taken; I(delivered) whether the message was."""

    plan: Plan
    steps: t.Tuple[Step, ...]
    keywords: t.Mapping[str, str]
    tls: t.Optional[TlsFacts]
    accepted: t.Tuple[str, ...]
    delivered: bool
    seconds: float


def talk(plan: Plan) -> Talk:
    """Have the conversation, up to the stage where it shall end; never raises on what the peer does."""
    started = time.monotonic()
    with Dialogue(plan.host, plan.port, plan.source, timeout=plan.timeout) as dialogue:
        accepted, delivered = _say(dialogue, plan)
        if dialogue.is_open:
            dialogue.quit()
        steps = tuple(step for step in dialogue.steps if step.outcome != "not_sent")
        seconds = time.monotonic() - started
        return Talk(plan, steps, dict(dialogue.keywords), dialogue.tls, accepted, delivered, seconds)


def _say(dialogue: Dialogue, plan: Plan) -> t.Tuple[t.Tuple[str, ...], bool]:
    last = STAGES.index(plan.until)
    if dialogue.connect().code != 220 or last < 1:
        return (), False
    if not _hello(dialogue, plan) or last < 2:
        return (), False
    if not _secure(dialogue, plan) or last < 3:
        return (), False
    eight_bit = "BODY=8BITMIME" if "8BITMIME" in dialogue.keywords and not _is_ascii(plan.content) else ""
    if dialogue.mail(plan.sender, eight_bit).family != 2 or last < 4:
        return (), False
    accepted = tuple(one for one in plan.recipients if dialogue.is_open and dialogue.rcpt(one).family == 2)
    if not accepted or last < 5 or dialogue.data().code != 354:
        return accepted, False
    return accepted, dialogue.exchange(_message.on_the_wire(plan.content), "message").family == 2


def _hello(dialogue: Dialogue, plan: Plan) -> bool:
    step = dialogue.ehlo(plan.helo)
    if step.family != 2 and dialogue.is_open:
        step = dialogue.helo(plan.helo)
    return step.family == 2


def _secure(dialogue: Dialogue, plan: Plan) -> bool:
    """STARTTLS where it is wanted; whether to go on."""
    if plan.starttls == NEVER or (plan.starttls == TRY and "STARTTLS" not in dialogue.keywords):
        return True
    name = plan.host if _is_name(plan.host) else None
    step = dialogue.starttls(tls_context(ca_file=plan.ca_file), name)
    if dialogue.tls is None or not dialogue.is_open:
        return dialogue.is_open and plan.starttls == TRY and step.outcome == ANSWERED
    return dialogue.ehlo(plan.helo).family == 2


def _is_ascii(content: bytes) -> bool:
    return all(byte < 128 for byte in content)


def _is_name(host: str) -> bool:
    try:
        _addresses.address(host)
    except ValueError:
        return True
    return False


# --- pure: what it means ------------------------------------------------------------------------------------------


def judge(said: Talk, now: float) -> t.Tuple[Finding, ...]:
    """What is wrong with a conversation."""
    where = f"{said.plan.host}:{said.plan.port}"
    found: t.List[Finding] = []
    for step in said.steps:
        found += _judge_step(step, where)
    if said.plan.starttls == REQUIRE and said.tls is None and any(step.name == EHLO for step in said.steps):
        found.append(Finding("no_tls", ERROR, where, f"{where} has no TLS, which is required"))
    if said.tls is not None and said.tls.certificate is not None:
        found += judge_certificate(said.tls.certificate, said.plan.host, where, now)
    return tuple(found)


def _judge_step(step: Step, where: str) -> t.List[Finding]:
    evidence = (f"{step.name}: {step} ({step.seconds:.2f} s)",)
    if step.name in (STARTTLS, "tls") and (step.outcome != ANSWERED or step.family in (4, 5)):
        what = f"{where} offers STARTTLS, but it fails: {step}"
        return [Finding("tls_fails", WARNING, where, what, evidence)]
    if step.name == "quit":
        return []
    if step.reply is None and step.outcome != ANSWERED:
        what = f"{where} does not talk: {step} at {step.name}, after {step.seconds:.1f} s"
        return [Finding("no_conversation", ERROR, where, what, evidence)]
    if step.family == 5 and step.name == EHLO:
        return []  # HELO follows
    if step.family in (4, 5):
        code = "deferred" if step.family == 4 else "refused"
        what = f"{where} {'says not now' if step.family == 4 else 'refuses'} at {step.name}: {step}"
        return [Finding(code, ERROR, where, what, evidence)]
    if step.name == CONNECT and step.seconds > SLOW_GREETING:
        what = f"{where} takes {step.seconds:.1f} s for its greeting: it looks names up, and its name servers do not answer"
        return [Finding("slow_greeting", WARNING, where, what, evidence)]
    return []


def judge_certificate(certificate: Certificate, name: str, where: str, now: float) -> t.List[Finding]:
    """Whether a certificate is in its time, and for this name. Mail servers mostly do not insist on the latter."""
    remaining = (timestamp(certificate.not_after) - now) / 86400
    evidence = (f"{certificate.subject}, from {certificate.not_before} to {certificate.not_after}",)
    if remaining < 0:
        what = f"the certificate of {where} ended on {certificate.not_after}"
        return [Finding("certificate_expired", WARNING, where, what, evidence)]
    found = []
    if remaining < CERTIFICATE_DAYS:
        what = f"the certificate of {where} ends on {certificate.not_after}, in {remaining:.0f} days"
        found.append(Finding("certificate_ends_soon", WARNING, where, what, evidence))
    if timestamp(certificate.not_before) > now:
        what = f"the certificate of {where} is not valid before {certificate.not_before}"
        found.append(Finding("certificate_not_yet", WARNING, where, what, evidence))
    if _is_name(name) and not _matches(name.lower().rstrip("."), certificate.names or (certificate.subject,)):
        names = certificate.names or (certificate.subject,)
        listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        what = f"the certificate of {where} is for {listed}, not for {name}"
        found.append(Finding("certificate_name", NOTICE, where, what, evidence))
    return found


def _matches(name: str, names: t.Sequence[str]) -> bool:
    parent = name.partition(".")[2]
    return any(known.lower() in (name, f"*.{parent}") for known in names)


def timestamp(text: str) -> float:
    """Seconds since the epoch of a time written as C(2026-11-23T06:12:01Z)."""
    # Not with strptime, which reads a module when it is first called: threads come here (see _mta.read_all).
    return calendar.timegm(tuple(int(part) for part in re.split("[-T:Z]", text)[:6]))


def differences(one: Talk, other: Talk) -> t.List[t.Dict[str, str]]:
    """Where two conversations with the same words went apart: replies by code and status, and what EHLO offers."""
    found = []
    second = {(step.name, number): step for number, step in enumerate(other.steps)}
    for number, step in enumerate(one.steps):
        twin = second.pop((step.name, number), None)
        here, there = _class_of(step), _class_of(twin) if twin else "not reached"
        if here != there:
            found.append({"step": step.name, "here": str(step), "there": str(twin) if twin else "not reached"})
    found += [{"step": step.name, "here": "not reached", "there": str(step)} for step in second.values()]
    here_only = sorted(set(one.keywords) - set(other.keywords))
    there_only = sorted(set(other.keywords) - set(one.keywords))
    if here_only or there_only:
        found.append({"step": "ehlo keywords", "here": " ".join(here_only), "there": " ".join(there_only)})
    return found


def _class_of(step: Step) -> str:
    return f"{step.code} {step.reply.enhanced}" if step.reply else step.outcome


def altered(sent: bytes, arrived: bytes, where: str) -> t.Tuple[t.Tuple[_message.Change, ...], t.List[Finding]]:
    """What became of a message, and what to think of it."""
    changes = _message.changes(sent, arrived)
    lost = [change for change in changes if _message.lost_letter(change)]
    if lost:
        what = (
            f"the message that went through {where} lost a letter: the sender's program does not close a quote, and sendmail closes it "
            "over the last letter"
        )
        evidence = tuple(f"{change.sent.strip()}  became  {change.arrived.strip()}" for change in lost)
        return changes, [Finding("lost_letter", ERROR, where, what, evidence, LOST_LETTER)]
    return changes, []


#: What mends it: the sender, or the relay for as long as the sender is not mended.
LOST_LETTER = (
    "close the quote in the program that writes the message; until then, on the relay: postmaster.mta.relay with "
    "mc: {defines: {confMAX_MIME_HEADER_LENGTH: '0'}}"
)


# --- the module ---------------------------------------------------------------------------------------------------


def run(params: t.Mapping[str, t.Any], check_mode: bool = False) -> t.Dict[str, t.Any]:
    """What the module smtp does and returns. In check mode no message is sent.

    :raises OptionError: an option that cannot be meant.
    """
    plan = _plan_of(params, check_mode)
    token = uuid.uuid4().hex
    plans = [plan]
    if params["compare_with"]:
        plans.append(plan._replace(host=params["compare_with"]["host"], port=params["compare_with"]["port"]))
    if plan.content and params["mark"]:
        plans = [one._replace(content=_message.marked(one.content, f"{token}-{n}")) for n, one in enumerate(plans)]
    jobs = {number: _job(one) for number, one in enumerate(plans)}
    done = _together.values(jobs, plan.timeout * (8 + len(plan.recipients)))
    talks = [done[number] for number in sorted(done)]
    arrived = _arrived(params, plan, talks, token)
    return _facts(plan, talks, arrived)


def own_name() -> str:
    """The name to say in EHLO; the resolver is asked only where the host name is not a full one."""
    name = socket.gethostname()
    return name if "." in name else socket.getfqdn()


def _job(plan: Plan) -> t.Callable[[], Talk]:
    return lambda: talk(plan)


def _plan_of(params: t.Mapping[str, t.Any], check_mode: bool) -> Plan:
    until = params["until"]
    for index, recipient in enumerate(params["recipients"]):
        _no_line_end(f"recipients[{index}]", recipient)
    for name in ("host", "sender", "helo", "subject"):
        _no_line_end(name, params[name] or "")
    if STAGES.index(until) >= 4 and not params["recipients"]:
        raise OptionError("recipients", [], f"until={until} needs one at least")
    content = _content(params) if until == MESSAGE else b""
    return Plan(
        params["host"],
        params["port"],
        params["source"],
        params["helo"] or own_name(),
        params["starttls"],
        params["ca_file"],
        RCPT if until == MESSAGE and check_mode else until,
        params["sender"],
        tuple(params["recipients"]),
        content,
        params["timeout"],
    )


def _no_line_end(option: str, value: str) -> None:
    if "\r" in value or "\n" in value or "\0" in value:
        raise OptionError(option, value, "a line end would be a command of its own")


def _content(params: t.Mapping[str, t.Any]) -> bytes:
    if params["message_path"]:
        try:
            with open(params["message_path"], "rb") as file:
                return file.read()
        except OSError as problem:
            raise OptionError("message_path", params["message_path"], str(problem.strerror))
    if params["message_base64"]:
        try:
            return base64.b64decode(params["message_base64"], validate=True)
        except (binascii.Error, ValueError):
            raise OptionError("message_base64", params["message_base64"], "not base64")
    return _message.generated(params["sender"], params["recipients"][0], params["subject"], params["body"], time.time())


def _arrived(
    params: t.Mapping[str, t.Any], plan: Plan, talks: t.Sequence[Talk], token: str
) -> t.List[t.Optional[bytes]]:
    """What the sink got of each conversation; nothing where none is to be expected."""
    sink = params["sink"]
    if not sink or not plan.content or not params["mark"]:
        return [None for dummy in talks]
    if not os.path.isdir(sink):
        raise OptionError("sink", sink, "not a directory on the host that this runs on")
    sinks = _sink.Sinks(patience=params["sink_patience"])
    sinks.wait(sink, [f"{token}-{number}" for number, one in enumerate(talks) if one.delivered])
    return [next(iter(sinks.find(sink, f"{token}-{number}")), None) for number in range(len(talks))]


def _facts(plan: Plan, talks: t.Sequence[Talk], arrived: t.Sequence[t.Optional[bytes]]) -> t.Dict[str, t.Any]:
    now = time.time()
    conversations = [_conversation(one, got, plan.content, now) for one, got in zip(talks, arrived)]
    for defect in _message.open_quotes(plan.content):
        evidence = (f"line {defect.line}: {defect.text}",)
        what = f"the message has a {defect.field} field that opens a quote and does not close it"
        finding = Finding("open_quote", WARNING, "message", what, evidence, LOST_LETTER)
        conversations[0]["findings"].append(as_facts(finding))
    answer = dict(conversations[0])
    if len(talks) > 1:
        answer["compared"] = conversations[1]
        answer["differences"] = differences(talks[0], talks[1])
        if None not in arrived and arrived:
            pairs = _message.changes(arrived[0] or b"", arrived[1] or b"")
            answer["differences"] += [{"step": "arrived", "here": one.sent, "there": one.arrived} for one in pairs]
    return answer


def _conversation(one: Talk, got: t.Optional[bytes], sent: bytes, now: float) -> t.Dict[str, t.Any]:
    where = f"{one.plan.host}:{one.plan.port}"
    findings = list(judge(one, now))
    changes: t.Tuple[_message.Change, ...] = ()
    if got is not None:
        changes, more = altered(sent, got, where)
        findings += more
    return {
        "host": one.plan.host,
        "port": one.plan.port,
        "steps": [step_facts(step) for step in one.steps],
        "keywords": dict(one.keywords),
        "tls": _tls_facts(one.tls),
        "accepted": list(one.accepted),
        "delivered": one.delivered,
        "arrived": None if got is None else printable(got),
        "changes": [dict(change._asdict()) for change in changes],
        "findings": [as_facts(finding) for finding in findings],
        "seconds": round(one.seconds, 3),
    }


def _tls_facts(tls: t.Optional[TlsFacts]) -> t.Optional[t.Dict[str, t.Any]]:
    if tls is None:
        return None
    certificate = dict(tls.certificate._asdict(), names=list(tls.certificate.names)) if tls.certificate else None
    return {"version": tls.version, "cipher": tls.cipher, "bits": tls.bits, "certificate": certificate}
