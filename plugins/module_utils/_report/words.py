# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words and numbers of a report, as people read them.

Private to the collection: it can change at any time.
"""

import re
import typing as t

_UNITS = ("B", "kB", "MB", "GB", "TB")
#: Unit as a sentence writes it, as a narrow column does, and its seconds.
_STEPS = (("d", "d", 86400), ("h", "h", 3600), ("min", "m", 60), ("s", "s", 1))


class Shown(str):
    """A number as people read it, which remembers the number for programs."""

    raw: t.Any

    def __new__(cls, text: str, raw: t.Any) -> "Shown":
        """Return the text with its number."""
        shown = super().__new__(cls, text)
        shown.raw = raw
        return shown


def harmless(text: str) -> str:
    """Return the text on one line, with the characters escaped that cannot be seen.

    Senders, subjects and replies are written by strangers: an escape sequence or an override of the writing direction
    must not reach a terminal, a mail or a page.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def visible(text: t.Any, most: int = 200) -> str:
    """Return a text made harmless, at most so long."""
    shown = harmless(str(text)[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def number(value: t.Optional[int]) -> Shown:
    """Return a count with thousands apart; a dash for what is unknown."""
    return Shown("-" if value is None else f"{value:,}", value)


def size(octets: int) -> Shown:
    """Return a number of bytes in a unit that leaves at most four digits (powers of 1024)."""
    amount = float(octets)
    for unit in _UNITS:
        if amount < 1024 or unit == _UNITS[-1]:
            break
        amount /= 1024
    return Shown(f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}", octets)


def span(seconds: t.Optional[float]) -> Shown:
    """Return a time span in its two largest units; a dash for what is unknown."""
    return Shown("-" if seconds is None else _span(seconds), seconds)


def _span(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2g} s"
    parts: t.List[str] = []
    rest = int(seconds)
    for unit, _short, length in _STEPS:
        if rest >= length and len(parts) < 2:
            parts.append(f"{rest // length} {unit}")
            rest %= length
        elif parts:
            break
    return " ".join(parts)


def age(seconds: float) -> str:
    """Return an age for a narrow column, in its two largest units: C(3d 4h), C(5m 2s)."""
    rest = max(0, int(seconds))
    parts: t.List[str] = []
    for _unit, short, length in _STEPS:
        count, rest = divmod(rest, length)
        if count or parts or length == 1:
            parts.append(f"{count}{short}")
    return " ".join(parts[:2])


def percent(value: t.Optional[float]) -> Shown:
    """Return a share; a dash for what is unknown."""
    return Shown("-" if value is None else f"{value:.1f} %", value)


def steps(limits: t.Sequence[int], unit: t.Callable[[int], str]) -> t.List[str]:
    """Return the names of the classes between limits: up to the first one, between two, above the last one."""
    names = [f"\N{LESS-THAN OR EQUAL TO} {unit(limit)}" for limit in limits]
    return [*names, f"> {unit(limits[-1])}"]


__all__ = ("Shown", "age", "harmless", "number", "percent", "size", "span", "steps", "visible")


def block_command(domains: t.Iterable[str]) -> str:
    """Return the command that blocks domains on the whole fleet. The names are hostile: only real domains get in."""
    real = ",".join(domain for domain in domains if _DOMAIN.match(domain))
    return f"ansible-playbook postmaster.mta.block_domains -e block_domain={real}" if real else ""


_DOMAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+\Z")
