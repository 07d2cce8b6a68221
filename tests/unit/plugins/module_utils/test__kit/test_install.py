# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kit comes, is renewed, and goes without a trace."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError, OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._kit import install, places, schedule
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner

JOBS = [install.Job("expiry", "remove blocks", "expiry.on_calendar", ("expiry",), schedule.Schedule("daily"))]
TIMER = "postmaster-mta-kit-expiry.timer"


def files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.fixture(name="systemd")
def _systemd(root, monkeypatch):
    """A systemd whose timers run once they are started."""
    running = set()

    def said(argv):
        if argv[1] in ("is-active", "is-enabled"):
            return Result(argv, 0 if argv[2] in running else 3, "", "")
        if argv[1] == "restart":
            running.update(argv[2:])
        if argv[1] == "disable":
            running.difference_update(argv[3:])
        return ""

    monkeypatch.setattr(install, "has_systemd", lambda _runner: True)
    return ScriptedRunner({("systemctl", ...): said}, ["systemctl"])


@pytest.fixture(name="cron")
def _cron(root, monkeypatch):
    monkeypatch.setattr(install, "has_systemd", lambda _runner: False)
    return ScriptedRunner({})


def test_it_is_installed_once(root, systemd):
    install.apply(systemd, install.plan(systemd, JOBS, b"{}", b"archive"))
    assert files(root) == [
        "UNITS/postmaster-mta-kit-expiry.service",
        f"UNITS/{TIMER}",
        "kit/kit.json",
        "kit/kit.pyz",
    ]
    assert "OnCalendar=daily" in (root / "UNITS" / TIMER).read_text()
    assert not install.plan(systemd, JOBS, b"{}", b"archive").changed
    assert (root / "kit" / "kit.json").stat().st_mode & 0o777 == 0o600


def test_a_timer_that_somebody_stopped_runs_again(root, systemd):
    install.apply(systemd, install.plan(systemd, JOBS, b"{}", b"archive"))
    systemd.run(["systemctl", "disable", "--now", TIMER])
    assert install.plan(systemd, JOBS, b"{}", b"archive").actions() == [f"start {TIMER}"]


def test_a_job_that_is_no_more_goes_with_what_it_remembers(root, systemd):
    install.apply(systemd, install.plan(systemd, JOBS, b"{}", b"archive"))
    (root / "kit" / "state").mkdir()
    (root / "kit" / "state" / "expiry.lock").write_text("")
    (root / "STAMPS" / f"stamp-{TIMER}").write_text("")
    install.apply(systemd, install.plan(systemd, [], b"{}", b"archive"))
    assert files(root) == ["kit/kit.json", "kit/kit.pyz"]


@pytest.mark.parametrize("way", ["systemd", "cron"])
def test_it_goes_without_a_trace(root, way, request):
    runner = request.getfixturevalue(way)
    install.apply(runner, install.plan(runner, JOBS, b"{}", b"archive"))
    install.apply(runner, install.removal())
    assert files(root) == []
    assert not install.removal().changed


def test_cron_runs_it_where_there_is_no_systemd(root, cron):
    install.apply(cron, install.plan(cron, JOBS, b"{}", b"archive"))
    last = (root / "cron.d" / "kit").read_text().splitlines()[-1]
    assert last.startswith("0 0 * * * root /") and last.endswith("kit.pyz expiry")
    assert not install.plan(cron, JOBS, b"{}", b"archive").changed


def test_a_host_with_neither_is_told_so(root, cron, monkeypatch):
    monkeypatch.setattr(places, "CRON", str(root / "nosuch" / "kit"))
    with pytest.raises(OptionError, match="neither systemd nor cron"):
        install.plan(cron, JOBS, b"{}", b"archive")


def test_a_timer_that_does_not_start_leaves_nothing(root, systemd):
    systemd.script = {
        ("systemctl", "enable", ...): lambda argv: Result(argv, 1, "", "no"),
        ("systemctl", "is-active", ...): lambda argv: Result(argv, 3, "", ""),
        ("systemctl", ...): "",
    }
    with pytest.raises(CommandError):
        install.apply(systemd, install.plan(systemd, JOBS, b"{}", b"archive"))
    assert files(root) == []
