# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A live directory, its stage, and changes from one to the other."""

import os

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations
from ansible_collections.postmaster.mta.plugins.module_utils._account.generations import Author


def prepare(site, files, **words):
    """Prepare a record in which each file becomes another; None is a file that is not there."""
    for name, pair in files.items():
        for place, content in zip(("live", "stage"), pair):
            if content is not None:
                (site / place / name).write_bytes(content)
    activation = ("reload", ["x"])
    return generations.prepare(
        str(site / "live"), str(site / "stage"), sorted(files), activation, Author("relay", **words)
    )


def go_live(site, entry):
    """The stage becomes the live directory, and the record ends."""
    for path in (site / "stage").iterdir():
        os.rename(str(path), str(site / "live" / path.name))
    entry.live()
