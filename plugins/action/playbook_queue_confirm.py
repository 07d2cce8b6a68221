# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask whether messages may be changed for good."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

_SPEC = {
    "variable": {"type": "str", "default": "queue_selected"},
    "prompt": {"type": "str", "required": True},
    "confirmed": {"type": "bool", "default": False},
}

NOBODY = "nothing was done: nobody is at the terminal to say yes; give -e queue_yes=true"
NO = "nothing was done: the answer was not yes"


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Ask once for the fleet. Where no message is selected, nobody is asked."""
        result = {"changed": False, "confirmed": False}
        hosts = variables["ansible_play_hosts_all"]
        answers = [variables["hostvars"][host].get(options["variable"]) or {} for host in hosts]
        count = sum(int(answer.get("affected") or 0) for answer in answers)
        if count == 0:
            return dict(result, msg="no message is selected")
        if self._task.check_mode:
            return dict(result, msg="check mode: nothing is asked, and nothing is done")
        if options["confirmed"]:
            return dict(result, confirmed=True, msg="confirmed by queue_yes")
        refusal = _ask(f"{options['prompt']} ({count}): ")
        if refusal:
            return dict(result, failed=True, msg=refusal)
        return dict(result, confirmed=True, msg="confirmed")


def _ask(prompt: str) -> str:
    """Ask the user; return why it is not confirmed, or nothing where the answer is yes."""
    try:
        answer = display.prompt_until(prompt)
    except AnsiblePromptNoninteractive:
        return NOBODY
    except AnsiblePromptInterrupt:
        return NO
    return "" if answer.decode("utf-8", "replace").strip().lower() == "yes" else NO
