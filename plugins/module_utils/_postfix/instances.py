# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Additional Postfix instances (MULTI_INSTANCE_README): see, create, register, enable, start, stop and remove one.

Twin of C(_sendmail.instances); C(_module.instance) knows the order of the steps.

Private to the collection: it can change at any time.
"""

import os
import pwd
import re
import shutil
import stat
import typing as t

from .. import _files
from .._errors import OptionError, Refused
from .._model.host import Instance
from .._model.instance import ExistingInstance, InstanceRequest, UndoableStep
from .._runner import Runner
from . import main_cf, service
from .discover import instance_of, settings
from .draft import is_ours
from .parameters import defaults, expand, split_list
from .service import Daemon

_NAME = re.compile(r"postfix-[A-Za-z0-9_.-]{1,40}\Z")
#: Who must own what a master of root reads and works in.
_OWNERS = {"config_directory": "root", "queue_directory": "root"}
_QUEUES = ("active", "corrupt", "deferred", "hold", "incoming", "maildrop")
#: What a new instance takes from the primary one where that sets it: what the package decides, and the host's names.
_INHERITED = (
    "alias_database",
    "alias_maps",
    "command_directory",
    "compatibility_level",
    "daemon_directory",
    "default_database_type",
    "inet_protocols",
    "mail_owner",
    "mailq_path",
    "meta_directory",
    "mydomain",
    "myhostname",
    "newaliases_path",
    "sendmail_path",
    "setgid_group",
    "shlib_directory",
)
_ALTERNATE = "alternate_config_directories"
#: What C(postmulti -e init) sets, and the line in the instance that it was done for: with that one, when it was the last, it goes again.
_SWITCHES = ("multi_instance_directories", "multi_instance_enable", "multi_instance_wrapper")
_FIRST = "# Before it there was no other: postmulti -e init was done for this instance.\n"


def check_name(name: str) -> None:
    """Refuse what cannot be the name of an instance, which is also that of its unit.

    :raises OptionError: not what postmulti(1) takes.
    """
    if not _NAME.match(name):
        why = "the name of an instance begins with postfix- (postmulti(1)), then letters, digits and _ . - follow"
        raise OptionError("name", name, why)


def see(runner: Runner, wish: InstanceRequest) -> ExistingInstance:
    """Return what exists of the instance."""
    builtin = defaults(runner)
    if not os.path.exists(os.path.join(wish.config_directory, "main.cf")):
        return ExistingInstance(None, False, None)
    values = settings(builtin, wish.config_directory)
    instance = instance_of(values, wish.config_directory, False)
    daemon = _daemon(runner, wish)
    primary = settings(builtin, builtin["config_directory"])
    named = wish.config_directory in _directories(primary) and values.get("multi_instance_name") == wish.name
    switched_on = primary.get("multi_instance_enable") == "yes" and bool(primary.get("multi_instance_wrapper"))
    registered = named and switched_on and service.registered(runner, daemon)
    enabled = instance.enabled and registered and service.at_boot(runner, daemon)
    return ExistingInstance(
        instance._replace(enabled=enabled), registered, daemon.pid, values.get("multi_instance_group", "")
    )


def listening(wish: InstanceRequest) -> t.Dict[str, t.Any]:
    """Return the settings that go with the addresses: postmulti(1) creates instances whose TCP services are switched off."""
    return {"main": {"master_service_disable": ""}}


def messages(runner: Runner, instance: Instance) -> int:
    """Return how many messages are in its queue, whatever state they are in."""
    places = [os.path.join(instance.queue_directories[0], queue) for queue in _QUEUES]
    return sum(len(entry[2]) for place in places for entry in os.walk(place))


# --- what must be true before the first step -----------------------------------------------------------------------


def problems(runner: Runner, wish: InstanceRequest, observed: ExistingInstance) -> t.List[str]:
    """Return what stands in the way, each with its option and value."""
    builtin = defaults(runner)
    primary = settings(builtin, builtin["config_directory"])
    problems = _name_problems(builtin, primary, wish)
    paths = _paths(wish, observed, builtin)
    problems += [
        f"{option}: {path}: {why}" for option, path in paths.items() for why in _path_problems(option, path, observed)
    ]
    problems += _moved(wish, observed, paths)
    problems += _shared(builtin, primary, wish, paths)
    owners = {
        "queue_directory": _OWNERS["queue_directory"],
        "data_directory": primary.get("mail_owner", "postfix"),
    }
    problems += [
        f"{option}: {paths[option]}: {why}" for option, owner in owners.items() for why in _owned(paths[option], owner)
    ]
    return problems + _foreign_unit(runner, wish)


def _name_problems(builtin: t.Mapping[str, str], primary: t.Mapping[str, str], wish: InstanceRequest) -> t.List[str]:
    problems = []
    for directory in _directories(primary):
        name = settings(builtin, directory).get("multi_instance_name", "")
        if name == wish.name and directory != wish.config_directory:
            problems.append(f"name: {wish.name}: the instance in {directory} has this name")
    own = settings(builtin, wish.config_directory).get("multi_instance_name", "")
    if own and own != wish.name:
        problems.append(f"name: {wish.name}: the instance in {wish.config_directory} is called {own}")
    return problems


def _paths(wish: InstanceRequest, observed: ExistingInstance, builtin: t.Mapping[str, str]) -> t.Dict[str, str]:
    """Return the directories of the instance: those that it has, else those of the request."""
    if observed.instance is None:
        return {
            "config_directory": wish.config_directory,
            "queue_directory": _queue_of(wish),
            "data_directory": _data_of(wish),
        }
    values = settings(builtin, wish.config_directory)
    return {
        "config_directory": wish.config_directory,
        "queue_directory": observed.instance.queue_directories[0],
        "data_directory": expand(values["data_directory"], values),
    }


def _queue_of(wish: InstanceRequest) -> str:
    return wish.queue_directory or os.path.join("/var/spool", os.path.basename(wish.config_directory))


def _data_of(wish: InstanceRequest) -> str:
    return wish.data_directory or os.path.join("/var/lib", os.path.basename(wish.config_directory))


def _path_problems(option: str, path: str, observed: ExistingInstance) -> t.List[str]:
    parent = os.path.dirname(path)
    if os.path.lexists(path) and not os.path.isdir(path):
        return ["there is something else of this name"]
    if not os.path.isdir(parent):
        return [f"{parent} is not there"]
    if observed.instance is not None and not os.path.isdir(path):
        return ["main.cf names it, and it is not there"]
    if option == "config_directory" and os.path.isdir(path):
        return _config_problems(path)
    return []


def _config_problems(path: str) -> t.List[str]:
    """Return why a configuration must not be started as root: others may write to it, or half of it is missing."""
    problems = list(_owned(path, _OWNERS["config_directory"]))
    for name in ("main.cf", "master.cf"):
        inside = os.path.join(path, name)
        if os.path.exists(inside):
            problems += [f"{name}: {why}" for why in _owned(inside, _OWNERS["config_directory"])]
    has_main, has_master = (os.path.exists(os.path.join(path, name)) for name in ("main.cf", "master.cf"))
    if has_main != has_master:
        problems.append("of main.cf and master.cf only one is there")
    elif not has_main and os.listdir(path):
        problems.append("it is not empty and holds no main.cf")
    return problems


def _owned(path: str, owner: str) -> t.Iterator[str]:
    try:
        status = os.stat(path)
    except OSError:
        return
    try:
        wanted = pwd.getpwnam(owner).pw_uid
    except KeyError:
        yield f"there is no user {owner} on this host"
        return
    if status.st_uid != wanted:
        yield f"it belongs to {_files.user(status.st_uid)} and not to {owner}"
    if stat.S_IMODE(status.st_mode) & stat.S_IWOTH or (owner == "root" and stat.S_IMODE(status.st_mode) & stat.S_IWGRP):
        yield f"others than {owner} may write to it (mode {stat.S_IMODE(status.st_mode):04o})"


def _moved(wish: InstanceRequest, observed: ExistingInstance, paths: t.Mapping[str, str]) -> t.List[str]:
    """Refuse another queue directory than the instance has: the mail in the old one would be stranded."""
    if observed.instance is None:
        return []
    wanted = {"queue_directory": wish.queue_directory, "data_directory": wish.data_directory}
    return [
        f"{option}: {path}: the instance has {paths[option]}, and moving it is not done here"
        for option, path in wanted.items()
        if path and path != paths[option]
    ]


def _shared(
    builtin: t.Mapping[str, str], primary: t.Mapping[str, str], wish: InstanceRequest, paths: t.Mapping[str, str]
) -> t.List[str]:
    """Refuse directories of another instance: two masters in one queue or data directory destroy each other's mail."""
    problems = []
    others = [builtin["config_directory"].rstrip("/"), *_directories(primary)]
    for directory in others:
        if directory == wish.config_directory:
            continue
        values = settings(builtin, directory)
        theirs = [directory] + [expand(values[name], values) for name in ("queue_directory", "data_directory")]
        for option, path in paths.items():
            clash = [taken for taken in theirs if _nested(path, taken)]
            problems += [f"{option}: {path}: the instance in {directory} uses {clash[0]}"] if clash else []
    if len(set(paths.values())) < len(paths):
        problems.append(f"queue_directory: {paths['queue_directory']}: the directories of an instance must differ")
    return problems


def _foreign_unit(runner: Runner, wish: InstanceRequest) -> t.List[str]:
    """Refuse a second unit for one instance: both would start it at boot. Debian 13 has a template unit."""
    form = re.match(r"/etc/postfix-(.+)\Z", wish.config_directory)
    if not form or service.keeper(runner) != service.UNIT or wish.state not in ("started", "present"):
        return []
    unit = f"postfix@{form.group(1)}.service"
    if runner.run(["systemctl", "is-enabled", unit], check=False).out.strip() != "enabled":
        return []
    return [
        f"config_directory: {wish.config_directory}: {unit} starts it at boot; disable that unit, ours takes its place"
    ]


# --- the steps ----------------------------------------------------------------------------------------------------


def create(runner: Runner, wish: InstanceRequest) -> t.List[UndoableStep]:
    """Return the steps that make a new instance: its directories, and at last its configuration, in one step."""
    builtin = defaults(runner)
    primary = settings(builtin, builtin["config_directory"])
    queue, data = _queue_of(wish), _data_of(wish)
    steps = [
        _make_directory(queue, 0o755, "root"),
        _make_directory(data, 0o700, primary.get("mail_owner", "postfix")),
    ]

    def write() -> None:
        _write_configuration(builtin, wish, queue, data)

    return steps + [
        UndoableStep(f"create {wish.config_directory}", write, lambda: shutil.rmtree(wish.config_directory))
    ]


def _make_directory(path: str, mode: int, owner: str) -> UndoableStep:
    existed = os.path.isdir(path)

    def make() -> None:
        if not existed:
            os.mkdir(path, mode)
            shutil.chown(path, owner, 0)

    def unmake() -> None:
        if not existed:
            shutil.rmtree(path, ignore_errors=True)

    return UndoableStep(f"create {path}" if not existed else f"use {path}", make, unmake)


def _write_configuration(builtin: t.Mapping[str, str], wish: InstanceRequest, queue: str, data: str) -> None:
    """Write main.cf and master.cf beside their place, and move both there in one step."""
    stage = os.path.join(
        os.path.dirname(wish.config_directory), f".{os.path.basename(wish.config_directory)}.postmaster-new"
    )
    _files.remove(stage)
    os.mkdir(stage, 0o755)
    try:
        _files.write_new(os.path.join(stage, "main.cf"), _main(builtin, wish, queue, data), 0o644)
        _files.write_new(os.path.join(stage, "master.cf"), _master(builtin), 0o644)
        if os.path.isdir(wish.config_directory):
            os.rmdir(wish.config_directory)
        os.rename(stage, wish.config_directory)
        _files.fsync_directory(os.path.dirname(wish.config_directory))
    finally:
        _files.remove(stage)


def _main(builtin: t.Mapping[str, str], wish: InstanceRequest, queue: str, data: str) -> bytes:
    """Return a main.cf that takes from the primary instance what the package decided, and nothing of its policy.

    Nothing listens until an address is given, and of the local users only root may submit, as postmulti(1) does it.
    """
    primary = main_cf.parse(_files.read(os.path.join(builtin["config_directory"], "main.cf")) or b"").values
    values = {name: _inherited(primary[name]) for name in _INHERITED if name in primary}
    values.update(
        queue_directory=queue,
        data_directory=data,
        authorized_submit_users="root",
        master_service_disable="inet",
        multi_instance_name=wish.name,
    )
    head = f"# {wish.name}, an additional instance. postconf(5); MULTI_INSTANCE_README\n"
    head += "" if set(_SWITCHES) & set(primary) else _FIRST
    lines = [main_cf.format_parameter(name, value) for name, value in sorted(values.items())]
    return (head + "".join(f"{line}\n" for line in lines)).encode("utf-8", "surrogateescape")


def _inherited(value: str) -> str:
    """Return a value of the primary instance without the tables of its policy, which lie in its own directory."""
    words = split_list(value)
    return ", ".join(word for word in words if not is_ours(word)) if any(map(is_ours, words)) else value


def _master(builtin: t.Mapping[str, str]) -> bytes:
    """Return the package's own master.cf; where it has no pristine one, the primary instance's, with its choice of chroot."""
    directory = builtin["config_directory"]
    for path in (
        os.path.join(builtin.get("meta_directory", directory), "master.cf.proto"),
        os.path.join(directory, "master.cf"),
    ):
        content = _files.read(path)
        if content:
            return content
    raise Refused([f"config_directory: there is no {directory}/master.cf to begin with"])


def register(runner: Runner, wish: InstanceRequest) -> t.List[UndoableStep]:
    """Make the instance known to postmulti(1) and to the service manager."""
    builtin = defaults(runner)
    changed = [os.path.join(builtin["config_directory"], "main.cf"), os.path.join(wish.config_directory, "main.cf")]
    before = {path: _files.read(path) for path in changed}

    def do() -> None:
        before.update((path, _files.read(path)) for path in changed)
        _import(runner, builtin, wish)
        service.register(runner, _daemon(runner, wish))

    def undo() -> None:
        for path, content in before.items():
            if content is not None and os.path.exists(path):
                _files.write_new(path, content, 0o644, like=path)
        service.forget(runner, _daemon(runner, wish))

    return [UndoableStep(f"register {wish.name} with postmulti", do, undo)]


def _import(runner: Runner, builtin: t.Mapping[str, str], wish: InstanceRequest) -> None:
    primary = settings(builtin, builtin["config_directory"])
    if primary.get("multi_instance_enable") != "yes" or not primary.get("multi_instance_wrapper"):
        runner.run(["postmulti", "-e", "init"])
    naming = ["-I", wish.name] + (["-G", wish.group] if wish.group else [])
    if wish.config_directory not in _directories(primary):
        runner.run(["postmulti", *naming, "-e", "import", f"config_directory={wish.config_directory}"], timeout=120)
    elif settings(builtin, wish.config_directory).get("multi_instance_name") != wish.name:
        runner.run(["postmulti", "-i", wish.config_directory, *naming, "-e", "assign"])


def assign(runner: Runner, wish: InstanceRequest, observed: ExistingInstance) -> t.List[UndoableStep]:
    """Put the instance into its group."""
    if (
        wish.group is None
        or (observed.registered and wish.group == observed.group)
        or (not observed.registered and wish.group)
    ):
        # One that is registered only now gets its group with its name.
        return []

    def do(group: str) -> None:
        runner.run(["postmulti", "-i", wish.name, "-G", group or "-", "-e", "assign"])

    return [UndoableStep(f"group {wish.group or 'none'}", lambda: do(wish.group or ""), lambda: do(observed.group))]


def enable(runner: Runner, wish: InstanceRequest, wanted: bool) -> UndoableStep:
    """Let C(postfix start), C(postmulti -p) and the next boot take the instance with them, or not."""

    def do(on: bool) -> None:
        runner.run(["postmulti", "-i", wish.name, "-e", "enable" if on else "disable"])
        service.set_at_boot(runner, _daemon(runner, wish), on)

    return UndoableStep(f"{'enable' if wanted else 'disable'} {wish.name}", lambda: do(wanted), lambda: do(not wanted))


def kept(runner: Runner, wish: InstanceRequest, pid: int) -> bool:
    """Return whether the service manager takes care of the daemon that runs."""
    return service.keeps(runner, _daemon(runner, wish), pid)


def start(runner: Runner, wish: InstanceRequest) -> None:
    """Start it and wait until it answers."""
    service.start(runner, _daemon(runner, wish))


def stop(runner: Runner, wish: InstanceRequest) -> None:
    """Stop it and wait until no process of it is left."""
    service.stop(runner, _daemon(runner, wish))


def remove(runner: Runner, wish: InstanceRequest, observed: ExistingInstance, keep: bool) -> t.List[UndoableStep]:
    """Take the instance out of postmulti(1) and the service manager; unless it is kept, its directories go too."""
    builtin = defaults(runner)
    steps = []
    if observed.registered or wish.config_directory in _directories(settings(builtin, builtin["config_directory"])):
        steps.append(UndoableStep(f"deregister {wish.name}", lambda: _deport(runner, builtin, wish, keep)))
    if not keep:
        paths = _paths(wish, observed, builtin)
        steps += [_remove_directory(paths[name]) for name in ("queue_directory", "data_directory", "config_directory")]
    return steps


def _deport(runner: Runner, builtin: t.Mapping[str, str], wish: InstanceRequest, keep: bool) -> None:
    """Deregister an instance. One that is kept stays in alternate_config_directories, for postqueue -c."""
    own = _files.read(os.path.join(wish.config_directory, "main.cf")) or b""
    service.forget(runner, _daemon(runner, wish))
    # One that is enabled is not let go.
    runner.run(["postmulti", "-i", wish.config_directory, "-e", "disable"])
    runner.run(["postmulti", "-i", wish.config_directory, "-e", "deport"])
    if not keep:
        path = os.path.join(builtin["config_directory"], "main.cf")
        main = main_cf.parse(_files.read(path) or b"", path)
        _files.write_new(
            path, main_cf.edit(main, _left_over(main.values, wish, _FIRST.encode() in own)), 0o644, like=path
        )


def _left_over(primary: t.Mapping[str, str], wish: InstanceRequest, first: bool) -> t.Dict[str, t.Optional[str]]:
    """Return the changes to the primary instance's main.cf once an instance is gone for good."""
    alternates = split_list(primary.get(_ALTERNATE, ""))
    others = [directory for directory in alternates if directory.rstrip("/") != wish.config_directory]
    changes: t.Dict[str, t.Optional[str]] = {_ALTERNATE: " ".join(others) or None}
    if first and not _directories(primary):
        changes.update((name, None) for name in _SWITCHES)
    return changes


def _remove_directory(path: str) -> UndoableStep:
    return UndoableStep(f"remove {path}", lambda: _files.remove(path))


# --- shared -------------------------------------------------------------------------------------------------------


def _nested(path: str, other: str) -> bool:
    return path == other or path.startswith(other + "/") or other.startswith(path + "/")


def _directories(primary: t.Mapping[str, str]) -> t.Tuple[str, ...]:
    return tuple(directory.rstrip("/") for directory in split_list(primary.get("multi_instance_directories", "")))


def _daemon(runner: Runner, wish: InstanceRequest) -> Daemon:
    """Return what starts and stops it. Its main.cf, where there is one by now, says which queue it has."""
    queue = _queue_of(wish)
    if os.path.exists(os.path.join(wish.config_directory, "main.cf")):
        values = settings(defaults(runner), wish.config_directory)
        queue = expand(values["queue_directory"], values)
    return Daemon(wish.name, wish.config_directory, queue)
