# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left in the queue of an MTA that was moved away from, and the end of it once nothing is.

Private to the collection: it can change at any time.

A timer runs this on the host, without a controller. What is held or quarantined is never tried, so nobody waits for it: it stays
where it is.
"""

import os
import sys
import typing as t

from .. import _change
from .._driver.queue import queue_of
from .._errors import Busy, PostmasterError
from .._model import queue as _queue
from .._model.host import Host
from .._runner import Runner
from .._sendmail import discover, processes
from .._sendmail import queue as sendmail_queue
from . import move_services
from .move_services import POSTFIX, SENDMAIL, Both

#: What waits for a person, not for a delivery.
_RESTING = (_queue.HOLD, _queue.CORRUPT)
_CLIENT_TIMEOUT = 600
_LOCK_TIMEOUT = 5.0


class Left(t.NamedTuple):
    """What an MTA still has in its queue.

    :param messages: those that it tries again.
    :param resting: those that it never tries: held, quarantined, corrupt.
    :param oldest: when the oldest of the first came in, in seconds since the epoch; None where there is none.
    :param unreadable: the files that nobody can read, each with the reason.
    """

    mta: str
    messages: int
    resting: int
    oldest: t.Optional[int]
    unreadable: t.Tuple[str, ...]


def left(host: Host) -> Left:
    """Return what is in the queue of an instance, and in the queue in which local programs of sendmail leave mail."""
    unreadable: t.List[str] = []
    arrivals, resting = [], 0
    for place in _places(host):
        for message in queue_of(host.mta).messages(place, lambda path, why: unreadable.append(f"{path}: {why}")):
            if message.status in _RESTING:
                resting += 1
            else:
                arrivals.append(message.arrival)
    return Left(host.mta, len(arrivals), resting, min(arrivals) if arrivals else None, tuple(unreadable))


def _places(host: Host) -> t.List[Host]:
    if host.mta != SENDMAIL:
        return [host]
    client = _client_queue(host)
    return [host] + ([_with_queue(host, client)] if os.path.isdir(client) else [])


def _client_queue(host: Host) -> str:
    submit = discover.parsed(discover.content(os.path.join(host.instance.config_directory, "submit.cf")))
    return submit.value("QueueDirectory") or "/var/spool/mqueue-client"


def _with_queue(host: Host, directory: str) -> Host:
    return host._replace(instance=host.instance._replace(queue_directories=(directory,)))


def main(arguments: t.Sequence[str]) -> int:
    """End the drain where nothing is left. Return the exit status."""
    runner = Runner()
    try:
        # A move that is under way starts and stops the same services.
        with _change.locked(os.path.realpath(move_services.both(runner).new.instance.config_directory), _LOCK_TIMEOUT):
            sys.stdout.write(f"{end(runner)}\n")
    except PostmasterError as problem:
        sys.stderr.write(f"{problem}\n")
        return 0 if isinstance(problem, Busy) else 1
    return 0


def end(runner: Runner) -> str:
    """End the drain where nothing is left; return what was done, in words."""
    mta = move_services.remembered().get("drains", "")
    if not mta:
        move_services.end_drain(runner)
        return "nothing is drained"
    pair = move_services.both(runner)
    host = pair.new if mta == POSTFIX else pair.old
    if mta == SENDMAIL:
        _run_client_queue(pair)
    # Asked first: who is at work now can still leave a message.
    at_work = mta == SENDMAIL and _is_at_work(pair)
    rest = left(host)
    if rest.messages:
        return f"{rest.messages} messages are left in the queue of {mta}"
    if at_work:
        return f"{mta} is still at work"
    move_services.end_drain(runner)
    return f"the queue of {mta} is empty"


def _run_client_queue(pair: Both) -> None:
    """Hand in what local programs left while nobody listened: the scripts that do so can call Postfix by now."""
    client = _client_queue(pair.old)
    if os.path.isdir(client) and sendmail_queue.count(_with_queue(pair.old, client)):
        pair.runner.run([discover.the_layout().program, "-Ac", "-qf"], check=False, timeout=_CLIENT_TIMEOUT)


def _is_at_work(pair: Both) -> bool:
    """Return whether a session or a delivery of sendmail goes on: it could still leave a message."""
    at_work = set(processes.working_in(pair.old.instance.queue_directories[0]))
    runner = (discover.content(f"/run/{move_services.RUNNER_UNIT}.pid") or b"").split(b"\n")[0].strip()
    return bool(at_work - {int(runner)} if runner.isdigit() else at_work)


__all__ = ("Left", "end", "left", "main")
