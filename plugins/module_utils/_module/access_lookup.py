# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the MTA about the changed keys of the tables that were not compared whole in the stage.

Private to the collection: it can change at any time.
"""

import itertools
import typing as t

from .._driver.lookup import lookup_of
from .._model import blocks

if t.TYPE_CHECKING:
    from . import access as _accessrun

#: So many changes are asked of the MTA in one call.
AT_ONCE = 10000


def findings(
    run: "_accessrun.AccessRun", directory: str, name: str, changes: t.Iterable[blocks.BlockChange]
) -> t.Iterator[str]:
    """Yield what a table does not say now though it should, and what it says still."""
    rest = iter(changes)
    for some in iter(lambda: list(itertools.islice(rest, AT_ONCE)), []):
        yield from _some(run, directory, name, some)


def _some(
    run: "_accessrun.AccessRun", directory: str, name: str, changes: t.Sequence[blocks.BlockChange]
) -> t.Iterator[str]:
    kind = run.facts.type_of(name)
    wanted: t.Dict[str, str] = {}
    gone: t.List[str] = []
    for change in changes:
        after = dict(_entries(change.after, kind))
        wanted.update(after)
        gone += [key for key, dummy in _entries(change.before, kind) if key not in after]
    answers = lookup_of(run.host.mta).ask(run.host, directory, name, kind, list(wanted) + gone)
    if kind == "regexp":
        return
    for key, value in wanted.items():
        if answers.get(key) != value:
            yield f"{name}: {key}: the MTA finds {answers.get(key)!r} there, not {value!r}"
    if kind != "cidr":
        yield from (f"{name}: {key}: the MTA still finds it" for key in gone if key in answers)


def _entries(block: t.Optional[blocks.Block], kind: str) -> t.List[t.Tuple[str, str]]:
    """Return the keys to ask for, with what they should answer. A network is asked for by its first address."""
    if block is None:
        return []
    pairs = [line.partition("\t") for line in block.lines]
    return [(key.split("/")[0] if kind == "cidr" else key, value) for key, dummy, value in pairs]
