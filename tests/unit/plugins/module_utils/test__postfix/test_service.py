# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the distributions' ways starts an additional instance, and what our own unit says."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import service
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner

DEBIAN_12 = "[Service]\nExecStart=/usr/sbin/postmulti -i %i -p start\n"
DEBIAN_13 = "[Service]\nType=forking\nEnvironment=MAIL_CONFIG=/etc/postfix\nExecStart=postfix debian-systemd-start\n"
SLES_15 = "[Service]\nExecStart=/usr/sbin/postfix start\n"
DAEMON = service.Daemon("postfix-EXT", "/etc/postfixEXT", "/var/spool/postfixEXT")


def runner(template="", unit=""):
    """A host with these units."""
    answers = {("systemctl", "cat", "postfix@.service"): template, ("systemctl", "cat", "postfix.service"): unit}
    return ScriptedRunner(answers, ["systemctl", "systemd-run", "postmulti"])


@pytest.fixture(autouse=True)
def _systemd(monkeypatch):
    monkeypatch.setattr(service, "with_systemd", lambda runner: runner.which("systemctl") is not None)


@pytest.mark.parametrize(
    ("template", "unit", "way", "command"),
    [
        (DEBIAN_12, "", service.TEMPLATE, ["systemctl", "start", "postfix@postfix-EXT.service"]),
        ("", DEBIAN_13, service.UNIT, ["systemctl", "start", "postfix-EXT.service"]),
        ("", SLES_15, service.WRAPPER, ["systemd-run"]),
    ],
)
def test_the_units_say_which_way_it_is(template, unit, way, command):
    host = runner(template, unit)
    assert service.keeper(host) == way
    assert service._start_command(host, DAEMON)[: len(command)] == command


def test_without_systemd_the_wrapper_does_it():
    host = ScriptedRunner({}, ["postmulti"])
    assert service.keeper(host) == service.WRAPPER
    assert service._start_command(host, DAEMON) == ["postmulti", "-i", "postfix-EXT", "-p", "start"]


def test_our_unit_stops_and_starts_with_the_primary_instance():
    text = service.unit_text(runner(), DAEMON).decode()
    assert text.startswith(service.MARK)
    for line in (
        "PartOf=postfix.service",
        "PIDFile=/var/spool/postfixEXT/pid/master.pid",
        "ExecStart=/usr/sbin/postmulti -i postfix-EXT -p start",
        "WantedBy=multi-user.target postfix.service",
    ):
        assert line in text.splitlines()


def test_a_master_in_a_session_is_not_kept_by_its_unit(monkeypatch):
    monkeypatch.setattr(service._proc, "service_unit", lambda pid: "ssh.service")
    assert not service.keeps(runner("", DEBIAN_13), DAEMON, 7)
    assert service.keeps(runner("", SLES_15), DAEMON, 7)
    monkeypatch.setattr(service._proc, "service_unit", lambda pid: "postfix@postfix-EXT.service")
    assert service.keeps(runner(DEBIAN_12), DAEMON, 7)
