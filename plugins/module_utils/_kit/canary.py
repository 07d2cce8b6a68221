# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canary: a message through the relay on a schedule, and the log as the witness that it arrived, or a mailbox that it came back.

Private to the collection: it can change at any time.

Each run first judges the rounds that are open by what the log says of their Message-IDs, then sends the next message. The age of a round is
measured by a clock that nobody can set, as long as the host was not restarted.
"""

import os
import socket
import time
import typing as t

from .. import _mta
from .._errors import PostmasterError
from .._log import sources
from .._log.conditions import Selection
from .._log.deliveries import Internal, delivery
from .._model.log import BOUNCED, DISCARDED, EXPIRED, MESSAGE, MESSAGE_ID, REJECTED, SENT, STATUS, Raw, taken_as
from .._module import log_info, message_info
from .._report.words import visible
from .._runner import Runner
from . import mailbox, memory, post, reading
from .memory import Memory

SUBJECT = "{subject} {host} {utc} {number}"
#: The names that can stand in a subject.
PLACEHOLDERS = ("subject", "host", "utc", "number")
_BOOT = "/proc/sys/kernel/random/boot_id"
_ENDED_BADLY = (BOUNCED, EXPIRED, DISCARDED, REJECTED)
#: Clocks can differ: that of the host was set, or a file system has its own.
_CLOCK = 86400
#: Open rounds that are kept; with a timeout of many intervals there are several.
_MOST_OPEN = 100
Part = t.Mapping[str, t.Any]


class Instant(t.NamedTuple):
    """Now, by both clocks: I(wall) for people, I(steady) for ages within one I(boot)."""

    wall: float
    steady: float
    boot: str


def instant() -> Instant:
    """Return now."""
    return Instant(time.time(), time.monotonic(), _boot())


def _boot() -> str:
    try:
        with open(_BOOT, encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def run(runner: Runner, part: Part, now: t.Optional[Instant] = None) -> str:
    """Judge the open rounds, send the next message, tell who is to be told; return how it stands, in words.

    :raises PostmasterError: the log cannot be read, or an alert could not be sent.
    """
    now = now or instant()
    job = f"canary-{part['name']}"
    remembered = memory.load(job)
    answers = _answers(runner, remembered, now)
    remembered.update(answers.after)
    _judge(runner, part, remembered, answers.raws, now)
    _send(runner, part, remembered, now)
    remembered["ran"] = now.wall
    text = _alert_text(part, remembered, now)
    memory.save(job, remembered)
    if text:
        _alert(runner, part, text, now)
        remembered["told"] = _told(remembered, now)
        memory.save(job, remembered)
    return _said(remembered)


def _said(remembered: Memory) -> str:
    if remembered.get("failures"):
        return f"{remembered['failures']} rounds have failed: {remembered['reason']}"
    if remembered.get("seconds") is None:
        return "sent, no round has ended yet"
    return f"the last message took {remembered['seconds']} seconds"


# --- what the log says --------------------------------------------------------------------------------------------------


class Answer(t.NamedTuple):
    """The last outcome of a message that the log has.

    :param seconds: from its arrival to the outcome, by the MTA's own count.
    :param relay: the next hop; I(is_here) says that it is this host, as between instances.
    """

    status: bytes
    reason: str
    seconds: t.Optional[float]
    relay: str
    is_here: bool


class _Answers(t.NamedTuple):
    after: Memory
    raws: t.Dict[str, Answer]


def _answers(runner: Runner, remembered: Memory, now: Instant) -> _Answers:
    """Return the newest outcome of each open round since the last run."""
    open_ids = {round_["id"].encode("ascii"): round_["id"] for round_ in remembered.get("open") or ()}
    state = reading.state_of(remembered)
    order = log_info.Order(sources.discover(runner), Selection(), Internal(), now.wall)
    log = log_info.Log(runner, order, state)
    answers: t.Dict[str, Answer] = {}
    for clock, raws in log.blocks():
        for raw in raws:
            name = open_ids.get((raw[MESSAGE][MESSAGE_ID] or b"").strip(b"<>"))
            # The last word counts: from one instance to the next one is no arrival.
            if name:
                answers[name] = _answer(raw, clock)
    after = log.state_after(state)
    positions = {name: dict(place._asdict()) for name, place in after.positions.items()}
    return _Answers({"positions": positions, "messages": after.messages}, answers)


def _answer(raw: Raw, clock: t.Any) -> Answer:
    shown = delivery(raw, clock, None)
    is_here = (shown.relay_address or "").startswith("127.") or shown.relay_address == "::1"
    return Answer(raw[STATUS], visible(shown.reason, 300), shown.delay, visible(shown.relay, 100), is_here)


# --- judging ------------------------------------------------------------------------------------------------------------


def _judge(runner: Runner, part: Part, remembered: Memory, answers: t.Mapping[str, Answer], now: Instant) -> None:
    """Close the rounds that have arrived, that ended badly, or that are too old."""
    rounds = remembered.get("open") or ()
    back, problem = _back(part, rounds)
    still_open = []
    for round_ in rounds:
        answer = answers.get(round_["id"])
        if answer:
            round_["answer"] = dict(answer._asdict(), status=answer.status.decode("ascii"))
        if round_["id"] in back:
            _success(remembered, max(0.0, round(back[round_["id"]] - round_["wall"], 1)), now)
        elif _is_delivered(part, round_, now):
            _success(remembered, round_["answer"]["seconds"], now)
        elif answer and answer.status in _ENDED_BADLY:
            _failure(remembered, f"{round_['host']} gave it up, {_next_hop(answer.relay)}: {answer.reason}", now)
        elif _age(round_, now) > part["timeout_seconds"]:
            what = "back" if part.get("mailbox") else "delivered"
            where = problem or _story(runner, round_)
            _failure(remembered, f"not {what} after {part['timeout_seconds']} seconds: {where}", now)
        else:
            still_open.append(round_)
    remembered["open"] = still_open[-_MOST_OPEN:]


def _back(part: Part, rounds: t.Sequence[Memory]) -> t.Tuple[t.Dict[str, float], str]:
    """Return the open rounds that came back to the mailbox, and what hinders to look there."""
    if not part.get("mailbox") or not rounds:
        return {}, ""
    since = min(round_["wall"] for round_ in rounds) - _CLOCK
    try:
        return mailbox.arrivals(part["mailbox"], [round_["id"] for round_ in rounds], since), ""
    except PostmasterError as problem:
        return {}, str(problem)


def _is_delivered(part: Part, round_: Memory, now: Instant) -> bool:
    """Return whether the log is all that is asked, and says that the message has left this host, or will say no more."""
    answer = round_.get("answer")
    if part.get("mailbox") or not answer or answer["status"] != SENT.decode("ascii"):
        return False
    return not answer["is_here"] or _age(round_, now) > part["timeout_seconds"]


def _story(runner: Runner, round_: Memory) -> str:
    """Return which relay has the message of a round, and why."""
    answer = round_.get("answer")
    if answer and answer["status"] == SENT.decode("ascii"):
        return f"{answer['relay']} has it, which took it from {round_['host']} with the answer: {answer['reason']}"
    if answer:
        return f"{round_['host']} has it, {_next_hop(answer['relay'])}: {answer['reason']}"
    return _waiting(runner, round_)


def _next_hop(relay: str) -> str:
    return "without a next hop" if relay in ("", "none") else f"next hop {relay}"


def _waiting(runner: Runner, round_: Memory) -> str:
    """Return what a message waits for of which the log says nothing: it is in the queue, or in nobody's hands."""
    queue_id = taken_as(round_.get("taken", "").encode("utf-8")).decode("utf-8")
    if queue_id:
        options = {"id": queue_id, "mta": "auto", "instance": None, "body_limit": 0, "log_limit": 1}
        try:
            found = message_info.run(options, False, runner)
        except PostmasterError as problem:
            return f"the log does not say that it arrived, and the queue cannot be read: {problem}"
        if found["exists"]:
            return f"{round_['host']} has it in its queue as {queue_id}: {visible(found['waits_for'], 300)}"
    return f"the log does not say that it arrived; {round_['host']} took it: {round_.get('taken', '')}"


def _age(round_: Memory, now: Instant) -> float:
    if now.boot and round_["boot"] == now.boot:
        return now.steady - float(round_["steady"])
    return now.wall - float(round_["wall"])


def _success(remembered: Memory, seconds: t.Optional[float], now: Instant) -> None:
    remembered["rounds"] = remembered.get("rounds", 0) + 1
    remembered.update(failures=0, reason="", seconds=seconds, succeeded=now.wall)


def _failure(remembered: Memory, reason: str, now: Instant) -> None:
    if not remembered.get("failures"):
        remembered["failing_since"] = now.wall
    remembered["rounds"] = remembered.get("rounds", 0) + 1
    remembered.update(failures=remembered.get("failures", 0) + 1, reason=reason)
    remembered["failed"] = remembered.get("failed", 0) + 1


# --- sending ------------------------------------------------------------------------------------------------------------


def _send(runner: Runner, part: Part, remembered: Memory, now: Instant) -> None:
    """Send the message of the next round. What refuses it is a failed round at once."""
    number = int(remembered.get("number", 0)) + 1
    remembered["number"] = number
    host = socket.getfqdn()
    message_id = f"postmaster.mta.canary.{part['name']}.{number}.{os.urandom(6).hex()}@{host}"
    envelope = post.Envelope(part.get("sender") or f"postmaster@{host}", (part["recipient"],))
    content = post.message(envelope, subject(part, host, number, now), _TEXT, message_id)
    try:
        taken = post.send(_where(runner, part), envelope, content, min(60, part["timeout_seconds"]))
    except PostmasterError as problem:
        _failure(remembered, str(problem), now)
        return
    opened = {"id": message_id, "wall": now.wall, "steady": now.steady, "boot": now.boot, "host": host, "taken": taken}
    remembered["open"] = [*(remembered.get("open") or ()), opened]


_TEXT = "A canary of this relay. That it arrives is what it has to say.\n"


def subject(part: Part, host: str, number: int, now: Instant) -> str:
    """Return the subject of one message."""
    utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now.wall))
    values = {"subject": part["subject"], "host": host, "utc": utc, "number": number}
    return post.filled("canary.template", part["template"], values)


def _where(runner: Runner, part: Part) -> t.Tuple[str, int]:
    if part.get("server"):
        return post.endpoint("canary.server", part["server"])
    return post.addresses(_mta.find(runner, "auto", part.get("instance")))[0]


# --- telling ------------------------------------------------------------------------------------------------------------


def _alert_text(part: Part, remembered: Memory, now: Instant) -> str:
    """Return what is to be told now: the N-th failure, the same again after a while, and the end of it."""
    alert = part.get("alert")
    if not alert:
        return ""
    told = remembered.get("told")
    failures = remembered.get("failures", 0)
    if told and not failures:
        return f"The canary {part['name']} arrives again. It took {remembered.get('seconds')} seconds."
    if failures < alert["after"] or (told and _age(told, now) < alert["again_seconds"]):
        return ""
    since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(remembered["failing_since"]))
    return f"{failures} messages of the canary {part['name']} have failed since {since}. The last one: {remembered['reason']}"


def _told(remembered: Memory, now: Instant) -> t.Optional[Memory]:
    return {"wall": now.wall, "steady": now.steady, "boot": now.boot} if remembered.get("failures") else None


def _alert(runner: Runner, part: Part, text: str, now: Instant) -> None:
    """Tell the recipients, by another server where one is named: this relay may be what is broken."""
    alert, host = part["alert"], socket.getfqdn()
    envelope = post.Envelope(alert.get("mail_from") or f"postmaster@{host}", tuple(alert["mail_to"]))
    message_id = f"postmaster.mta.alert.{part['name']}.{int(now.wall)}.{os.urandom(6).hex()}@{host}"
    content = post.message(envelope, f"{host}: canary {part['name']}", text + "\n", message_id)
    server = alert.get("server")
    where = post.endpoint("canary.alert.server", server) if server else _where(runner, dict(part, server=None))
    post.send(where, envelope, content)


__all__ = ("PLACEHOLDERS", "SUBJECT", "Instant", "run", "subject")
