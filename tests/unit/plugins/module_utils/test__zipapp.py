# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive that runs without a controller."""

import subprocess
import sys
import time

from ansible_collections.postmaster.mta.plugins.module_utils import _zipapp


def test_the_same_files_give_the_same_bytes(monkeypatch):
    first = _zipapp.content("_kit", "main")
    monkeypatch.setattr(time, "localtime", lambda *_seconds: (2031, 1, 1, 0, 0, 0, 0, 1, 0))
    assert _zipapp.content("_kit", "main") == first


def test_it_runs_on_its_own_and_makes_itself_again(tmp_path):
    archive = tmp_path / "kit.pyz"
    archive.write_bytes(_zipapp.content("_kit", "main"))
    done = subprocess.run([sys.executable, "-I", str(archive), "version"], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"1.0.0\n"
