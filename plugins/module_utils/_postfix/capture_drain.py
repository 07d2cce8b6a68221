# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail in Postfix's queue that is still bound for a capture instance after the route is gone. Twin of C(_sendmail.capture_drain).

Private to the collection: it can change at any time.

The word of FILTER is in the queue file, and wins at each attempt until the message is requeued.
"""

import os
import time
import typing as t

from .._errors import PostmasterError
from .._model.capture import Endpoint
from .._model.host import Host
from .._model.queue import Message
from . import capture, queue

_QUEUES = ("maildrop", "incoming", "active", "deferred")
_PAUSE = 0.5


def drain(host: Host, hop: Endpoint, deadline: float) -> t.List[str]:
    """Wait until nothing is on its way to the capture instance; what cannot get there is routed anew.

    :param deadline: of the monotonic clock; requeueing begins when half of the time is over.
    :returns: what was done, in words.
    :raises PostmasterError: the time is over.
    """
    half = time.monotonic() + (deadline - time.monotonic()) / 2
    waiting = bound(host, hop)
    for name in waiting:
        host.runner.run(["postqueue", "-c", host.instance.config_directory, "-i", name], check=False)
    requeued: t.Set[str] = set()
    while waiting and time.monotonic() < deadline:
        if time.monotonic() > half:
            new = [name for name in waiting if name not in requeued]
            requeued.update(new)
            _requeue(host, new)
        time.sleep(_PAUSE)
        waiting = bound(host, hop)
    if waiting:
        raise PostmasterError(
            f"{len(waiting)} messages of {host.instance.name} are still bound for {hop.text}: {', '.join(waiting[:5])}"
        )
    return [f"route {len(requeued)} messages anew that were bound for {hop.text}"] if requeued else []


def refused(release: Endpoint, messages: t.Sequence[Message]) -> t.Dict[str, str]:
    """Return the messages that a release would bounce, by ID: none, the capture instance keeps what is refused (C(soft_bounce))."""
    return {}


def _requeue(host: Host, names: t.Sequence[str]) -> None:
    if names:
        argv = ["postsuper", "-c", host.instance.config_directory, "-r", "-", "incoming", "active", "deferred"]
        host.runner.run(argv, stdin="".join(f"{name}\n" for name in names), check=False)
        host.runner.run(["postkick", "-c", host.instance.config_directory, "public", "pickup", "W"], check=False)


def bound(host: Host, hop: Endpoint) -> t.List[str]:
    """Return the IDs of the messages whose queue file says that they go there. Those on hold do not count."""
    target = f"{capture.SERVICE}:{hop.text}".encode("ascii")
    # A record is a letter, its length in one byte, and its text; L is the word of FILTER (rec_type.h).
    record = b"L" + bytes(bytearray([len(target)])) + target
    return sorted(os.path.basename(path) for path in _files(host) if _holds(path, record))


def _files(host: Host) -> t.Iterator[str]:
    directory = queue._settings(host).directory
    for name in _QUEUES:
        for parent, dummy, names in os.walk(os.path.join(directory, name)):
            for file_name in names:
                yield os.path.join(parent, file_name)


def _holds(path: str, record: bytes) -> bool:
    """Return whether a file contains a text. The record stands behind the message, but a queue file is read in one piece."""
    try:
        with open(path, "rb") as stream:
            return record in stream.read()
    except OSError:
        return False
