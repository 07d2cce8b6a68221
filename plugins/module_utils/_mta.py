# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which MTA and which of its instances are meant.

Private to the collection: it can change at any time.
"""

import functools
import typing as t

from ._driver.discover import detect_of, discover_of
from ._errors import NotPermitted, OptionError, PostmasterError
from ._model.host import Host, Instance
from ._runner import Runner

#: The MTAs that there is a driver for.
MTAS = ("postfix", "sendmail")

#: The instance that means every instance of the MTAs that are chosen, for modules that only look, and for the queue.
ALL = "all"

#: The options that every module takes to say which MTA on the host is meant.
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "mta": {"type": "str", "choices": ["auto", *MTAS], "default": "auto"},
    "instance": {"type": "str"},
}


def find(runner: Runner, mta: str = "auto", name: t.Optional[str] = None) -> Host:
    """Return the one instance that is meant.

    :param mta: auto, postfix or sendmail; auto takes the installed one and insists that there is only one.
    :param name: the instance's name or its configuration directory; the primary instance when None.
    :raises OptionError: when no instance, or more than one, answers to the description.
    """
    instances = [instance for instance in find_all(runner, mta) if _answers_to(instance, name)]
    if not instances:
        raise OptionError("instance", name or "primary", _why_none(runner, mta))
    if len(instances) > 1:
        names = ", ".join(sorted(instance.mta for instance in instances))
        raise OptionError("mta", mta, f"more than one MTA is installed ({names}); say which one is meant")
    return host(runner, instances[0])


def chosen(runner: Runner, mta: str, name: t.Optional[str]) -> t.Tuple[Host, ...]:
    """Return the one instance that is meant, or with C(all) every one.

    :raises OptionError: as find(); no MTA is installed.
    """
    if name is None:
        return (find(runner, mta),)
    hosts = present(runner, mta, name)
    if not hosts:
        raise OptionError("mta", mta, _why_none(runner, mta))
    return hosts


def present(runner: Runner, mta: str, name: t.Optional[str]) -> t.Tuple[Host, ...]:
    """Return the instances for a module that says what there is: without a name every one, which can be none.

    :raises OptionError: as find(), for a name.
    """
    if name not in (None, ALL):
        return (find(runner, mta, name),)
    return tuple(host(runner, instance) for instance in find_all(runner, mta))


def insist_on_root(runner: Runner) -> None:
    """Refuse to go on as another user.

    :raises NotPermitted: half of what another user can read would be wrong.
    """
    if isinstance(runner, Runner) and not runner.is_root():
        raise NotPermitted("only root can look at the MTA and its queues")


def find_all(runner: Runner, mta: str = "auto") -> t.Tuple[Instance, ...]:
    """Return every instance of the MTAs on this host, the primary ones first.

    :raises NotPermitted: this does not run as root.
    """
    insist_on_root(runner)
    return tuple(instance for name in installed(runner, mta) for instance in discover_of(name).instances(runner))


def installed(runner: Runner, mta: str = "auto") -> t.Tuple[str, ...]:
    """Return the MTAs on this host, of those that can be meant."""
    names = MTAS if mta == "auto" else (mta,)
    return tuple(name for name in names if detect_of(name).installed(runner))


def host(runner: Runner, instance: Instance) -> Host:
    """Return an instance together with what its MTA can do, which is asked when it is first needed."""
    ask = functools.partial(discover_of(instance.mta).capabilities, runner, instance)
    return Host(runner, instance, functools.lru_cache(maxsize=1)(ask))


def _answers_to(instance: Instance, name: t.Optional[str]) -> bool:
    if name is None:
        return instance.primary
    return name.rstrip("/") in (instance.name, instance.config_directory)


def _why_none(runner: Runner, mta: str) -> str:
    try:
        known = find_all(runner, mta)
    except PostmasterError as problem:
        return str(problem)
    if not known:
        return "no MTA is installed here" if mta == "auto" else f"{mta} is not installed here"
    names = ", ".join(f"{instance.name} ({instance.config_directory})" for instance in known)
    return f"no such instance; known: {names}"
