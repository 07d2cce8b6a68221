# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix instances: find them, ask what they can do, see whether they run, and make a change effective.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from .._errors import PostmasterError
from .._records import NOTHING, RELOAD, RESTART, Activation, Capabilities, Host, Instance, Rendering, Running
from .._runner import Runner
from . import main_cf, tables
from .parameters import MalformedValue, defaults, expand, split_list

#: Only a stop and a start make these effective. The master says so of inet_*; the others are what it holds open or locked.
RESTART_PARAMETERS = ("data_directory", "inet_interfaces", "inet_protocols", "process_id_directory", "queue_directory")
#: Lookup table types that the daemons read once, when they start.
READ_AT_START = frozenset(("cidr", "inline", "pcre", "regexp", "texthash"))
_CHROOT_SCRIPTS = ("/usr/lib/postfix/configure-instance.sh",)


def instances(runner: Runner) -> t.Tuple[Instance, ...]:
    """The primary instance and those of C(multi_instance_directories); none where Postfix is not installed.

    :raises CommandError: Postfix cannot read its own configuration; it names the file and the line.
    """
    if not runner.which("postconf"):
        return ()
    builtin = defaults(runner)
    directory = builtin["config_directory"].rstrip("/")
    values = settings(builtin, directory)
    others = split_list(values.get("multi_instance_directories", ""))
    found = [instance_of(values, directory, True)]
    found += [instance_of(settings(builtin, other), other.rstrip("/"), False) for other in others]
    return tuple(found)


def version(runner: Runner, instance: Instance) -> str:
    """What Postfix calls its version."""
    return defaults(runner)["mail_version"]


def capabilities(runner: Runner, instance: Instance) -> Capabilities:
    """What this Postfix can do.

    :returns: features: C(tls), C(ipv6), and C(postconf:NAME) for nothing: parameter names are in defaults().
    """
    builtin = defaults(runner)
    types = tuple(runner.run(["postconf", "-m"]).out.split())
    linked = runner.run(["postconf", "-T", "compile-version"], check=False).out.strip()
    features = {"tls"} if linked else set()
    if os.path.exists("/proc/net/if_inet6"):
        features.add("ipv6")
    text = builtin["mail_version"]
    wanted = settings(builtin, instance.config_directory).get("default_database_type", "hash")
    return Capabilities(version_of(text), text, types, _table_type(wanted, types), frozenset(features))


def version_of(text: str) -> t.Tuple[int, ...]:
    """C(3.7.11) as (3, 7, 11); snapshots such as C(3.11-20250101) keep their first two numbers."""
    return tuple(int(number) for number in re.findall(r"\d+", text.split("-")[0])[:3])


def settings(builtin: t.Mapping[str, str], directory: str) -> t.Dict[str, str]:
    """The parameters of an instance, as they are written, over the built-in ones."""
    path = os.path.join(directory, "main.cf")
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except (IOError, OSError):
        content = b""
    return dict(builtin, **dict(main_cf.parse(content, path).values, config_directory=directory))


def setting(host: Host, name: str) -> str:
    """One parameter of the live instance, expanded."""
    values = settings(defaults(host.runner), host.instance.config_directory)
    return expand(values.get(name, ""), values)


def running(host: Host) -> Running:
    """The instance's master process, from its pid file and /proc."""
    from . import processes

    pid = processes.find_master(_pid_file(host))
    if pid is None:
        return Running(None, None)
    return Running(pid, processes.started(pid), processes.listening(pid))


def activation(host: Host, current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> Activation:
    """What makes the change from the live files to the wanted ones effective."""
    changed = {name for name, file in rendering.files.items() if file.content != current(name)}
    if not changed:
        return Activation(NOTHING)
    parameters = _changed_parameters(current, rendering) if "main.cf" in changed else ()
    restarting = _restarting(host, current, rendering) if parameters else ()
    if restarting:
        return Activation(RESTART, restarting)
    because = list(parameters)
    because += _changed_services(current, rendering) if "master.cf" in changed else []
    because += [f"{kind}:{name}" for kind, name in _tables_in(rendering) if kind in READ_AT_START and name in changed]
    because = because or [name for name in ("main.cf", "master.cf") if name in changed]
    return Activation(RELOAD, tuple(because)) if because else Activation(NOTHING)


def activate(host: Host, wanted: Activation) -> None:
    """Reload or restart a running instance, and wait until it answers; one that is down stays down.

    :raises PostmasterError: it does not come up again.
    """
    from . import processes

    pid = processes.find_master(_pid_file(host))
    if pid is None or wanted.kind == NOTHING:
        return
    if wanted.kind == RESTART:
        _restart(host, pid)
    else:
        _refresh_chroot(host)
        host.runner.run(_postfix(host, "reload"))
    if not processes.comes_up(lambda: processes.find_master(_pid_file(host))):
        raise PostmasterError(f"{host.instance.config_directory}: Postfix does not answer after the {wanted.kind}")


def listens(host: Host) -> bool:
    """Whether the instance has TCP services at all: postmulti(1) switches them off in those that it creates."""
    return not {"inet", "smtp/inet", "smtp.inet"} & set(split_list(setting(host, "master_service_disable")))


def instance_of(values: t.Mapping[str, str], directory: str, primary: bool) -> Instance:
    """An instance from its parameters."""
    name = values.get("multi_instance_name") or ("postfix" if primary else os.path.basename(directory))
    enabled = primary or values.get("multi_instance_enable") == "yes"
    try:
        queue = expand(values["queue_directory"], values)
    except MalformedValue:
        queue = values["queue_directory"]
    return Instance("postfix", name, directory, (queue,), primary, enabled)


def _table_type(wanted: str, types: t.Sequence[str]) -> str:
    """The configured type if this build has it, else the best indexed one that it has."""
    usable = [kind for kind in (wanted, "lmdb", "cdb", "hash") if kind in types and kind in tables.SUFFIXES]
    return usable[0] if usable else "texthash"


def _pid_file(host: Host) -> str:
    return os.path.join(host.instance.queue_directories[0], "pid", "master.pid")


def _changed_parameters(current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> t.Tuple[str, ...]:
    before = main_cf.parse(current("main.cf") or b"").values
    after = main_cf.parse(rendering.files["main.cf"].content or b"").values
    names = sorted(set(before) | set(after))
    return tuple(name for name in names if before.get(name) != after.get(name))


def _restarting(host: Host, current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> t.Tuple[str, ...]:
    """The parameters whose effect changes and that a reload ignores; C(inet_protocols = all) is no change where it is the default."""
    builtin = defaults(host.runner)
    both = []
    for content in (current("main.cf"), rendering.files["main.cf"].content):
        values = dict(builtin, **main_cf.parse(content or b"").values)
        try:
            both.append({name: split_list(expand(values.get(name, ""), values)) for name in RESTART_PARAMETERS})
        except MalformedValue:
            both.append({})
    return tuple(name for name in RESTART_PARAMETERS if both[0].get(name) != both[1].get(name))


def _changed_services(current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> t.List[str]:
    from . import master_cf

    before = master_cf.parse(current("master.cf") or b"").services
    after = master_cf.parse(rendering.files["master.cf"].content or b"").services
    return [key for key in sorted(set(before) | set(after)) if before.get(key) != after.get(key)]


def _tables_in(rendering: Rendering) -> t.List[t.Tuple[str, str]]:
    main = rendering.files.get("main.cf")
    values = main_cf.parse(main.content or b"").values if main else {}
    return sorted({(one.type, one.name) for one in tables.references(values) if one.name})


def _postfix(host: Host, verb: str) -> t.List[str]:
    # With -c the command keeps to this one instance, also where a multi-instance wrapper is set (postfix(1)).
    return ["postfix", "-c", host.instance.config_directory, verb]


def _restart(host: Host, pid: int) -> None:
    """Restart this one instance. A unit that runs more than it is not asked: it would take the others with it."""
    from . import processes

    unit = processes.service_unit(pid)
    alone = host.instance.primary or host.instance.name in (unit or "")
    if unit and unit.startswith("postfix") and alone:
        host.runner.run(["systemctl", "restart", unit], timeout=120)
    elif host.instance.primary:
        _stop_and_start(host, pid)
    else:
        from . import service

        _refresh_chroot(host)
        service.restart(host.runner, service.Daemon(*host.instance[1:3], host.instance.queue_directories[0]))


def _stop_and_start(host: Host, pid: int) -> None:
    from . import processes

    host.runner.run(_postfix(host, "stop"), timeout=120)
    if not processes.ends(pid):
        raise PostmasterError(f"{host.instance.config_directory}: the Postfix master {pid} does not stop")
    _refresh_chroot(host)
    host.runner.run(_postfix(host, "start"), timeout=120)


def _refresh_chroot(host: Host) -> None:
    """Renew the copies of resolv.conf and the like in the chroot, where the packager has a script for it.

    Debian 12 runs it when the service starts, with the instance's name as argument. From Debian 13 on postfix-script runs it
    itself and it takes no argument; there it ends with an error that does no harm.
    """
    name = "-" if host.instance.primary else host.instance.name
    for script in _CHROOT_SCRIPTS:
        if os.access(script, os.X_OK):
            host.runner.run([script, name], check=False)
