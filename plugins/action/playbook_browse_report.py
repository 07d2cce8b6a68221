# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say how one gets through the doors of a play."""

from __future__ import annotations

import typing as t

from ansible import constants
from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers, _browse
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

_SPEC = {
    "variable": {"type": "str", "default": "browse_result"},
    "port": {"type": "int", "default": 1080},
    "socket": {"type": "str"},
    "connect": {"type": "bool", "default": False},
}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Show the commands, and fail where a host did not do what it was asked."""
        results = _answers.collect(variables, options["variable"])
        wrong = _answers.not_asked(results)
        lines: list[str] = []
        commands = {}
        answered = [host for host in results if host not in wrong]
        for number, host in enumerate(answered):
            answer, entrance = results[host], _entrance(options, number, host if len(answered) > 1 else "")
            words = _command(variables["hostvars"][host], answer, entrance) if answer["open"] else []
            lines += _browse.lines(host, answer, words, entrance, self._task.check_mode)
            if words:
                commands[host] = words
            if words and options["connect"] and not self._task.check_mode:
                problem = _browse.connect(words, entrance)
                lines.append(f"  {problem or 'connected'}")
                wrong.update({host: problem} if problem else {})
        lines += _answers.missing_lines({host: wrong[host] for host in results if host not in answered})
        display.display("\n" + "\n".join(lines).strip("\n") + "\n")
        result: dict[str, t.Any] = {"changed": False, "lines": lines, "commands": commands, "failed": bool(wrong)}
        if wrong:
            result["msg"] = "; ".join(f"{host}: {reason}" for host, reason in wrong.items())
        return result


def _entrance(options: t.Mapping[str, t.Any], number: int, suffix: str) -> _browse.Entrance:
    """Return where the door of one of several relays is entered: each has the next port, or a socket with its name."""
    path = options["socket"] or ""
    return _browse.Entrance(options["port"] + number, f"{path}-{suffix}" if path and suffix else path)


def _command(variables: Vars, answer: Vars, entrance: _browse.Entrance) -> list[str]:
    defaults = {
        "user": constants.DEFAULT_REMOTE_USER,
        "port": constants.DEFAULT_REMOTE_PORT,
        "key": constants.DEFAULT_PRIVATE_KEY_FILE,
    }
    return _browse.command(variables, answer, entrance, defaults)
