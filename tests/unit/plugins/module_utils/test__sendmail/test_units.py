# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of additional daemons: what is written can be read back, and nobody else's is taken for ours."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import units


@pytest.fixture(name="systemd", autouse=True)
def _systemd(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "DIRECTORY", str(tmp_path))
    return tmp_path


def written(systemd, name, directory):
    (systemd / f"{name}.service").write_text(units.text(name, directory, "/usr/sbin/sendmail-mta", "sendmail"))


@pytest.mark.parametrize("directory", ["/etc/sendmail-ext", "/srv/mail@home/a+b:c", "/x"])
def test_the_directory_of_a_unit_is_read_back(systemd, directory):
    written(systemd, "sendmail-ext", directory)
    assert units.known() == (("sendmail-ext", directory),)


def test_units_of_others_are_not_ours(systemd):
    text = units.text("sendmail-ext", "/etc/x", "/usr/sbin/sendmail", "sendmail")
    (systemd / "sendmail-ext.service").write_text(text.replace(units.MARK, "# by hand"))
    (systemd / "sendmail-broken.service").write_text(units.MARK + "\n[Service]\nExecStart=/bin/true\n")
    (systemd / "sendmail-gone.service").symlink_to(systemd / "nowhere")
    assert units.known() == ()
    assert units.directory_of("") == units.directory_of(units.MARK) == units.read("sendmail-none") == ""


def test_the_daemon_stays_in_the_foreground_under_its_own_name(systemd):
    text = units.text("sendmail-ext", "/etc/x", "/usr/sbin/sendmail-mta", "sendmail")
    assert "ExecStart=/usr/sbin/sendmail-mta -bD -L sendmail-ext -C /etc/x/sendmail.cf $QUEUE_RUN\n" in text
    assert "EnvironmentFile=-/etc/x/postmaster.env\n" in text and "sendmail.service" in text


def test_at_boot_is_a_link_of_systemd(systemd):
    assert not units.at_boot("sendmail-ext")
    (systemd / "multi-user.target.wants").mkdir()
    (systemd / "multi-user.target.wants" / "sendmail-ext.service").symlink_to("../sendmail-ext.service")
    assert units.at_boot("sendmail-ext") and not units.at_boot("sendmail-e")


@pytest.mark.parametrize("interval", ["10m", "1h30m", "45s"])
def test_the_queue_interval_is_read_back(interval):
    assert units.interval_in("# a comment\n" + units.environment(interval).decode()) == interval


@pytest.mark.parametrize("content", ["", "QUEUE_RUN=\n", "OTHER=-q5m\n", "#QUEUE_RUN=-q5m\n"])
def test_no_queue_interval(content):
    assert units.interval_in(content) == ""
