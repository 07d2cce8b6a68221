# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""master.cf: the services, read without loss and edited in place (master(5)).

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import SyntaxProblem
from .logical_lines import BLANKS, Document, LogicalLine, read_document, rewrite

TYPES = ("inet", "unix", "unix-dgram", "fifo", "pass")
_COLUMNS = (10, 6, 8, 8, 8, 8, 8)
_SMTP_SERVERS = ("smtpd", "postscreen")
_OTHER_PORTS = frozenset(("submission", "587", "submissions", "smtps", "465"))


class Service(t.NamedTuple):
    """One service: the eight columns of master(5).

    :param arguments: the words behind the command as written, without those that I(options) holds.
    :param options: C(-o name=value), in their order; of a name that stands there twice the last one counts.
    """

    name: str
    type: str
    private: str
    unprivileged: str
    chroot: str
    wakeup: str
    processes: str
    command: str
    arguments: t.Tuple[str, ...] = ()
    options: t.Tuple[t.Tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """Return C(service/type), by which a service is known."""
        return f"{self.name}/{self.type}"

    @property
    def option_values(self) -> t.Dict[str, str]:
        """Return the options as a dictionary."""
        return dict(self.options)


class Entry(t.NamedTuple):
    """A service and where it stands: line number counted from 1, and index among the logical lines."""

    service: Service
    line: int
    logical: int


class MasterCf(t.NamedTuple):
    """A master.cf, the services by C(service/type) in their order.

    Of a service that stands there more than once Postfix uses the last entry, with a warning. So it does here.

    :param earlier: the logical lines of the entries that a later one overrides.
    """

    document: Document
    entries: t.Mapping[str, Entry]
    problems: t.Tuple[SyntaxProblem, ...] = ()
    earlier: t.Mapping[str, t.Tuple[int, ...]] = {}

    @property
    def services(self) -> t.Dict[str, Service]:
        """Return the services by C(service/type)."""
        return {key: entry.service for key, entry in self.entries.items()}


def main_service(services: t.Mapping[str, Service]) -> t.Optional[str]:
    """Return the key of the service that listens on the relay's port, C(smtp/inet) as a rule."""
    servers = [key for key, service in services.items() if service.type == "inet" and service.command in _SMTP_SERVERS]
    ours = [key for key in servers if port_of(services[key]) not in _OTHER_PORTS]
    on_port_25 = [key for key in ours if port_of(services[key]) in ("smtp", "25")]
    return next(iter(on_port_25 or ours), None)


def port_of(service: Service) -> str:
    """Return the port of an inet service as it is written: C(smtp), C(25), C(127.0.0.1:2525)."""
    return service.name.rpartition(":")[2]


def parse(content: bytes, path: str = "master.cf") -> MasterCf:
    """Read master.cf. It never raises; sound() does."""
    document = read_document(content, path)
    problems = list(document.problems)
    entries: t.Dict[str, Entry] = {}
    earlier: t.Dict[str, t.Tuple[int, ...]] = {}
    for index, line in enumerate(document.logical):
        try:
            service = parse_service(line.text)
        except ValueError as why:
            problems.append(_problem(document, line, str(why)))
            continue
        if service.key in entries:
            earlier[service.key] = earlier.get(service.key, ()) + (entries[service.key].logical,)
        entries[service.key] = Entry(service, line.first + 1, index)
    return MasterCf(document, entries, tuple(sorted(problems, key=lambda problem: problem.line)), earlier)


def sound(master: MasterCf) -> MasterCf:
    """Return the same master.cf, if nothing is wrong with it.

    :raises SyntaxProblem: the first defect, with its file and line.
    """
    if master.problems:
        raise master.problems[0]
    return master


def edit(master: MasterCf, changes: t.Mapping[str, t.Optional[Service]]) -> bytes:
    """Set and remove services; a changed one keeps its place, new ones go to the end in the order of their keys.

    :param changes: C(service/type) to the service that shall stand there, which may have another key; None removes it.
    """
    replaced: t.Dict[int, str] = {}
    added: t.List[str] = []
    for key, service in sorted(changes.items()):
        entry = master.entries.get(key)
        if entry is None:
            added += [] if service is None else [format_service(service)]
        elif service is None or service != entry.service:
            replaced.update((index, "") for index in master.earlier.get(key, ()))
            replaced[entry.logical] = "" if service is None else format_service(service)
    return rewrite(master.document, replaced, added)


def parse_service(text: str) -> Service:
    """Parse one logical line.

    :raises ValueError: too few columns, an unknown type, braces that do not match, C(-o) without C(name=value).
    """
    columns = words(text)
    if len(columns) < 8:
        raise ValueError(f"a service has eight columns, here are {len(columns)}")
    if columns[1] not in TYPES:
        raise ValueError(f"{columns[1]!r} is no service type: {', '.join(TYPES)}")
    arguments, options = _split_options(columns[8:])
    name, kind, private, unprivileged, chroot, wakeup, processes, command = columns[:8]
    return Service(name, kind, private, unprivileged, chroot, wakeup, processes, command, arguments, options)


def format_service(service: Service) -> str:
    """Return the lines for a service: the columns aligned as Postfix ships them, each option on a line of its own."""
    columns = (
        service.name,
        service.type,
        service.private,
        service.unprivileged,
        service.chroot,
        service.wakeup,
        service.processes,
    )
    padded = [column.ljust(width - 1) for column, width in zip(columns, _COLUMNS)]
    first = " ".join(padded + [" ".join((service.command,) + service.arguments)])
    return "\n".join([first] + [f"  -o {format_option(name, value)}" for name, value in service.options])


def format_option(name: str, value: str) -> str:
    """Return the word behind C(-o); braces where blanks would end it (master(5), Postfix 3.0 and later)."""
    needs_braces = not value or any(blank in value for blank in BLANKS) or "{" in value
    return f"{{ {name} = {value} }}" if needs_braces else f"{name}={value}"


def words(text: str) -> t.List[str]:
    """Split at blanks; what stands in braces stays together, as mystrtokq() of Postfix does it.

    :raises ValueError: braces that do not match.
    """
    parts: t.List[str] = []
    depth = 0
    inside = False
    for letter in text:
        if depth == 0 and letter in BLANKS:
            inside = False
            continue
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth < 0:
            raise ValueError("a } without its {")
        if not inside:
            parts.append("")
            inside = True
        parts[-1] += letter
    if depth:
        raise ValueError("a { without its }")
    return parts


def _split_options(tail: t.Sequence[str]) -> t.Tuple[t.Tuple[str, ...], t.Tuple[t.Tuple[str, str], ...]]:
    """Tell C(-o name=value) from the other words.

    Behind C(argv=) everything belongs to the program that pipe(8) or spawn(8) starts.
    """
    arguments: t.List[str] = []
    options: t.List[t.Tuple[str, str]] = []
    rest = list(tail)
    while rest:
        word = rest.pop(0)
        if word.startswith("argv="):
            return tuple(arguments + [word] + rest), tuple(options)
        if word == "-o" and not rest:
            raise ValueError("-o without name=value")
        if word == "-o" or (word.startswith("-o") and "=" in word):
            options.append(_option(rest.pop(0) if word == "-o" else word[2:]))
        else:
            arguments.append(word)
    return tuple(arguments), tuple(options)


def _option(word: str) -> t.Tuple[str, str]:
    inner = word[1:-1] if word.startswith("{") and word.endswith("}") else word
    name, equals, value = inner.partition("=")
    if not equals or not name.strip(BLANKS):
        raise ValueError(f"-o needs name=value, not {word!r}")
    return name.strip(BLANKS), value.strip(BLANKS)


def _problem(document: Document, line: LogicalLine, why: str) -> SyntaxProblem:
    return SyntaxProblem(document.path, line.first + 1, line.text, why)
