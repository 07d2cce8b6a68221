# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tests can run at the same time: each belongs to a group and uses some hosts; no two groups use one host at once.

A test with one host as a parameter is in the group of that host and uses it alone. Every other test says so itself::

    @pytest.mark.lab(group="playbooks", uses=["pf13", "sm13"])

C(tools/lab_tests.py) asks for the plan and runs a pytest for each group. A lock for each host keeps apart two sessions that
know nothing of each other.
"""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import typing as t

import pytest
from labhosts import CACHE, RELAYS, Host

#: Run the tests of this group only.
GROUP = os.environ.get("LAB_GROUP", "")
#: Write the groups to this file, and run nothing.
PLAN = os.environ.get("LAB_PLAN", "")


class Place(t.NamedTuple):
    """The group of a test, and the hosts that nobody else may use while its group runs."""

    group: str
    uses: t.FrozenSet[str]


def place_of(item: pytest.Item) -> Place:
    """Return where a test belongs: by its marker, else by the host among its parameters."""
    marker = item.get_closest_marker("lab")
    if marker:
        return Place(marker.kwargs["group"], frozenset(marker.kwargs.get("uses", ())))
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    hosts = {value.name for value in parameters if isinstance(value, Host)}
    if len(hosts) != 1:
        raise pytest.UsageError(f"{item.nodeid}: name its group and its hosts, @pytest.mark.lab(group=..., uses=[...])")
    return Place(*hosts, frozenset(hosts))


def choose(items: t.List[pytest.Item]) -> t.List[pytest.Item]:
    """Return the tests of the group that is asked for; all where none is."""
    return [item for item in items if not GROUP or place_of(item).group == GROUP]


def write_plan(items: t.Sequence[pytest.Item]) -> None:
    """Write each group with its hosts, its number of tests, and the files in which they stand."""
    plan: t.Dict[str, t.Dict[str, t.Any]] = {}
    for item in items:
        place = place_of(item)
        group = plan.setdefault(place.group, {"uses": set(), "files": set(), "tests": 0})
        group["uses"] |= place.uses
        group["files"].add(str(item.path))
        group["tests"] += 1
    ready = {
        name: {**group, "uses": sorted(group["uses"]), "files": sorted(group["files"])} for name, group in plan.items()
    }
    pathlib.Path(PLAN).write_text(json.dumps(ready))


def relays_of(module: t.Any, items: t.Sequence[pytest.Item]) -> t.List[Host]:
    """Return the relays of the fleet that the chosen tests of one file use."""
    used = used_by(module, items)
    return [host for host in RELAYS if host.name in used]


def used_by(module: t.Any, items: t.Sequence[pytest.Item]) -> t.FrozenSet[str]:
    """Return all hosts that the chosen tests of one file use."""
    places = (place_of(item) for item in items if getattr(item, "module", None) is module)
    return frozenset().union(*(place.uses for place in places))


class Locks:
    """The locks of this session: one file for each host that it uses now."""

    def __init__(self) -> None:
        self._held: t.Dict[str, t.IO[str]] = {}

    def hold(self, names: t.FrozenSet[str]) -> None:
        """Wait until these hosts, and no others, are ours; always in one order, so that nobody waits in a circle."""
        if names == set(self._held):
            return
        self.release()
        directory = CACHE / "locks"
        directory.mkdir(parents=True, exist_ok=True)
        for name in sorted(names):
            self._held[name] = (directory / name).open("w", encoding="ascii")
            fcntl.flock(self._held[name], fcntl.LOCK_EX)

    def release(self) -> None:
        """Let others have the hosts."""
        for file in self._held.values():
            file.close()
        self._held.clear()
