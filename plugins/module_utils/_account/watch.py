# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roll a change back unless it is confirmed in time: a timer of systemd, and a kit that needs no controller.

The kit is one file, a zipapp of the modules with which the change itself was made. It is written before the change goes live, together
with the timer; so whoever dies after that, the controller or the host, the old configuration comes back. After a restart of the host
the timer makes up for what it has missed.

Private to the collection: it can change at any time.
"""

import contextlib
import os
import sys
import time
import typing as t

from .. import _files, _zipapp
from .._errors import OptionError, PostmasterError
from .._model import kinds
from .._runner import Runner
from . import generations, history

UNITS = "/etc/systemd/system"
_PART = 1 << 20
#: A file that holds room for what a roll back writes: the disk may be full by then. Bytes, beside the files that come back.
RESERVE, ROOM = "reserve", 1 << 20
SHORTEST, LONGEST = 10, 7 * 86400
MARK = "# Written by postmaster.mta: it goes when the change is confirmed or rolled back."
_SERVICE = """\
{mark}
[Unit]
Description=Roll back generation {number} of {directory} unless it is confirmed
After=network-online.target nss-lookup.target remote-fs.target postfix.service sendmail.service
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart={python} {kit} {mta} {directory} {number}
Restart=on-failure
RestartSec=10
"""
_TIMER = """\
{mark}
[Unit]
Description=Roll back generation {number} of {directory} unless it is confirmed

[Timer]
OnCalendar={when} UTC
AccuracySec=1s
Persistent=true
# A watcher that a shutdown has interrupted has run, as systemd sees it. It goes on after the start of the host.
OnBootSec=30

[Install]
WantedBy=timers.target
"""


def unit_of(directory: str, number: int) -> str:
    """Return the name of the units of one change, without their endings."""
    return f"postmaster-mta-confirm-{directory.strip('/').replace('/', '-')}-{number}"


def refuse_without_systemd(runner: Runner, value: str) -> None:
    """Refuse a confirmation where nobody could roll back.

    :raises OptionError: systemd does not run this host.
    """
    if not os.path.isdir("/run/systemd/system") or runner.which("systemctl") is None:
        raise OptionError("confirm", value, "systemd does not run this host, and its timer is what would roll back")


def seconds(value: str) -> int:
    """Return the time within which a change must be confirmed.

    :raises OptionError: no duration, or one of less than 10 seconds or more than a week.
    """
    try:
        number = int(kinds.duration(value))
    except ValueError as problem:
        raise OptionError("confirm", value, str(problem))
    if not SHORTEST <= number <= LONGEST:
        raise OptionError("confirm", value, "from 10 seconds to 7 days")
    return number


def arm(
    runner: Runner,
    mta: str,
    directory: str,
    number: int,
    deadline: float,
    watcher: str = "expire",
    stage: t.Optional[str] = None,
) -> None:
    """Write the kit and the units, and start the timer.

    :param deadline: seconds since the epoch.
    :param watcher: the file of C(_module) that the kit starts.
    :param stage: the candidate, where the change replaces files.
    """
    place = generations.place_of(directory)
    kit = os.path.join(place, f"{number:06d}{generations.WATCHER}")
    _files.write_new(kit, _zipapp.content("_module", watcher), 0o600)
    _hold(directory, number, needed(directory, stage, _record(directory, number)))
    words = {
        "mark": MARK,
        "number": number,
        "directory": directory,
        "mta": mta,
        "python": sys.executable,
        "kit": kit,
        "when": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(deadline)),
    }
    name = unit_of(directory, number)
    for ending, text in (("service", _SERVICE), ("timer", _TIMER)):
        _files.write_new(os.path.join(UNITS, f"{name}.{ending}"), text.format(**words).encode("utf-8"), 0o644)
    _stamp(name, deadline)
    runner.run(["systemctl", "daemon-reload"])
    runner.run(["systemctl", "enable", "--now", f"{name}.timer"])


def _reserve(directory: str, number: int) -> str:
    return os.path.join(generations.place_of(directory), f"{number:06d}.{RESERVE}")


def _record(directory: str, number: int) -> generations.Record:
    return generations.load(directory, number, generations.PREPARED) or generations.load(directory, number)


def needed(directory: str, stage: t.Optional[str], record: generations.Record) -> int:
    """Return how many bytes a roll back of a change that is staged may write: its files, its record, and a little more.

    It stages what this change has staged, the other way round, and keeps a copy of what it replaces until it is verified.
    """
    return ROOM + 2 * (_staged(directory, stage) if stage else 0) + sum(map(_recorded, record.get("files", ())))


def _staged(directory: str, stage: str) -> int:
    """Return how many bytes of two directories are not the same files; of a name in both, the larger one counts."""
    live, new = _sizes(directory), _sizes(stage)
    names = {name for name in {*live, *new} if live.get(name) != new.get(name)}
    return sum(max(live.get(name, (0, 0))[1], new.get(name, (0, 0))[1]) for name in names)


def _sizes(top: str) -> t.Dict[str, t.Tuple[int, int]]:
    """Return the inode and the size of each file below a directory."""
    sizes = {}
    for place, _directories, names in os.walk(top):
        for name in names:
            path = os.path.join(place, name)
            known = os.lstat(path)
            sizes[os.path.relpath(path, top)] = (known.st_ino, known.st_size)
    return sizes


def _recorded(file: generations.Record) -> int:
    """Return how many bytes of a file the record of its roll back keeps."""
    before, after = ((file[when] or [0])[0] for when in ("before", "after"))
    kept: int = max(0, after - file["start"] - file["end"])
    return kept + (before if before <= generations.WHOLE else 0)


def _hold(directory: str, number: int, size: int) -> None:
    """Hold room for a roll back, as far as the account may be so large."""
    room = generations.make_room(directory, min(size, generations.LARGEST))
    # Random bytes: a file system that compresses would hold no room for zeros.
    parts = (os.urandom(min(_PART, room - at)) for at in range(0, room, _PART))
    generations.write_blob(_reserve(directory, number), parts)


def in_held_room(directory: str, number: int, roll_back: t.Callable[[], str]) -> str:
    """Roll back; where that fails, give it the room that was held and try again. Return what was done, in words.

    Given back any earlier, the room could be taken by whatever fills the disk.

    :raises PostmasterError: the second try failed as well. Room is held again, if there is any, for the next one.
    """
    try:
        return roll_back()
    except (OSError, PostmasterError):
        if not os.path.exists(_reserve(directory, number)):
            raise
    held = os.stat(_reserve(directory, number)).st_size
    _files.remove(_reserve(directory, number))
    try:
        return roll_back()
    except (OSError, PostmasterError):
        with contextlib.suppress(OSError):
            _hold(directory, number, held)
        raise


def _stamp(name: str, deadline: float) -> None:
    """Tell systemd that the timer has not missed anything yet: without this file it would not make up for what a shutdown makes it miss.

    Where the host is slow the deadline can be over before the timer starts. A stamp after it would say that the timer has run.
    """
    path = f"/var/lib/systemd/timers/stamp-{name}.timer"
    then = min(time.time(), deadline - 1)
    with contextlib.suppress(OSError):
        with open(path, "w"):
            pass
        os.utime(path, (then, then))


def disarm(runner: Runner, directory: str, number: int) -> None:
    """Remove the timer, the units, the kit and the room that was held; none is fine."""
    name = unit_of(directory, number)
    runner.run(["systemctl", "disable", "--now", f"{name}.timer"], check=False)
    for ending in ("timer", "service"):
        _files.remove(os.path.join(UNITS, f"{name}.{ending}"))
    _files.remove(f"/var/lib/systemd/timers/stamp-{name}.timer")
    _files.remove(os.path.join(generations.place_of(directory), f"{number:06d}{generations.WATCHER}"))
    _files.remove(_reserve(directory, number))
    runner.run(["systemctl", "daemon-reload"], check=False)


def is_early(directory: str, number: int) -> bool:
    """Return whether a generation may still be confirmed: after a restart of the host the timer starts the watcher in any case."""
    deadline = generations.load(directory, number).get("confirm_by")
    return deadline is not None and time.time() < deadline


def waiting(directory: str) -> t.List[int]:
    """Return the generations that wait for a confirmation, the oldest first."""
    known = history.records(directory)
    undone = history.undone_by(known)
    return [
        record["number"]
        for record in known
        if record.get("confirm_by") and record["ended"] == generations.LIVE and record["number"] not in undone
    ]
