# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell a configuration file that was lost, wholly or in part, from one that somebody edited.

What a full disk or a killed editor leaves is no decision of anybody. A run that edits such a file, and activates it, would hide the loss.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _files
from .._errors import Refused
from . import generations, history, writers

#: How the files end from which an MTA starts. What somebody emptied of a table is a matter of the tables.
_CONFIGURATION = (".cf", ".mc")


def refuse_damaged(directory: str, names: t.Optional[t.Iterable[str]] = None) -> None:
    """Refuse to edit a configuration file of which nothing or only a part is left.

    :raises Refused: naming the file and the way out.
    """
    findings = damaged(directory, names)
    if findings:
        raise Refused(findings)


def damaged(directory: str, names: t.Optional[t.Iterable[str]] = None) -> t.List[str]:
    """Return the configuration files of which nothing or only a part is left, one sentence each, with the way out.

    :param names: the files that a change is about; without them, all that we have written.
    """
    if names is not None and not any(name.endswith(_CONFIGURATION) for name in names):
        return []
    written = writers.last_written(directory)
    files = sorted(name for name in (written if names is None else names) if name.endswith(_CONFIGURATION))
    findings = [_finding(directory, name, _last_content(directory, written.get(name))) for name in files]
    return [finding for finding in findings if finding]


def _last_content(
    directory: str, entry: t.Optional[t.Tuple[generations.Record, generations.Record]]
) -> t.Optional[bytes]:
    """Return what we wrote last into a file; None where that is not known.

    :param entry: the record that wrote it, and its entry there.
    """
    return history.kept_after(directory, *entry).get(entry[1]["name"]) if entry else None


def _finding(directory: str, name: str, written: t.Optional[bytes]) -> t.Optional[str]:
    path = os.path.join(directory, name)
    if os.path.isdir(path):
        return f"{path}: not a file, but a directory"
    what = _damage(_files.read(path), written)
    if what is None:
        return None
    way_out = "put the file back first"
    if written:
        newest = generations.newest(directory)["number"]
        way_out = (
            f"module undo with to: {newest}, or playbook undo -e undo_to={newest}, puts back what was written last"
        )
    return f"{path}: {what}. This is a loss and no edit: {way_out}"


def _damage(live: t.Optional[bytes], written: t.Optional[bytes]) -> t.Optional[str]:
    """Return what is wrong with a live file; None where somebody can have meant it so.

    :param written: what we wrote last, where that is known.
    """
    if live is None:
        return "gone" if written else None
    if not live.strip():
        return "empty"
    if b"\0" in live:
        return "there are NUL bytes in it"
    if written and _is_cut(live, written):
        return f"only its first {len(live)} of {len(written)} bytes are left"
    return None


def _is_cut(live: bytes, written: bytes) -> bool:
    """Return whether a file was cut. Somebody may have removed its last lines, but half of the file nobody removes, nor half a line."""
    is_start = len(live) < len(written) and written.startswith(live)
    return is_start and (not live.endswith(b"\n") or 2 * len(live) <= len(written))
