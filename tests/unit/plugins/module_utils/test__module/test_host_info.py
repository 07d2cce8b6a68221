# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of host_info.py: each instance is observed, and the facts have the findings beside them."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis import host as _host
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance, Running
from ansible_collections.postmaster.mta.plugins.module_utils._model.route import Settings
from ansible_collections.postmaster.mta.plugins.module_utils._module import host_info, route_info

LISTENING = (("192.0.2.1", 25),)


@pytest.fixture(name="host")
def _fixture_host(monkeypatch, tmp_path):
    """A host whose MTA was started long ago and reads main.cf at its start."""
    (tmp_path / "main.cf").write_text("")
    instance = Instance("postfix", "postfix", str(tmp_path), (str(tmp_path),))
    settings = Settings(needed_bytes=0, read_at_start=(str(tmp_path / "main.cf"),))
    driver = types.SimpleNamespace(
        running=lambda host: Running(1, 0, LISTENING),
        read=lambda host: {"policy": {"identity": {"listen": ["192.0.2.1", "192.0.2.2", "loopback"], "port": 25}}},
        settings=lambda host: settings,
    )
    for module, door in ((host_info, "daemon_of"), (host_info, "read_of"), (route_info, "route_of")):
        monkeypatch.setattr(module, door, lambda mta: driver)
    return Host(None, instance, lambda: Capabilities((), "", (), ""))


def test_an_instance_is_observed(host, monkeypatch):
    monkeypatch.setattr(host_info._proc, "started_at", lambda ticks: 1000.0)
    state = host_info.observe_instance(host, 2000.0)
    assert state.expected == (("192.0.2.1", 25), ("192.0.2.2", 25))
    assert [disk.path for disk in state.spaces] == [host.instance.config_directory]
    assert state.unread == (host.instance.config_directory + "/main.cf",)


def test_the_facts_and_the_findings(host, monkeypatch):
    state = _host.HostState(
        cache="nscd",
        servers=(("192.0.2.53", None), ("192.0.2.54", 0.0123)),
        interfaces=(),
        kernel=(),
        load=0.5,
        processors=2,
        clock_offset=None,
        instances=(host_info.observe_instance(host, 2000.0),),
        now=2000.0,
    )
    monkeypatch.setattr(host_info._mta, "present", lambda runner, mta, name: (host,))
    monkeypatch.setattr(host_info._mta, "installed", lambda runner, mta: ())
    monkeypatch.setattr(_host, "observe", lambda *arguments: state)
    answer = host_info.run({"mta": "auto", "instance": None, "recent": 0.0, "timeout": 1.0}, False)
    assert answer["name_servers"][1] == {"address": "192.0.2.54", "seconds": 0.012}
    assert answer["instances"][0]["listening"] == [{"address": "192.0.2.1", "port": 25}]
    assert {finding["code"] for finding in answer["findings"]} >= {"first_resolver_silent", "not_listening"}


def test_an_instance_that_is_not_there(monkeypatch):
    def find(runner, mta, name):
        raise OptionError("instance", name, "no such instance")

    monkeypatch.setattr(host_info._mta, "find", find)
    with pytest.raises(OptionError):
        host_info.run({"mta": "auto", "instance": "nosuch", "recent": 0.0, "timeout": 1.0}, False)
