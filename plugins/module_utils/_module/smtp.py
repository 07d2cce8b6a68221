# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module smtp does: talk to a mail server, judge what it said, and compare it with another server.

Private to the collection: it can change at any time.
"""

import base64
import binascii
import os
import time
import typing as t
import uuid

from .. import _parallel
from .._diagnosis import destination
from .._diagnosis.destination import EHLO, MESSAGE, RCPT, STAGES, TLS_MODES, TRY, Talk, TalkPlan
from .._errors import OptionError
from .._model.finding import WARNING, as_facts, make_finding
from .._runner import Runner
from .._smtp import message
from .._smtp import sink as _sink
from .._smtp.dialogue import TlsFacts, printable, step_facts

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


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Talk to a server as the options say; in check mode no message is sent. No program is run for it.

    :raises OptionError: an option that cannot be meant.
    """
    plan = _plan_of(params, check_mode)
    token = uuid.uuid4().hex
    plans = [plan]
    if params["compare_with"]:
        plans.append(plan._replace(host=params["compare_with"]["host"], port=params["compare_with"]["port"]))
    if plan.content and params["mark"]:
        plans = [
            talk_plan._replace(content=message.marked(talk_plan.content, f"{token}-{n}"))
            for n, talk_plan in enumerate(plans)
        ]
    jobs = {number: _job(talk_plan) for number, talk_plan in enumerate(plans)}
    done = _parallel.values(jobs, plan.timeout * (8 + len(plan.recipients)))
    talks = [done[number] for number in sorted(done)]
    arrived = _arrived(params, plan, talks, token)
    answer = _facts(plan, talks, arrived)
    return dict(answer, changed=answer["delivered"])


def _job(plan: TalkPlan) -> t.Callable[[], Talk]:
    return lambda: destination.talk(plan)


def _plan_of(params: t.Mapping[str, t.Any], check_mode: bool) -> TalkPlan:
    until = params["until"]
    for index, recipient in enumerate(params["recipients"]):
        _no_line_end(f"recipients[{index}]", recipient)
    for name in ("host", "sender", "helo", "subject"):
        _no_line_end(name, params[name] or "")
    if STAGES.index(until) >= 4 and not params["recipients"]:
        raise OptionError("recipients", [], f"until={until} needs one at least")
    content = _content(params) if until == MESSAGE else b""
    return TalkPlan(
        params["host"],
        params["port"],
        params["source"],
        params["helo"] or destination.own_name(params["source"], params["host"]),
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
    return message.generated(params["sender"], params["recipients"][0], params["subject"], params["body"], time.time())


def _arrived(
    params: t.Mapping[str, t.Any], plan: TalkPlan, talks: t.Sequence[Talk], token: str
) -> t.List[t.Optional[bytes]]:
    """Return what the sink got of each conversation; nothing where none is to be expected."""
    sink = params["sink"]
    if not sink or not plan.content or not params["mark"]:
        return [None for dummy in talks]
    if not os.path.isdir(sink):
        raise OptionError("sink", sink, "not a directory on the host that this runs on")
    sinks = _sink.Sinks(patience=params["sink_patience"])
    sinks.wait(sink, [f"{token}-{number}" for number, talk in enumerate(talks) if talk.delivered])
    return [next(iter(sinks.find(sink, f"{token}-{number}")), None) for number in range(len(talks))]


def _facts(plan: TalkPlan, talks: t.Sequence[Talk], arrived: t.Sequence[t.Optional[bytes]]) -> t.Dict[str, t.Any]:
    now = time.time()
    conversations = [_conversation(talk, got, plan.content, now) for talk, got in zip(talks, arrived)]
    for defect in message.open_quotes(plan.content):
        evidence = (f"line {defect.line}: {defect.text}",)
        what = f"the message has a {defect.field} field that opens a quote and does not close it"
        finding = make_finding("open_quote", WARNING, "message", what, evidence)
        conversations[0]["findings"].append(as_facts(finding))
    answer = dict(conversations[0])
    if len(talks) > 1:
        answer["compared"] = conversations[1]
        answer["differences"] = destination.differences(talks[0], talks[1])
        if None not in arrived and arrived:
            changes = message.changes(arrived[0] or b"", arrived[1] or b"")
            answer["differences"] += [
                {"step": "arrived", "here": change.sent, "there": change.arrived} for change in changes
            ]
    return answer


def _conversation(talk: Talk, got: t.Optional[bytes], sent: bytes, now: float) -> t.Dict[str, t.Any]:
    where = f"{talk.plan.host}:{talk.plan.port}"
    findings = list(destination.judge(talk, now))
    changes: t.Tuple[message.MessageChange, ...] = ()
    if got is not None:
        changes, more = destination.altered(sent, got, where)
        findings += more
    return {
        "host": talk.plan.host,
        "port": talk.plan.port,
        "steps": [step_facts(step) for step in talk.steps],
        "keywords": dict(talk.keywords),
        "tls": _tls_facts(talk.tls),
        "accepted": list(talk.accepted),
        "delivered": talk.delivered,
        "arrived": None if got is None else printable(got),
        "changes": [dict(change._asdict()) for change in changes],
        "findings": [as_facts(finding) for finding in findings],
        "seconds": round(talk.seconds, 3),
    }


def _tls_facts(tls: t.Optional[TlsFacts]) -> t.Optional[t.Dict[str, t.Any]]:
    if tls is None:
        return None
    certificate = dict(tls.certificate._asdict(), names=list(tls.certificate.names)) if tls.certificate else None
    return {"version": tls.version, "cipher": tls.cipher, "bits": tls.bits, "certificate": certificate}
