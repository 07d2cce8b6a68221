# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which instances face the world, by what their daemons listen on."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Host, Instance, Running
from ansible_collections.postmaster.mta.plugins.module_utils._module import exposed

PRIMARY = Instance("postfix", "postfix", "/etc/postfix", ("/var/spool/postfix",))
SECOND = Instance("postfix", "postfix-EXT", "/etc/postfixEXT", ("/var/spool/postfixEXT",), primary=False)


@pytest.fixture(name="instances")
def _instances(monkeypatch):
    def use(*instances):
        monkeypatch.setattr(exposed._mta, "find_all", lambda runner, mta: instances)
        monkeypatch.setattr(exposed._mta, "host", lambda runner, instance: Host(runner, instance, None))

    return use


@pytest.mark.parametrize(
    ("listening", "facing"),
    [
        ({"postfix": ["127.0.0.1", "::1"], "postfix-EXT": ["192.0.2.1"]}, ["postfix-EXT"]),
        ({"postfix": ["0.0.0.0"], "postfix-EXT": ["192.0.2.1"]}, ["postfix", "postfix-EXT"]),
        ({"postfix": ["::ffff:127.0.0.1"], "postfix-EXT": []}, ["postfix-EXT"]),
        ({"postfix": ["127.0.0.1"], "postfix-EXT": ["127.0.0.2"]}, ["postfix"]),
    ],
)
def test_the_instances_that_face_the_world(instances, monkeypatch, listening, facing):
    instances(PRIMARY, SECOND)

    class Daemon:
        def running(self, host):
            return types.SimpleNamespace(listening=[(address, 25) for address in listening[host.instance.name]])

    monkeypatch.setattr(exposed, "daemon_of", lambda mta: Daemon())
    assert [host.instance.name for host in exposed.chosen(None, "auto", "exposed")] == facing


def test_a_capture_instance_faces_nobody(instances, monkeypatch, tmp_path):
    for name, hostname in (("postfix", "mx.test"), ("postfix-capture", "capture.mx.test"), ("postfix-EXT", "mx.test")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.cf").write_text(f"# x\nmyhostname = {hostname}\n")
    names = ("postfix", "postfix-capture", "postfix-EXT")
    found = [Instance("postfix", name, str(tmp_path / name), (), name == "postfix") for name in names]
    instances(*found)
    driver = types.SimpleNamespace(running=lambda host: Running(1, 1, (("192.0.2.1", 25),)))
    monkeypatch.setattr(exposed, "daemon_of", lambda mta: driver)
    assert [host.instance.name for host in exposed.chosen(None, "auto", "exposed")] == ["postfix", "postfix-EXT"]


def test_another_name_means_what_it_means_everywhere(instances, monkeypatch):
    instances(PRIMARY, SECOND)
    monkeypatch.setattr(exposed, "daemon_of", None)
    assert [host.instance.name for host in exposed.chosen(None, "auto", "all")] == ["postfix", "postfix-EXT"]
