# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation fragments for the attributes of modules and plugins.

Private to the collection: it can change at any time.
"""

from __future__ import annotations


class ModuleDocFragment:
    """Every module names its attributes by these fragments."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the host.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run reports no change.
      - This assumes that nobody else changes the host between the two runs.
  platform:
    description: Target operating systems and families that can be operated against.
"""

    # Actions that read and never change anything.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This action does not modify state.
  diff_mode:
    support: N/A
    details:
      - This action does not modify state.
  idempotent:
    support: full
    details:
      - This action does not modify state.
"""

    # Every module of the collection belongs to the action group postmaster.mta.all.
    ACTIONGROUP_ALL = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/postmaster.mta.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - postmaster.mta.all
"""

    POSIX = r"""
options: {}
attributes:
  platform:
    support: full
    platforms: posix
"""
