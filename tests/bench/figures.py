# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A measured ratio and its bound."""

from __future__ import annotations

import typing as t


class Row(t.NamedTuple):
    """Two figures of one run.

    :param ours: what the collection does, in I(unit).
    :param other: the yardstick, in the same unit.
    :param bound: the ratio ours/other that must be kept.
    :param at_most: whether the bound is an upper one.
    """

    what: str
    ours: float
    other: float
    unit: str
    bound: float
    at_most: bool = True

    @property
    def ratio(self) -> float:
        """Ours to the other's."""
        return self.ours / self.other if self.other else float("inf")

    @property
    def kept(self) -> bool:
        """Whether the bound is kept."""
        return self.ratio <= self.bound if self.at_most else self.ratio >= self.bound


def show(row: Row) -> str:
    """One line for a terminal."""
    sign, verdict = ("<=" if row.at_most else ">="), ("ok" if row.kept else "MISSED")
    figures = f"{row.ours:9.2f} : {row.other:9.2f} {row.unit:<5}"
    return f"  {row.what:<58} {figures} ratio {row.ratio:6.2f} ({sign} {row.bound:g}) {verdict}"
