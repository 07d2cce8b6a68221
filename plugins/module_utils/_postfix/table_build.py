# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compile a table as another type, and prove that it answers as the table that is in use.

Private to the collection: it can change at any time.
"""

import contextlib
import os
import shutil
import tempfile
import typing as t

from .. import _files
from .._errors import Refused
from .._model.host import Host, compiled_names
from .compile import command, entries
from .table_types import Cache, Table

#: postmap(1) cannot list a table of this type, only answer.
_ASKED = ("cdb",)
#: Caches whose entries are text. Of TLS sessions nothing is lost but a handshake.
_CARRIED = ("address_verify_map", "postscreen_cache_map")


def build(host: Host, table: Table, kind: str, source: str, target: str) -> t.List[str]:
    """Compile one table under a new name, compare it with the one in use, and move it; return what to note.

    :param source: what is compiled: the source, or the staged one.
    :param target: the same path where the compiled file goes, without its suffix.
    :raises Refused: it does not compile, or it would answer otherwise than the table in use.
    """
    scratch = tempfile.mkdtemp(prefix=".build-", dir=os.path.dirname(target))
    try:
        copy = os.path.join(scratch, os.path.basename(target))
        shutil.copyfile(source, copy)
        done = host.runner.run(command(host, kind, copy, table.aliases), check=False, timeout=600)
        if done.rc:
            raise Refused([f"{table.path}: not compiled as {kind}: {done.err.strip().replace(copy, table.path)}"])
        notes = _compare(host, table, kind, copy)
        for made, place in zip(compiled_names(kind, copy), compiled_names(kind, target)):
            _files.copy_identity(_like(table), made)
            _files.put(made, place)
        return notes
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def is_current(table: Table, kind: str) -> bool:
    """Return whether the source of a table is no newer than what was compiled from it."""
    try:
        source = os.stat(table.path).st_mtime
        return all(os.stat(name).st_mtime >= source for name in compiled_names(kind, table.path))
    except OSError:
        return False


def carry(host: Host, cache: Cache) -> t.List[str]:
    """Carry the entries of a cache over, as far as they are text; return what to note.

    Postfix holds its lock, so the file is copied as it lies there. What cannot be read so is learnt anew.
    """
    built, new = compiled_names(cache.old, cache.path)[0], compiled_names(cache.new, cache.path)[0]
    if cache.setting not in _CARRIED or not os.path.exists(built) or os.path.exists(new):
        return []
    with tempfile.TemporaryDirectory(prefix="postmaster-") as scratch:
        copy = os.path.join(scratch, "cache")
        shutil.copyfile(built, compiled_names(cache.old, copy)[0])
        listed = host.runner.run(command(host, cache.old, copy, False, "-s"), check=False)
        written = host.runner.run(
            command(host, cache.new, os.path.join(scratch, "new"), False, "-i"), stdin=listed.out, check=False
        )
        made = compiled_names(cache.new, os.path.join(scratch, "new"))[0]
        if listed.rc or written.rc or not os.path.exists(made):
            return [f"{cache.setting}: its entries could not be read, it starts empty"]
        beside = _files.temporary(new)
        shutil.copyfile(made, beside)
        _files.copy_identity(built, beside)
        _files.put(beside, new)
    return []


def remove(kind: str, paths: t.Iterable[str]) -> None:
    """Remove compiled tables that nobody uses after all."""
    for path in paths:
        for name in compiled_names(kind, path):
            with contextlib.suppress(OSError):
                _files.remove(name)


def _like(table: Table) -> str:
    """Return the file whose owner and mode the new one gets: who could read the old table can read the new one."""
    return next((name for name in compiled_names(table.old, table.path) if os.path.exists(name)), table.path)


def _compare(host: Host, table: Table, kind: str, copy: str) -> t.List[str]:
    """Compare what was compiled with the table in use.

    :raises Refused: naming the first key with another answer.
    """
    says = entries(_files.read(copy) or b"", table.aliases)
    in_use = _listed(host, table.old, table.path, says) if table.old in host.capabilities.table_types else None
    if in_use is None:
        return [
            f"{table.path}: this Postfix cannot read {table.old}, so the new table is as its source says, uncompared"
        ]
    made = _listed(host, kind, copy, {**says, **in_use}) or {}
    different = sorted(set(in_use.items()) ^ set(made.items()))
    if different:
        program = "postalias" if table.aliases else "postmap"
        raise Refused(
            [
                f"{table.path}: the table in use does not say what its source says, first at {different[0][0]!r}: "
                f"where the source is right, run {program} {table.old}:{table.path} and then this again"
            ]
        )
    return []


def _listed(host: Host, kind: str, path: str, keys: t.Mapping[str, str]) -> t.Optional[t.Dict[str, str]]:
    """Return the entries of a compiled table; None where it cannot be read."""
    if kind in _ASKED:
        # Exit status 1: the last key was not there.
        asked = host.runner.run(
            command(host, kind, path, False, "-q", "-"), stdin="".join(f"{key}\n" for key in keys), check=False
        )
        answered = asked if asked.rc in (0, 1) else None
    else:
        listed = host.runner.run(command(host, kind, path, False, "-s"), check=False, timeout=600)
        answered = None if listed.rc else listed
    if answered is None:
        return None
    pairs = [line.partition("\t") for line in answered.out.split("\n") if line]
    # What postalias adds for NIS is no entry (postalias(1)).
    return {key: value for key, dummy, value in pairs if key != "@" and not key.startswith("YP_")}
