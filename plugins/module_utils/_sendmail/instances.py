# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Additional sendmail daemons: see, create, register, enable, start, stop and remove one.

Twin of C(_postfix/multi.py); C(_instances.py) knows the order of the steps.

Private to the collection: it can change at any time.
"""

import os
import re
import shutil
import stat
import typing as t

from .. import _change, _files
from .._errors import OptionError, Refused
from .._model.host import Instance
from .._model.instance import ExistingInstance, InstanceRequest, UndoableStep
from .._runner import Runner
from . import daemon, discover, processes, queue, service, units
from .render import SEED, relistened

_NAME = re.compile(r"sendmail-[A-Za-z0-9_-]{1,40}\Z")


def check_name(name: str) -> None:
    """Check the name of an instance, which is also that of its unit and the tag of its log lines.

    :raises OptionError: not what systemd takes, or none that tells it from other units.
    """
    if not _NAME.match(name):
        raise OptionError(
            "name", name, "the name of an instance is sendmail- and then 1 to 40 letters, digits, _ and -"
        )


def see(runner: Runner, wish: InstanceRequest) -> ExistingInstance:
    """Return what exists of the instance."""
    registered = units.directory_of(units.read(wish.name)) == wish.config_directory
    if not os.path.exists(_cf(wish)):
        return ExistingInstance(None, registered, None)
    instance = discover.instance_in(wish.name, wish.config_directory)
    # Of two daemons in one queue nobody could tell which processes are whose.
    pid = None if _sharing(runner, instance) else service.running(runner, instance)
    return ExistingInstance(instance, registered, pid)


def listening(wish: InstanceRequest) -> t.Dict[str, t.Any]:
    """Return parameters for the module relay: of an existing sendmail.mc only the listeners change."""
    return {"render": relistened}


def messages(runner: Runner, instance: Instance) -> int:
    """Return how many messages are in its queue, in whatever state."""
    return queue.count(discover.host_of(runner, instance))


# --- what must be true before the first step -----------------------------------------------------------------------


def problems(runner: Runner, wish: InstanceRequest, observed: ExistingInstance) -> t.List[str]:
    """Return what stands in the way, each with its option and value."""
    problems = _unit_problems(runner, wish)
    problems += [f"config_directory: {wish.config_directory}: {why}" for why in _config_problems(runner, wish)]
    place = _queue_of(wish, observed)
    problems += [f"queue_directory: {place}: {why}" for why in _queue_problems(runner, wish, observed, place)]
    if observed.instance is None and not wish.listen and wish.state == "started":
        problems.append(
            "listen: a new instance needs addresses of its own; without any it would take the primary one's"
        )
    return problems + (_pid_file_problems(runner, wish) if observed.instance else [])


def _unit_problems(runner: Runner, wish: InstanceRequest) -> t.List[str]:
    if not daemon.systemd(runner):
        return [f"name: {wish.name}: this host does not run systemd, which is to start and stop the daemon"]
    present = units.read(wish.name)
    owner = units.directory_of(present)
    problems = []
    if owner and owner != wish.config_directory:
        problems.append(f"name: {wish.name}: the instance in {owner} has this name")
    foreign = _foreign_units(wish.name)
    if present and not owner:
        foreign.append(units.path(wish.name))
    if foreign:
        problems.append(f"name: {wish.name}: {foreign[0]} is there and not ours")
    return problems + _other_names(wish)


def _foreign_units(name: str) -> t.List[str]:
    """Return the units of this name that somebody else has written."""
    paths = [path.format(name) for path in units.FOREIGN]
    return [path for path in paths if os.path.lexists(path)]


def _other_names(wish: InstanceRequest) -> t.List[str]:
    """Return why the directory cannot have this name: an instance has one name."""
    names = [name for name, directory in units.known() if directory == wish.config_directory and name != wish.name]
    return [f"name: {wish.name}: the instance in {wish.config_directory} is called {name}" for name in names]


def _config_problems(runner: Runner, wish: InstanceRequest) -> t.List[str]:
    path = wish.config_directory
    problems = _place_problems(path)
    for other in _others(runner, path):
        if _nested(path, other.config_directory):
            problems.append(f"the instance {other.name} has {other.config_directory}")
    if problems or not os.path.isdir(path):
        return problems
    problems += _owned(path)
    if os.path.exists(_cf(wish)):
        problems += [f"sendmail.cf: {why}" for why in _owned(_cf(wish))]
    elif os.listdir(path):
        problems.append("it is not empty and holds no sendmail.cf")
    return problems


def _place_problems(path: str) -> t.List[str]:
    if os.path.lexists(path) and not os.path.isdir(path):
        return ["there is something else of this name"]
    if not os.path.isdir(os.path.dirname(path)):
        return [f"{os.path.dirname(path)} is not there"]
    return []


def _queue_problems(runner: Runner, wish: InstanceRequest, observed: ExistingInstance, place: str) -> t.List[str]:
    if observed.instance is not None and wish.queue_directory and wish.queue_directory != place:
        # Its mail would stay behind.
        return [f"{wish.queue_directory} is expected, but the instance has this one; its queue is not moved here"]
    clashes = _clashes(runner, wish.config_directory, place)
    problems = [f"the instance {other.name} uses {theirs}" for other, theirs in clashes]
    if _nested(place, wish.config_directory):
        problems.append(f"it lies in {wish.config_directory}")
    directories = processes.directories(place)
    if directories:
        return problems + _directory_problems(place, directories)
    return problems + (["sendmail.cf names it, and it is not there"] if observed.instance else _place_problems(place))


def _directory_problems(place: str, directories: t.Sequence[str]) -> t.List[str]:
    """Return what is wrong with the owners and modes of queue directories; a group of them is named in full."""
    return [why if path == place else f"{path}: {why}" for path in directories for why in _owned(path)]


def _pid_file_problems(runner: Runner, wish: InstanceRequest) -> t.List[str]:
    own = discover.pid_file(wish.config_directory)
    return [
        f"config_directory: {wish.config_directory}: its PidFile {own} is that of the instance {other.name}"
        for other in _others(runner, wish.config_directory)
        if os.path.realpath(discover.pid_file(other.config_directory)) == os.path.realpath(own)
    ]


def _owned(path: str) -> t.Iterator[str]:
    """Yield what is wrong with an owner or a mode: only root and the package's user may write where root's daemon reads."""
    status = os.stat(path)
    trusted = ("root", discover.the_layout().table_owner)
    if _files.user(status.st_uid) not in trusted:
        yield f"it belongs to {_files.user(status.st_uid)} and not to {' or '.join(dict.fromkeys(trusted))}"
    if stat.S_IMODE(status.st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
        yield f"others than its owner may write to it (mode {stat.S_IMODE(status.st_mode):04o})"


# --- the steps ----------------------------------------------------------------------------------------------------


def create(runner: Runner, wish: InstanceRequest) -> t.List[UndoableStep]:
    """Return the steps that make the directories of a new instance, with a sendmail.cf that only says where they are."""
    place = _queue_of(wish, None)
    steps = [] if os.path.isdir(place) else [_make_queue(place)]
    made = not os.path.isdir(wish.config_directory)

    def undo() -> None:
        _files.remove(wish.config_directory)
        if not made:
            _new_directory(wish.config_directory)

    return [*steps, UndoableStep(f"create {wish.config_directory}", lambda: _seed(wish, place), undo)]


def _make_queue(path: str) -> UndoableStep:
    def make() -> None:
        os.mkdir(path, 0o700)
        # As the package made the primary one's: its group reads it, where mailq(1) is to work for others than root.
        first = processes.directories(discover.queue_of(discover.CONFIG_DIRECTORY))
        if first:
            _files.copy_identity(first[0], path)

    return UndoableStep(f"create {path}", make, lambda: _files.remove(path))


def _seed(wish: InstanceRequest, place: str) -> None:
    """Make the directory beside its place and move it there, so that it never exists without its file."""
    stage = os.path.join(
        os.path.dirname(wish.config_directory), f".{os.path.basename(wish.config_directory)}.postmaster-new"
    )
    _files.remove(stage)
    _new_directory(stage)
    try:
        text = f"{SEED}\nV10/Berkeley\nO QueueDirectory={place}\nO PidFile=/run/{wish.name}/sendmail.pid\n"
        _files.write_new(os.path.join(stage, "sendmail.cf"), text.encode("ascii"), 0o644)
        if os.path.isdir(wish.config_directory):
            os.rmdir(wish.config_directory)
        os.rename(stage, wish.config_directory)
        _files.fsync_directory(os.path.dirname(wish.config_directory))
    finally:
        _files.remove(stage)


def _new_directory(path: str) -> None:
    os.mkdir(path, 0o755)
    shutil.chown(path, "root", discover.the_layout().group)
    os.chmod(path, 0o755)


def register(runner: Runner, wish: InstanceRequest) -> t.List[UndoableStep]:
    """Make the instance known to the service manager, and so to us."""
    content = service.wanted(wish.name, wish.config_directory)
    return [
        UndoableStep(
            f"create {units.path(wish.name)}",
            lambda: service.write(runner, wish.name, content),
            lambda: service.write(runner, wish.name, None),
        )
    ]


def assign(runner: Runner, wish: InstanceRequest, observed: ExistingInstance) -> t.List[UndoableStep]:
    """Return the step that rewrites a unit of an older form."""
    steps = []
    present, wanted = (
        units.read(wish.name).encode("utf-8", "surrogateescape"),
        service.wanted(wish.name, wish.config_directory),
    )
    if observed.registered and present != wanted:
        steps.append(
            UndoableStep(
                f"edit {units.path(wish.name)}",
                lambda: service.write(runner, wish.name, wanted),
                lambda: service.write(runner, wish.name, present),
            )
        )
    return steps


def enable(runner: Runner, wish: InstanceRequest, wanted: bool) -> UndoableStep:
    """Return the step that lets the next boot start the instance, or not."""
    word = "enable" if wanted else "disable"
    return UndoableStep(
        f"{word} {wish.name}",
        lambda: service.set_at_boot(runner, wish.name, wanted),
        lambda: service.set_at_boot(runner, wish.name, not wanted),
    )


def kept(runner: Runner, wish: InstanceRequest, pid: int) -> bool:
    """Return whether the service manager takes care of the running daemon."""
    return daemon.is_of_service(discover.instance_in(wish.name, wish.config_directory), pid)


def start(runner: Runner, wish: InstanceRequest) -> None:
    """Start it and wait until it greets."""
    service.start(runner, discover.instance_in(wish.name, wish.config_directory))


def stop(runner: Runner, wish: InstanceRequest) -> None:
    """Stop it and wait until no process of it is left."""
    service.stop(runner, discover.instance_in(wish.name, wish.config_directory))


def remove(runner: Runner, wish: InstanceRequest, observed: ExistingInstance, keep: bool) -> t.List[UndoableStep]:
    """Return the steps that remove the unit and, unless they are kept, the directories of the instance.

    :raises Refused: another instance uses its queue.
    """
    steps = [_unregister(runner, wish)] if observed.registered else []
    if keep or observed.instance is None:
        return steps
    shared = _sharing(runner, observed.instance)
    if shared:
        raise Refused([f"queue_directory: {observed.instance.queue_directories[0]}: {shared} uses it too"])
    places = [*processes.directories(observed.instance.queue_directories[0]), wish.config_directory]
    return steps + [_remove_directory(path) for path in places]


def _unregister(runner: Runner, wish: InstanceRequest) -> UndoableStep:
    present, enabled = units.read(wish.name).encode("utf-8", "surrogateescape"), units.at_boot(wish.name)

    def do() -> None:
        if enabled:
            service.set_at_boot(runner, wish.name, False)
        service.write(runner, wish.name, None)

    def undo() -> None:
        service.write(runner, wish.name, present)
        if enabled:
            service.set_at_boot(runner, wish.name, True)

    return UndoableStep(f"remove {units.path(wish.name)}", do, undo)


def _remove_directory(path: str) -> UndoableStep:
    """Return the step that empties and removes a directory; a mount point itself stays."""

    def do() -> None:
        _change.Area(path).remove()
        for name in os.listdir(path):
            _files.remove(os.path.join(path, name))
        if not os.path.ismount(path):
            os.rmdir(path)

    return UndoableStep(f"remove {path}", do)


# --- shared -------------------------------------------------------------------------------------------------------


def _cf(wish: InstanceRequest) -> str:
    return os.path.join(wish.config_directory, "sendmail.cf")


def _queue_of(wish: InstanceRequest, observed: t.Optional[ExistingInstance]) -> str:
    """Return the queue directory that the instance has, else the one that it is to get."""
    if observed is not None and observed.instance is not None:
        return observed.instance.queue_directories[0]
    return wish.queue_directory or os.path.join("/var/spool", os.path.basename(wish.config_directory))


def _others(runner: Runner, directory: str) -> t.List[Instance]:
    return [instance for instance in discover.instances(runner) if instance.config_directory != directory]


def _clashes(runner: Runner, directory: str, place: str) -> t.Iterator[t.Tuple[Instance, str]]:
    for other in _others(runner, directory):
        for theirs in other.queue_directories:
            if processes.clash(place, theirs):
                yield other, theirs


def _sharing(runner: Runner, instance: Instance) -> str:
    """Return the other instance that uses the same queue, in words; empty where there is none."""
    clashes = list(_clashes(runner, instance.config_directory, instance.queue_directories[0]))
    return f"the instance {clashes[0][0].name}" if clashes else ""


def _nested(place: str, other: str) -> bool:
    place, other = (os.path.realpath(path) for path in (place, other))
    return place == other or place.startswith(other + "/") or other.startswith(place + "/")


__all__ = (
    "assign",
    "check_name",
    "create",
    "enable",
    "kept",
    "listening",
    "messages",
    "problems",
    "register",
    "remove",
    "see",
    "start",
    "stop",
)
