# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records that the drivers and the core share about instances that are made and removed.

Private to the collection: it can change at any time.
"""

import typing as t

from .host import Instance


class InstanceRequest(t.NamedTuple):
    """The instance that is wanted.

    :param queue_directory: None leaves it to an instance that is there; a new one gets the driver's default.
    :param data_directory: the same; sendmail has none.
    :param group: C(multi_instance_group); None leaves it alone.
    :param listen: addresses, C(all) or C(loopback); empty leaves them alone.
    """

    name: str
    config_directory: str
    queue_directory: t.Optional[str]
    data_directory: t.Optional[str]
    group: t.Optional[str]
    listen: t.Tuple[str, ...]
    port: int
    state: str
    mail: str


class ExistingInstance(t.NamedTuple):
    """What is there of an additional instance.

    :param instance: None where its configuration directory holds no configuration.
    :param registered: whether the MTA, or the service manager, knows it.
    :param pid: its daemon, also one that nobody should have started.
    """

    instance: t.Optional[Instance]
    registered: bool
    pid: t.Optional[int]
    group: str = ""


class UndoableStep(t.NamedTuple):
    """One thing to do, in words, and how to take it back."""

    text: str
    do: t.Callable[[], None]
    undo: t.Callable[[], None] = lambda: None
