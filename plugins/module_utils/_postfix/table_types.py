# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the tables of a configuration to another type: every C(hash:) and C(btree:) of main.cf and master.cf.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from .. import _files
from .._errors import Refused
from .._model.host import COMPILED_SUFFIXES, Files, Host, compiled_names
from . import main_cf, master_cf
from .discover import settings
from .parameters import MalformedValue, defaults, expand, split_list
from .tables import ALIAS_PARAMETERS

#: The types that new releases of the distributions no longer build or no longer want.
OLD = ("hash", "btree")
#: The types to go to, with the package that brings each where it is not part of Postfix itself.
PACKAGES = {"cdb": "postfix-cdb", "lmdb": "postfix-lmdb"}
#: What Postfix writes while it runs; of the new types only lmdb can be written then.
_CACHES = re.compile(r"_cache_(database|map)\Z|\Aaddress_verify_map\Z|\Aproxy_write_maps\Z")
_CACHE_TYPE = "lmdb"
_DEFAULT, _DEFAULT_CACHE = "default_database_type", "default_cache_db_type"
#: C(type:path): the type is a word of its own, and behind it comes a path or a parameter.
_WORD = re.compile(
    r"(?<![\w./$@-])(btree|cdb|cidr|dbm|hash|lmdb|pcre|regexp|sdbm|texthash)"
    r":((?:\$\{[^}]*\}|\$\([^)]*\)|[^\s,{}\"'])*)"
)
_PROXIED = (
    "a client that comes in the seconds of the change can lose its connection, since the proxy of before does not serve the new table; "
    "name the table without proxy: first, it needs none"
)
_LISTS_IN_FILES = frozenset(("mydestination", "mynetworks", "relay_domains"))
#: A larger source is not searched for the names of other tables.
_LARGEST = 8 << 20


class Table(t.NamedTuple):
    """One table that is compiled anew.

    :param path: its source, absolute.
    :param old: the type by which it was named; empty where it is only named by the new one.
    :param setting: the first setting that names it.
    """

    path: str
    old: str
    aliases: bool
    setting: str


class Cache(t.NamedTuple):
    """A table that Postfix itself writes."""

    path: str
    old: str
    new: str
    setting: str


class Upgrade(t.NamedTuple):
    """What a configuration becomes.

    :param files: main.cf and master.cf, where they change.
    :param tables: the tables to compile.
    :param settings: the settings that change, with their new values.
    """

    files: t.Mapping[str, bytes]
    tables: t.Tuple[Table, ...]
    caches: t.Tuple[Cache, ...]
    settings: t.Mapping[str, str]
    notes: t.Tuple[str, ...]


class Types(t.NamedTuple):
    """From which types to which.

    :param caches: the type for what Postfix writes itself; empty where this build has none.
    :param keep: sources, or compiled files without one, that stay as they are.
    """

    old: t.Tuple[str, ...]
    new: str
    caches: str
    keep: t.FrozenSet[str] = frozenset()


def types(host: Host, old: t.Sequence[str], new: str, keep: t.Iterable[str]) -> Types:
    """Return the types, if this Postfix has the new one.

    :raises Refused: naming the type, and the package that brings it.
    """
    known = host.capabilities.table_types
    if new not in known:
        has = ", ".join(kind for kind in COMPILED_SUFFIXES if kind in known) or "no compiled type at all"
        package = PACKAGES.get(new)
        way = f"; install the package {package} first, where the distribution has it" if package else ""
        raise Refused([f"to: {new}: this Postfix has no tables of this type, it has {has}{way}"])
    caches = _CACHE_TYPE if _CACHE_TYPE in known else ""
    if new not in PACKAGES:
        caches = new
    return Types(tuple(kind for kind in old if kind != new), new, caches, frozenset(keep))


def upgrade(host: Host, wanted: Types, current: t.Callable[[str], t.Optional[bytes]]) -> Upgrade:
    """Return what main.cf and master.cf become, and the tables that are compiled for them.

    :raises Refused: a table whose type would stay or whose answers would change, with the file and the line that names it.
    """
    return _Rewriting(host, wanted, current).upgrade()


def retyped(text: str, wanted: Types) -> str:
    """Return a text with each old type in it replaced, whatever the table."""
    return _WORD.sub(
        lambda match: _renamed(match, wanted.new) if match.group(1) in wanted.old else match.group(0), text
    )


def point_to(stage: str, table: str, other: str) -> None:
    """Let a staged configuration use another table: in check mode nothing is compiled beyond the stage."""
    for name in ("main.cf", "master.cf"):
        path = os.path.join(stage, name)
        content = _files.read(path)
        if content and table.encode() in content:
            ended = re.compile(re.escape(table.encode()) + rb"(?![\w./+-])")
            mode = os.stat(path).st_mode & 0o7777
            _files.write_new(path, ended.sub(lambda match: other.encode(), content), mode, like=path)


def outdated(host: Host, files: Files) -> t.List[Table]:
    """Return the tables that a configuration names, and whose compiled file is missing or older than the source."""
    directory = host.instance.config_directory
    main = files["main.cf"].content if "main.cf" in files else _files.read(os.path.join(directory, "main.cf"))
    master = files["master.cf"].content if "master.cf" in files else _files.read(os.path.join(directory, "master.cf"))
    values = dict(defaults(host.runner), **dict(main_cf.parse(main or b"").values, config_directory=directory))
    named: t.Dict[t.Tuple[str, str], Table] = {}
    for setting, kind, path in _references(values, master_cf.parse(master or b"").services):
        if kind in COMPILED_SUFFIXES and not _CACHES.search(_parameter(setting)):
            aliases = _parameter(setting) in ALIAS_PARAMETERS
            named.setdefault((kind, path), Table(path, kind, aliases, setting))
    return [table for (kind, path), table in sorted(named.items()) if _is_outdated(kind, path)]


def _is_outdated(kind: str, path: str) -> bool:
    try:
        changed = os.stat(path).st_mtime
    except OSError:
        return False
    try:
        return any(os.stat(name).st_mtime < changed for name in compiled_names(kind, path))
    except OSError:
        return True


def _renamed(match: "re.Match[str]", kind: str) -> str:
    return f"{kind}:{match.group(2)}"


def _parameter(setting: str) -> str:
    """Return the parameter of a setting such as C(smtp/inet: -o transport_maps)."""
    return setting.rpartition(" ")[2]


def _references(
    values: t.Mapping[str, str], services: t.Mapping[str, master_cf.Service]
) -> t.Iterator[t.Tuple[str, str, str]]:
    """Yield each table in the expanded values: the setting, the type, the path."""
    places = [(name, value, values) for name, value in values.items()]
    for key, service in services.items():
        effective = dict(values, **service.option_values)
        places += [(f"{key}: -o {name}", value, effective) for name, value in service.options]
    for setting, value, known in places:
        try:
            text = expand(value, known)
        except MalformedValue:
            continue
        for match in _WORD.finditer(text):
            if match.group(2).startswith("/") and not match.group(2).endswith("/"):
                yield setting, match.group(1), match.group(2)


class _Rewriting:
    """One configuration on its way to other types."""

    def __init__(self, host: Host, wanted: Types, current: t.Callable[[str], t.Optional[bytes]]) -> None:
        self.host = host
        self.wanted = wanted
        self.directory = host.instance.config_directory
        path = os.path.join(self.directory, "main.cf")
        self.main = main_cf.sound(main_cf.parse(current("main.cf") or b"", path))
        self.master = master_cf.sound(
            master_cf.parse(current("master.cf") or b"", os.path.join(self.directory, "master.cf"))
        )
        self.builtin = defaults(host.runner)
        self.values = dict(settings(self.builtin, self.directory), **self.main.values)
        self.values["config_directory"] = self.directory
        self.notes: t.List[str] = []
        self.kept: t.Set[str] = set()
        self.findings: t.List[str] = []

    def upgrade(self) -> Upgrade:
        """Return what the configuration becomes."""
        before = list(_references(self.values, self.master.services))
        main = self._main()
        services = self._services()
        after = dict(self.values, **main)
        merged = {**self.master.services, **services}
        references = list(_references(after, merged))
        self._look_for_left(references)
        self._look_into_files(references)
        tables, caches = self._tables(before, references)
        if self.findings:
            raise Refused(list(dict.fromkeys(self.findings)))
        files = {}
        if main:
            files["main.cf"] = main_cf.edit(self.main, dict(main))
        if services:
            files["master.cf"] = master_cf.edit(self.master, dict(services))
        decided = dict(main, **{key: master_cf.format_service(service) for key, service in services.items()})
        return Upgrade(files, tables, caches, decided, tuple(dict.fromkeys(self.notes)))

    def _main(self) -> t.Dict[str, str]:
        changes = {}
        for name, value in {**self.builtin, **self.main.values}.items():
            new = self._value(name, value, self.values)
            if new != value:
                changes[name] = new
        for name, kind in ((_DEFAULT, self.wanted.new), (_DEFAULT_CACHE, self.wanted.caches)):
            if kind and self.values.get(name) in self.wanted.old:
                changes[name] = kind
        return changes

    def _services(self) -> t.Dict[str, master_cf.Service]:
        changes = {}
        for key, service in self.master.services.items():
            known = dict(self.values, **service.option_values)
            options = tuple((name, self._value(name, value, known)) for name, value in service.options)
            if options != service.options:
                changes[key] = service._replace(options=options)
        return changes

    def _value(self, name: str, value: str, known: t.Mapping[str, str]) -> str:
        kind = self.wanted.caches if _CACHES.search(name) else self.wanted.new
        if name not in self.builtin and value in self.wanted.old:
            # A parameter of the administrator's own, for use in others: dbtype = hash.
            return self.wanted.new
        if not kind:
            self._note_cache(name, value)
            return value

        def replaced(match: "re.Match[str]") -> str:
            if match.group(1) not in self.wanted.old or self._stays(name, match, known):
                return match.group(0)
            if value[: match.start()].endswith("proxy:"):
                self.notes.append(f"{name}: proxy:{match.group(0)}: {_PROXIED}")
            return _renamed(match, kind)

        return _WORD.sub(replaced, value)

    def _note_cache(self, name: str, value: str) -> None:
        if name in self.main.values and _WORD.search(value):
            self.notes.append(
                f"{name} stays {value}: Postfix writes it while it runs, which {self.wanted.new} does not allow, "
                f"and this Postfix has no tables of type {_CACHE_TYPE}"
            )

    def _stays(self, name: str, match: "re.Match[str]", known: t.Mapping[str, str]) -> bool:
        """Return whether a table is one of those that stay, or is not there at all."""
        try:
            path = expand(match.group(2), known)
        except MalformedValue:
            return False
        if not path or path.endswith("/") or _CACHES.search(name):
            return False
        if not path.startswith("/"):
            self.findings.append(
                f"{self._line(name)}: {match.group(0)}: a table without an absolute path; write the path out"
            )
            return True
        if path in self.wanted.keep:
            self.kept.add(path)
            return True
        if os.path.exists(path) or any(os.path.exists(built) for built in compiled_names(match.group(1), path)):
            return False
        if name in self.main.values:
            self.notes.append(f"{name}: {match.group(0)}: there is no such table, it stays as it is")
        self.kept.add(path)
        return True

    def _line(self, setting: str) -> str:
        parameter = self.main.parameters.get(setting)
        place = f"main.cf:{parameter.line}" if parameter else "master.cf" if ": -o " in setting else "built in"
        return f"{os.path.join(self.directory, place) if place != 'built in' else place}: {setting}"

    def _look_for_left(self, references: t.Iterable[t.Tuple[str, str, str]]) -> None:
        """Note the tables whose type would stay."""
        for setting, kind, path in references:
            if kind in self.wanted.old and path not in self.kept and not _CACHES.search(_parameter(setting)):
                why = (
                    f"it is put together from other parameters; write {self.wanted.new}: there, or name {path} in keep"
                )
                self.findings.append(f"{self._line(setting)}: {kind}:{path}: {why}")

    def _look_into_files(self, references: t.Iterable[t.Tuple[str, str, str]]) -> None:
        """Note the tables that another file names: there nobody would change their type."""
        paths = {path: setting for setting, dummy, path in references}
        for name in sorted(_LISTS_IN_FILES):
            words = split_list(self._expanded(self.values.get(name, "")))
            paths.update({word: name for word in words if word.startswith("/")})
        for path, setting in sorted(paths.items()):
            for number, line in _lines_with(path, self.wanted.old):
                self.findings.append(
                    f"{path}:{number}: {line}: it names a table by its old type, and only main.cf and master.cf are "
                    f"changed here; change it to {self.wanted.new}: there ({setting} names the file)"
                )

    def _expanded(self, value: str) -> str:
        try:
            return expand(value, self.values)
        except MalformedValue:
            return ""

    def _tables(
        self, before: t.Iterable[t.Tuple[str, str, str]], after: t.Iterable[t.Tuple[str, str, str]]
    ) -> t.Tuple[t.Tuple[Table, ...], t.Tuple[Cache, ...]]:
        olds: t.Dict[str, str] = {}
        for dummy, kind, path in before:
            if kind in self.wanted.old:
                olds.setdefault(path, kind)
        tables: t.Dict[str, Table] = {}
        caches: t.Dict[str, Cache] = {}
        for setting, kind, path in after:
            if path not in olds or kind not in (self.wanted.new, self.wanted.caches):
                continue
            if _CACHES.search(_parameter(setting)):
                caches.setdefault(path, Cache(path, olds[path], kind, setting))
            elif kind == self.wanted.new:
                known = tables.get(path, Table(path, olds[path], False, setting))
                tables[path] = known._replace(aliases=known.aliases or _parameter(setting) in ALIAS_PARAMETERS)
        self._look_for_sources(tables.values())
        return tuple(tables[path] for path in sorted(tables)), tuple(caches[path] for path in sorted(caches))

    def _look_for_sources(self, tables: t.Iterable[Table]) -> None:
        """Note the tables without a source to compile them from."""
        for table in tables:
            if not os.path.exists(table.path):
                built = compiled_names(table.old, table.path)[0]
                self.findings.append(
                    f"{self._line(table.setting)}: {table.old}:{table.path}: there is {built} and no source {table.path} "
                    "to compile it from; let whatever makes it make the new type, or name it in keep"
                )


def _lines_with(path: str, kinds: t.Sequence[str]) -> t.Iterator[t.Tuple[int, str]]:
    """Yield the lines of a source that name a table of some types."""
    try:
        if os.path.getsize(path) > _LARGEST:
            return
    except OSError:
        return
    content = _files.read(path) or b""
    if not any(f"{kind}:/".encode() in content for kind in kinds):
        return
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        named = any(match.group(1) in kinds and match.group(2).startswith("/") for match in _WORD.finditer(line))
        if named and not line.lstrip().startswith("#"):
            yield number, line.strip()
