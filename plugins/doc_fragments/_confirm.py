# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the option by which a host rolls a change back itself.

Private to the collection: it can change at any time.
"""

from __future__ import annotations


class ModuleDocFragment:
    """The option C(confirm)."""

    DOCUMENTATION = r"""
options:
  confirm:
    description:
      - The time within which M(postmaster.mta.confirm) must confirm the change, such as V(10m). Otherwise the host rolls it back by itself,
        without the controller and across a restart of the host. Needs systemd.
      - What was changed later, such as an urgent block, stays.
      - The host holds room on its disk for the way back, within the 64 MiB of the account. What was kept longest makes room for it. Where a
        large table needs more than that, its way back is not safe from a full disk.
    type: str
"""
