# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ansible-playbook of the Python that runs the tests, also where ansible-test has put its own ansible before it."""

import os
import sys


def ansible_playbook():
    """Return the beginning of a command line."""
    own = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    return [own] if os.path.exists(own) else ["ansible-playbook"]
