# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From which addresses a relay sends.

Private to the collection: it can change at any time.
"""

import typing as t

from .. import _addresses, _mta
from .._dns.lookups import source_towards
from .._driver.read import read_of
from .._errors import OptionError
from .._runner import Runner


def identity(runner: Runner, params: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """Return the relay's name and source addresses as its configuration says them; nothing on a host without an MTA."""
    if params["instance"] is None and not _mta.installed(runner, params["mta"]):
        return {}
    host = _mta.find(runner, params["mta"], params["instance"])
    known: t.Mapping[str, t.Any] = read_of(host.instance.mta).read(host)["policy"].get("identity") or {}
    return known


def default_sources(target: t.Optional[str] = None) -> t.List[str]:
    """Return the addresses from which this host would talk to a host outside.

    :param target: its address. Without one, hosts of the documentation stand for it.
    :raises OptionError: this host has no route to the outside.
    """
    targets = [target] if target and _addresses.is_address(target) else ["192.0.2.1", "2001:db8::1"]
    sources = [source for source in map(source_towards, targets) if source]
    if not sources:
        raise OptionError("addresses", None, "this host has no route to the outside; say which addresses are meant")
    return sources


__all__ = ("default_sources", "identity")
