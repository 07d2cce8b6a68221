# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Postfix driver: which file has which of the functions of _mta.DRIVER_FUNCTIONS and _mta.DRIVER_PARTS. Twin of C(_sendmail).

Private to the collection: it can change at any time.
"""

import typing as t

from .._runner import Runner


def installed(runner: Runner) -> bool:
    """Whether there is a Postfix to ask; where there is none, nothing else of this driver is read."""
    return runner.which("postconf") is not None


def part(name: str) -> t.Any:
    """The file that has a function of the driver, or is one of its parts.

    :raises AttributeError: there is none of that name.
    """
    module: t.Any
    if name in ("activate", "activation", "capabilities", "instances", "listens", "running", "version"):
        from . import instance as module
    elif name in ("build", "stale"):
        from . import tables as module
    elif name == "check":
        from . import check as module
    elif name == "read":
        from . import read as module
    elif name == "render":
        from . import render as module
    elif name == "access":
        from . import access as module
    else:
        raise AttributeError(name)
    return module
