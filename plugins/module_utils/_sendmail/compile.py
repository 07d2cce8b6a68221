# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail's compiled tables: which files makemap(8) makes of a source, how they are made, and what is in them.

Private to the collection: it can change at any time.

A compiled table is never made in place: makemap(8) that is killed leaves half of one. It is made under a new name in the stage, compared
with its source, and moved.
"""

import contextlib
import os
import re
import shutil
import typing as t

from .. import _files
from .._errors import Refused
from .._model.host import COMPILED_SUFFIXES, Host
from . import discover

#: Bytes that makemap may keep in memory; with its own 1 MiB a large table takes five times as long.
_LARGEST_CACHE = 128 << 20
#: sendmail compares inode and link count before and after it opens a file. An optional map that differs is left out without a word, so a
#: blocked sender gets in; another one is a permanent refusal for everybody (filechanged() in its source).
WATCHES_FILES = True
#: How sendmail says that all aliases are compiled.
_ALIASES_DONE = re.compile(r": ([0-9]+) aliases, longest [0-9]+ bytes?, [0-9]+ bytes? total$")
#: The entry that says that a table of aliases is complete; sendmail waits for it (AliasWait).
_COMPLETE = ("@", "@")

Entries = t.FrozenSet[t.Tuple[str, str]]


class Entry(t.NamedTuple):
    """An entry of a source and the number of its line."""

    line: int
    key: str
    value: str


def compiled_names(kind: str, name: str) -> t.Tuple[str, ...]:
    """Return the compiled files of a source."""
    return tuple(name + suffix for suffix in COMPILED_SUFFIXES.get(kind, (".db",)))


# --- making ---------------------------------------------------------------------------------------------------------


def make(host: Host, stage: str, name: str, kind: str, compare: bool = True, aliases: bool = False) -> None:
    """Compile one table in the stage under a new name, and move it.

    :param compare: dump it and compare it with its source; the time this takes grows with the table.
    :raises Refused: what makemap(8) did not take, with its line; it writes the rest all the same.
    """
    source = os.path.join(stage, name)
    if aliases:
        _make_by_newaliases(host, stage, name, kind)
        return
    # The shell makes the source the standard input: it may be too large to be handed over piece by piece.
    script = 'exec makemap -c "$1" "$2" "$3" < "$4"'
    cache = str(min(max(2 * os.path.getsize(source), 1 << 20), _LARGEST_CACHE))
    with _replacing(source, kind) as fresh:
        _run(host, name, ["sh", "-c", script, "sh", cache, kind, fresh, source])
        if compare:
            _compare(host, name, kind, fresh, entries(_content(source)))


def make_aliases(host: Host, stage: str, name: str, kind: str) -> None:
    """Compile our own aliases in the stage under a new name, compare them with their source, and move them.

    :raises Refused: what makemap(8) did not take.
    """
    source = os.path.join(stage, name)
    wanted = entries(_content(source), aliases=True)
    text = "".join(f"{key}\t{value}\n" for key, value in sorted(wanted))
    with _replacing(source, kind) as fresh:
        _run(host, name, ["makemap", "-N", kind, fresh], text)
        _compare(host, name, kind, fresh, wanted, aliases=True)


def _make_by_newaliases(host: Host, stage: str, name: str, kind: str) -> None:
    """Compile the aliases of an administrator: sendmail itself reads them, so it knows continuations, quotes and includes.

    :raises Refused: what sendmail did not take; it writes the rest all the same.
    """
    from .._model import table

    source = os.path.join(stage, name)
    wanted = len(
        table.read(name, _content(source).decode("utf-8", "surrogateescape"), table.Syntax(table.ALIASES, True))
    )
    with _replacing(source, kind) as fresh:
        shutil.copyfile(source, fresh)
        try:
            configuration = os.path.join(host.instance.config_directory, "sendmail.cf")
            argv = [discover.the_layout().program, "-C", configuration, f"-OAliasFile={kind}:{fresh}", "-bi"]
            result = host.runner.run(argv, stdin="", check=False, timeout=600)
        finally:
            os.unlink(fresh)
        lines = [line.strip() for line in (result.out + result.err).split("\n") if line.strip()]
        complaints = [line.replace(fresh, name) for line in lines if not _ALIASES_DONE.search(line)]
        done = [int(match.group(1)) for match in map(_ALIASES_DONE.search, lines) if match]
        if result.rc or complaints or done != [wanted]:
            raise Refused(complaints or [f"{name}: sendmail compiled {sum(done)} of {wanted} aliases"])


def finish(stage: str) -> None:
    """Do nothing: all is done when the tables are in the stage."""


@contextlib.contextmanager
def _replacing(source: str, kind: str) -> t.Iterator[str]:
    """Provide a name to make a table under. Move the result into place, or remove it on failure."""
    directory, name = os.path.split(source)
    fresh = os.path.join(directory, f".{name}.new")
    try:
        yield fresh
        for built, target in zip(compiled_names(kind, fresh), compiled_names(kind, source)):
            _move(built, target)
    finally:
        for built in compiled_names(kind, fresh):
            if os.path.exists(built):
                os.unlink(built)


def _run(host: Host, name: str, argv: t.Sequence[str], stdin: t.Optional[str] = None) -> None:
    result = host.runner.run(argv, stdin=stdin, check=False, timeout=600)
    if result.rc or result.err.strip():
        complaints = (result.err or result.out or "makemap failed").strip().split("\n")
        raise Refused([_with_name(line, name) for line in complaints])


def _with_name(line: str, name: str) -> str:
    """Return C(makemap: /path: line 3: text) with the name that the postmaster knows."""
    dummy, marker, rest = line.partition(": line ")
    return f"{name}:{rest}" if marker else f"{name}: {line}"


def _compare(host: Host, name: str, kind: str, fresh: str, wanted: Entries, aliases: bool = False) -> None:
    different = sorted(wanted ^ dump(host, kind, fresh, aliases))
    if different:
        raise Refused([f"{name}: the compiled table does not hold what its source says, for instance {different[0]!r}"])


def _move(built: str, target: str) -> None:
    """Move a new table into place with the owner and the mode of the old one, or those that the daemon accepts."""
    if os.path.exists(target):
        old = os.stat(target)
        owner, group, mode = old.st_uid, old.st_gid, old.st_mode & 0o7777
    else:
        layout = discover.the_layout()
        owner, group, mode = _uid(layout.table_owner), _gid(layout.group), 0o640
    os.chown(built, owner, group)
    os.chmod(built, mode)
    _files.put(built, target)


def _uid(name: str) -> int:
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return 0


def _gid(name: str) -> int:
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return 0


# --- what is in a table ---------------------------------------------------------------------------------------------


def entries(content: bytes, aliases: bool = False) -> Entries:
    """Return what the compiled form of a source must hold; makemap folds keys to lower case."""
    text = content.decode("utf-8", "surrogateescape")
    if aliases:
        return frozenset(alias_entries(text)) | {_COMPLETE}
    return frozenset((entry.key.lower(), entry.value) for entry in map_entries(text))


def map_entries(text: str) -> t.Tuple[Entry, ...]:
    """Return the entries of a makemap source (makemap(8)); # begins a comment in the first column only."""
    entries = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            key, value = (line.split(None, 1) + [""])[:2]
            entries.append(Entry(number, key, value.strip()))
    return tuple(entries)


def alias_entries(text: str) -> t.Tuple[t.Tuple[str, str], ...]:
    """Return the entries of our own aliases file, which has one line for each."""
    pairs = [line.partition(":") for line in text.split("\n") if not line.startswith("#")]
    return tuple((name.strip(), targets.strip()) for name, colon, targets in pairs if colon)


def dump(host: Host, kind: str, source: str, aliases: bool = False) -> Entries:
    """Return the entries of a compiled table (makemap -u). Aliases carry their terminating NULs.

    :param source: the path of the table without the suffix of its compiled form.
    """
    options = ["-N"] if aliases else []
    result = host.runner.run(["makemap", "-u", *options, kind, source], timeout=120)
    pairs = [line.replace("\0", "").partition("\t") for line in result.out.split("\n") if line]
    return frozenset((key, value.strip()) for key, dummy, value in pairs)


def _content(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()
