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
Contents = t.Dict[str, t.Optional[bytes]]
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

    def merges(self, part: str) -> bool:
        """Return whether without() keeps what others have changed."""
        raise NotImplementedError

    def same(self, part: str, first: Text, second: Text) -> bool:
        """Return whether two texts of a part mean the same, apart from what other modules of ours add to it."""
        raise NotImplementedError

    def registered(self, current: Current, contents: Contents) -> Contents:
        """Return the files of a way back, with the instances that are registered in them now.

        An instance that was removed does not come back with a file, and one that was made since must not be lost by it.
        """
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
    """One author's rendering, on the base of what the configuration would be without any author of ours.

    :param owned: what every author owns.
    :param render: makes a rendering of what is there; called with the base.
    :param adopt: whether the author takes what an earlier version of ours wrote, where he owns nothing yet.
    """

    def __init__(
        self,
        twin: Twin,
        author: str,
        owned: Owned,
        current: Current,
        render: t.Callable[[Current], Rendering],
        adopt: bool = False,
    ) -> None:
        self._twin = twin
        self._current = current
        self._render = render
        self._mine = owned.get(author, {})
        self._others = {part for name, parts in owned.items() if name != author for part in parts}
        self._names = {part.partition(" ")[2] for parts in owned.values() for part in parts if _is_file(part)}
        self._live = twin.parts(current, self._names)
        self.drift = drifted(twin, owned, self._live)
        self._base_files = _over(current, twin.edited(current, self._reverted(owned)))
        rendering = render(self._base_files)
        self._names |= set(rendering.files)
        self._live = twin.parts(current, self._names)
        self._base = twin.parts(self._base_files, self._names)
        self._target = twin.parts(_over(self._base_files, _contents(rendering)), self._names)
        self.rendering = self._as_edit(rendering)
        self.adopts = adopt and author not in owned and twin.is_ours(current)

    def owned(self) -> Parts:
        """Return what the author owns afterwards: where the configuration differs from the base."""
        parts = {
            part: (self._base.get(part), self._target.get(part))
            for part in sorted(set(self._base) | set(self._target))
            if self._base.get(part) != self._target.get(part)
        }
        return dict(parts, **self._adopted()) if self.adopts else parts

    def _reverted(self, owned: Owned) -> t.Dict[str, Text]:
        """Return what each part would be without its authors; who took it first knows best what stood there before."""
        changes: t.Dict[str, Text] = {}
        for parts in owned.values():
            for part, (before, written) in parts.items():
                changes.setdefault(part, self._twin.without(part, before, written, self._live.get(part)))
        return changes

    def _adopted(self) -> Parts:
        """Return the parts that an earlier version wrote: what we decide and what is there already.

        What stood there before nobody knows: the default comes back.
        """
        decided = [part for part in self._live if self._is_decided(part, self.rendering)]
        fresh = self._from_scratch(decided)
        parts: Parts = {}
        for part in decided:
            before = self._twin.foreign(part, self._live[part], fresh.get(part))
            if before != self._target.get(part):
                parts[part] = (before, self._target.get(part))
        return parts

    def _from_scratch(self, decided: t.Iterable[str]) -> t.Dict[str, str]:
        """Return the parts that we would write where none of them is there."""
        changes: t.Dict[str, Text] = dict.fromkeys(decided)
        stripped = _over(self._current, self._twin.edited(self._current, changes))
        try:
            return self._twin.parts(_over(stripped, _contents(self._render(stripped))), self._names)
        except PostmasterError:
            return {}

    def _as_edit(self, rendering: Rendering) -> Rendering:
        """Return the rendering as an edit of the live files, with the parts that go back to what they were."""
        changes: t.Dict[str, Text] = {}
        for part in set(self._target) | set(self._live) | set(self._base):
            text = self._wanted(part, rendering)
            if text != self._live.get(part):
                changes[part] = text
        files = {name: file for name, file in rendering.files.items() if file.content is not None or not self._others}
        for name in {part.partition(" ")[0] for part in self._live if not _is_file(part)} & set(files):
            files[name] = files[name]._replace(content=self._current(name))
        for name, content in self._twin.edited(self._current, changes).items():
            files[name] = files.get(name, File(None))._replace(content=content)
        return rendering._replace(files=files)

    def _wanted(self, part: str, rendering: Rendering) -> Text:
        """Return what a part shall be."""
        live, base, target = self._live.get(part), self._base.get(part), self._target.get(part)
        if target != base or self._is_decided(part, rendering):
            return target
        if part not in self._mine or part in self._others:
            return live
        # Dropped. What somebody else has changed since is no longer ours to decide; in a list his elements are in the base.
        changed = not self._twin.same(part, live, self._mine[part][1])
        return live if changed and not self._twin.merges(part) else base

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
