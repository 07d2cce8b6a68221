# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make, register, start, stop and remove additional instances.

The core knows the order of the steps and what undoes them; a driver knows the steps. A step is a value: nothing is done
before somebody calls it. A step that fails raises PostmasterError or OSError.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Instance, Protocol
from .._model.instance import ExistingInstance, InstanceRequest, UndoableStep
from .._runner import Runner


class Instances(Protocol):
    """The part of a driver that knows additional instances; the primary one is the package's and never touched."""

    def check_name(self, name: str) -> None:
        """Raise OptionError for a name that an instance of this MTA cannot have."""

    def see(self, runner: Runner, wish: InstanceRequest) -> ExistingInstance:
        """Return what there is of the instance."""

    def listening(self, wish: InstanceRequest) -> t.Dict[str, t.Any]:
        """Return the options of the module relay that go with a change of its addresses."""

    def messages(self, runner: Runner, instance: Instance) -> int:
        """Return how many messages are in its queue, whatever their state."""

    def problems(self, runner: Runner, wish: InstanceRequest, observed: ExistingInstance) -> t.List[str]:
        """Return what stands in the way of the instance, each with option and value."""

    def create(self, runner: Runner, wish: InstanceRequest) -> t.List[UndoableStep]:
        """Return the steps that make its directories and a configuration that does not listen."""

    def register(self, runner: Runner, wish: InstanceRequest) -> t.List[UndoableStep]:
        """Return the steps that make it known to the MTA and the service manager."""

    def assign(self, runner: Runner, wish: InstanceRequest, observed: ExistingInstance) -> t.List[UndoableStep]:
        """Return the steps that give it its group."""

    def enable(self, runner: Runner, wish: InstanceRequest, wanted: bool) -> UndoableStep:
        """Return the step that has it start at boot, or no longer."""

    def kept(self, runner: Runner, wish: InstanceRequest, pid: int) -> bool:
        """Return whether the service manager started this daemon, and would stop it."""

    def start(self, runner: Runner, wish: InstanceRequest) -> None:
        """Start it and wait until it runs."""

    def stop(self, runner: Runner, wish: InstanceRequest) -> None:
        """Stop it and wait until no process of it is left."""

    def remove(
        self, runner: Runner, wish: InstanceRequest, observed: ExistingInstance, keep: bool
    ) -> t.List[UndoableStep]:
        """Return the steps that remove it.

        :param keep: whether its queue and configuration stay where they are.
        """


def instances_of(mta: str) -> Instances:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import instances as postfix

        return postfix
    from .._sendmail import instances as sendmail

    return sendmail
