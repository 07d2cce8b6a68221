# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option C(confirm): who watches a change, until when, and what cannot be watched."""

import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _change
from ansible_collections.postmaster.mta.plugins.module_utils._account import watch
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import watched
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host


def test_a_change_is_watched_from_its_record_on(live, monkeypatch):
    armed = []
    monkeypatch.setattr(watch, "refuse_without_systemd", lambda *dummy: None)
    monkeypatch.setattr(watch, "arm", lambda *given: armed.append(given[1:]))
    host = postfix_host.make_host("3.10.13")
    author = watched.watched(_change.Author("access"), host, "10m", watched.TABLES)
    author.arm(7, "/etc/.postfix.postmaster")
    ((mta, directory, number, deadline, watcher, stage),) = armed
    assert (mta, directory, number, watcher) == ("postfix", host.instance.config_directory, 7, "expire_table")
    assert stage == "/etc/.postfix.postmaster"
    assert abs(deadline - time.time() - 600) < 60 and watched.confirm_by(author, 7) == int(deadline)
    assert watched.confirm_by(author, None) is None
    assert watched.watched(_change.Author("access"), host, None) == _change.Author("access")
    with pytest.raises(OptionError, match="confirm: soon"):
        watched.watched(_change.Author("access"), host, "soon")
