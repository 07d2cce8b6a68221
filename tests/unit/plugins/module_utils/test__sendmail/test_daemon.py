# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import signal

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _clock, _proc
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import (
    NOTHING,
    RELOAD,
    RESTART,
    Activation,
    File,
    Instance,
    Rendering,
    Running,
)
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import daemon
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import daemon as _daemon
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

# --- what a change needs ----------------------------------------------------------------------------------------------

OLD = {
    "sendmail.cf": b"O DaemonPortOptions=Port=25\nO MaxHopCount=1\n",
    "relay-domains": b"10\n",
    "access.postmaster": b"a\tb\n",
    "aliases.postmaster": b"x: y\n",
    "sendmail.conf": b"A=1\n",
    "sendmail.mc": b"",
}


@pytest.mark.parametrize(
    "changes, kind, because",
    [
        ({}, NOTHING, ()),
        ({"access.postmaster": b"c\td\n"}, NOTHING, ()),
        ({"aliases.postmaster": b"x: z\n"}, NOTHING, ()),
        ({"sendmail.mc": b"dnl\n"}, NOTHING, ()),
        ({"relay-domains": b"11\n"}, RELOAD, ("relay-domains",)),
        ({"sendmail.cf": b"O DaemonPortOptions=Port=25\nO MaxHopCount=2\n"}, RELOAD, ("sendmail.cf",)),
        ({"sendmail.cf": b"O DaemonPortOptions=Port=26\n"}, RESTART, ("DaemonPortOptions",)),
        ({"sendmail.cf": b"O MaxHopCount=1\nO DaemonPortOptions=Port=25\nO PidFile=/x\n"}, RESTART, ("PidFile",)),
        ({"sendmail.conf": b"A=2\n"}, RESTART, ("sendmail.conf (how the daemon is started)",)),
    ],
)
def test_activation(changes, kind, because):
    files = {name: File(content) for name, content in dict(OLD, **changes).items()}
    assert _daemon.activation(given.make_host(), OLD.get, Rendering(files, {})) == Activation(kind, because)


def test_a_file_that_a_class_is_read_from_needs_a_reload():
    current = dict(
        OLD, **{"sendmail.cf": b"F{VirtHost}-o /etc/mail/virtual-domains %[^\\#]\n", "virtual-domains": b"a.test\n"}
    )
    rendering = Rendering({"virtual-domains": File(b"b.test\n")}, {})
    assert _daemon.activation(given.make_host(), current.get, rendering) == Activation(RELOAD, ("virtual-domains",))


class Script:
    """What running() says, one after the other, and what activate() then did."""

    def __init__(self, monkeypatch, states, systemd=True, active="active"):
        self.states = list(states)
        self.killed = []
        monkeypatch.setattr(daemon, "running", self._running)
        monkeypatch.setattr(daemon, "systemd", lambda runner: systemd)
        monkeypatch.setattr(daemon, "_greets", lambda *dummy: True)
        monkeypatch.setattr(_clock.time, "sleep", lambda seconds: None)
        # Long enough for a busy machine; what waits in vain says a shorter time.
        monkeypatch.setattr(daemon, "WAIT_SECONDS", 10.0)
        monkeypatch.setattr(os, "kill", lambda pid, number: self.killed.append((pid, number)))
        self.host = given.make_host(
            {
                ("systemctl", "is-active", "sendmail"): active,
                ("systemctl", "restart", "sendmail"): "",
                ("/etc/init.d/sendmail", "restart"): "",
            }
        )

    def _running(self, host):
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    @property
    def calls(self):
        return self.host.runner.calls


UP = Running(10, 100, (("::", 25),))
ANEW = Running(11, 200, (("::", 25),))
DOWN = Running(None, None)


def test_a_reload_is_a_signal_and_waits_for_the_new_process(monkeypatch, debian):
    script = Script(monkeypatch, [UP, UP, Running(11, 200), ANEW])
    _daemon.activate(script.host, Activation(RELOAD, ("x",)))
    assert script.killed == [(10, signal.SIGHUP)] and script.calls == [] and script.states == [ANEW]


def test_a_restart_goes_through_the_service_manager(monkeypatch, debian):
    script = Script(monkeypatch, [UP, ANEW])
    _daemon.activate(script.host, Activation(RESTART, ("x",)))
    assert script.calls == [("systemctl", "restart", "sendmail")] and script.killed == []


def test_without_systemd_the_init_script_does_it(monkeypatch, debian):
    script = Script(monkeypatch, [UP, ANEW], systemd=False)
    _daemon.activate(script.host, Activation(RESTART, ("x",)))
    assert script.calls == [("/etc/init.d/sendmail", "restart")]


@pytest.mark.parametrize("kind", [RELOAD, RESTART])
def test_a_stopped_daemon_stays_stopped(monkeypatch, debian, kind):
    script = Script(monkeypatch, [DOWN], active="inactive")
    _daemon.activate(script.host, Activation(kind, ("x",)))
    assert script.calls == [("systemctl", "is-active", "sendmail")] and script.killed == []


@pytest.mark.parametrize("state", ["active", "failed"])
def test_a_daemon_that_died_is_started_again(monkeypatch, debian, state):
    script = Script(monkeypatch, [DOWN, ANEW], active=state)
    _daemon.activate(script.host, Activation(RELOAD, ("x",)))
    assert ("systemctl", "restart", "sendmail") in script.calls


def test_nothing_is_nothing(monkeypatch, debian):
    script = Script(monkeypatch, [UP])
    _daemon.activate(script.host, Activation(NOTHING))
    assert script.calls == [] and script.killed == []


def test_a_daemon_that_does_not_come_back_is_an_error(monkeypatch, debian):
    script = Script(monkeypatch, [UP, UP])
    monkeypatch.setattr(daemon, "WAIT_SECONDS", 0.2)
    with pytest.raises(PostmasterError):
        _daemon.activate(script.host, Activation(RELOAD, ("x",)))


EXT = Instance("sendmail", "sendmail-ext", "/etc/sendmail-ext", ("/var/spool/ext",), primary=False)


@pytest.mark.parametrize(
    "kind, unit, calls, killed",
    [
        (RELOAD, "sendmail-ext.service", [], [(10, signal.SIGHUP)]),
        (RESTART, "sendmail-ext.service", ["restart"], []),
        # By hand: nobody knows whether it was started so that a SIGHUP does not end it.
        (RELOAD, "ssh.service", ["end", "restart"], []),
        (RESTART, "ssh.service", ["end", "restart"], []),
    ],
)
def test_an_additional_instance_is_told_by_its_own_unit(monkeypatch, debian, kind, unit, calls, killed):
    script = Script(monkeypatch, [UP, ANEW])
    done = []
    monkeypatch.setattr(_proc, "service_unit", lambda pid: unit)
    monkeypatch.setattr(daemon.processes, "end_all", lambda queue, patience: done.append("end"))
    script.host.runner.script[("systemctl", "restart", "sendmail-ext")] = lambda argv: done.append("restart") or ""
    _daemon.activate(script.host._replace(instance=EXT), Activation(kind, ("x",)))
    assert (done, script.killed) == (calls, killed)


def _socket(inode):
    return _proc.Socket(("::", 25), ("::", 0), "0A", inode)


def test_in_the_foreground_a_reload_keeps_the_process_and_opens_other_sockets(monkeypatch, debian):
    script = Script(monkeypatch, [UP])
    sockets = [{"1"}, {"1"}, set(), {"2"}]
    monkeypatch.setattr(_proc, "socket_inodes", lambda pid: sockets.pop(0) if len(sockets) > 1 else sockets[0])
    monkeypatch.setattr(_proc, "listeners", lambda: [_socket("1"), _socket("2")])
    _daemon.activate(script.host, Activation(RELOAD, ("x",)))
    assert script.killed == [(10, signal.SIGHUP)] and sockets == [{"2"}]


def test_another_queue_interval_is_another_way_to_start():
    rendering = Rendering({"postmaster.env": File(b"QUEUE_RUN=-q3m\n")}, {})
    found = _daemon.activation(given.make_host(), {"postmaster.env": b"QUEUE_RUN=-q5m\n"}.get, rendering)
    assert found.kind == RESTART and "postmaster.env" in found.because[0]


# --- what runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    ["", "x\n", "999999999\n/usr/sbin/sendmail\n", f"{os.getpid()}\nsomething else\n"],
    ids=["empty", "no number", "nobody", "not sendmail"],
)
def test_stale_pid_files_mean_down(tmp_path, debian, content):
    (tmp_path / "pid").write_text(content)
    (tmp_path / "sendmail.cf").write_text(f"O PidFile={tmp_path}/pid\n")
    assert _daemon.running(given.make_host(directory=tmp_path)) == Running(None, None)


# --- a daemon that refuses connections because of the load ------------------------------------------------------------

TITLE = "sendmail: MTA: rejecting connections on daemon MTA-1: load average: 9\0\0"


REFUSING = Running(11, 200, (), "rejecting connections on daemon MTA-1: load average: 9")


@pytest.mark.parametrize("kind", [RELOAD, RESTART])
def test_a_daemon_that_the_load_keeps_from_listening_has_come_back(monkeypatch, debian, kind):
    script = Script(monkeypatch, [UP, REFUSING])
    _daemon.activate(script.host, Activation(kind, ("x",)))


def test_a_daemon_without_ports_and_without_a_reason_has_not(monkeypatch, debian):
    script = Script(monkeypatch, [UP, Running(11, 200)])
    monkeypatch.setattr(daemon, "WAIT_SECONDS", 0.2)
    with pytest.raises(PostmasterError):
        _daemon.activate(script.host, Activation(RELOAD, ("x",)))


def test_a_daemon_that_is_started_under_load_is_up(monkeypatch, debian):
    script = Script(monkeypatch, [DOWN, DOWN, REFUSING], active="active")
    _daemon.activate(script.host, Activation(RELOAD, ("x",)))
    assert ("systemctl", "restart", "sendmail") in script.calls


@pytest.mark.parametrize(
    "title, listening, refuses",
    [
        (TITLE, (), REFUSING.refuses),
        (TITLE, (("::", 25),), ""),
        ("sendmail: MTA: accepting connections\0", (), ""),
    ],
)
def test_why_a_daemon_has_closed_its_ports(monkeypatch, debian, title, listening, refuses):
    monkeypatch.setattr(daemon, "_pid", lambda host: 11)
    monkeypatch.setattr(daemon._proc, "read_text", lambda path: title if path == "/proc/11/cmdline" else "")
    monkeypatch.setattr(daemon._proc, "listening", lambda pid: listening)
    assert _daemon.running(given.make_host()).refuses == refuses
