# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sendmail and a Postfix on one host, whose services are what a test says; what is done to them is written down."""

import types

from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Running
from ansible_collections.postmaster.mta.plugins.module_utils._module import move_services
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host

PLACES = (("127.0.0.1", 25),)


class Services:
    """Stands for the host: who listens, and what was done, in order."""

    def __init__(self, tmp_path, monkeypatch):
        self.done, self.listens, self.runs, self.units = [], {"sendmail"}, {"sendmail"}, {"postfix.service"}
        self.fails = ""
        for name in ("postfix", "mail", "units", "alternatives", "queue"):
            (tmp_path / name).mkdir()
        (tmp_path / "postfix" / "main.cf").write_text("mail_owner = postfix\nmaster_service_disable = inet\n")
        old = sendmail_host.make_host(directory=tmp_path / "mail")
        old = old._replace(instance=old.instance._replace(queue_directories=(str(tmp_path / "queue"),)))
        new = postfix_host.make_host("3.10.13", directory=tmp_path / "postfix")
        self.pair = move_services.Both(self, old._replace(runner=self), new._replace(runner=self))
        places = {"MEMORY": "move.json", "KIT": "kit", "UNITS": "units", "PROGRAM": "sendmail.postfix"}
        for name, place in places.items():
            monkeypatch.setattr(move_services, name, str(tmp_path / place))
        monkeypatch.setattr(move_services, "_ALTERNATIVES", str(tmp_path / "alternatives"))
        monkeypatch.setattr(move_services.generations, "ROOT", str(tmp_path))
        monkeypatch.setattr(move_services, "both", lambda runner: self.pair)
        monkeypatch.setattr(move_services, "daemon_of", self.daemon)
        monkeypatch.setattr(move_services, "_holders", lambda host: [])
        monkeypatch.setattr(move_services._zipapp, "content", lambda package, module: b"kit")
        monkeypatch.setattr(move_services.os, "kill", lambda pid, number: self.end("sendmail"))
        monkeypatch.setattr(move_services._proc, "ends", lambda pid, patience: True)
        monkeypatch.setattr(move_services.sendmail_daemon, "running", lambda host: self.running("sendmail"))
        monkeypatch.setattr(move_services.sendmail_daemon, "await_daemon", lambda host: self.note("await sendmail"))

    def note(self, what):
        self.done.append(what)

    def running(self, mta):
        return Running(7 if mta in self.runs else None, 1, PLACES if mta in self.listens else ())

    def end(self, mta):
        self.note(f"end {mta}")
        self.runs.discard(mta)
        self.listens.discard(mta)

    def activate(self, host, activation):
        self.note(f"{activation.kind} postfix")
        if move_services.postfix.listens(host):
            assert "sendmail" not in self.listens
            self.listens.add("postfix")
        else:
            self.listens.discard("postfix")

    def start(self, host):
        self.note("start postfix")
        self.runs.add("postfix")
        if move_services.postfix.listens(host):
            self.listens.add("postfix")

    def daemon(self, mta):
        return types.SimpleNamespace(running=lambda host: self.running(mta), activate=self.activate, start=self.start)

    def which(self, program):
        return f"/usr/bin/{program}"

    def run(self, argv, check=True, timeout=60, **more):
        self.note(" ".join(argv))
        if argv[:2] == ["systemctl", "restart"] and argv[2] == "sendmail":
            assert "postfix" not in self.listens
            self.runs.add("sendmail")
            self.listens.add("sendmail")
        if argv[:3] == ["systemctl", "stop", "postfix"]:
            self.end("postfix")
        known = argv[:2] == ["systemctl", "cat"] and argv[2] in self.units
        return Result(tuple(argv), 0, "enabled\n" if argv[:2] == ["systemctl", "is-enabled"] else "x" * known, "")
