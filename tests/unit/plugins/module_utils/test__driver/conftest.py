# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of each MTA, on any machine."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host


@pytest.fixture
def make_host(monkeypatch, tmp_path):
    """Return a function of an MTA that returns a host, whose configuration directory is the empty C(tmp_path)."""
    monkeypatch.setattr(discover, "the_layout", lambda: discover.LAYOUTS[0])
    monkeypatch.setattr(discover, "trust_store", lambda: discover.TRUST_STORES[0])
    monkeypatch.setattr(discover, "block_size", lambda directory: 4096)

    def make(mta):
        if mta == "postfix":
            return postfix_host.make_host("3.10.13", tmp_path)
        return sendmail_host.make_host(directory=tmp_path)

    return make
