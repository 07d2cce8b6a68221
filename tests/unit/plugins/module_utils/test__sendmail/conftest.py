# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layout of Debian for tests of the sendmail driver, whatever runs them."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover as instance


@pytest.fixture
def debian(monkeypatch):
    """The layout of Debian, whatever this host is."""
    monkeypatch.setattr(instance, "the_layout", lambda: instance.LAYOUTS[0])
    monkeypatch.setattr(instance, "trust_store", lambda: instance.TRUST_STORES[0])
    monkeypatch.setattr(instance, "block_size", lambda directory: 4096)
    monkeypatch.setattr(instance._proc, "has_ipv6", lambda: True)
