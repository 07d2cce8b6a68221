# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix's lookup tables: where main.cf names them, what is in their sources, and how the compiled ones are made.

Private to the collection: it can change at any time.

A compiled table is never written in place: postmap(1) that is killed leaves an empty one, whose lookups find nothing without
an error. It is made under a new name, compared with its source, and moved.
"""

import os
import re
import shutil
import tempfile
import time
import typing as t

from .._errors import Refused
from .._records import Files, Host
from . import main_cf
from .logical_lines import BLANKS, decode, read_document

#: The files that postmap(1) makes of a source, by table type (DATABASE_README).
SUFFIXES = {
    "btree": (".db",),
    "cdb": (".cdb",),
    "dbm": (".dir", ".pag"),
    "hash": (".db",),
    "lmdb": (".lmdb",),
    "sdbm": (".dir", ".pag"),
}
_PREFIX = "$config_directory/"
_ALTERNATIVES = ("${config_directory}/", "$(config_directory)/")
#: Tables of these parameters are read by local(8) and have the syntax of aliases(5).
ALIAS_PARAMETERS = frozenset(("alias_database", "alias_maps"))
#: type:path, the path absolute or starting with a parameter, at the start of a list element or inside braces.
_REFERENCE = re.compile(r"(?:^|[\s,{])(?:proxy:)?([a-z][a-z0-9]*):((?=[/$])(?:\$\{[^}]*\}|\$\([^)]*\)|[^\s,{}])+)")
_LINE = re.compile(r"\w+: (?:warning|fatal|error|panic): (.*)\Z")


class Reference(t.NamedTuple):
    """A C(type:name) in the value of a parameter.

    :param path: what stands behind the colon, as it is written.
    :param name: the file relative to the configuration directory, empty where it lies elsewhere.
    """

    parameter: str
    type: str
    path: str
    name: str


def references(values: t.Mapping[str, str], config_directory: str = "") -> t.List[Reference]:
    """All lookup tables that the values of main.cf or the options of a service name.

    :param config_directory: paths below it count as being in it, too.
    """
    return [one for name in sorted(values) for one in references_in(name, values[name], config_directory)]


def references_in(parameter: str, value: str, config_directory: str = "") -> t.Iterator[Reference]:
    """The lookup tables in one value, those in braces as well."""
    for kind, path in _REFERENCE.findall(value):
        yield Reference(parameter, kind, path, _relative(path, config_directory))


def compiled_names(kind: str, name: str) -> t.Tuple[str, ...]:
    """The compiled files of a source; none for types that are read as they are."""
    return tuple(name + suffix for suffix in SUFFIXES.get(kind, ()))


def stale(host: Host, files: Files) -> t.Tuple[str, ...]:
    """The compiled tables that must be made: missing, older than their source, or not what the source says.

    :returns: paths relative to the configuration directory, as build() takes them.
    """
    directory = host.instance.config_directory
    found = []
    for kind, name, aliases in _indexed(files, directory):
        file = files.get(name)
        if file is not None and file.content is not None and not _fresh(host, kind, name, file.content, aliases):
            found += list(compiled_names(kind, name)[:1])
    return tuple(sorted(found))


def build(host: Host, stage: str, names: t.Sequence[str]) -> None:
    """Make compiled tables in the stage: under a new name, judged, compared, moved.

    :param names: compiled tables, or their sources, relative to the configuration directory.
    :raises Refused: a line that postmap or postalias warned about, or a table that is not what its source says.
    """
    main = main_cf.parse(_read(os.path.join(stage, "main.cf")) or b"").values
    kinds = {one.name: one for one in references(main, host.instance.config_directory) if one.name}
    for name in names:
        source = source_of(name, kinds)
        reference = kinds.get(source)
        kind = reference.type if reference else host.capabilities.default_table_type
        aliases = reference is not None and reference.parameter in ALIAS_PARAMETERS
        if kind in SUFFIXES:
            _build_one(host, stage, kind, source, aliases)
    settle(os.path.join(stage, "main.cf"))


def settle(path: str) -> None:
    """Date a main.cf that was just written three seconds back.

    Every Postfix program that finds a main.cf of the last second fears that it is being written, and reads it again and again
    until it is older (dict_load_file_xt() in dict.c): after a reload nothing would be answered for two seconds.
    """
    try:
        earlier = time.time() - 3
        if os.stat(path).st_mtime > earlier:
            os.utime(path, (earlier, earlier))
    except OSError:
        pass


def source_of(name: str, known: t.Container[str]) -> str:
    """The source of a compiled table, or the name itself where it is a source."""
    stem, dot, suffix = name.rpartition(".")
    suffixes = {suffix for each in SUFFIXES.values() for suffix in each}
    return stem if name not in known and dot and dot + suffix in suffixes else name


def entries(content: bytes, aliases: bool = False) -> t.Dict[str, str]:
    """What a source says, as postmap(1) and postalias(1) understand it: keys in lower case, the first of two counts."""
    found: t.Dict[str, str] = {}
    for line in read_document(content, "").logical:
        key, value = _alias_entry(line.text) if aliases else _map_entry(line.text)
        if key:
            found.setdefault(key, value)
    return found


def parse_dump(text: str, aliases: bool = False) -> t.Dict[str, str]:
    """The output of C(postmap -s), key, TAB, value, or of C(postalias -s), where a colon follows the key.

    The entries that postalias adds for NIS are left out (postalias(1)).
    """
    pairs = [line.partition("\t") for line in text.split("\n") if line]
    if not aliases:
        return {key: value for key, dummy, value in pairs}
    named = {key[:-1] if key.endswith(":") else key: value for key, dummy, value in pairs}
    return {key: value for key, value in named.items() if key != "@" and not key.startswith("YP_")}


def _relative(path: str, config_directory: str) -> str:
    own = config_directory.rstrip("/") + "/" if config_directory else ""
    for prefix in (_PREFIX,) + _ALTERNATIVES + ((own,) if own else ()):
        if path.startswith(prefix):
            return path[len(prefix) :]
    return ""


def _indexed(files: Files, directory: str) -> t.List[t.Tuple[str, str, bool]]:
    main = files.get("main.cf")
    values = main_cf.parse(main.content or b"").values if main else {}
    found = {
        (one.type, one.name, one.parameter in ALIAS_PARAMETERS)
        for one in references(values, directory)
        if one.name and one.type in SUFFIXES
    }
    return sorted(found)


def _fresh(host: Host, kind: str, name: str, wanted: bytes, aliases: bool) -> bool:
    source = os.path.join(host.instance.config_directory, name)
    if _read(source) != wanted:
        return False
    try:
        changed = os.stat(source).st_mtime
        if any(os.stat(source + suffix).st_mtime < changed for suffix in SUFFIXES[kind]):
            return False
    except OSError:
        return False
    dump = host.runner.run(_command(host, kind, source, aliases, "-s"), check=False)
    return dump.rc == 0 and not dump.err.strip() and parse_dump(dump.out, aliases) == entries(wanted, aliases)


def _build_one(host: Host, stage: str, kind: str, name: str, aliases: bool) -> None:
    source = os.path.join(stage, name)
    # Beside the stage's files, so that moving is a rename on one file system.
    scratch = tempfile.mkdtemp(prefix=".build-", dir=os.path.dirname(source))
    try:
        copy = os.path.join(scratch, os.path.basename(name))
        shutil.copyfile(source, copy)
        said = host.runner.run(_command(host, kind, copy, aliases), check=False, timeout=300)
        problems = _complaints(said.err, scratch, name)
        if said.rc or problems:
            raise Refused(problems or [f"{name}: {kind} table not made: exit status {said.rc}"])
        _compare(host, kind, copy, name, aliases)
        for suffix in SUFFIXES[kind]:
            _move(copy + suffix, source + suffix, like=source)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _command(host: Host, kind: str, path: str, aliases: bool, *options: str) -> t.List[str]:
    program = "postalias" if aliases else "postmap"
    return [program, "-c", host.instance.config_directory] + list(options) + [f"{kind}:{path}"]


def _complaints(said: str, scratch: str, name: str) -> t.List[str]:
    """Postmap's warnings with the real name of the file instead of the copy's."""
    found = []
    for line in said.splitlines():
        match = _LINE.search(line)
        text = (match.group(1) if match else line).strip()
        if text:
            found.append(re.sub(r"(, line | line |:)(\d+):", r":\2:", text.replace(scratch + "/", "")))
    base = os.path.basename(name)
    found = [re.sub(re.escape(base) + r"\.(db|lmdb|cdb|dir|pag)\b", base, text) for text in found]
    return [text if base in text else f"{name}: {text}" for text in found]


def _compare(host: Host, kind: str, copy: str, name: str, aliases: bool) -> None:
    """A line can vanish without a warning: one that starts with a blank belongs to the one before it."""
    dump = parse_dump(host.runner.run(_command(host, kind, copy, aliases, "-s")).out, aliases)
    wanted = entries(_read(copy) or b"", aliases)
    if dump != wanted:
        missing = sorted(set(wanted.items()) ^ set(dump.items()))
        raise Refused([f"{name}: the compiled table is not what its source says, first at {missing[0][0]!r}"])


def _move(built: str, target: str, like: str) -> None:
    attributes = os.stat(like)
    os.chown(built, attributes.st_uid, attributes.st_gid)
    os.chmod(built, attributes.st_mode & 0o7777)
    descriptor = os.open(built, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(built, target)


def _map_entry(line: str) -> t.Tuple[str, str]:
    """C(key value); a key in double quotes may contain blanks (postmap(1))."""
    if line.startswith('"') and '"' in line[1:]:
        key, dummy, value = line[1:].partition('"')
    else:
        parts = line.split(None, 1)
        key, value = (parts + ["", ""])[:2]
    return key.lower(), value.strip(BLANKS)


def _alias_entry(line: str) -> t.Tuple[str, str]:
    key, colon, value = line.partition(":")
    if line.startswith('"'):
        quoted, dummy, rest = line[1:].partition('"')
        key, value = quoted, rest.partition(":")[2]
    return key.strip(BLANKS).lower() if colon else "", value.strip(BLANKS)


def _read(path: str) -> t.Optional[bytes]:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (IOError, OSError):
        return None


__all__ = (
    "ALIAS_PARAMETERS",
    "SUFFIXES",
    "Reference",
    "build",
    "compiled_names",
    "decode",
    "entries",
    "parse_dump",
    "references",
    "references_in",
    "settle",
    "source_of",
    "stale",
)
