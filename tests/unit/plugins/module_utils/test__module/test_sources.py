# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From which addresses a relay sends: as its configuration says, else as its routes say."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import sources

PARAMS = {"mta": "auto", "instance": None}


def test_the_configuration_says_it(monkeypatch):
    host = types.SimpleNamespace(instance=types.SimpleNamespace(mta="postfix"))
    policy = {"identity": {"send_from": ["192.0.2.11"]}}
    monkeypatch.setattr(sources._mta, "installed", lambda runner, mta: ["postfix"])
    monkeypatch.setattr(sources._mta, "find", lambda runner, mta, instance: host)
    monkeypatch.setattr(sources, "read_of", lambda mta: types.SimpleNamespace(read=lambda host: {"policy": policy}))
    assert sources.identity(None, PARAMS) == {"send_from": ["192.0.2.11"]}
    del policy["identity"]
    assert sources.identity(None, PARAMS) == {}


def test_a_host_without_an_mta_says_nothing(monkeypatch):
    monkeypatch.setattr(sources._mta, "installed", lambda runner, mta: [])
    assert sources.identity(None, PARAMS) == {}


def test_else_the_routes_say_it(monkeypatch):
    monkeypatch.setattr(sources, "source_towards", lambda target: "" if ":" in target else f"from {target}")
    assert sources.default_sources() == ["from 192.0.2.1"]
    assert sources.default_sources("198.51.100.7") == ["from 198.51.100.7"]
    assert sources.default_sources("mx1.example.com") == ["from 192.0.2.1"]
    monkeypatch.setattr(sources, "source_towards", lambda target: "")
    with pytest.raises(OptionError, match="no route"):
        sources.default_sources()
