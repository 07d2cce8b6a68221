# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._dns import nscd as _nscd
from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError, PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._runner import NOT_FOUND, Result

DEBIAN = """# /etc/nscd.conf
\tserver-user\t\tunscd
\tenable-cache\t\tpasswd\t\tyes

\tenable-cache\t\thosts\t\tyes
#\tenable-cache\t\thosts\t\tyes
\tpositive-time-to-live\thosts\t\t3600
"""
STATISTICS = """nscd configuration:

              0  server debug level

passwd cache:

            yes  cache is enabled
            yes  cache is persistent

hosts cache:

            %s  cache is enabled
            yes  cache is persistent
"""


class System:
    """A host with nscd: units with their state, and a daemon that reads its configuration when it is restarted."""

    def __init__(self, path, units, caching="yes", stubborn=False):
        self.path = path
        self.units = units  # name -> [unit file state, active]
        self.caching = caching
        self.stubborn = stubborn
        self.said = []

    def run(self, argv, stdin=None, timeout=60, check=True, env=None, cwd=None):
        self.said.append(" ".join(argv))
        answer = self._answer(tuple(argv))
        if check and answer.rc:
            raise CommandError(argv, answer.rc, answer.out, answer.err)
        return answer

    def _answer(self, argv):
        verb = argv[1]
        if argv[0] == "nscd":
            running = any(active for name, (_state, active) in self.units.items() if name.endswith(".service"))
            return Result(argv, 0 if running else 1, STATISTICS % self.caching if verb == "-g" else "", "")
        if verb == "list-unit-files":
            lines = ["%s %s enabled\n" % (name, state) for name, (state, _active) in self.units.items()]
            return Result(argv, 0, "".join(lines), "")
        unit = self.units[argv[-1]]
        if verb == "is-active":
            return Result(argv, 0 if unit[1] else 3, "", "")
        if verb == "restart" and not self.stubborn:
            self.caching = "no" if _nscd.hosts_off(self.path.read_text()) == self.path.read_text() else "yes"
        if verb in ("stop", "disable"):
            unit[1 if verb == "stop" else 0] = False if verb == "stop" else "disabled"
        return Result(argv, 0, "", "")

    def changes(self):
        return [said for said in self.said if said.split()[1] not in ("-g", "list-unit-files", "is-active")]


class NoSystemd:
    """A host without systemctl."""

    def run(self, argv, **dummy):
        return Result(tuple(argv), NOT_FOUND, "", "no such file")


@pytest.fixture(name="path")
def fixture_path(tmp_path):
    path = tmp_path / "nscd.conf"
    path.write_text(DEBIAN)
    return path


def test_hosts_off_changes_the_one_word():
    assert _nscd.hosts_off(DEBIAN) == DEBIAN.replace("hosts\t\tyes", "hosts\t\tno", 1)
    assert _nscd.hosts_off(_nscd.hosts_off(DEBIAN)) == _nscd.hosts_off(DEBIAN)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "\tenable-cache\t\thosts\t\tno\n"),
        ("threads 4", "threads 4\n\tenable-cache\t\thosts\t\tno\n"),
        ("enable-cache hosts yes", "enable-cache hosts no"),
        ("  enable-cache\thosts   yes   # yes, hosts\n", "  enable-cache\thosts   no   # yes, hosts\n"),
        ("enable-cache hosts no\n", "enable-cache hosts no\n"),
        ("enable-cache hosts yes\nenable-cache hosts yes\n", "enable-cache hosts no\nenable-cache hosts no\n"),
        ("enable-cache hosts\n", "enable-cache hosts\n\tenable-cache\t\thosts\t\tno\n"),
        ("#enable-cache hosts yes\n", "#enable-cache hosts yes\n\tenable-cache\t\thosts\t\tno\n"),
    ],
)
def test_hosts_off_in_every_spelling(text, wanted):
    assert _nscd.hosts_off(text) == wanted


@pytest.mark.parametrize(("text", "wanted"), [(STATISTICS % "yes", True), (STATISTICS % " no", False), ("", None)])
def test_caches_hosts_reads_the_section_of_hosts(text, wanted):
    assert _nscd.caches_hosts(text) is wanted


def test_hosts_off_forgets_then_restarts_and_is_done(path):
    system = System(path, {"nscd.service": ["enabled", True]})
    done = _nscd.apply(system, "hosts_off", False, str(path))
    assert done["changed"]
    assert done["units"] == ["nscd.service"]
    assert system.changes() == ["nscd -i hosts", "systemctl restart nscd.service"]
    assert path.read_text() == _nscd.hosts_off(DEBIAN)
    assert not _nscd.apply(system, "hosts_off", False, str(path))["changed"]


def test_check_mode_says_the_same_and_touches_nothing(path):
    system = System(path, {"nscd.service": ["enabled", True]})
    before = path.stat()
    would = _nscd.apply(system, "hosts_off", True, str(path))
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert system.changes() == []
    did = _nscd.apply(system, "hosts_off", False, str(path))
    assert would == did


def test_a_daemon_that_still_caches_with_the_right_file_is_restarted(path):
    path.write_text(_nscd.hosts_off(DEBIAN))
    system = System(path, {"nscd.service": ["enabled", True]})
    assert _nscd.apply(system, "hosts_off", False, str(path))["actions"] == [
        "nscd -i hosts",
        "systemctl restart nscd.service",
    ]


def test_a_daemon_that_is_not_running_stays_down(path):
    system = System(path, {"nscd.service": ["disabled", False]})
    assert _nscd.apply(system, "hosts_off", False, str(path))["actions"] == ["edit %s" % path]
    assert system.changes() == []


def test_a_daemon_that_goes_on_caching_is_an_error_and_the_file_is_as_it_was(path, monkeypatch):
    monkeypatch.setattr(_nscd, "PATIENCE", 0.1)
    system = System(path, {"nscd.service": ["enabled", True]}, stubborn=True)
    with pytest.raises(PostmasterError, match="keeps no host names"):
        _nscd.apply(system, "hosts_off", False, str(path))
    assert path.read_text() == DEBIAN


def test_stopped_takes_the_socket_first(path):
    system = System(path, {"nscd.service": ["enabled", True], "nscd.socket": ["enabled", True]})
    _nscd.apply(system, "stopped", False, str(path))
    assert system.changes() == [
        "nscd -i hosts",
        "systemctl stop nscd.socket",
        "systemctl disable nscd.socket",
        "systemctl stop nscd.service",
        "systemctl disable nscd.service",
    ]
    assert path.read_text() == DEBIAN
    assert not _nscd.apply(system, "stopped", False, str(path))["changed"]


@pytest.mark.parametrize("state", ["hosts_off", "stopped"])
def test_a_host_without_it_is_left_alone(path, state):
    assert not _nscd.apply(System(path, {}), state, False, str(path))["changed"]
    assert not _nscd.apply(NoSystemd(), state, False, str(path))["changed"]
    assert not _nscd.apply(System(path, {"nscd.service": ["masked", False]}), state, False, str(path))["changed"]
    assert path.read_text() == DEBIAN
