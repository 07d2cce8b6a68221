# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say which MTA on the host is meant.

Private to the collection: it can change at any time.
"""

from __future__ import annotations


class ModuleDocFragment:
    """The options C(mta) and C(instance)."""

    DOCUMENTATION = r"""
options:
  mta:
    description:
      - The MTA that is meant. V(auto) takes the one that is installed, and fails when both are.
    type: str
    choices: [auto, postfix, sendmail]
    default: auto
  instance:
    description:
      - The instance that is meant, by its name or by its configuration directory. Without it, the primary one.
    type: str
"""

    # For access rules: a block that skips the instance that faces the world is no block.
    EXPOSED = r"""
options:
  instance:
    description:
      - The instance that is meant, by its name or by its configuration directory. Without it, the primary one.
      - V(exposed) is each instance that listens beyond loopback, and each that does not run.
      - V(all) is every instance of every MTA on the host; with both words, O(mta=auto) takes both MTAs.
    type: str
"""

    # For modules that only look, and for the queue: stands before the one above, whose instance it replaces.
    EVERY = r"""
options:
  instance:
    description:
      - The instance that is meant, by its name or by its configuration directory. Without it, the primary one.
      - V(all) is every instance of every MTA on the host; with it, O(mta=auto) takes both MTAs.
    type: str
"""
