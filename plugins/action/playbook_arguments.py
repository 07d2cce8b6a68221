# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the variables of a playbook before it does anything."""

from __future__ import annotations

import getpass
import os
import pathlib
import re
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.loader import lookup_loader
from ansible.utils.vars import load_extra_vars

from ansible_collections.postmaster.mta.plugins.plugin_utils import _arguments, _block_guard
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

_SPEC = {"playbook": {"type": "str", "required": True}, "within": {"type": "str"}}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Check the names on the command line, and then the values of each host."""
        spec = _arguments.load(options["playbook"])
        result: dict[str, t.Any] = {"changed": False, "user": _user(), "msg": "the variables are right"}
        extra = load_extra_vars(self._loader)
        within = _arguments.load(options["within"]) if options.get("within") else None
        sentences = _arguments.leftover(extra) + _arguments.unknown(spec, extra, within)
        hosts = self._relays(spec, variables)
        if not hosts:
            sentences.append(self._nobody(spec, variables))
        if not sentences:
            values = [self._given(spec, variables, variables["hostvars"][host]) for host in hosts]
            sentences = _of_hosts(spec, dict(zip(hosts, values, strict=True)))
            sentences += self._regrettable(spec, hosts, variables)
        if not sentences:
            result["paths"] = self._paths(spec, variables["hostvars"][hosts[0]])
            sentences = [
                f"{name}: {path}: no such file" for name, path in result["paths"].items() if _is_missing(name, path)
            ]
        if sentences:
            result.update(failed=True, msg="; ".join(sentences))
        return result

    def _relays(self, spec: _arguments.Spec, variables: Vars) -> list[str]:
        """Return the hosts that the playbook will work on. The play of this check also has localhost, which is always there."""
        pattern = self._templar.template(variables.get(f"{spec.prefix}hosts", "relays"))
        lookup = lookup_loader.get("ansible.builtin.inventory_hostnames", loader=self._loader, templar=self._templar)
        matching = set(lookup.run([pattern], variables=variables))
        return [host for host in variables["ansible_play_hosts_all"] if host in matching]

    def _given(self, spec: _arguments.Spec, variables: Vars, of_host: Vars) -> dict[str, t.Any]:
        """Return the values that hold for a host, or the sentences of the templates that fail.

        C(hostvars) has no variables of the play. One that the first host has only from the play holds for every host.
        """
        first = variables["hostvars"][variables["inventory_hostname"]]
        values: dict[str, t.Any] = {}
        for name in spec.options:
            raw = of_host.get(name, variables.get(name) if name not in first else None)
            if raw is not None:
                values[name] = self._plain(name, raw)
        return {name: value for name, value in values.items() if value != variables.get("omit")}

    def _plain(self, name: str, raw: object) -> object:
        try:
            return self._templar.template(raw)
        except Exception as problem:  # noqa: BLE001  # the classes of template errors differ between releases of Ansible
            raise AnsibleActionFail(f"{name}: {problem}") from problem

    def _regrettable(self, spec: _arguments.Spec, hosts: t.Sequence[str], variables: Vars) -> list[str]:
        """Return the blocks that cannot be meant, or must be confirmed by name."""
        if not {"block_rules", "block_file"} & set(spec.options):
            return []
        values = {name: self._templar.template(variables[name]) for name in spec.options if name in variables}
        unfit = _block_guard.unfit(values, removes="block_anyway" not in spec.options)
        if unfit or "block_anyway" not in spec.options:
            return unfit
        hostvars = variables["hostvars"]
        served = {
            name for host in hosts for name in _block_guard.served_domains(hostvars[host], self._templar.template)
        }
        return _block_guard.problems(values, served)

    def _paths(self, spec: _arguments.Spec, variables: Vars) -> dict[str, str]:
        """Return the files of the controller, relative to the directory where the command was typed."""
        here = pathlib.Path(os.environ.get("PWD") or ".")
        paths = {name: variables[name] for name in spec.paths() if name in variables}
        return {name: str(here / str(self._templar.template(value))) for name, value in paths.items()}

    def _nobody(self, spec: _arguments.Spec, variables: Vars) -> str:
        name = f"{spec.prefix}hosts"
        pattern = variables.get(name, "relays")
        return (
            f"no relay: no host of the inventory matches {pattern!r}; put the relays into the group relays, or give"
            f" -e {name}=PATTERN"
        )


def _of_hosts(spec: _arguments.Spec, values: t.Mapping[str, dict[str, t.Any]]) -> list[str]:
    """Return what is wrong with the values of any host. What all hosts share is named once."""
    wrong: dict[str, list[str]] = {}
    for host, host_values in values.items():
        for sentence in _arguments.problems(spec, host_values):
            wrong.setdefault(sentence, []).append(host)
    return [
        sentence if len(hosts) == len(values) else f"{', '.join(hosts)}: {sentence}"
        for sentence, hosts in wrong.items()
    ]


def _is_missing(name: str, path: str) -> bool:
    return not name.endswith("_dest") and not os.path.isfile(path)


def _user() -> str:
    """Return who runs Ansible, as one word: the person behind sudo, if there is one."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return re.sub(r"[^A-Za-z0-9._@-]", "_", name)
