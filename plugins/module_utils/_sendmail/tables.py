# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail's lookup tables: the text of ours, where sendmail.cf names a table, and which of the compiled ones have to be made.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from .. import _files
from .._errors import CommandError
from .._model.host import Files, Host
from . import cf, discover
from .compile import compiled_names, dump, entries, make, make_aliases, map_entries

BEGIN = "# BEGIN postmaster.mta relay policy"
END = "# END postmaster.mta relay policy"
ALIASES = "aliases.postmaster"
#: Our part of the access map; the unmanaged access is asked after it and stays as it is.
ACCESS = "access.postmaster"
#: The routes that the mailertable cannot say.
ROUTES = "routes.postmaster"
#: The recipients of served domains.
RECIPIENTS = "recipients.postmaster"
TABLES = (ACCESS, ROUTES, RECIPIENTS, "mailertable", "capture")
#: Whether a line of a table that starts with a blank continues the one before; makemap refuses it.
CONTINUES = False

#: The file of an F line, behind C(-o) and the name of a map.
_CLASS_FILE = re.compile(r"file:(?:-o\s+)?(/\S+)")

Pairs = t.Sequence[t.Tuple[str, str]]


# --- sources --------------------------------------------------------------------------------------------------------


def with_block(current: t.Optional[bytes], pairs: Pairs) -> bytes:
    """Return a table's source with our entries in one marked block; every line outside the block stays byte for byte."""
    text = (current or b"").decode("utf-8", "surrogateescape")
    before, dummy, after = split_block(text)
    if before and not before.endswith("\n"):
        before += "\n"
    lines = "".join(f"{key}\t{value}\n" for key, value in pairs)
    block = f"{BEGIN}\n{lines}{END}\n" if lines else ""
    return (before + block + after).encode("utf-8", "surrogateescape")


def unmanaged(current: t.Optional[bytes]) -> t.Dict[str, str]:
    """Return the entries of a table that stand outside of our block, keys in lower case."""
    before, dummy, after = split_block((current or b"").decode("utf-8", "surrogateescape"))
    return {entry.key.lower(): entry.value for entry in map_entries(before + after)}


def split_block(text: str) -> t.Tuple[str, str, str]:
    """Return what stands before our block, in it and behind it; without a block everything stands before it."""
    start = text.find(BEGIN + "\n")
    end = text.find(END + "\n", start)
    if start < 0 or end < 0:
        return text, "", ""
    return text[:start], text[start + len(BEGIN) + 1 : end], text[end + len(END) + 1 :]


def access_text(pairs: Pairs) -> bytes:
    """Return the source of our part of the access map."""
    head = "# Written by postmaster.mta; the file access is asked after this one and is yours.\n"
    return (head + "".join(f"{key}\t{value}\n" for key, value in pairs)).encode("ascii")


def own_text(pairs: Pairs) -> bytes:
    """Return the source of a table that is ours alone."""
    head = "# Written by postmaster.mta from the relay policy; changes made here are lost.\n"
    return (head + "".join(f"{key}\t{value}\n" for key, value in pairs)).encode("ascii")


def aliases_text(aliases: t.Iterable[t.Tuple[str, t.Sequence[str]]]) -> bytes:
    """Return the source of our own aliases, which are looked up before the system's (aliases(5))."""
    head = "# Written by postmaster.mta; the system's own aliases file is consulted after this one.\n"
    return (head + "".join(f"{name}: {', '.join(targets)}\n" for name, targets in aliases)).encode("ascii")


# --- tables in use --------------------------------------------------------------------------------------------------


def type_in_use(host: Host, name: str) -> str:
    """Return the type by which sendmail.cf refers to a table of the directory; empty where it does not."""
    directory = host.instance.config_directory
    path = os.path.join(directory, name)
    kinds = alias_types(discover.live_cf(directory), host.capabilities.default_table_type)
    if path in kinds:
        return kinds[path]
    with open(os.path.join(directory, "sendmail.cf"), encoding="utf-8", errors="surrogateescape") as stream:
        for line in stream:
            words = line.split()
            if line.startswith("K") and len(words) > 2 and path in words[2:]:
                return words[1]
    return ""


def alias_types(known: cf.Cf, default: str) -> t.Dict[str, str]:
    """Return the files of aliases that sendmail.cf names with their types: C(path), C(hash:path) or C(hash -o:path)."""
    types: t.Dict[str, str] = {}
    for word in (known.value("AliasFile") or "").split(","):
        kind, dummy, path = word.strip().rpartition(":")
        types[path] = kind.split()[0] if kind.split() else default
    return types


def reload_reasons(host: Host, name: str) -> t.Tuple[str, ...]:
    """Return the classes that are read from a file when sendmail starts; tables are opened anew at every connection."""
    directory = host.instance.config_directory
    content = _files.read(os.path.join(directory, "sendmail.cf")) or b""
    return class_uses(cf.parse(content.decode("utf-8", "surrogateescape")), directory).get(name, ())


def class_uses(known: cf.Cf, directory: str) -> t.Dict[str, t.Tuple[str, ...]]:
    """Return the files of the directory that classes are read from, with the classes."""
    uses: t.Dict[str, t.Tuple[str, ...]] = {}
    for letter, words in sorted(known.classes.items()):
        for word in words:
            match = _CLASS_FILE.match(word)
            if match and match.group(1).startswith(directory.rstrip("/") + "/"):
                name = match.group(1)[len(directory.rstrip("/")) + 1 :]
                uses[name] = (*uses.get(name, ()), f"class {letter}: {name}")
    return uses


# --- compiled tables ------------------------------------------------------------------------------------------------


def stale(host: Host, files: Files) -> t.Tuple[str, ...]:
    """Return the compiled tables that must be made: those that are missing or do not hold what the source will say.

    :returns: paths relative to the configuration directory, as build() takes them.
    """
    names = []
    for name in (*TABLES, ALIASES):
        file = files.get(name)
        if file is not None and file.content is not None and not _holds(host, name, file.content):
            names.append(compiled_names(host.capabilities.default_table_type, name)[0])
    return tuple(names)


def _holds(host: Host, name: str, content: bytes) -> bool:
    kind, aliases = host.capabilities.default_table_type, name == ALIASES
    source = os.path.join(host.instance.config_directory, name)
    if not all(os.path.exists(path) for path in compiled_names(kind, source)):
        return False
    try:
        return dump(host, kind, source, aliases) == entries(content, aliases)
    except CommandError:
        return False


def outdated(host: Host, files: Files) -> t.Tuple[str, ...]:
    """Return nothing: whoever starts sendmail compiles its tables, and a change of type is none of ours."""
    return ()


def build_outdated(host: Host, stage: str, names: t.Sequence[str]) -> None:
    """Do nothing: no table is outdated."""


def build(host: Host, stage: str, names: t.Sequence[str]) -> None:
    """Compile tables inside the stage.

    :param names: compiled tables as stale() returns them, or their sources.
    :raises Refused: naming file and line of what makemap did not take.
    """
    kind = host.capabilities.default_table_type
    for name in names:
        source = source_of(name, kind)
        if source == ALIASES:
            make_aliases(host, stage, source, kind)
        else:
            make(host, stage, source, kind)


def source_of(name: str, kind: str) -> str:
    """Return the source of a compiled table, or the name itself where it is a source."""
    stem = os.path.splitext(name)[0]
    return stem if name in compiled_names(kind, stem) else name
