# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a reader of a log ended, kept between two runs."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._log import state
from ansible_collections.postmaster.mta.plugins.module_utils._log.sources import Position


def test_what_is_kept_comes_back(tmp_path):
    fields = {name: 7 if name != "path" else "/var/log/mail.log" for name in Position._fields}
    kept = state.State({"mail.log": Position(**fields)}, "open messages")
    state.save_state(str(tmp_path / "log-mine.json"), kept)
    assert state.load_state(str(tmp_path / "log-mine.json")) == kept


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{}", '{"positions": {"a": {"no": 1}}, "messages": ""}', '{"positions": 3}']
)
def test_what_cannot_be_read_begins_anew(tmp_path, text):
    path = tmp_path / "log-mine.json"
    if text is not None:
        path.write_text(text)
    assert state.load_state(str(path)) == state.State()


def test_a_reader_has_a_file_of_its_own():
    assert state.state_path("/var/lib/x", "daily-1") == "/var/lib/x/log-daily-1.json"


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a b", "a/b"])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(OptionError, match="reader"):
        state.state_path("/var/lib/x", name)
