# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of the instances of a host: what was changed, when, by whom, and how it ended.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _mta
from .._account import generations, history
from .._account.generations import Record
from .._runner import Runner

__all__ = ("ARGUMENT_SPEC", "run")

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_mta.ARGUMENT_SPEC,
    "limit": {"type": "int", "default": 20},
}


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Return the generations of each instance that is meant, the newest first.

    :raises OptionError: no instance answers to the description.
    """
    hosts = _mta.present(runner or Runner(), params["mta"], params["instance"])
    instances: t.List[t.Dict[str, t.Any]] = []
    for host in hosts:
        directory = os.path.realpath(host.instance.config_directory)
        records = [generations.load(directory, number) for number in generations.numbers(directory)]
        undone = history.undone_by(records)
        shown = [_shown(record, undone) for record in reversed(records) if record]
        instances.append(
            {
                "mta": host.mta,
                "name": host.instance.name,
                "config_directory": host.instance.config_directory,
                "count": len(shown),
                "generations": shown[: params["limit"]],
                "owned": _owned(records),
            }
        )
    return {"instances": instances}


def _shown(record: Record, undone: t.Container[int]) -> t.Dict[str, t.Any]:
    """Return a record as the module does: what the files contained stays on the host."""
    return {
        "number": record["number"],
        "time": record["time"],
        "module": record["module"],
        "by": record["by"],
        "ticket": record["ticket"],
        "digest": record["digest"],
        "files": [file["name"] for file in record["files"]],
        "activation": record["activation"],
        "ended": history.status(record, undone),
        "reason": record["reason"],
        "state": history.state_of(record),
        "undoes": list(record.get("undoes", ())),
        "confirm_by": record.get("confirm_by"),
    }


def _owned(records: t.Sequence[Record]) -> t.Dict[str, t.List[str]]:
    """Return the parts that each author owns now, by name; their values stay on the host."""
    live = [record for record in records if record.get("ended") in (generations.LIVE, generations.CONFIRMED)]
    owned = live[-1]["owned"] if live else {}
    return {author: sorted(parts) for author, parts in owned.items()}
