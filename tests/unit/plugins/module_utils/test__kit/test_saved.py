# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of the kit as they stand on a host."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._kit import saved


def test_a_host_without_the_kit_has_no_settings(root):
    assert saved.load() == {}


def test_a_broken_file_is_named(root):
    (root / "kit").mkdir()
    (root / "kit" / "kit.json").write_text("{")
    with pytest.raises(OptionError, match="not the settings of the kit"):
        saved.load()


def test_only_the_parts_that_this_version_knows_are_read(root):
    (root / "kit").mkdir()
    (root / "kit" / "kit.json").write_text('{"version": "9.9", "expiry": {"on_calendar": "daily"}, "newer": {}}')
    assert saved.load() == {"expiry": {"on_calendar": "daily"}}
