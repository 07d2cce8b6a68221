# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources of tables as postmap reads them, and the file time of main.cf."""

import os
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import compile as _compiled

MAIN = b"transport_maps = hash:$config_directory/routes\nalias_maps = lmdb:${config_directory}/names, hash:/etc/aliases\nx = regexp:$config_directory/r\n"
ROUTES = b"# ours\nA.test  smtp:[10.0.0.1]\n.b.test smtp:\n"
NAMES = b"postmaster: root, ops\n"


@pytest.fixture(name="live")
def _live(tmp_path):
    for name, content in (("main.cf", MAIN), ("routes", ROUTES), ("names", NAMES)):
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_entries_are_what_postmap_makes_of_a_source():
    content = b'# c\nKey  value here \n\n  continued\n"Quoted Key" x\nkey second\nlonely\n'
    assert _compiled.entries(content) == {"key": "value here   continued", "quoted key": "x", "lonely": ""}


def test_entries_of_aliases():
    assert _compiled.entries(b'Root: a@b.test,\n  ops\n"x y" : z\n', aliases=True) == {
        "root": "a@b.test,  ops",
        "x y": "z",
    }


def test_a_main_cf_that_was_just_written_is_dated_back(live):
    _compiled.finish(str(live))
    assert time.time() - (live / "main.cf").stat().st_mtime >= 2.9


def test_an_old_main_cf_keeps_its_date(live):
    os.utime(str(live / "main.cf"), (1000, 1000))
    _compiled.settle(str(live / "main.cf"))
    assert (live / "main.cf").stat().st_mtime == 1000
