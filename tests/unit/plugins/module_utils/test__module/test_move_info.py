# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._module import move_info
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.conftest import debian

assert debian
pytestmark = pytest.mark.usefixtures("debian")


def test_the_answer_counts_its_rows(tmp_path, monkeypatch):
    (tmp_path / "sendmail.cf").write_text("O MaxHopCount=9\nDS[hub.test]\n")
    monkeypatch.setattr(_mta, "find", lambda runner, mta, instance: given.make_host(directory=tmp_path))
    answer = move_info.run({"instance": None}, True)
    assert sum(answer["counts"].values()) == len(answer["constructs"])
    assert answer["policy"]["routes"]["default"] == {"host": "hub.test"}
    assert "virtusertable" in answer["absent"]
