# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs here: the two drivers, the instances they find, and the one place where they are told apart.

A driver is a package, C(_postfix) or C(_sendmail). The two are twins: same files, same functions, same signatures, which a unit test
holds them to. A file is read when something in it is first used: a module comes to the host as text, and Python compiles at every run
all that is imported. Ansible packs only what is named: who uses a part of a driver names it under C(if t.TYPE_CHECKING), where it is seen
and not read; what all use is named here.

Private to the collection: it can change at any time.
"""

import importlib
import pkgutil
import typing as t

from ._errors import OptionError, PostmasterError
from ._model.host import Capabilities, Host, Instance
from ._postfix import detect as _postfix
from ._runner import Runner
from ._sendmail import detect as _sendmail

if t.TYPE_CHECKING:
    from ._postfix import discover as _postfix_instance  # noqa: F401
    from ._sendmail import discover as _sendmail_instance  # noqa: F401

#: The functions of a driver, C(host.driver.render(...)), and the file of each.
FILES = {
    "activate": "daemon",
    "activation": "daemon",
    "build": "tables",
    "capabilities": "discover",
    "check": "check",
    "instances": "discover",
    "listens": "discover",
    "read": "read",
    "render": "render",
    "running": "daemon",
    "stale": "tables",
    "version": "discover",
}
#: The parts of a driver, C(host.driver.queue.messages(...)): a file each.
PARTS = {
    "access": "access",
    "asking": "lookup",
    "capture": "capture",
    "drain": "capture_drain",
    "multi": "instances",
    "queue": "queue",
    "route": "route",
}


class Driver:
    """The functions and the parts of one driver."""

    def __init__(self, mta: str, doorway: t.Any) -> None:
        self._mta = mta
        self.installed = doorway.installed

    def __getattr__(self, name: str) -> t.Any:
        if name in FILES:
            found = getattr(part(self._mta, FILES[name]), name)
        elif name in PARTS:
            found = part(self._mta, PARTS[name])
        else:
            raise AttributeError(name)
        setattr(self, name, found)
        return found


class _Asked:
    """The abilities of an MTA, asked for when somebody wants to know: what a rule in a table that is there already does not need."""

    def __init__(self, driver: t.Any, runner: Runner, instance: Instance) -> None:
        self._ask = lambda: driver.capabilities(runner, instance)

    def __getattr__(self, name: str) -> t.Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = self._ask()
        self.__dict__.update(known._asdict())
        return getattr(known, name)


postfix, sendmail = Driver("postfix", _postfix), Driver("sendmail", _sendmail)
DRIVERS: t.Dict[str, t.Any] = {"postfix": postfix, "sendmail": sendmail}

#: The instance that means every instance of the MTAs that are chosen, for modules that only look, and for the queue.
ALL = "all"

#: The options that every module takes to say which MTA on the host is meant.
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "mta": {"type": "str", "choices": ["auto", "postfix", "sendmail"], "default": "auto"},
    "instance": {"type": "str"},
}


def find(runner: Runner, mta: str = "auto", name: t.Optional[str] = None) -> Host:
    """The one instance that is meant.

    :param mta: auto, postfix or sendmail; auto takes the installed one and insists that there is only one.
    :param name: the instance's name or its configuration directory; the primary instance when None.
    :raises OptionError: when no instance, or more than one, answers to the description.
    """
    found = [instance for instance in find_all(runner, mta) if _answers_to(instance, name)]
    if not found:
        raise OptionError("instance", name or "primary", _nothing_found(runner, mta))
    if len(found) > 1:
        names = ", ".join(sorted(instance.mta for instance in found))
        raise OptionError("mta", mta, f"more than one MTA is installed ({names}); say which one is meant")
    return host(runner, found[0])


def chosen(runner: Runner, mta: str, name: t.Optional[str]) -> t.Tuple[Host, ...]:
    """The one instance that is meant, or with C(all) every one.

    :raises OptionError: as find(); no MTA is installed.
    """
    if name != ALL:
        return (find(runner, mta, name),)
    found = find_all(runner, mta)
    if not found:
        raise OptionError("mta", mta, _nothing_found(runner, mta))
    return tuple(host(runner, instance) for instance in found)


def find_all(runner: Runner, mta: str = "auto") -> t.Tuple[Instance, ...]:
    """Every instance of the MTAs on this host, the primary ones first."""
    chosen = DRIVERS if mta == "auto" else {mta: DRIVERS[mta]}
    there = [driver for driver in chosen.values() if driver.installed(runner)]
    return tuple(instance for driver in there for instance in driver.instances(runner))


def host(runner: Runner, instance: Instance) -> Host:
    """An instance together with what its MTA can do here."""
    driver = DRIVERS[instance.mta]
    return Host(runner, driver, instance, t.cast(Capabilities, _Asked(driver, runner, instance)))


def part(mta: str, name: str) -> t.Any:
    """A file that both drivers have, of the one that is asked for.

    :param mta: postfix or sendmail, as an instance says it.
    """
    return importlib.import_module(f"._{mta}.{name}", __package__)


def read_all(runner: Runner, mta: str = "auto") -> None:
    """Read every file that was sent of the drivers in use: to be called before threads that use them.

    Where two threads import a module at once, Python 3.6 to 3.8 can show to one what the other has read only half of (bpo-38884).
    """
    for name in DRIVERS if mta == "auto" else (mta,):
        if DRIVERS[name].installed(runner):
            package = importlib.import_module(f"._{name}", __package__)
            for found in pkgutil.iter_modules(package.__path__):
                part(name, found.name)


def _answers_to(instance: Instance, name: t.Optional[str]) -> bool:
    if name is None:
        return instance.primary
    return name.rstrip("/") in (instance.name, instance.config_directory)


def _nothing_found(runner: Runner, mta: str) -> str:
    try:
        known = find_all(runner, mta)
    except PostmasterError as problem:
        return str(problem)
    if not known:
        return "no MTA is installed here" if mta == "auto" else f"{mta} is not installed here"
    return "no such instance; known: " + ", ".join(f"{one.name} ({one.config_directory})" for one in known)
