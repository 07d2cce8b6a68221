# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail queues: the control files read as they lie there, actions through sendmail's own queue options.

Private to the collection: it can change at any time.

A control file is qf (normal), hf (quarantined) or Qf (lost); df beside it is the body, tf and xf are temporary. The daemon
replaces control files by rename and locks with flock(2) what it delivers, so reading needs no lock. mailq(1) hides the
quarantined ones, cuts reasons and shows minutes: the files say it all.
"""

import fcntl
import glob
import os
import re
import time
import typing as t

from .. import _queue_locks, _queue_trace
from .._errors import Unsupported
from .._model import queue as _queue
from .._model.host import Host
from .._model.queue import ActionResult, Detail, HostStatus, Identity, Message, Recipient, ReportUnreadable, Skipped
from .._model.selection import NULL_SENDER
from . import discover

_QUEUES = {"qf": "normal", "hf": "quarantined", "Qf": "lost"}
#: A byte with its quote, and the byte that stands for the $ of a macro.
_QUOTED = re.compile(rb"\xff(.)", re.DOTALL)
_MACRO = re.compile(rb"(?<!\xff)\x81")
#: The lines of a control file that are read: arrival, last attempt, attempts, error, sender, body directory, quarantine,
#: recipient. Most others are macros: an expression passes over them in the time that a loop needs for one.
_LINES = re.compile(r"\n([TKNMSdqR])([^\n]*)").findall
_HOLD_REASON = "on hold by the postmaster"
_ROUNDS = 3
_PAUSE = 0.5
#: IDs for one call of sendmail, which compares each of them with each queue file.
_BATCH = 2000
#: Seconds after which a control file without its last line is broken, not being written.
_PATIENCE = 60


class _Spool(t.NamedTuple):
    """A queue directory: where its control files and its bodies are."""

    control: str
    data: str


class _Control(t.NamedTuple):
    """What a control file says, headers left out.

    :param elsewhere: the directory of the body, where it is not the usual one.
    """

    arrival: int
    last_attempt: int
    attempts: int
    reason: str
    sender: str
    recipients: t.Tuple[Recipient, ...]
    elsewhere: str


# --- reading -----------------------------------------------------------------------------------------------------


def messages(host: Host, report: ReportUnreadable = _queue.ignore) -> t.Iterator[Message]:
    """Yield every message of the instance, quarantined and lost ones too; unreadable files go to I(report)."""
    locked = _queue_locks.locked_inodes()
    for spool in _spools(host):
        yield from _in_spool(spool, host.instance.name, locked, report)


def _in_spool(spool: _Spool, instance: str, locked: t.FrozenSet[int], report: ReportUnreadable) -> t.Iterator[Message]:
    try:
        control = os.open(spool.control, os.O_RDONLY | os.O_DIRECTORY)
        data = os.open(spool.data, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as problem:
        report(spool.control, str(problem.strerror))
        return
    try:
        with os.scandir(spool.control) as entries:
            for entry in entries:
                queue = _QUEUES.get(entry.name[:2])
                if queue is not None:
                    active = bool(locked) and entry.inode() in locked
                    message = _read_message(spool, control, data, entry.name, queue, active, instance, report)
                    if message is not None:
                        yield message
    finally:
        os.close(control)
        os.close(data)


def _read_message(
    spool: _Spool, control: int, data: int, name: str, queue: str, active: bool, instance: str, report: ReportUnreadable
) -> t.Optional[Message]:
    try:
        raw = _content(name, control)
    except FileNotFoundError:
        return None  # delivered meanwhile
    except OSError as problem:
        report(f"{spool.control}/{name}", str(problem.strerror))
        return None
    try:
        parsed = _parse(raw, queue != "lost")
    except ValueError as problem:
        _report_broken(f"{spool.control}/{name}", str(problem), report)
        return None
    if queue == "lost":
        report(f"{spool.control}/{name}", "sendmail lost this message: it could not read the control file")
    return Message(
        name[2:],
        instance,
        queue,
        _queue.ACTIVE if active and queue == "normal" else _queue.STATUSES[queue],
        parsed.arrival,
        _body_size("df" + name[2:], data, parsed.elsewhere, spool),
        parsed.sender,
        parsed.recipients,
        parsed.reason,
        parsed.last_attempt or None,
        None,
        parsed.attempts,
        False,
        f"{spool.control}/{name}",
    )


def _content(name: str, directory: t.Optional[int] = None) -> bytes:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
    try:
        # Most control files are this small; a bigger buffer costs more than a second read.
        content = os.read(handle, 8192)
        if len(content) < 8192:
            return content
        parts = [content]
        while parts[-1]:
            parts.append(os.read(handle, 1 << 20))
        return b"".join(parts)
    finally:
        os.close(handle)


def _parse(raw: bytes, strict: bool = True) -> _Control:
    """Read a control file up to its headers (sendmail's queue file format V8, doc/op/op.me, appendix B).

    M before the sender is the last error of the whole message; M after it belongs to the recipient that follows.

    :param strict: False for a lost message: take what can be taken.
    :raises ValueError: the file is cut off, or lacks what every message has.
    """
    fields: t.Dict[str, str] = {}
    recipients: t.List[Recipient] = []
    reason = ""
    headers = raw.find(b"\nH")
    for kind, value in _LINES("\n" + _queue.clean(raw if headers < 0 else raw[:headers])):
        if kind == "R":
            address = value[value.find(":") + 1 :]
            bracketed = address[:1] == "<" and address[-1:] == ">"
            recipients.append(Recipient(address[1:-1] if bracketed else address, reason))
            reason = ""
        elif kind == "M" and "S" in fields:
            reason = value
        else:
            fields[kind] = value
    if strict:
        _insist(raw, fields)
    sender = _address(fields.get("S", ""))
    return _Control(
        int(fields.get("T", "0")),
        int(fields.get("K", "0")),
        int(fields.get("N", "0")),
        _waits_for(fields, recipients),
        NULL_SENDER if sender in ("", "MAILER-DAEMON") else sender,
        tuple(recipients),
        fields.get("d", ""),
    )


def _waits_for(fields: t.Mapping[str, str], recipients: t.Sequence[Recipient]) -> str:
    """Return the reason of the whole message, which holds for recipients without a reason of their own.

    In quarantine it waits for a person, whatever went wrong before. Else it is the last error of all: where one
    recipient has the very same, it is that one's, and nothing is known about the others.
    """
    if "q" in fields:
        return "quarantine: " + fields["q"]
    reason = fields.get("M", "")
    own = [recipient.reason for recipient in recipients]
    return "" if reason in own and not all(own) else reason


def _insist(raw: bytes, fields: t.Mapping[str, str]) -> None:
    if not raw.endswith(b"\n.\n"):
        raise ValueError("the file is cut off: its last line is missing")
    if "T" not in fields or "S" not in fields:
        raise ValueError("the file has no time of arrival or no sender")


def _address(text: str) -> str:
    return text[1:-1] if text[:1] == "<" and text[-1:] == ">" else text


def _body_size(name: str, data: int, directory: str, spool: _Spool) -> int:
    try:
        if directory:
            return os.stat(os.path.join(os.path.dirname(spool.data), directory, name)).st_size
        return os.stat(name, dir_fd=data).st_size
    except OSError:
        return 0


def _report_broken(path: str, why: str, report: ReportUnreadable) -> None:
    try:
        age = time.time() - os.stat(path).st_mtime
    except OSError:
        return  # gone
    if age > _PATIENCE:
        report(path, why)


def detailed(host: Host, message: Message) -> Message:
    """Return the message as it is: sendmail plans no time for the next attempt, each queue run takes what is there."""
    return message


def message(host: Host, queue_id: str, body_limit: int) -> t.Optional[Detail]:
    """Return one message with its content; None where no message has this ID. I(body_limit) is in bytes."""
    message = next((candidate for candidate in messages(host) if candidate.id == queue_id), None)
    if message is None:
        return None
    try:
        headers = _headers(_content(message.path))
    except OSError:
        return None  # it left the queue meanwhile
    body, size = _body(_data_path(host, message.path), body_limit)
    return Detail(message, tuple(_queue.unfold(headers)), _queue.clean(body), size)


def raw(host: Host, message: Message, limit: int) -> t.Tuple[bytes, int]:
    """Return the first bytes of the whole message as it came, with line ends LF, and its size."""
    try:
        head = _raw_headers(_content(message.path))
    except OSError:
        return b"", 0  # it left the queue meanwhile
    body, size = _body(_data_path(host, message.path), max(0, limit - len(head)))
    return (head + body)[:limit], len(head) + size


def unquoted(text: bytes) -> bytes:
    """Return a header as it came: sendmail puts 0xFF before each byte that has a meaning of its own (METAQUOTE, sendmail.h)."""
    return _QUOTED.sub(rb"\1", text)


def _raw_headers(control: bytes) -> bytes:
    """Return the header without fields that sendmail would add for some mailers (H?flags?), and the empty line behind it."""
    lines: t.List[bytes] = []
    inside = False
    for line in control.split(b"\n"):
        if line[:1] == b"H":
            flags, mark, rest = line[2:].partition(b"?") if line[1:2] == b"?" else (b"", b"", line[1:])
            inside = not flags
            lines += [unquoted(rest)] if inside else []
        elif line[:1] in (b" ", b"\t") and inside:
            lines.append(unquoted(line))
        else:
            inside = False
    return b"".join(line + b"\n" for line in lines) + b"\n"


def _headers(raw: bytes) -> str:
    """Return the H lines: H?flags?Name: value, continued on lines that begin with a blank; 0x81 stands for the $ of a macro."""
    lines: t.List[str] = []
    for quoted in raw.split(b"\n"):
        line = unquoted(_MACRO.sub(b"$", quoted))
        if line[:2] == b"H?":
            lines.append(_queue.clean(line[2:].partition(b"?")[2]))
        elif line[:1] == b"H":
            lines.append(_queue.clean(line[1:]))
        elif line[:1] in (b" ", b"\t") and lines:
            lines.append(_queue.clean(line))
    return "\n".join(lines)


def _body(path: str, limit: int) -> t.Tuple[bytes, int]:
    try:
        with open(path, "rb") as body:
            return body.read(limit), os.fstat(body.fileno()).st_size
    except OSError:
        return b"", 0


def log_files(host: Host) -> t.Tuple[str, ...]:
    """Return where this instance's log lines are: sendmail writes to syslog only."""
    return _queue_trace.files("")


def host_status(host: Host) -> t.Tuple[HostStatus, ...]:
    """Return what sendmail remembers about the hosts that it delivered to (hoststat(1)), where it is told to remember."""
    directory = _option(host, "HostStatusDirectory")
    if not directory:
        return ()
    base = os.path.join(_base(host), directory)
    paths = [os.path.join(parent, name) for parent, dummy, names in os.walk(base) for name in names]
    statuses = [_host_status(base, path) for path in paths]
    return tuple(sorted(status for status in statuses if status is not None))


def _host_status(base: str, path: str) -> t.Optional[HostStatus]:
    # test./lab./mx1 is mx1.lab.test; S is the exit status, R the last reply, U the time of use.
    host = ".".join(part.rstrip(".") for part in reversed(os.path.relpath(path, base).split("/")))
    try:
        fields = {line[:1]: line[1:] for line in _queue.clean(_content(path)).splitlines()}
        failed = fields.get("S", "0") != "0"
        return HostStatus(host, fields.get("R", "") if failed else "", int(fields.get("U", "0")))
    except (OSError, ValueError):
        return None


def _option(host: Host, name: str) -> str:
    """Return an option of the live configuration file; empty where it is not set."""
    wanted = f"O {name}="
    return next((line[len(wanted) :] for line in _cf_lines(host, wanted)), "")


def _cf_lines(host: Host, beginning: str) -> t.Iterator[str]:
    try:
        with open(_cf(host), encoding="utf-8", errors="replace") as lines:
            yield from (line.strip() for line in lines if line.startswith(beginning))
    except FileNotFoundError:
        return


# --- acting ------------------------------------------------------------------------------------------------------


def run_queue(host: Host) -> None:
    """Try everything that is not quarantined, now and in the background."""
    host.runner.run(_argv(host, "-q"))


def act(host: Host, action: str, targets: t.Sequence[Identity], timeout: float) -> ActionResult:
    """Do one thing to messages that were just listed.

    :param timeout: seconds that C(deliver) waits for an attempt to end.
    :raises Unsupported: sendmail cannot requeue.
    """
    if action == _queue.REQUEUE:
        nearest = "deliver or flush; sendmail rewrites and routes anew at each attempt anyway"
        raise Unsupported("action", action, "sendmail", nearest)
    present, gone = _recognised(targets)
    if action == _queue.DELETE:
        outcome = _delete(host, present)
    elif action in (_queue.HOLD, _queue.RELEASE):
        outcome = _move(host, action, present)
    else:
        outcome = _attempt(host, action, present, timeout)
    return outcome._replace(gone=outcome.gone + gone)


def _recognised(targets: t.Sequence[Identity]) -> t.Tuple[t.List[Identity], t.Tuple[Identity, ...]]:
    """Return those that are still the selected messages, under their present names, and those that are gone."""
    present_paths = _queue.look_for(targets, _present_path)
    present = [target._replace(path=present_paths[target.id]) for target in targets if target.id in present_paths]
    return present, tuple(target for target in targets if target.id not in present_paths)


def _present_path(target: Identity) -> t.Optional[str]:
    return next((path for path in _names(target.path) if _is(path, target)), None)


def _names(path: str) -> t.Tuple[str, ...]:
    directory, name = os.path.split(path)
    return tuple(os.path.join(directory, kind + name[2:]) for kind in _QUEUES)


def _is(path: str, target: Identity) -> bool:
    try:
        control = _parse(_content(path), strict=False)
    except (OSError, ValueError):
        return False
    return (control.arrival, control.sender) == (target.arrival, target.sender)


def _move(host: Host, action: str, targets: t.Sequence[Identity]) -> ActionResult:
    """Quarantine or release all in one call. sendmail leaves out what it is delivering, so the rest is tried again."""
    options, kind = (["-Q" + _HOLD_REASON], "hf") if action == _queue.HOLD else (["-qQ", "-Q"], "qf")
    waiting, skipped = _unambiguous(host, targets)
    affected: t.List[Identity] = []
    gone: t.List[Identity] = []
    for attempt in range(_ROUNDS):
        if not waiting:
            break
        if attempt:
            time.sleep(_PAUSE)
        run(host, options, waiting, timeout=600)
        moved, rest = _queue.parted(waiting, lambda target: os.path.exists(_named(target.path, kind)))
        waiting, vanished = _still_there(rest)
        affected += moved
        gone += vanished
    skipped += [Skipped(target, "it is being delivered now") for target in waiting]
    return ActionResult(tuple(affected), tuple(gone), tuple(skipped))


def _still_there(targets: t.Sequence[Identity]) -> t.Tuple[t.List[Identity], t.List[Identity]]:
    """Return the messages that are in the queue under any of their names, and the others."""
    present = _queue.look_for(targets, lambda target: any(os.path.exists(path) for path in _names(target.path)))
    return _queue.parted(targets, lambda target: target.id in present)


def _named(path: str, kind: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, kind + name[2:])


def _attempt(host: Host, action: str, targets: t.Sequence[Identity], timeout: float) -> ActionResult:
    """Deliver in the foreground, with the dialogue; flush and expire in the background."""
    waiting, skipped = _unambiguous(host, targets)
    ready = [target for target in waiting if os.path.basename(target.path)[:2] == "qf"]
    held = [target for target in waiting if os.path.basename(target.path)[:2] != "qf"]
    skipped += [Skipped(target, "it was put on hold meanwhile") for target in held]
    if action == _queue.DELIVER:
        return ActionResult(tuple(ready), (), tuple(skipped), tuple(_dialogue(host, ready, timeout)))
    run(host, ["-OTimeout.queuereturn=1s"] if action == _queue.EXPIRE else [], ready, timeout)
    return ActionResult(tuple(ready), (), tuple(skipped))


def _dialogue(host: Host, targets: t.Sequence[Identity], timeout: float) -> t.Iterator[str]:
    """Yield what both sides said; an attempt that takes too long is ended, and the message stays queued."""
    if targets:
        argv = _argv(host, "-v", *(f"-qI{target.id}" for target in targets))
        result = host.runner.run(argv, timeout=timeout, check=False)
        yield from result.out.splitlines()
        if result.rc:
            yield f"sendmail ended with exit status {result.rc}: {result.err.strip()}"


def run(host: Host, options: t.Sequence[str], targets: t.Sequence[Identity], timeout: float) -> None:
    """Start a queue run over these messages and no others, in the background where it delivers."""
    for start in range(0, len(targets), _BATCH):
        ids = [f"-qI{target.id}" for target in targets[start : start + _BATCH]]
        host.runner.run(_argv(host, *options, *ids), timeout=timeout)


def _unambiguous(host: Host, targets: t.Sequence[Identity]) -> t.Tuple[t.List[Identity], t.List[Skipped]]:
    """Leave out IDs that are part of another one: sendmail takes every message whose ID contains the given text."""
    wanted = {target.id for target in targets}
    lengths = {len(queue_id) for queue_id in wanted}
    inside = {part for name in _all_ids(host) - wanted for part in _parts(name, lengths) if part in wanted}
    clear = [target for target in targets if target.id not in inside]
    return clear, [
        Skipped(target, "its ID is part of another one's, and sendmail would take both")
        for target in targets
        if target.id in inside
    ]


def _all_ids(host: Host) -> t.Set[str]:
    return {name[2:] for spool in _spools(host) for name in os.listdir(spool.control) if name[:2] in _QUEUES}


def count(host: Host) -> int:
    """Return how many messages there are, held and lost ones too; a missing directory has none."""
    places = [spool.control for spool in _spools(host) if os.path.isdir(spool.control)]
    return sum(name[:2] in _QUEUES for place in places for name in os.listdir(place))


def _parts(name: str, lengths: t.Iterable[int]) -> t.Iterator[str]:
    for length in lengths:
        for start in range(len(name) - length + 1):
            yield name[start : start + length]


def _delete(host: Host, targets: t.Sequence[Identity]) -> ActionResult:
    """Remove control file and body under sendmail's own lock; what is in delivery is left alone after a few tries."""
    waiting = list(targets)
    affected: t.List[Identity] = []
    gone: t.List[Identity] = []
    for attempt in range(_ROUNDS):
        if attempt and waiting:
            time.sleep(_PAUSE)
        busy: t.List[Identity] = []
        for target in waiting:
            {"deleted": affected, "gone": gone, "busy": busy}[_remove(host, target)].append(target)
        waiting = busy
    skipped = tuple(Skipped(target, "it is being delivered now") for target in waiting)
    return ActionResult(tuple(affected), tuple(gone), skipped)


def _remove(host: Host, target: Identity) -> str:
    """Remove one message: C(deleted), C(gone) or C(busy). The control file goes first: a body without one is litter, no message."""
    try:
        handle = os.open(target.path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return "gone"
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_ino != os.stat(target.path).st_ino or not _is(target.path, target):
            return "busy"  # replaced by a newer state of the same message while the lock was taken
        body = _data_path(host, target.path)
        os.unlink(target.path)
        for path in (body, _named(target.path, "xf")):
            _unlink(path)
        return "deleted"
    except FileNotFoundError:
        return "gone"
    except OSError:
        return "busy"
    finally:
        os.close(handle)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # a body lies elsewhere or is gone: the message is deleted all the same


# --- places ------------------------------------------------------------------------------------------------------


def _spools(host: Host) -> t.Iterator[_Spool]:
    """Yield the directories of the queue; QueueDirectory may be a pattern, and each may have qf, df and xf inside."""
    seen: t.Set[str] = set()
    for pattern in (*host.instance.queue_directories, *_group_directories(host)):
        for directory in sorted(glob.glob(pattern)) or [pattern]:
            control = _inside(directory, "qf")
            if control not in seen:
                seen.add(control)
                yield _Spool(control, _inside(directory, "df"))


def _group_directories(host: Host) -> t.Iterator[str]:
    """Yield the directories of queue groups: Qname, P=/var/spool/mqueue/slow*, F=f. Relative ones lie in the base directory."""
    base = _base(host)
    for line in _cf_lines(host, "Q"):
        for field in line.split(","):
            name, dummy, value = field.strip().partition("=")
            if name in ("P", "Path") and value:
                yield os.path.join(base, value)


def _base(host: Host) -> str:
    """Return the directory below which relative paths lie: what stands before a pattern's last part, else the queue itself."""
    directory = host.instance.queue_directories[0]
    return os.path.dirname(directory) if "*" in os.path.basename(directory) else directory


def _inside(directory: str, kind: str) -> str:
    inner = os.path.join(directory, kind)
    return inner if os.path.isdir(inner) else directory


def _data_path(host: Host, path: str) -> str:
    """Return the body that belongs to a control file."""
    directory, name = os.path.split(path)
    spool = next((spool for spool in _spools(host) if spool.control == directory), _Spool(directory, directory))
    return os.path.join(spool.data, "df" + name[2:])


def _cf(host: Host) -> str:
    return os.path.join(host.instance.config_directory, "sendmail.cf")


def _argv(host: Host, *arguments: str) -> t.List[str]:
    program = discover.program(host.runner)
    # The lines that this writes to the log are the instance's.
    tag = [] if host.instance.primary else ["-L", host.instance.name]
    return [program, *tag, "-C", _cf(host), *arguments]
