# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start a module quickly: compile each file of its zip once, and keep the garbage collector away from what stays to the end.

Ansible sends a module and what it imports as a zip. Python compiles each file in a zip twice, once to learn its name and once to run it.
Here the second time takes the result of the first, which saves an eighth of a short run.

Python searches all objects for reference cycles, again and again. Its own modules and those of Ansible stay to the end, so the search
leaves them out. That saves a tenth of what a short run costs beside a ping.

Both apply to what is imported later, so modules import this first.

Private to the collection: it can change at any time.
"""

import functools
import gc
import zipimport

#: Python's own, until version 3.7 written in C and out of reach.
_get_module_code = getattr(zipimport, "_get_module_code", None)
if _get_module_code is not None:
    zipimport._get_module_code = functools.lru_cache(maxsize=1)(_get_module_code)  # type: ignore[attr-defined]  # no stub has it

# From version 3.7 on.
if hasattr(gc, "freeze"):
    gc.freeze()
