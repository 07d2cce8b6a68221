# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module relay_info returns: the instances of a host, each with its configuration as a policy.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _mta
from .._account import generations
from .._driver.adoption import adoption_of
from .._driver.daemon import daemon_of
from .._driver.read import read_of
from .._model.host import Host
from .._runner import Runner
from . import risks
from .drift import drift_of

ARGUMENT_SPEC: t.Dict[str, t.Any] = {**_mta.ARGUMENT_SPEC, "defaults": {"type": "bool", "default": True}}


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Return every instance that is meant: what it is, what it can do, whether it runs, and its configuration as a policy.

    :raises OptionError: no instance has this name.
    """
    hosts = _mta.present(runner or Runner(), params["mta"], params["instance"])
    return {"instances": [_described(host, params["defaults"]) for host in hosts]}


def _risks(host: Host) -> t.List[t.Dict[str, t.Any]]:
    directory = os.path.realpath(host.instance.config_directory)
    return risks.shown(risks.risks_of(host, directory), risks.accepted_before(directory))


def _described(host: Host, defaults: bool) -> t.Dict[str, t.Any]:
    instance, capabilities, running = host.instance, host.capabilities, daemon_of(host.mta).running(host)
    observed = read_of(host.mta).read(host)
    live = adoption_of(host.mta).adopt(host, observed, defaults)
    return {
        "mta": instance.mta,
        "name": instance.name,
        "config_directory": instance.config_directory,
        "queue_directories": list(instance.queue_directories),
        "primary": instance.primary,
        "enabled": instance.enabled,
        "version": capabilities.version_text,
        "table_types": list(capabilities.table_types),
        "default_table_type": capabilities.default_table_type,
        "features": sorted(capabilities.features),
        "running": running.pid is not None,
        "listening": [{"address": address, "port": port} for address, port in running.listening],
        "policy": live.policy,
        "effective": observed["policy"],
        "natives": live.natives,
        "shadowed": live.shadowed,
        "unexpressed": live.unexpressed,
        "drift": drift_of(host),
        "generation": generations.newest(os.path.realpath(instance.config_directory)).get("number", 0),
        "risks": _risks(host),
    }
