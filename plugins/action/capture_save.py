# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Save the messages of a capture instance on the controller."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.postmaster.mta.plugins.module_utils._model import selection
from ansible_collections.postmaster.mta.plugins.plugin_utils import _capture_files

_SPEC = {
    "dest": {"type": "path", "required": True},
    "mta": {"type": "str", "choices": ["auto", "postfix", "sendmail"], "default": "auto"},
    "instance": {"type": "str"},
    "name": {"type": "str"},
    "limit": {"type": "int", "default": 1000},
    "max_bytes": {"type": "int", "default": 25 << 20},
    "select": selection.ARGUMENT_SPEC["select"],
}
_ASKED = ("mta", "instance", "name", "max_bytes")
_PASSED_ON = ("count", "messages", "routes", "truncated", "capture_instance", "exists")


class ActionModule(ActionBase):
    """See the documentation of the module of this name."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Fetch the envelopes first, and then the contents that are not saved yet."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        dummy, options = self.validate_argument_spec(_SPEC)
        asked = {name: options[name] for name in _ASKED if options[name] is not None}
        listed = self._ask(dict(asked, limit=options["limit"], select=options["select"]), variables)
        if _has_failed(listed):
            return dict(result, **listed)
        directory = _capture_files.directory(pathlib.Path(options["dest"]), variables["inventory_hostname"])
        new = [message for message in listed["messages"] if not _capture_files.there(directory, message)]
        saved = [str(message["id"]) for message in new]
        if not self._task.check_mode:
            failure, saved = self._fetch(new, directory, asked, variables)
            if failure is not None:
                return dict(result, **failure)
        result.update({name: listed[name] for name in _PASSED_ON})
        result.update(changed=bool(saved), dest=str(directory), saved=saved, gone=len(new) - len(saved))
        return result

    def _fetch(
        self,
        new: t.Sequence[t.Mapping[str, t.Any]],
        directory: pathlib.Path,
        asked: dict[str, t.Any],
        variables: dict[str, t.Any],
    ) -> tuple[dict[str, t.Any] | None, list[str]]:
        """Save the contents of messages, piece by piece; return the answer that failed, and the IDs of those that are saved.

        A message can leave the queue after it was listed.
        """
        saved: list[str] = []
        for piece in _capture_files.pieces(new):
            select = {"ids": [message["id"] for message in piece]}
            fetched = self._ask(
                dict(asked, content=True, limit=len(piece), total_bytes=1 << 40, select=select), variables
            )
            if _has_failed(fetched):
                return fetched, saved
            for message in fetched["messages"]:
                _capture_files.save(directory, message, fetched["capture_instance"], variables["inventory_hostname"])
                saved.append(str(message["id"]))
        return None, saved

    def _ask(self, arguments: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        module_args = {name: value for name, value in arguments.items() if value is not None}
        answer: dict[str, t.Any] = self._execute_module(
            module_name="postmaster.mta.capture_info", module_args=module_args, task_vars=variables
        )
        return answer


def _has_failed(answer: t.Mapping[str, t.Any]) -> bool:
    return bool(answer.get("failed") or answer.get("unreachable"))
