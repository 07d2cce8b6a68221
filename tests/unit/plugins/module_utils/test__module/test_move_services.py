# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of two MTAs has the ports: main.cf says it, and the services follow."""

import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import NOTHING, Activation
from ansible_collections.postmaster.mta.plugins.module_utils._module import move_services
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.moving import Services
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.conftest import debian

assert debian
pytestmark = pytest.mark.usefixtures("debian")
NO_OTHER = Activation(NOTHING)


@pytest.fixture(name="host")
def _host(tmp_path, monkeypatch):
    services = Services(tmp_path, monkeypatch)
    move_services.remember(move_services.as_before(services.pair))
    services.done.clear()
    return services


def mark(host, text):
    path = os.path.join(host.pair.new.instance.config_directory, "main.cf")
    with open(path, "w") as file:
        file.write(text)


def settle(host, text):
    mark(host, text)
    move_services.settle(host, NO_OTHER)


def units(tmp_path):
    return sorted(os.listdir(str(tmp_path / "units")))


def test_postfix_gets_the_ports_and_sendmail_drains(host, tmp_path):
    host.runs.add("postfix")
    settle(host, "")
    assert host.listens == {"postfix"} and host.done.index("end sendmail") < host.done.index("reload postfix")
    assert "systemctl disable --quiet sendmail" in host.done and "systemctl enable --quiet postfix" in host.done
    assert units(tmp_path) == [
        "postmaster-mta-drain-end.service",
        "postmaster-mta-drain-end.timer",
        "postmaster-mta-drain.service",
    ]
    text = (tmp_path / "units" / "postmaster-mta-drain.service").read_text()
    assert " -bd" not in text and " -q5m" in text and "KillMode=process" in text
    assert move_services.remembered()["drains"] == "sendmail"


def test_the_way_back_starts_sendmail_after_postfix_has_let_go(host, tmp_path):
    host.runs.add("postfix")
    settle(host, "")
    host.done.clear()
    settle(host, "master_service_disable = inet\n")
    assert host.listens == {"sendmail"} and host.runs == {"sendmail", "postfix"}
    assert (
        host.done.index("reload postfix")
        < host.done.index("systemctl restart sendmail")
        < host.done.index("await sendmail")
    )
    assert units(tmp_path) == ["postmaster-mta-drain-end.service", "postmaster-mta-drain-end.timer"]
    assert move_services.remembered()["drains"] == "postfix"
    move_services.end_drain(host)
    assert host.runs == {"sendmail"} and units(tmp_path) == [] and not move_services.is_in_force()


def test_a_postfix_that_does_not_listen_is_an_error(host, monkeypatch):
    monkeypatch.setattr(move_services, "_PATIENCE", 0.0)
    host.runs.add("postfix")
    monkeypatch.setattr(host, "activate", lambda *given: None)
    with pytest.raises(PostmasterError, match="does not listen anywhere"):
        settle(host, "")


def test_local_programs_use_the_one_who_listens(host, tmp_path):
    (tmp_path / "sendmail.postfix").write_text("")
    (tmp_path / "alternatives" / "sendmail-msp").symlink_to("/usr/libexec/sendmail/sendmail")
    settle(host, "")
    assert any(line.startswith("update-alternatives --install") for line in host.done)
    settle(host, "master_service_disable = inet\n")
    assert host.done.count(f"update-alternatives --remove sendmail-msp {tmp_path}/sendmail.postfix") == 1


def test_where_one_group_decides_its_value_of_before_comes_back(host, tmp_path):
    (tmp_path / "sendmail.postfix").write_text("")
    (tmp_path / "alternatives" / "mta").symlink_to("/usr/sbin/sendmail.sendmail")
    settle(host, "")
    settle(host, "master_service_disable = inet\n")
    changes = [line for line in host.done if line.startswith("update-alternatives")]
    assert changes == [
        f"update-alternatives --set mta {tmp_path}/sendmail.postfix",
        "update-alternatives --set mta /usr/sbin/sendmail.sendmail",
    ]


def test_what_cannot_be_read_counts_as_nothing_remembered(host, tmp_path):
    (tmp_path / "move.json").write_text("{")
    assert move_services.remembered() == {}
