# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take one change out of a text that somebody has changed again since, line by line.

Private to the collection: it can change at any time.
"""

import difflib
import typing as t

Lines = t.List[bytes]


def without(before: t.Optional[bytes], after: t.Optional[bytes], live: t.Optional[bytes]) -> t.Optional[bytes]:
    """Return the live text without the change from before to after. Where that cannot be told, the live text: what came later stays."""
    if live == after:
        return before
    if live is None or after is None:
        return live
    lines = live.splitlines(True)
    for old, new, context in reversed(_hunks((before or b"").splitlines(True), after.splitlines(True))):
        place = _place(lines, new, context)
        if place is None:
            return live
        lines[place : place + len(new)] = old
    # A table that the change has made, and into which nobody else has written, goes as a whole.
    return b"".join(lines) if lines or before is not None else None


def _hunks(before: Lines, after: Lines) -> t.List[t.Tuple[Lines, Lines, Lines]]:
    """Return what each changed place was and became, with the line before it."""
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    inner = difflib.SequenceMatcher(
        None, before[start : len(before) - end], after[start : len(after) - end], autojunk=False
    )
    return [
        (
            before[start + first : start + last],
            after[start + other_first : start + other_last],
            after[max(0, start + other_first - 1) : start + other_first],
        )
        for kind, first, last, other_first, other_last in inner.get_opcodes()
        if kind != "equal"
    ]


def _common(first: Lines, second: Lines) -> int:
    """Return how many lines two texts have in common at their start."""
    count = 0
    for line, other in zip(first, second):
        if line != other:
            break
        count += 1
    return count


def _place(lines: Lines, new: Lines, context: Lines) -> t.Optional[int]:
    """Return where the lines of a change stand, or where those that it removed stood; None where that is not clear."""
    if not new and not context:
        return 0
    sought = new or context
    places = [at for at in range(len(lines) - len(sought) + 1) if lines[at : at + len(sought)] == sought]
    if len(places) != 1:
        return None
    return places[0] if new else places[0] + 1


__all__ = ("without",)
