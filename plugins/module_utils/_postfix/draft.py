# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a policy becomes, while it is being put together: parameters, tables, notes.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .._errors import Unsupported
from .._model.host import Capabilities
from .._model.policy_record import Policy
from .master_cf import Service
from .parameters import split_list

MTA = "Postfix"
PREFIX = "policy_"
HEADER = "# Written by postmaster.mta from the relay policy; changes made here are lost.\n"
_UNITS = (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60))
_TIME = re.compile(r"([0-9]+)([smhdw])\Z")


class Draft:
    """The expected parameters, by name; None removes one.

    :param builtin: the parameters that this Postfix knows, with their defaults.
    :param live: the parameters as main.cf has them now.
    :param present_services: the services as master.cf has them now; I(services) are those that the policy adds.
    :param present: whether the configuration directory has a file.
    """

    def __init__(
        self,
        policy: Policy,
        capabilities: Capabilities,
        builtin: t.Mapping[str, str],
        live: t.Mapping[str, str],
        present_services: t.Mapping[str, Service],
        present: t.Callable[[str], bool],
    ) -> None:
        self.policy = policy
        self.capabilities = capabilities
        self.builtin = builtin
        self.live = live
        self.main: t.Dict[str, t.Optional[str]] = {}
        self.tables: t.Dict[str, str] = {}
        self.present_services = present_services
        self.present = present
        self.services: t.Dict[str, Service] = {}
        self.notes: t.List[str] = []

    def knows(self, name: str) -> bool:
        """Return whether this Postfix has a parameter."""
        return name in self.builtin

    def set(self, name: str, value: t.Any) -> None:
        """Set a parameter, unless this Postfix has none of that name. Booleans become yes and no; None sets nothing."""
        if value is not None and self.knows(name):
            self.main[name] = text_of(value)

    def remove(self, name: str) -> None:
        """Remove a parameter that would override what is set here, if it stands in main.cf."""
        if name in self.live:
            self.main[name] = None

    def set_time(self, name: str, seconds: t.Optional[int]) -> None:
        """Set a time; one that stands there as C(300s) is not rewritten as C(5m)."""
        if seconds is None:
            return
        same = _TIME.match(self.live.get(name, ""))
        keep = same and int(same.group(1)) * dict(_UNITS, s=1)[same.group(2)] == seconds
        self.set(name, self.live[name] if keep else duration_text(seconds))

    def table(self, name: str, lines: t.Iterable[str], kind: str = "") -> str:
        """Add a table of ours; return how main.cf refers to it.

        :param kind: the table type; the instance's own for indexed tables where empty.
        """
        self.tables[PREFIX + name] = HEADER + "".join(line + "\n" for line in lines)
        return f"{kind or self.capabilities.default_table_type}:$config_directory/{PREFIX}{name}"

    def foreign(self, name: str, fallback: str = "") -> t.List[str]:
        """Return the elements of a list of lookup tables in main.cf that are not ours."""
        value = self.live.get(name, fallback)
        return [word for word in split_list(value) if not is_ours(word)]

    def cannot(self, option: str, value: t.Any, nearest: str) -> None:
        """Refuse an option that Postfix cannot do where the user gave it, and note it otherwise.

        :raises Unsupported: naming the option.
        """
        if self.policy.wants(option):
            raise Unsupported(option, value, MTA, nearest)
        self.notes.append(f"{option}: {MTA} cannot do this; the nearest it can do: {nearest}")


def is_ours(word: str) -> bool:
    """Return whether a word refers to one of our tables."""
    return f"$config_directory/{PREFIX}" in word


def text_of(value: t.Any) -> str:
    """Return a value as main.cf has it: booleans as yes and no, lists joined with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(text_of(item) for item in value)
    return str(value)


def duration_text(seconds: int) -> str:
    """Return seconds in the largest unit that divides them: 300 is 5m."""
    for unit, size in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
