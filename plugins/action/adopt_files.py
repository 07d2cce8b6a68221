# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write what was read of a fleet into the files of an inventory."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _adopt, _answers
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

_SPEC = {
    "variable": {"type": "str", "required": True},
    "dest": {"type": "path", "required": True},
    "group": {"type": "str", "default": "relays"},
    "overwrite": {"type": "bool", "default": False},
}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Write the files that are not there, show those that differ, and fail where a host could not be read."""
        check_mode = bool(self._task.check_mode)
        results = _answers.collect(variables, options["variable"])
        missing = _answers.not_asked(results)
        texts = _texts({host: answer for host, answer in results.items() if host not in missing}, options["group"])
        changes = [_change(pathlib.Path(options["dest"]), path, text) for path, text in sorted(texts.items())]
        due = [change for change in changes if _is_due(change, options["overwrite"])]
        if not check_mode:
            for change in due:
                _write(pathlib.Path(change["after_header"]), change["after"])
        lines = _lines(changes, due, check_mode) + _answers.missing_lines(missing)
        display.display("\n" + "\n".join(lines).strip("\n") + "\n")
        return {
            "changed": bool(due),
            "diff": due,
            "files": sorted(texts),
            "lines": lines,
            "failed": bool(missing),
            "reported": True,
            "msg": "; ".join(f"{host}: {reason}" for host, reason in missing.items()) or "all relays were read",
        }


def _texts(answered: t.Mapping[str, t.Mapping[str, t.Any]], group: str) -> dict[str, str]:
    """Return the text of each file of the inventory, by its path."""
    # As plain data: what Ansible registers remembers where it comes from.
    hosts = {host: json.loads(json.dumps(answer["instances"])) for host, answer in answered.items()}
    hosts = {host: instances for host, instances in hosts.items() if instances}
    return _adopt.files(hosts, group) if hosts else {}


def _change(dest: pathlib.Path, path: str, text: str) -> dict[str, str]:
    place = dest / path
    before = place.read_text(encoding="utf-8") if place.exists() else ""
    return {"before": before, "after": text, "before_header": str(place), "after_header": str(place)}


def _is_due(change: dict[str, str], overwrite: bool) -> bool:
    """Return whether a file must be written: a file that differs is kept unless the user says otherwise."""
    if change["before"] == change["after"]:
        return False
    return overwrite or not change["before"]


def _write(place: pathlib.Path, text: str) -> None:
    """Write a file as a whole or not at all; an inventory can hold what is not for everybody."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.new")
    with open(fresh, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o640)) as stream:
        stream.write(text)
    os.replace(fresh, place)


def _lines(changes: t.Sequence[dict[str, str]], due: t.Sequence[dict[str, str]], check_mode: bool) -> list[str]:
    """Return what is said about each file."""
    verb = "would be written" if check_mode else "written"
    lines = [f"{change['after_header']}: {verb}" for change in due]
    others = [change for change in changes if change not in due and change["before"] != change["after"]]
    lines += [
        f"{change['after_header']}: the relay says something else now (adopt_overwrite=true writes it anew)"
        for change in others
    ]
    return lines or ["Nothing: the inventory says what the relays say." if changes else "No relay was read."]
