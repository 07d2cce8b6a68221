# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of how an action tells its checks to other programs.

Private to the collection: it can change at any time.
"""

from __future__ import annotations


class ModuleDocFragment:
    """The options C(format) and C(junit)."""

    DOCUMENTATION = r"""
options:
  format:
    description:
      - V(nagios) shows one line in the place of the tables, as a Nagios plugin does. It says C(OK) where the run ends with exit status 0, and
        C(CRITICAL) where it ends with 2.
    type: str
    choices: [table, nagios]
    default: table
  junit:
    description:
      - A file on the controller for the results in the form of JUnit, a suite for each host.
    type: path
"""
