# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the relays of a play answered, as the figures of one report.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils._report import build as _build
from ansible_collections.postmaster.mta.plugins.module_utils._report import page, plain
from ansible_collections.postmaster.mta.plugins.module_utils._report.build import Asked
from ansible_collections.postmaster.mta.plugins.module_utils._report.figures import Figures, Period
from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers

#: The forms of a report by the ending of its file.
FORMS: dict[str, t.Callable[[Figures], str]] = {
    ".html": page.page,
    ".csv": plain.table_csv,
    ".json": plain.as_json,
    ".txt": plain.text,
}


def build(asked: Asked, title: str, period: Period | None, now: datetime.datetime, top: int) -> Figures:
    """Return the figures of a fleet.

    :param period: the time that was asked for; what the logs cover where it is None.
    :param top: rows of each ranking.
    """
    return _build.build(asked, _answers.not_asked(asked.log), title, period, now, top)


__all__ = ("FORMS", "Asked", "build")
