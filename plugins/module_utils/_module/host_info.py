# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module host_info does: observe the host under the MTA and judge it.

Private to the collection: it can change at any time.
"""

import functools
import time
import typing as t

from .. import _mta, _proc
from .._diagnosis import helpers as _helpers
from .._diagnosis import host as _host
from .._diagnosis.host import HostState, InstanceState
from .._driver.daemon import daemon_of
from .._driver.read import read_of
from .._driver.route import route_of
from .._model.finding import as_facts
from .._model.host import Host
from .._runner import Runner
from . import route_info

ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    controller_time={"type": "float"},
    recent={"type": "float", "default": 86400.0},
    timeout={"type": "float", "default": 20.0},
)


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Return what the module host_info returns.

    :raises PostmasterError: no such instance.
    """
    runner = runner or Runner()
    hosts = _mta.present(runner, params["mta"], params["instance"])
    read_ahead(_mta.installed(runner, params["mta"]))
    now = time.time()
    instances = {host.instance.name: functools.partial(observe_instance, host, now) for host in hosts}
    state = _host.observe(runner, instances, params.get("controller_time"), params["timeout"])
    return dict(_facts(state), findings=[as_facts(finding) for finding in _host.judge(state, params["recent"])])


def read_ahead(mtas: t.Iterable[str]) -> None:
    """Import what the checks use of the drivers: to be called before threads do.

    Where two threads import a module at once, Python 3.6 to 3.8 can show to one what the other has read only half of (bpo-38884).
    """
    for mta in mtas:
        daemon_of(mta)
        read_of(mta)
        route_of(mta)


def observe_instance(host: Host, now: float) -> InstanceState:
    """Look at one instance: whether it runs and listens, its queue's disk, what changed lately, its certificate."""
    instance = host.instance
    settings = route_info.settings(host)
    running = daemon_of(host.mta).running(host)
    began = _proc.started_at(running.started)
    # A file that changes while the daemon starts may have been read.
    unread = [path for path in settings.read_at_start if began and _host.modified(path) > began + 2]
    return InstanceState(
        instance=instance.name,
        enabled=instance.enabled,
        running=running,
        expected=_expected(host),
        settings=settings,
        spaces=_host.spaces(instance.queue_directories),
        changed=_host.changed_files(instance.config_directory, now),
        unread=tuple(unread),
        certificate=_host.certificate_in(settings.certificate),
        helpers=_helpers.observe(settings.helpers),
    )


def _expected(host: Host) -> t.Tuple[t.Tuple[str, int], ...]:
    """Return the addresses and ports that the configuration names one by one."""
    identity = read_of(host.mta).read(host)["policy"].get("identity") or {}
    addresses = [address for address in identity.get("listen") or () if address not in ("all", "loopback")]
    return tuple((str(address), int(identity.get("port") or 25)) for address in addresses)


def _facts(state: HostState) -> t.Dict[str, t.Any]:
    servers = [(address, None if seconds is None else round(seconds, 3)) for address, seconds in state.servers]
    return {
        "cache": state.cache,
        "name_servers": [{"address": address, "seconds": seconds} for address, seconds in servers],
        "interfaces": [dict(card._asdict()) for card in state.interfaces],
        "kernel_messages": list(state.kernel[-20:]),
        "load": state.load,
        "processors": state.processors,
        "clock_offset": state.clock_offset,
        "time": state.now,
        "instances": [_instance_facts(instance) for instance in state.instances],
    }


def _instance_facts(state: InstanceState) -> t.Dict[str, t.Any]:
    certificate = state.certificate
    return {
        "name": state.instance,
        "running": state.running.pid is not None,
        "listening": [{"address": address, "port": port} for address, port in state.running.listening],
        "queue_file_systems": [dict(file_system._asdict()) for file_system in state.spaces],
        "needed_bytes": state.settings.needed_bytes,
        "closes_quotes": state.settings.closes_quotes,
        "certificate": dict(certificate._asdict(), names=list(certificate.names)) if certificate else None,
        "helpers": [
            {"kind": helper.kind, "place": helper.place, "setting": helper.setting, "trouble": trouble}
            for helper, trouble in state.helpers
        ],
        "changed_files": [{"path": path, "seconds": round(age)} for path, age in state.changed[:10]],
    }
