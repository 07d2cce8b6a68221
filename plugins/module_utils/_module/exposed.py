# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instances that face the world, by which spam comes in: what C(instance=exposed) means to the modules about access rules.

It is not in _mta.py, since it asks the daemons: whoever imports it sends that part of the drivers to the host.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from .. import _files, _mta
from .._driver.daemon import daemon_of
from .._model.host import Host, Instance
from .._runner import Runner

EXPOSED = "exposed"


def chosen(runner: Runner, mta: str, name: t.Optional[str]) -> t.Tuple[Host, ...]:
    """Return the instances that are meant, as _mta.chosen() does, or with C(exposed) those that face the world."""
    if name != EXPOSED:
        return _mta.chosen(runner, mta, name)
    return exposed(_mta.chosen(runner, mta, _mta.ALL))


def exposed(hosts: t.Tuple[Host, ...]) -> t.Tuple[Host, ...]:
    """Return the instances that listen beyond loopback.

    One that does not run might face the world when it starts, so it counts. Where no instance does, the primary one is meant.
    """
    facing = []
    for candidate in hosts if len(hosts) > 1 else ():
        if _is_capture(candidate.instance):
            continue
        listening = daemon_of(candidate.mta).running(candidate).listening
        if not listening or not all(_is_loopback(address) for address, dummy in listening):
            facing.append(candidate)
    return tuple(facing) or hosts[:1]


#: A capture instance calls itself C(capture.NAME). It takes everything from its own host, and faces nobody.
_CAPTURE = re.compile(rb"^(?:myhostname\s*=\s*|Dj)capture\.", re.MULTILINE)


def _is_capture(instance: Instance) -> bool:
    paths = (os.path.join(instance.config_directory, name) for name in ("main.cf", "sendmail.cf"))
    return any(_CAPTURE.search(_files.read(path) or b"") for path in paths)


def _is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith(("127.", "::ffff:127."))
