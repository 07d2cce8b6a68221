# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mailbox to which a canary comes back: a Maildir or an mbox of this host.

Private to the collection: it can change at any time.
"""

import os
import stat
import typing as t

from .._errors import NotPermitted, PostmasterError

#: A message names the one that it answers in its header, or quotes it near its beginning.
_BEGINNING = 64 * 1024
#: So much of an mbox is read, from its end.
_MOST = 16 * 1024 * 1024


class NoMailbox(PostmasterError):
    """A mailbox that is not there."""


def arrivals(path: str, texts: t.Collection[str], since: float) -> t.Dict[str, float]:
    """Return which texts, Message-IDs of ours, stand in a mailbox, each with the time at which it was written.

    :param since: messages that are older, in seconds since the epoch, are not looked at.
    :raises NoMailbox: there is none, or it may not be read.
    """
    ids = {text: text.encode("ascii") for text in texts}
    times: t.Dict[str, float] = {}
    for written, content in _contents(path, since) if ids else ():
        for text, octets in ids.items():
            if octets in content:
                times[text] = min(written, times.get(text, written))
    return times


def _contents(path: str, since: float) -> t.Iterator[t.Tuple[float, bytes]]:
    """Yield messages with the times at which they were written; an mbox is one of them."""
    try:
        is_maildir = stat.S_ISDIR(os.stat(path).st_mode)
        files = list(_messages_of(path)) if is_maildir else [path]
    except PermissionError:
        raise NotPermitted(f"the mailbox {path} may not be read")
    except OSError as problem:
        raise NoMailbox(f"the mailbox {path}: {os.strerror(problem.errno or 0)}")
    for name in files:
        try:
            status = os.stat(name)
            if stat.S_ISREG(status.st_mode) and status.st_mtime >= since:
                yield status.st_mtime, _read(name, 0 if is_maildir else max(0, status.st_size - _MOST), is_maildir)
        except FileNotFoundError:
            continue  # its reader has moved it


def _messages_of(path: str) -> t.Iterator[str]:
    for part in ("new", "cur"):
        directory = os.path.join(path, part)
        for name in os.listdir(directory):
            yield os.path.join(directory, name)


def _read(path: str, start: int, is_message: bool) -> bytes:
    with open(path, "rb") as stream:
        stream.seek(start)
        return stream.read(_BEGINNING if is_message else _MOST)


__all__ = ("NoMailbox", "arrivals")
