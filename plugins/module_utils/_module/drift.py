# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody else changed of what we wrote, as the modules return it.

It is not in relay.py, so that relay_info does not send what renders and checks a configuration.

Private to the collection: it can change at any time.
"""

import os
import time
import typing as t

from .. import _files, _result
from .._account import generations, writers
from .._account.ownership import Drift, drifted
from .._driver.ownership import ownership_of
from .._model.host import Host


def drift_of(host: Host) -> t.List[t.Dict[str, t.Any]]:
    """Return what somebody else changed since we wrote it, settings first, then the other files that we have written."""
    directory = os.path.realpath(host.instance.config_directory)
    owned = generations.newest(directory).get("owned", {})
    twin = ownership_of(host.mta).twin(host)
    names = {part.partition(" ")[2] for parts in owned.values() for part in parts}
    live = twin.parts(lambda name: _files.read(os.path.join(directory, name)), names)
    hidden = generations.hidden(directory)
    drifts = [shown(directory, drift, hidden) for drift in drifted(twin, owned, live)]
    named = {entry["file"] for entry in drifts}
    for name, record in writers.changed_since(directory):
        path = os.path.join(directory, name)
        if path not in named:
            drifts.append(dict(_blank(path), generation=record["number"], written_at=record["time"]))
    return drifts


def _blank(path: str) -> t.Dict[str, t.Any]:
    return {"file": path, "setting": "", "written": "", "live": "", "since": _changed_at(path)}


def _changed_at(path: str) -> str:
    """Return when a file was changed last, in UTC; empty where it is gone."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(os.stat(path).st_mtime))
    except OSError:
        return ""


def shown(directory: str, drift: Drift, hidden: t.Container[str] = ()) -> t.Dict[str, t.Any]:
    """Return a drift as the modules do; the texts of files and of secrets are not in it."""
    kind, dummy, name = drift.part.partition(" ")
    if kind == "file":
        return _blank(os.path.join(directory, name))
    texts = [drift.written, drift.live]
    if name in hidden or any(_result.looks_secret(name, text or "") for text in texts):
        texts = [None if text is None else _result.HIDDEN for text in texts]
    return dict(_blank(os.path.join(directory, kind)), setting=name, written=texts[0], live=texts[1])
