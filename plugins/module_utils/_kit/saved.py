# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of the kit as they stand on this host. Who only reads them needs none of what checks them.

Private to the collection: it can change at any time.
"""

import json
import os
import typing as t

from .. import _files
from .._errors import OptionError
from . import places

Settings = t.Dict[str, t.Any]
#: The parts of the settings, as the module's options are named.
PARTS = ("expiry", "reports", "canary", "metrics")


def load() -> Settings:
    """Return the settings of this host; nothing where the kit is not installed.

    :raises OptionError: the file cannot be read.
    """
    path = places.settings()
    stored = _files.read(path)
    if stored is None:
        return {}
    try:
        settings: Settings = json.loads(stored.decode("utf-8"))
        return {name: settings[name] for name in PARTS if name in settings}
    except (ValueError, TypeError) as problem:
        raise OptionError(os.path.basename(path), path, f"not the settings of the kit: {problem}")


__all__ = ("PARTS", "Settings", "load")
