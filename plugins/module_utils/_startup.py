# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Python does more than once, and in a run as short as a module's is enough once, or not at all.

It compiles a module that it finds in a zip twice: once to know the name of its file, and once to run it. Ansible sends a module and what
it imports as a zip. Here the second time takes what the first has made, which is an eighth of a short run.

It goes through all objects again and again for reference cycles, and once more at the end. What is there when this is imported, Python's
and Ansible's own modules, stays to the end, so there is nothing to find in it: a tenth of what a short run costs beside a ping.

It counts for what is imported after this, so modules import it first.

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
