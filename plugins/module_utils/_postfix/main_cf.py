# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""main.cf: read without loss, and edited so that everything not meant stays byte for byte (postconf(5)).

Private to the collection: it can change at any time.
"""

import functools
import typing as t

from .._errors import SyntaxProblem
from .logical_lines import BLANKS, Document, LogicalLine, read_document, rewrite

#: What Postfix's programs warn of and take all the same: a parameter or a service that is there twice, a host without IPv6, a
#: limit that they lower themselves, an old name that they still know.
HARMLESS = (
    "overriding earlier entry",
    "using the last entry",
    "disabling IPv6 name/address support",
    " - adjusting ",
    " will be removed",
    " is deprecated",
    # The second line of what Debian's 3.11 says of each hash and btree table.
    "NON_BERKELEYDB_README",
    # non_bdb_migration_level of 3.11: the table is another one than main.cf says, and works.
    ": redirecting hash:",
    ": redirecting btree:",
)


class Parameter(t.NamedTuple):
    """One C(name = value).

    :param line: its line number in the file, counted from 1.
    :param logical: its index among the logical lines of the file.
    """

    name: str
    value: str
    line: int
    logical: int


class MainCf(t.NamedTuple):
    """A main.cf.

    Postfix takes a parameter that is set more than once, with a warning, and the last line counts. So it does here.

    :param earlier: the logical lines that a later one of the same parameter overrides.
    """

    document: Document
    parameters: t.Mapping[str, Parameter]
    problems: t.Tuple[SyntaxProblem, ...] = ()
    earlier: t.Mapping[str, t.Tuple[int, ...]] = {}

    @property
    def values(self) -> t.Dict[str, str]:
        """Return the parameters that are set, with their values as they are written: C($name) is not expanded."""
        return {name: parameter.value for name, parameter in self.parameters.items()}


@functools.lru_cache(maxsize=2)
def parse(content: bytes, path: str = "main.cf") -> MainCf:
    """Read main.cf. It never raises; sound() does. The same bytes are parsed only once, since a run looks more than once."""
    document = read_document(content, path)
    problems = list(document.problems)
    parameters: t.Dict[str, Parameter] = {}
    earlier: t.Dict[str, t.Tuple[int, ...]] = {}
    for index, line in enumerate(document.logical):
        try:
            parameter = _parameter(document, index, line)
        except SyntaxProblem as problem:
            problems.append(problem)
            continue
        if parameter.name in parameters:
            before = parameters[parameter.name].logical
            earlier[parameter.name] = earlier.get(parameter.name, ()) + (before,)
        parameters[parameter.name] = parameter
    return MainCf(document, parameters, tuple(sorted(problems, key=lambda problem: problem.line)), earlier)


def complaints(stderr: str) -> t.List[str]:
    """Return the lines that a program of Postfix wrote to stderr, without those about what is no defect."""
    return [line for line in stderr.splitlines() if line.strip() and not any(part in line for part in HARMLESS)]


def sound(main: MainCf) -> MainCf:
    """Return the same main.cf, if nothing is wrong with it.

    :raises SyntaxProblem: the first defect, with its file and line.
    """
    if main.problems:
        raise main.problems[0]
    return main


def edit(main: MainCf, changes: t.Mapping[str, t.Optional[str]]) -> bytes:
    """Set and remove parameters.

    A value that is the one that stands there, apart from how it is broken into lines, changes nothing. A changed parameter
    keeps its place, new ones go to the end in the order of their names. Of one that is set more than once, the lines that
    are overridden go when it changes.

    :param changes: name to value; None removes the parameter.
    """
    replaced: t.Dict[int, str] = {}
    added: t.List[str] = []
    for name, value in sorted(changes.items()):
        parameter = main.parameters.get(name)
        if parameter is None:
            added += [] if value is None else [format_parameter(name, value)]
        elif value is None or not same_value(parameter.value, value):
            replaced.update((index, "") for index in main.earlier.get(name, ()))
            replaced[parameter.logical] = "" if value is None else format_parameter(name, value)
    return rewrite(main.document, replaced, added)


def format_parameter(name: str, value: str) -> str:
    """Return the line for a parameter; an empty value is C(name =), which is not the same as no line."""
    return f"{name} = {value}".rstrip()


def same_value(value: str, other: str) -> bool:
    """Return whether two values differ at most in the number of blanks, which no parameter cares for."""
    return value.split() == other.split()


def _parameter(document: Document, index: int, line: LogicalLine) -> Parameter:
    name, equals, value = line.text.partition("=")
    name = name.strip(BLANKS)
    if not equals:
        raise _problem(document, line, "a parameter needs name = value")
    if not name or any(blank in name for blank in BLANKS):
        raise _problem(document, line, "not the name of a parameter before the =")
    return Parameter(name, value.strip(BLANKS), line.first + 1, index)


def _problem(document: Document, line: LogicalLine, why: str) -> SyntaxProblem:
    return SyntaxProblem(document.path, line.first + 1, line.text, why)
