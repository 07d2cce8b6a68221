# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a reader of a log ended: what since_last keeps between two runs.

Private to the collection: it can change at any time.
"""

import json
import os
import typing as t

from .. import _files
from .._errors import OptionError
from .sources import Position


class State(t.NamedTuple):
    """Where a reader ended: a position for each source, and what was open there (Join.dump())."""

    positions: t.Mapping[str, Position] = {}
    messages: str = ""


def load_state(path: str) -> State:
    """Return the state that save_state() wrote; an empty one when there is none, or when it cannot be read."""
    try:
        with open(path, encoding="utf-8") as stream:
            kept = json.load(stream)
        return State({name: Position(**place) for name, place in kept["positions"].items()}, kept["messages"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def save_state(path: str, state: State) -> None:
    """Keep where the reading ended, whole or not at all."""
    positions = {name: place._asdict() for name, place in state.positions.items()}
    _files.keep_json(path, {"positions": positions, "messages": state.messages})


def state_path(directory: str, reader: str) -> str:
    """Return the file of one reader.

    :raises OptionError: for a name that is no file name.
    """
    if not reader or not all(letter.isalnum() or letter in "-_." for letter in reader) or reader[0] == ".":
        raise OptionError("reader", reader, "letters, digits, - _ and . only")
    return os.path.join(directory, f"log-{reader}.json")
