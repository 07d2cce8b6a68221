# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix's lookup tables: where main.cf names them, and which of the compiled ones have to be made.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from .. import _files
from .._model.host import COMPILED_SUFFIXES, File, Files, Host, compiled_names, is_compiled
from . import main_cf
from .compile import command, entries, finish, make, parse_dump
from .discover import READ_AT_START
from .parameters import MalformedValue, defaults, expand, split_list

#: Whether a line of a table that starts with a blank continues the one before.
CONTINUES = True
_PREFIX = "$config_directory/"
_ALTERNATIVES = ("${config_directory}/", "$(config_directory)/")
#: The types of Berkeley DB, each with the parameter that says what takes their place.
_BERKELEY = {"hash": "default_database_type", "btree": "default_cache_db_type"}
#: Tables of these parameters are read by local(8) and have the syntax of aliases(5).
ALIAS_PARAMETERS = frozenset(("alias_database", "alias_maps"))
#: trivial-rewrite(8) decides with these what class a recipient is of, and where it goes. It looks for new tables every ten seconds,
#: and an smtpd(8) that asked meanwhile keeps the old answer as long as it lives: 100 clients, or 100 seconds without one.
ROUTING = frozenset(
    (
        "mydestination",
        "relay_domains",
        "relocated_maps",
        "sender_dependent_default_transport_maps",
        "sender_dependent_relayhost_maps",
        "transport_maps",
        "virtual_alias_domains",
        "virtual_mailbox_domains",
    )
)
#: type:path, the path absolute or starting with a parameter, at the start of a list element or inside braces.
_REFERENCE = re.compile(r"(?:^|[\s,{])(?:proxy:)?([a-z][a-z0-9]*):((?=[/$])(?:\$\{[^}]*\}|\$\([^)]*\)|[^\s,{}])+)")


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
    """Return all lookup tables that the values of main.cf or the options of a service name.

    :param config_directory: paths below it count as being in it, too.
    """
    return [reference for name in sorted(values) for reference in references_in(name, values[name], config_directory)]


def references_in(parameter: str, value: str, config_directory: str = "") -> t.Iterator[Reference]:
    """Return the lookup tables in one value, those in braces as well."""
    for kind, path in _REFERENCE.findall(value):
        yield Reference(parameter, kind, path, _relative(path, config_directory))


def type_in_use(host: Host, name: str) -> str:
    """Return the type by which main.cf refers to a table of the directory; empty where it does not."""
    directory = host.instance.config_directory
    values = main_cf.parse(_files.read(os.path.join(directory, "main.cf")) or b"").values
    kind = next((table.type for table in references(values, directory) if table.name == name), "")
    return redirected(host, kind, values)


def redirected(host: Host, kind: str, values: t.Mapping[str, str]) -> str:
    """Return the type that Postfix takes for one of main.cf: from 3.11 on it can leave those of Berkeley DB behind.

    :param values: the parameters of main.cf.
    """
    if kind not in _BERKELEY:
        return kind
    known = dict(defaults(host.runner), **values)
    if not known.get("non_bdb_migration_level", "").startswith("enable"):
        return kind
    return known.get(_BERKELEY[kind]) or kind


def reload_reasons(host: Host, name: str) -> t.Tuple[str, ...]:
    """Return the uses of a table that a running Postfix must be told about; none where it notices a change by itself."""
    directory = host.instance.config_directory
    main = main_cf.parse(_files.read(os.path.join(directory, "main.cf")) or b"").values
    master = _files.read(os.path.join(directory, "master.cf")) or b""
    return tuple(sorted(slow_tables(dict(defaults(host.runner), **main), master, directory).get(name, ())))


def slow_tables(values: t.Mapping[str, str], master: bytes, config_directory: str) -> t.Dict[str, t.FrozenSet[str]]:
    """Return the files of the directory whose change only a reload makes effective at once, with the uses that need it.

    :param values: the parameters of main.cf over the built-in ones.
    :param master: the content of master.cf, whose C(-o) options name tables, too.
    """
    uses: t.Dict[str, t.FrozenSet[str]] = {}
    for parameter, value in _all_values(dict(values, config_directory=config_directory), master):
        for name, use in _slow_in(parameter, value, config_directory):
            uses[name] = uses.get(name, frozenset()) | {use}
    return uses


def _all_values(values: t.Mapping[str, str], master: bytes) -> t.Iterator[t.Tuple[str, str]]:
    for name, value in values.items():
        # A table of a routing parameter can stand in another parameter: virtual_alias_domains = $virtual_alias_maps.
        yield name, _expanded(value, values) if name in ROUTING else value
    if b":" in master or b"/" in master:
        from . import master_cf

        for service in master_cf.parse(master).services.values():
            yield from service.options


def _slow_in(parameter: str, value: str, config_directory: str) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the files in one value that daemons do not look at before each client, each with its use."""
    for reference in references_in(parameter, value, config_directory):
        shown = f"{reference.type}:{reference.name}"
        slow = reference.type in READ_AT_START or parameter in ROUTING or f"proxy:{reference.type}:" in value
        if reference.name and slow:
            yield reference.name, shown
    if "/" in value:
        for word in split_list(value):
            # A list of patterns, a certificate: read when the daemon starts.
            name = _relative(word, config_directory)
            if name:
                yield name, f"{parameter}:{name}"


def _expanded(value: str, values: t.Mapping[str, str]) -> str:
    try:
        return expand(value, values)
    except MalformedValue:
        return value


def stale(host: Host, files: Files) -> t.Tuple[str, ...]:
    """Return the compiled tables that must be made: missing, older than their source, or not what the source says.

    :returns: paths relative to the configuration directory, as build() takes them.
    """
    directory = host.instance.config_directory
    names = []
    for kind, name, aliases in _indexed(host, files, directory):
        file = files.get(name)
        if file is not None and file.content is not None and not _fresh(host, kind, name, file.content, aliases):
            names += list(compiled_names(kind, name)[:1])
    return tuple(sorted(names))


def build(host: Host, stage: str, names: t.Sequence[str]) -> None:
    """Make compiled tables in the stage.

    :param names: compiled tables, or their sources, relative to the configuration directory.
    :raises Refused: a line that postmap or postalias warned about, or a table that is not what its source says.
    """
    main = main_cf.parse(_files.read(os.path.join(stage, "main.cf")) or b"").values
    kinds = {
        reference.name: reference for reference in references(main, host.instance.config_directory) if reference.name
    }
    for name in names:
        source = source_of(name, kinds)
        reference = kinds.get(source)
        kind = reference.type if reference else host.capabilities.default_table_type
        aliases = reference is not None and reference.parameter in ALIAS_PARAMETERS
        if kind in COMPILED_SUFFIXES:
            make(host, stage, source, kind, aliases=aliases)
    finish(stage)


def outdated(host: Host, files: Files) -> t.Tuple[str, ...]:
    """Return the sources that changed since they were compiled as the type by which the configuration names them now."""
    if not {"main.cf", "master.cf"} & set(files):
        return ()
    from . import table_types

    return tuple(_short(host, table.path) for table in table_types.outdated(host, files))


def build_outdated(host: Host, stage: str, names: t.Sequence[str]) -> None:
    """Compile outdated tables as the staged configuration names them; those beyond the directory where they lie."""
    if not names:
        return
    from . import table_types

    staged = {name: File(_files.read(os.path.join(stage, name))) for name in ("main.cf", "master.cf")}
    for table in table_types.outdated(host, staged):
        if _short(host, table.path) in names:
            make(host, stage, _short(host, table.path), table.old, aliases=table.aliases)


def _short(host: Host, path: str) -> str:
    """Return a path relative to the configuration directory; one beyond it as it is."""
    own = host.instance.config_directory + "/"
    return path[len(own) :] if path.startswith(own) else path


def source_of(name: str, known: t.Container[str]) -> str:
    """Return the source of a compiled table, or the name itself where it is a source."""
    return os.path.splitext(name)[0] if name not in known and is_compiled(name) else name


def _relative(path: str, config_directory: str) -> str:
    own = config_directory.rstrip("/") + "/" if config_directory else ""
    for prefix in (_PREFIX,) + _ALTERNATIVES + ((own,) if own else ()):
        if path.startswith(prefix):
            return path[len(prefix) :]
    return ""


def _indexed(host: Host, files: Files, directory: str) -> t.List[t.Tuple[str, str, bool]]:
    main = files.get("main.cf")
    values = main_cf.parse(main.content or b"").values if main else {}
    sources = {
        (redirected(host, reference.type, values), reference.name, reference.parameter in ALIAS_PARAMETERS)
        for reference in references(values, directory)
        if reference.name and reference.type in COMPILED_SUFFIXES
    }
    return sorted(sources)


def _fresh(host: Host, kind: str, name: str, wanted: bytes, aliases: bool) -> bool:
    source = os.path.join(host.instance.config_directory, name)
    if _files.read(source) != wanted:
        return False
    try:
        changed = os.stat(source).st_mtime
        if any(os.stat(path).st_mtime < changed for path in compiled_names(kind, source)):
            return False
    except OSError:
        return False
    dump = host.runner.run(command(host, kind, source, aliases, "-s"), check=False)
    return (
        dump.rc == 0 and not main_cf.complaints(dump.err) and parse_dump(dump.out, aliases) == entries(wanted, aliases)
    )
