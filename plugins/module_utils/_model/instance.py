# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records about instances that are created and removed.

Private to the collection: it can change at any time.
"""

import typing as t

from .host import Instance


class InstanceRequest(t.NamedTuple):
    """The instance as the user asks for it.

    :param queue_directory: None keeps that of an existing instance; a new one gets the driver's default.
    :param data_directory: the same; sendmail has none.
    :param group: C(multi_instance_group); None does not change it.
    :param listen: addresses, C(all) or C(loopback); empty does not change them.
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
    """What exists of an additional instance.

    :param instance: None where its configuration directory holds no configuration.
    :param registered: whether the MTA, or the service manager, knows it.
    :param pid: its daemon, even where none should run.
    """

    instance: t.Optional[Instance]
    registered: bool
    pid: t.Optional[int]
    group: str = ""


class UndoableStep(t.NamedTuple):
    """One thing to do, in words, and how to undo it."""

    text: str
    do: t.Callable[[], None]
    undo: t.Callable[[], None] = lambda: None
