# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kit below a directory of the test's own."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._kit import places


@pytest.fixture(name="root")
def _root(tmp_path, monkeypatch):
    for name in ("UNITS", "STAMPS"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(places, name, str(tmp_path / name))
    (tmp_path / "cron.d").mkdir()
    monkeypatch.setattr(places, "CRON", str(tmp_path / "cron.d" / "kit"))
    monkeypatch.setattr(places, "ROOT", str(tmp_path / "kit"))
    return tmp_path
