# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes in a zip is compiled once, and is what it is without that; what is there already is not searched for cycles."""

import gc
import subprocess
import sys
import zipfile

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _startup as _once

#: Counts what zipimport compiles; the first argument is the zip, the second, if there is one, our module's path.
COUNT = """
import sys, zipimport
compiled, plain = [], zipimport._compile_source
zipimport._compile_source = lambda *given: compiled.append(given[0]) or plain(*given)
if len(sys.argv) > 2:
    exec(open(sys.argv[2]).read())
sys.path.insert(0, sys.argv[1])
import package.second
print(len(compiled), package.second.answer, package.second.__file__.endswith("second.py"))
"""


@pytest.mark.skipif(sys.version_info < (3, 8), reason="zipimport is written in C there")
def test_a_module_in_a_zip_is_compiled_once(tmp_path):
    archive = str(tmp_path / "modules.zip")
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("package/__init__.py", "")
        made.writestr("package/first.py", "half = 21\n")
        made.writestr("package/second.py", "from . import first\nanswer = 2 * first.half\n")
    plain, once = (
        subprocess.run([sys.executable, "-c", COUNT, archive, *more], stdout=subprocess.PIPE, check=True).stdout.split()
        for more in ([], [_once.__file__])
    )
    assert once == [b"3", b"42", b"True"]
    assert plain[1:] == once[1:] and int(plain[0]) >= 3


@pytest.mark.skipif(not hasattr(gc, "freeze"), reason="Python 3.7 brought it")
def test_what_is_there_is_left_out_of_the_search_for_cycles():
    say = "import gc, sys; exec(open(sys.argv[1]).read()); print(gc.get_freeze_count() > len(gc.get_objects()), gc.isenabled())"
    done = subprocess.run([sys.executable, "-c", say, _once.__file__], stdout=subprocess.PIPE, check=True)
    assert done.stdout.split() == [b"True", b"True"]
