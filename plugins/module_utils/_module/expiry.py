# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watcher does when nobody has confirmed: roll one generation back, on the one way through, without a controller.

Private to the collection: it can change at any time.
"""

import functools
import os
import sys
import typing as t

from .. import _change, _files, _mta
from .._account import generations, history, merge, watch
from .._account.history import Contents
from .._account.ownership import Current, Twin
from .._driver.ownership import ownership_of
from .._errors import PostmasterError
from .._model.host import Host
from .._runner import Runner
from .way_back import WayBack

LOCK_TIMEOUT = 300.0


#: Rolls one generation back: the runner, the MTA, the configuration directory, the number.
Expire = t.Callable[[Runner, str, str, int], str]


def main(expire_it: Expire, arguments: t.Sequence[str]) -> int:
    """Roll back what the arguments name: the MTA, the configuration directory, the generation. Return the exit status."""
    mta, directory, number = arguments
    if watch.is_early(directory, int(number)):
        sys.stdout.write(f"generation {number} may still be confirmed\n")
        return 0
    try:
        roll_back = functools.partial(expire_it, Runner(), mta, directory, int(number))
        outcome = watch.in_held_room(directory, int(number), roll_back)
    except PostmasterError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(f"{outcome}\n")
    return 0


def expire(way_back: t.Type[WayBack], runner: Runner, mta: str, directory: str, number: int) -> str:
    """Roll a generation back unless it is confirmed, undone or rolled back already; return what was done, in words.

    :param way_back: how what comes back is judged.
    """
    if waits(directory, number):
        host = _mta.find(runner, mta, directory)
        author = author_of(directory, number)
        way = way_back(host, author, lambda: taken_back(host, directory, number), before(directory, number))
        _change.transact(way.steps(), directory, lock_timeout=LOCK_TIMEOUT)
        outcome = f"generation {number} was not confirmed and is rolled back"
    else:
        outcome = f"generation {number} does not wait for a confirmation"
    watch.disarm(runner, directory, number)
    return outcome


def waits(directory: str, number: int) -> bool:
    """Return whether a generation waits for a confirmation, once whoever changes something now has ended: it can be this very change."""
    with _change.locked(directory, LOCK_TIMEOUT):
        return number in watch.waiting(directory)


def author_of(directory: str, number: int) -> _change.Author:
    """Return who rolls a generation back, for the record."""
    more = _more(directory, number)
    return _change.Author("confirm", owned=lambda owned: _owned(directory, number, owned), more=more)


def _more(directory: str, number: int) -> t.Dict[str, t.Any]:
    return {
        "undoes": [number],
        "state": before(directory, number),
        "reason": f"generation {number} was not confirmed in time",
    }


def before(directory: str, number: int) -> int:
    """Return the generation before one."""
    earlier = [record["number"] for record in history.records(directory) if record["number"] < number]
    return earlier[-1] if earlier else number - 1


def _owned(directory: str, number: int, owned: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """Return what its author owned before it; others keep what they own."""
    author = generations.load(directory, number).get("module", "")
    earlier = history.owned_after(directory, before(directory, number))
    return dict(owned, **{author: earlier.get(author, {})})


def taken_back(host: Host, directory: str, number: int) -> Contents:
    """Return the files as they shall be without a generation that waits; none where it was confirmed meanwhile."""
    return without_generation(host, directory, number) if number in watch.waiting(directory) else {}


def without_generation(host: Host, directory: str, number: int) -> Contents:
    """Return the files as they shall be without one generation; what came after it, such as an urgent block, stays."""
    names = [file["name"] for file in generations.load(directory, number).get("files", ())]
    after, earlier = (history.contents(directory, state, names) for state in (number, before(directory, number)))
    readers = [_reader(directory, contents) for contents in ({}, after, earlier)]
    edited = _edited(ownership_of(host.mta).twin(host), readers, names)
    files: Contents = {}
    for name in names:
        now, written, first = (reader(name) for reader in readers)
        # What a later change has written as well is rolled back part by part, or line by line where it has no parts.
        by_parts = name in edited and now != written
        files[name] = edited[name] if by_parts else merge.without(first, written, now)
    return files


def _edited(twin: Twin, readers: t.Sequence[Current], names: t.Sequence[str]) -> Contents:
    """Return the live files in which the parts of the generation are as they were before it.

    :param readers: of the live files, of those after the generation, and of those before it.
    """
    live, then, old = (twin.parts(reader, names) for reader in readers)
    changed = [part for part in {*then, *old} if then.get(part) != old.get(part)]
    # A part that was changed since is somebody else's now.
    ours = [part for part in changed if live.get(part) == then.get(part)]
    return twin.edited(readers[0], {part: old.get(part) for part in ours})


def _reader(directory: str, contents: Contents) -> Current:
    """Return what reads a file of a state; one that the state has not changed is the live one."""
    return lambda name: contents[name] if name in contents else _files.read(os.path.join(directory, name))


__all__ = ("LOCK_TIMEOUT", "author_of", "before", "expire", "main", "taken_back", "waits", "without_generation")
