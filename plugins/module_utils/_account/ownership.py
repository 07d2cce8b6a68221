# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wanted, live and last written: which of the three decides, part by part.

A part is a setting, a service or a file, named like C(main.cf relayhost). An author owns the parts in which the configuration
differs from what it would be without him. A renderer works on that base: what an author no longer wants is then gone by itself,
and what stood there before him is back.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import PostmasterError
from .._model.host import File, Rendering

Text = t.Optional[str]
#: Part to what stood there before, and what we wrote; None is nothing.
Parts = t.Dict[str, t.Tuple[Text, Text]]
#: Author to his parts, as a record has it.
Owned = t.Mapping[str, t.Mapping[str, t.Sequence[Text]]]
Current = t.Callable[[str], t.Optional[bytes]]
#: A part that is a whole file is named so.
FILE = "file"


class Twin:
    """What a driver knows about its parts; each has one in its C(ownership.py)."""

    def parts(self, current: Current, names: t.Iterable[str]) -> t.Dict[str, str]:
        """Return the parts of a configuration with their texts.

        :param names: files that a rendering is about, or that somebody owns.
        """
        raise NotImplementedError

    def edited(self, current: Current, changes: t.Mapping[str, Text]) -> t.Dict[str, t.Optional[bytes]]:
        """Return the files in which some parts have another text; None removes a part."""
        raise NotImplementedError

    def without(self, part: str, before: Text, written: Text, live: Text) -> Text:
        """Return what a part would be without us: what stood there before, with what others changed since."""
        raise NotImplementedError

    def same(self, part: str, first: Text, second: Text) -> bool:
        """Return whether two texts of a part mean the same, apart from what other modules of ours add to it."""
        raise NotImplementedError

    def is_ours(self, current: Current) -> bool:
        """Return whether a version of ours has configured this instance before."""
        raise NotImplementedError

    def foreign(self, part: str, live: str, scratch: Text) -> Text:
        """Return what stays of a part that is adopted, once we no longer want it.

        :param scratch: what we write where nothing of the part is there.
        """
        raise NotImplementedError


class Drift(t.NamedTuple):
    """A part that somebody else changed since we wrote it."""

    part: str
    written: Text
    live: Text


class ThreeWay:
    """One author's rendering, on the base of what the configuration would be without him.

    :param owned: what every author owns; None where there is no account yet.
    :param render: makes a rendering of what is there; called with the base.
    """

    def __init__(
        self,
        twin: Twin,
        author: str,
        owned: t.Optional[Owned],
        current: Current,
        render: t.Callable[[Current], Rendering],
    ) -> None:
        self._twin = twin
        self._live = current
        self._render = render
        self._names = {part.partition(" ")[2] for parts in (owned or {}).values() for part in parts if _is_file(part)}
        self.drift = self._drift(owned or {})
        self._mine: Parts = {part: (pair[0], pair[1]) for part, pair in (owned or {}).get(author, {}).items()}
        live = twin.parts(current, self._names)
        changes = {part: twin.without(part, *pair, live.get(part)) for part, pair in self._mine.items()}
        self._base = _over(current, twin.edited(current, changes))
        rendering = render(self._base)
        self._names |= set(rendering.files)
        self.rendering = self._as_edit(rendering)
        self.adopts = owned is None and twin.is_ours(current)

    def owned(self) -> Parts:
        """Return what the author owns afterwards."""
        before = self._twin.parts(self._base, self._names)
        after = self._twin.parts(_over(self._live, _contents(self.rendering)), self._names)
        parts = {
            part: (before.get(part), after.get(part))
            for part in sorted(set(before) | set(after))
            if before.get(part) != after.get(part)
        }
        return self._adopted(parts, after) if self.adopts else parts

    def _adopted(self, parts: Parts, after: t.Mapping[str, str]) -> Parts:
        """Return the parts together with those that an earlier version wrote.

        What we decide and find there already was written by us. What stood there before nobody knows: the default comes back.
        """
        live = self._twin.parts(self._live, self._names)
        decided = [part for part in live if self._is_decided(part, self.rendering)]
        fresh = self._from_scratch(decided)
        for part in decided:
            pair = (self._twin.foreign(part, live[part], fresh.get(part)), after.get(part))
            if pair[0] != pair[1]:
                parts[part] = pair
        return parts

    def _from_scratch(self, decided: t.Iterable[str]) -> t.Dict[str, str]:
        """Return the parts that we would write where none of them is there."""
        changes: t.Dict[str, Text] = dict.fromkeys(decided)
        stripped = _over(self._live, self._twin.edited(self._live, changes))
        try:
            return self._twin.parts(_over(stripped, _contents(self._render(stripped))), self._names)
        except PostmasterError:
            return {}

    def _as_edit(self, rendering: Rendering) -> Rendering:
        """Return the rendering as an edit of the live files, with the parts that go back to what they were."""
        target = self._twin.parts(_over(self._base, _contents(rendering)), self._names)
        live = self._twin.parts(self._live, self._names)
        base = self._twin.parts(self._base, self._names)
        for part, (dummy, written) in self._mine.items():
            unwanted = target.get(part) == base.get(part) and not self._is_decided(part, rendering)
            if unwanted and not self._twin.same(part, live.get(part), written):
                # Somebody else has changed it, and it is no longer ours to decide.
                target.update({part: live[part]} if part in live else {})
        changes = {part: target.get(part) for part in set(target) | set(live) if target.get(part) != live.get(part)}
        files = dict(rendering.files)
        for name in {part.partition(" ")[0] for part in target if not _is_file(part)} & set(files):
            files[name] = files[name]._replace(content=self._live(name))
        for name, content in self._twin.edited(self._live, changes).items():
            files[name] = files.get(name, File(None))._replace(content=content)
        return rendering._replace(files=files)

    def _drift(self, owned: Owned) -> t.Tuple[Drift, ...]:
        live = self._twin.parts(self._live, self._names)
        return drifted(self._twin, owned, live)

    @staticmethod
    def _is_decided(part: str, rendering: Rendering) -> bool:
        name = part.partition(" ")[2]
        return name in (rendering.files if _is_file(part) else rendering.settings)


def drifted(twin: Twin, owned: Owned, live: t.Mapping[str, str]) -> t.Tuple[Drift, ...]:
    """Return the parts that are as none of their authors wrote them."""
    written: t.Dict[str, t.List[Text]] = {}
    for parts in owned.values():
        for part, pair in parts.items():
            written.setdefault(part, []).append(pair[1])
    return tuple(
        Drift(part, texts[-1], live.get(part))
        for part, texts in sorted(written.items())
        if not any(twin.same(part, text, live.get(part)) for text in texts)
    )


def _is_file(part: str) -> bool:
    return part.startswith(FILE + " ")


def _contents(rendering: Rendering) -> t.Dict[str, t.Optional[bytes]]:
    return {name: file.content for name, file in rendering.files.items()}


def _over(current: Current, files: t.Mapping[str, t.Optional[bytes]]) -> Current:
    return lambda name: files[name] if name in files else current(name)
