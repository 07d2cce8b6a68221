# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix queues: read through postqueue(1), act through postsuper(1), look into a message through postcat(1).

Private to the collection: it can change at any time.

Exit codes tell nothing here: C(postqueue -i) and C(postsuper -d) exit 0 for an ID that does not exist. What an
action did is taken from what postsuper prints for each message, and from the queue afterwards.
"""

import json
import os
import time
import typing as t

from .. import _queue_locks, _queue_trace
from .._errors import CommandError, Unsupported
from .._model import queue as _queue
from .._model.host import Host
from .._model.queue import ActionResult, Detail, HostStatus, Identity, Message, Recipient, ReportUnreadable, Skipped
from .._model.selection import NULL_SENDER

#: Without these, a message that is on hold would be requeued too, and would be on hold no more.
_NOT_HELD = ("incoming", "active", "deferred")
_POSTSUPER = {
    _queue.HOLD: ("-h", "placed on hold", ()),
    _queue.RELEASE: ("-H", "released from hold", ()),
    _queue.REQUEUE: ("-r", "requeued", _NOT_HELD),
    _queue.DELETE: ("-d", "removed", ()),
    _queue.EXPIRE: ("-e", "expired", _NOT_HELD),
}
_DIRECTORIES = ("deferred", "active", "incoming", "hold", "maildrop", "corrupt")
_ROUNDS = 3
_PAUSE = 0.5

#: Long queue IDs: seconds, microseconds as four digits of base 52, a z, the inode number (postconf(5) enable_long_queue_ids).
_BASE_52 = {digit: value for value, digit in enumerate("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz")}


class _Settings(t.NamedTuple):
    directory: str
    hashed: t.FrozenSet[str]
    depth: int
    null_sender: str
    log: str


# --- reading -----------------------------------------------------------------------------------------------------


def messages(host: Host, report: ReportUnreadable = _queue.ignore) -> t.Iterator[Message]:
    """Yield every message of the instance, as postqueue streams them; I(report) gets the files of the corrupt queue."""
    settings = _settings(host)
    null_sender = settings.null_sender
    name = host.instance.name
    for line in host.runner.lines(_argv(host, "postqueue", "-j")):
        try:
            yield _message(_parsed(line), name, null_sender)
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            report(f"{settings.directory}: line of postqueue -j", f"{problem!r}: {_queue.clean(line)[:200]}")
    for path in _files_below(os.path.join(settings.directory, "corrupt")):
        report(path, "Postfix put this file into its corrupt queue")


def _parsed(line: bytes) -> t.Any:
    """Parse one line of postqueue -j; bytes in it that are not UTF-8 become visible as C(\\xNN)."""
    try:
        return json.loads(line.decode("utf-8"), strict=False)
    except UnicodeDecodeError:
        return _visible(json.loads(line.decode("utf-8", "surrogateescape"), strict=False))


def _visible(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return _queue.clean(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, list):
        return [_visible(item) for item in value]
    return {name: _visible(item) for name, item in value.items()} if isinstance(value, dict) else value


def _message(fields: t.Mapping[str, t.Any], instance: str, null_sender: str) -> Message:
    queue = fields["queue_name"]
    sender = fields["sender"]
    return Message(
        fields["queue_id"],
        instance,
        queue,
        _queue.STATUSES[queue],
        fields["arrival_time"],
        fields["message_size"],
        NULL_SENDER if sender in ("", null_sender) else sender,
        tuple(
            Recipient(recipient["address"], recipient.get("delay_reason") or recipient.get("bounce_reason") or "")
            for recipient in fields["recipients"]
        ),
        expiring=bool(fields.get("forced_expire")),
    )


def detailed(host: Host, message: Message) -> Message:
    """Return the message with the file it is in and, where it is deferred, the time of its next attempt."""
    settings = _settings(host)
    path = _path(settings, message.queue, message.id)
    try:
        modified = int(os.stat(path).st_mtime)
    except OSError:
        return message
    # The queue manager keeps the next attempt in the file's modification time (qmgr(8)).
    return message._replace(path=path, next_attempt=modified if message.queue == "deferred" else None)


def message(host: Host, queue_id: str, body_limit: int) -> t.Optional[Detail]:
    """Return one message with its content; None if no message has this ID. I(body_limit) is in bytes."""
    message = next((candidate for candidate in messages(host) if candidate.id == queue_id), None)
    if message is None:
        return None
    try:
        headers = host.runner.run(_argv(host, "postcat", "-hq", queue_id)).out
        lines = host.runner.lines(_argv(host, "postcat", "-bq", queue_id))
        next(lines, b"")  # the empty line between headers and body
        body, size = _first_bytes(lines, body_limit)
    except CommandError:
        return None  # it left the queue meanwhile
    return Detail(detailed(host, message), tuple(_queue.unfold(headers)), _queue.clean(body), size)


def raw(host: Host, message: Message, limit: int) -> t.Tuple[bytes, int]:
    """Return the whole message as it lies in the queue, line ends LF: its first bytes, and how many there are."""
    try:
        return _first_bytes(host.runner.lines(_argv(host, "postcat", "-bhq", message.id)), limit)
    except CommandError:
        return b"", 0  # it left the queue meanwhile


def _first_bytes(lines: t.Iterable[bytes], limit: int) -> t.Tuple[bytes, int]:
    kept = b""
    size = 0
    for line in lines:
        if size < limit:
            kept += line[: limit - size]
        size += len(line)
    return kept, size


def log_files(host: Host) -> t.Tuple[str, ...]:
    """Return where this instance's log lines are."""
    return _queue_trace.files(_settings(host).log)


def host_status(host: Host) -> t.Tuple[HostStatus, ...]:
    """Return nothing: Postfix remembers no status of hosts beyond its running queue manager."""
    return ()


# --- acting ------------------------------------------------------------------------------------------------------


def run_queue(host: Host) -> None:
    """Try everything that is not on hold, now."""
    host.runner.run(_argv(host, "postqueue", "-f"))


def act(host: Host, action: str, targets: t.Sequence[Identity], timeout: float) -> ActionResult:
    """Do one thing to messages that were just listed.

    :param timeout: seconds that C(deliver) waits for an attempt to end.
    :raises Unsupported: an old Postfix cannot expire.
    """
    if action == _queue.EXPIRE and host.capabilities.version < (3, 5):
        raise Unsupported("action", action, f"Postfix {host.capabilities.version_text}", "delete")
    settings = _settings(host)
    present, gone = _recognised(settings, targets)
    if action == _queue.DELIVER:
        outcome = _deliver(host, settings, present, timeout)
    elif action == _queue.FLUSH:
        outcome = _attempt(host, settings, present)
    else:
        outcome = _change(host, settings, action, present)
    return outcome._replace(gone=outcome.gone + gone)


def _recognised(
    settings: _Settings, targets: t.Sequence[Identity]
) -> t.Tuple[t.List[Identity], t.Tuple[Identity, ...]]:
    """Split into messages that are still those that were selected, and those that are gone or whose ID another one has now.

    Long IDs are never used twice. Of a short one the file itself is asked, right before the action.
    """
    short = [target for target in targets if not _is_long(target.id)]
    identities = _queue.look_for(short, lambda target: _first_identity(settings, target.id))
    changed = {target.id for target in short if identities.get(target.id) != (target.arrival, target.size)}
    present = [target for target in targets if target.id not in changed]
    return present, tuple(target for target in targets if target.id in changed)


def _first_identity(settings: _Settings, queue_id: str) -> t.Optional[t.Tuple[int, int]]:
    identities = (_arrival_and_size(path) for path in _paths(settings, queue_id))
    return next((identity for identity in identities if identity is not None), None)


def _change(host: Host, settings: _Settings, action: str, targets: t.Sequence[Identity]) -> ActionResult:
    """Run one postsuper for all that are not in delivery."""
    working, waiting = _split_busy(settings, action, targets)
    affected, missed = _postsuper_rounds(host, settings, action, waiting)
    if action == _queue.REQUEUE and affected:
        # pickup(8) would see them within a minute.
        host.runner.run(_argv(host, "postkick", "public", "pickup", "W"), check=False)
    reached = {target.id for target in [*affected, *working, *missed]}
    why = f"postsuper did not find it in a queue where it can {action} it"
    skipped = [Skipped(target, "it is being delivered now") for target in working]
    skipped += [Skipped(target, why) for target in missed]
    gone = tuple(target for target in targets if target.id not in reached)
    return ActionResult(tuple(affected), gone, tuple(skipped))


def _postsuper_rounds(
    host: Host, settings: _Settings, action: str, waiting: t.List[Identity]
) -> t.Tuple[t.List[Identity], t.List[Identity]]:
    """Return the messages that postsuper acted on, and those that it missed.

    A message that moves between queues can slip through, so the rest is tried again.
    """
    affected: t.List[Identity] = []
    for dummy in range(_ROUNDS):
        if not waiting:
            break
        done = _postsuper(host, action, [target.id for target in waiting])
        affected += [target for target in waiting if target.id in done]
        waiting = _there(settings, [target for target in waiting if target.id not in done])
    return affected, waiting


def _there(settings: _Settings, targets: t.Sequence[Identity]) -> t.List[Identity]:
    """Return those that are in some queue."""
    present = _queue.look_for(targets, lambda target: any(os.path.exists(path) for path in _paths(settings, target.id)))
    return [target for target in targets if target.id in present]


def _split_busy(
    settings: _Settings, action: str, targets: t.Sequence[Identity]
) -> t.Tuple[t.List[Identity], t.List[Identity]]:
    """Split into messages in delivery and the others. Holding or requeueing the former could have them delivered twice."""
    if action not in (_queue.HOLD, _queue.REQUEUE):
        return [], list(targets)
    locked = _queue_locks.locked_inodes()
    return _queue.parted(targets, lambda target: _queue_locks.is_locked(_path(settings, "active", target.id), locked))


def _postsuper(host: Host, action: str, ids: t.Sequence[str]) -> t.FrozenSet[str]:
    """Return the IDs that postsuper says it acted on: it prints one line for each."""
    flag, word, queues = _POSTSUPER[action]
    argv = _argv(host, "postsuper", flag, "-", *queues)
    result = host.runner.run(argv, stdin="".join(f"{queue_id}\n" for queue_id in ids), timeout=120 + len(ids) / 20)
    lines = (line.split(": ", 2) for line in result.err.splitlines())
    return frozenset(parts[1] for parts in lines if len(parts) == 3 and parts[2] == word)


def _attempt(host: Host, settings: _Settings, targets: t.Sequence[Identity]) -> ActionResult:
    """Run postqueue -i once for each message: it takes no list. It always ends with 0, so the queue is asked."""
    present = _there(settings, targets)
    names = {target.id for target in present}
    held, affected = _queue.parted(present, lambda target: os.path.exists(_path(settings, "hold", target.id)))
    for target in affected:
        host.runner.run(_argv(host, "postqueue", "-i", target.id))
    return ActionResult(
        tuple(affected),
        tuple(target for target in targets if target.id not in names),
        tuple(Skipped(target, "it was put on hold meanwhile") for target in held),
    )


def _deliver(host: Host, settings: _Settings, targets: t.Sequence[Identity], timeout: float) -> ActionResult:
    """Try, wait until each message has left the queue or is back in it, and return what the log says."""
    started = time.time()
    trace = _queue_trace.from_here(_queue_trace.files(settings.log), started)
    outcome = _attempt(host, settings, targets)
    waiting = list(outcome.affected)
    while waiting and time.time() < started + timeout:
        time.sleep(_PAUSE)
        waiting = [target for target in _there(settings, waiting) if not _is_back(settings, target.id, started)]
    transcript: t.List[str] = []
    for target in outcome.affected:
        transcript += _queue_trace.lines(host.runner, trace, target.id, 200)
    transcript += [f"{target.id}: the attempt still goes on after {timeout:g} seconds" for target in waiting]
    return outcome._replace(transcript=tuple(transcript))


def _is_back(settings: _Settings, queue_id: str, started: float) -> bool:
    """Return whether a message was tried and put back into the deferred queue: its file was touched since the start."""
    try:
        # The kernel stamps files by its tick, which can lie some milliseconds before the clock.
        return os.stat(_path(settings, "deferred", queue_id)).st_ctime >= started - 0.02
    except OSError:
        return False


# --- queue files -------------------------------------------------------------------------------------------------


def _paths(settings: _Settings, queue_id: str) -> t.Tuple[str, ...]:
    return tuple(_path(settings, queue, queue_id) for queue in _DIRECTORIES)


def _path(settings: _Settings, queue: str, queue_id: str) -> str:
    """Return where a queue file lies: hashed queues spread their files by the first digits of the microseconds."""
    parts = [settings.directory, queue]
    if queue in settings.hashed:
        digits = _microseconds(queue_id) if _is_long(queue_id) else queue_id
        parts += list(digits[: settings.depth].ljust(settings.depth, "_"))
    return os.path.join(*parts, queue_id)


def _is_long(queue_id: str) -> bool:
    return queue_id.rfind("z") >= 10


def _microseconds(queue_id: str) -> str:
    end = queue_id.rfind("z")
    value = 0
    for digit in queue_id[end - 4 : end]:
        value = value * 52 + _BASE_52[digit]
    return f"{value:05X}"


def _arrival_and_size(path: str) -> t.Optional[t.Tuple[int, int]]:
    """Return seconds since the epoch and bytes from the first two records of a queue file, as qshape(1) reads them."""
    try:
        with open(path, "rb") as queue_file:
            head = queue_file.read(256)
    except OSError:
        return None
    try:
        size, rest = _record(head, b"C")
        arrival, dummy = _record(rest, b"T")
        return int(arrival.split()[0]), int(size.split()[0])
    except (ValueError, IndexError):
        return None


def _record(data: bytes, kind: bytes) -> t.Tuple[bytes, bytes]:
    """Take one record of the expected kind: a letter, a length of one byte here, the data."""
    if data[:1] != kind or data[1] > 127:
        raise ValueError("not the record that a queue file begins with")
    end = 2 + data[1]
    return data[2:end], data[end:]


def _files_below(directory: str) -> t.Iterator[str]:
    for parent, dummy, names in os.walk(directory):
        for name in sorted(names):
            yield os.path.join(parent, name)


def _settings(host: Host) -> _Settings:
    names = ("queue_directory", "hash_queue_names", "hash_queue_depth", "empty_address_recipient", "maillog_file")
    # postconf answers in its own order, and leaves out what this version does not know.
    out = host.runner.run(_argv(host, "postconf", *names)).out
    parameters = {
        name.strip(): value.strip() for name, dummy, value in (line.partition("=") for line in out.splitlines())
    }
    log = parameters.get("maillog_file", "")
    return _Settings(
        parameters["queue_directory"],
        frozenset(parameters.get("hash_queue_names", "").replace(",", " ").split()),
        int(parameters.get("hash_queue_depth", "1")),
        parameters.get("empty_address_recipient", "MAILER-DAEMON"),
        log if log.startswith("/") else "",
    )


def _argv(host: Host, program: str, *arguments: str) -> t.List[str]:
    return [program, "-c", host.instance.config_directory, *arguments]
