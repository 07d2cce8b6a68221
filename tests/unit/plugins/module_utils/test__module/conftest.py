# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the modules share: a configuration directory with an account, and a queue that is a list."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _change, _mta
from ansible_collections.postmaster.mta.plugins.module_utils._account import generations
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.queue_twin import (  # pylint: disable=unused-import
    installed,  # noqa: F401
)
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host


@pytest.fixture(name="live")
def _live(tmp_path, monkeypatch):
    """Return a configuration directory; the account and the locks are the test's own."""
    monkeypatch.setattr(generations, "ROOT", str(tmp_path / "var"))
    monkeypatch.setattr(_change, "LOCK_DIRECTORY", str(tmp_path / "locks"))
    directory = tmp_path / "etc" / "postfix"
    directory.mkdir(parents=True)
    (directory / "main.cf").write_bytes(b"a = 1\nb = 1\n")
    (directory / "access_to").write_bytes(b"old@a.test REJECT\n")
    return directory


@pytest.fixture(name="host")
def _host(live, monkeypatch):
    """Return a Postfix whose configuration directory is the test's own; the modules find it whatever they are told."""
    host = postfix_host.make_host("3.10.13", live)
    monkeypatch.setattr(_mta, "find", lambda *dummy: host)
    monkeypatch.setattr(_mta, "find_all", lambda *dummy: (host.instance,))
    monkeypatch.setattr(_mta, "present", lambda *dummy: [host])
    monkeypatch.setattr(_mta, "chosen", lambda *dummy: [host])
    return host
