# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the jobs of the kit remember from run to run, each in a file of its own.

Private to the collection: it can change at any time.
"""

import json
import typing as t

from .. import _files
from . import places

Memory = t.Dict[str, t.Any]
#: So many intervals may pass without a run before somebody is told.
_PATIENCE = 3


def load(job: str) -> Memory:
    """Return what a job remembers; nothing where there is nothing, or nothing that can be read."""
    try:
        remembered: Memory = json.loads((_files.read(places.state(job)) or b"{}").decode("utf-8"))
    except ValueError:
        return {}
    return remembered if isinstance(remembered, dict) else {}


def save(job: str, remembered: Memory) -> None:
    """Keep it, whole or not at all."""
    _files.keep_json(places.state(job), remembered)


def canaries(settings: t.Mapping[str, t.Any], now: float) -> t.List[t.Dict[str, t.Any]]:
    """Return how each canary is, as its job has left it."""
    return [_canary(part, load(f"canary-{part['name']}"), now) for part in settings.get("canary") or ()]


def _canary(part: t.Mapping[str, t.Any], remembered: Memory, now: float) -> t.Dict[str, t.Any]:
    shown = {
        "name": part["name"],
        "recipient": part["recipient"],
        "rounds": remembered.get("rounds", 0),
        "failures": remembered.get("failures", 0),
        "reason": remembered.get("reason", ""),
        "seconds": remembered.get("seconds"),
        "succeeded": remembered.get("succeeded"),
        "ran": remembered.get("ran"),
        "trouble": "",
    }
    ran = remembered.get("ran")
    if shown["failures"]:
        shown["trouble"] = f"canary {part['name']}: {shown['failures']} rounds have failed: {shown['reason']}"
    elif ran and now - ran > _PATIENCE * part["interval_seconds"]:
        shown["trouble"] = f"canary {part['name']}: it has not run for {int(now - ran) // 60} minutes"
    return shown


__all__ = ("Memory", "canaries", "load", "save")
