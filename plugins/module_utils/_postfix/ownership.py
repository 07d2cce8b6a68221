# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a Postfix configuration that an author can own: parameters and services. Twin of C(_sendmail.ownership).

Private to the collection: it can change at any time.
"""

import typing as t

from .._account.ownership import Contents, Current, Text, Twin
from .._model.host import Host
from . import main_cf, master_cf
from .composition import is_guest
from .draft import PREFIX, is_ours
from .parameters import defaults, split_list
from .restrictions import elements

_MAIN, _MASTER = "main.cf", "master.cf"
#: Parameters whose value is a list in which several authors have elements.
_LISTS = ("mydestination", "mynetworks", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains")
#: What postmulti(1) writes.
_REGISTRATION = tuple(f"multi_instance_{word}" for word in ("directories", "enable", "group", "name", "wrapper"))
_RELAY_CONTROL = "smtpd_relay_restrictions"
_LIST_ENDINGS = ("_restrictions", "_maps", "_milters")


class PostfixTwin(Twin):
    """Parameters by C(main.cf NAME), services by C(master.cf NAME/TYPE); tables are written whole and no parts."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def parts(self, current: Current, names: t.Iterable[str]) -> t.Dict[str, str]:
        """Return the parameters and services that are set."""
        elements = {f"{_MAIN} {name}": value for name, value in _main(current).values.items()}
        for key, service in _master(current).services.items():
            elements[f"{_MASTER} {key}"] = " ".join(master_cf.format_service(service).split())
        return elements

    def edited(self, current: Current, changes: t.Mapping[str, Text]) -> t.Dict[str, t.Optional[bytes]]:
        """Return main.cf and master.cf where something of them changes."""
        parameters = {part.partition(" ")[2]: text for part, text in changes.items() if part.startswith(_MAIN)}
        services = {
            part.partition(" ")[2]: None if text is None else master_cf.parse_service(text)
            for part, text in changes.items()
            if part.startswith(_MASTER)
        }
        files: t.Dict[str, t.Optional[bytes]] = {}
        if parameters:
            files[_MAIN] = main_cf.edit(_main(current), parameters)
        if services:
            files[_MASTER] = master_cf.edit(_master(current), services)
        return files

    def without(self, part: str, before: Text, written: Text, live: Text) -> Text:
        """Return the value of before; in a list, with what others have added and taken away since."""
        name = part.partition(" ")[2]
        if live is None or written is None or live == written or not _is_list(part):
            return before
        built_in = self._elements(name, defaults(self._host.runner).get(name, ""))
        ours, current = self._elements(name, written), self._elements(name, live)
        base = list(built_in if before is None else self._elements(name, before))
        kept = _merged(base, ours, current)
        if kept == base:
            return before
        return None if not kept and _was_hooked_only(before, base) else ", ".join(kept)

    def merges(self, part: str) -> bool:
        """Return whether the part is a list of several authors."""
        return _is_list(part)

    def same(self, part: str, first: Text, second: Text) -> bool:
        """Return whether two values mean the same, apart from the tables of access and capture in a list."""
        if not _is_list(part) or first is None or second is None:
            return (first or "").split() == (second or "").split() and (first is None) == (second is None)
        name = part.partition(" ")[2]
        return self._own_elements(name, first) == self._own_elements(name, second)

    def registered(self, current: Current, contents: Contents) -> Contents:
        """Return the files with what postmulti(1) says of the instances in main.cf now."""
        content = contents.get(_MAIN)
        if content is None or current(_MAIN) is None:
            return contents
        live, then = _main(current).values, main_cf.parse(content)
        changes = {name: live.get(name) for name in _REGISTRATION if live.get(name) != then.values.get(name)}
        return dict(contents, **{_MAIN: main_cf.edit(then, changes)}) if changes else contents

    def is_ours(self, current: Current) -> bool:
        """Return whether main.cf names a table of a relay policy."""
        return any(is_ours(value) for value in _main(current).values.values())

    def foreign(self, part: str, live: str, scratch: Text) -> Text:
        """Return the elements of a list that are not ours; of all else nothing is known."""
        kind, dummy, name = part.partition(" ")
        if kind == _MASTER:
            return live
        if not _is_list(part):
            return None
        ours, current = self._elements(name, scratch or ""), self._elements(name, live)
        theirs = _out_of_order(current, ours) if name.endswith("_restrictions") else []
        kept = _with_permits(
            [element for element in current if element not in ours or element in theirs], ours, current
        )
        kept = [element for element in kept if PREFIX not in element]
        return ", ".join(self._closed(kept) if name == _RELAY_CONTROL else kept) or None

    def _closed(self, kept: t.Sequence[str]) -> t.List[str]:
        """Return a relay control with what ends it: without that, the rest of the list would let everybody relay."""
        if not kept:
            return []
        built_in = self._elements(_RELAY_CONTROL, defaults(self._host.runner).get(_RELAY_CONTROL, ""))
        return [*kept, *[element for element in built_in if element not in kept]]

    def _own_elements(self, name: str, value: str) -> t.List[str]:
        return [element for element in self._elements(name, value) if not is_guest(element)]

    @staticmethod
    def _elements(name: str, value: str) -> t.Tuple[str, ...]:
        return elements(value) if name.endswith("_restrictions") else split_list(value)


def twin(host: Host) -> Twin:
    """Return what this driver knows about the parts of an instance."""
    return PostfixTwin(host)


def _is_list(part: str) -> bool:
    name = part.partition(" ")[2]
    return part.startswith(_MAIN) and (name in _LISTS or name.endswith(_LIST_ENDINGS))


def _main(current: Current) -> main_cf.MainCf:
    return main_cf.parse(current(_MAIN) or b"")


def _master(current: Current) -> master_cf.MasterCf:
    return master_cf.parse(current(_MASTER) or b"")


def _was_hooked_only(before: Text, base: t.Sequence[str]) -> bool:
    """Return whether nobody but access and capture had set a list; a comma behind their tables says that somebody had."""
    return before is not None and not before.endswith(",") and all(map(is_guest, base))


def _merged(base: t.Sequence[str], ours: t.Sequence[str], current: t.Sequence[str]) -> t.List[str]:
    """Return the elements of before, without what others took away since, with what they put in, where they put it."""
    kept = [element for element in base if element not in ours or element in current]
    others = _with_permits([element for element in current if element not in ours], ours, current)
    for place, element in enumerate(current):
        if element in others and element not in kept:
            earlier = [kept.index(other) for other in current[:place] if other in kept]
            kept.insert(max(earlier) + 1 if earlier else 0, element)
    return kept


def _with_permits(others: t.Sequence[str], ours: t.Container[str], current: t.Sequence[str]) -> t.List[str]:
    """Return the elements of others, each behind our permits that stand in front of it: it was meant for those whom these do not let in."""
    places = [place for place, element in enumerate(current) if element in others and not is_guest(element)]
    last = max(places, default=0)
    return [
        element
        for place, element in enumerate(current)
        if element in others or (place < last and element in ours and element.startswith("permit"))
    ]


def _out_of_order(current: t.Sequence[str], ours: t.Sequence[str]) -> t.List[str]:
    """Return our elements that stand in front of one that we write before them: somebody has put them there."""
    places = {element: place for place, element in enumerate(ours)}
    known = [element for element in current if element in places]
    return [
        element for at, element in enumerate(known) if any(places[later] < places[element] for later in known[at + 1 :])
    ]
