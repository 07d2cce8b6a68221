# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports go to Postfix and back, as a generation of its account; what stands in the way is said before."""

import contextlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _change
from ansible_collections.postmaster.mta.plugins.module_utils._account import generations
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Refused, RolledBack
from ansible_collections.postmaster.mta.plugins.module_utils._module import (
    guard,
    move_drain,
    move_services,
    move_status,
    move_switch,
)
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.moving import Services
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.conftest import debian

assert debian
pytestmark = pytest.mark.usefixtures("debian")


class Answers:
    """Stands for the dialogue with the running MTA."""

    wrong = ()

    def __init__(self, host):
        self.verified = []

    def observe(self):
        pass

    def findings(self):
        return self.wrong


class Check:
    """Stands for the check of a candidate."""

    @staticmethod
    def check(*given):
        return ["smtp/inet: another process listens on 127.0.0.1:25"]


@pytest.fixture(name="host")
def _host(tmp_path, monkeypatch):
    services = Services(tmp_path, monkeypatch)
    (tmp_path / "mail" / "sendmail.cf").write_text("O MaxHopCount=9\n")
    (tmp_path / "mail" / "sendmail.mc").write_text("dnl\n")
    for module in (move_switch, move_status, guard):
        monkeypatch.setattr(module, "daemon_of", services.daemon)
    services.should_run = lambda host: True
    monkeypatch.setattr(guard, "guard_of", lambda host: None)
    monkeypatch.setattr(move_switch, "guard_of", lambda host: None)
    monkeypatch.setattr(move_switch, "check_of", lambda mta: Check)
    monkeypatch.setattr(move_switch, "LiveAnswers", Answers)
    monkeypatch.setattr(move_switch.build, "build", lambda host, text: None)
    monkeypatch.setattr(
        move_switch.os.path,
        "isdir",
        lambda path, real=move_switch.os.path.isdir: path.startswith("/run/systemd") or real(path),
    )
    monkeypatch.setattr(move_drain, "left", lambda host: move_drain.Left(host.mta, 0, 0, None, ()))
    monkeypatch.setattr(_change, "LOCK_DIRECTORY", str(tmp_path / "locks"))
    monkeypatch.setattr(move_drain.processes, "working_in", lambda queue: ())
    return services


def run(host, state, check_mode=False, **more):
    params = {name: spec.get("default") for name, spec in move_switch.ARGUMENT_SPEC.items()}
    return move_switch.run(dict(params, state=state, **more), check_mode, host)


def main_cf(tmp_path):
    return (tmp_path / "postfix" / "main.cf").read_text()


def test_there_and_back_is_two_generations(host, tmp_path):
    before = main_cf(tmp_path)
    assert run(host, "checked")["changed"] is False and run(host, "back")["changed"] is False
    predicted = run(host, "moved", check_mode=True)
    assert predicted["changed"] and host.listens == {"sendmail"} and "inet" in main_cf(tmp_path)
    moved = run(host, "moved")
    assert moved["actions"] == predicted["actions"] and moved["listens"] == "postfix" and moved["generation"] == 1
    assert "inet" not in main_cf(tmp_path) and host.done.index("start postfix") < host.done.index("end sendmail")
    assert run(host, "moved")["changed"] is False
    back = run(host, "back")
    assert (back["listens"], back["drains"], back["generation"]) == ("sendmail", "postfix", 2)
    assert main_cf(tmp_path).split() == before.split()
    owned = generations.newest(str(tmp_path / "postfix"))["owned"]["move_switch"]
    assert owned == {"main.cf master_service_disable": [None, "inet"]}


def test_who_listens_beside_sendmail_is_still_in_the_way(host, monkeypatch):
    monkeypatch.setattr(Check, "check", staticmethod(lambda *given: ["another process listens on 127.0.0.1:465"]))
    with pytest.raises(Refused, match="127.0.0.1:465"):
        run(host, "moved")
    assert host.listens == {"sendmail"} and "postfix" not in host.runs and not move_services.is_in_force()


def test_a_postfix_that_answers_wrongly_gives_the_ports_back(host, monkeypatch, tmp_path):
    before = main_cf(tmp_path)
    monkeypatch.setattr(Answers, "wrong", ("it refuses what it should take",))
    with pytest.raises(RolledBack, match="it refuses what it should take"):
        run(host, "moved")
    assert host.listens == {"sendmail"} and main_cf(tmp_path) == before
    assert host.runs == {"sendmail"} and not move_services.is_in_force()


@pytest.mark.parametrize(
    "prepare, sentence",
    [
        (lambda host, path: (path / "mail" / "sendmail.mc").unlink(), "sendmail.mc: there is none"),
        (lambda host, path: (path / "mail" / "sendmail.cf").unlink(), "no way back to it"),
        (lambda host, path: host.listens.clear(), "sendmail: it does not listen"),
        (lambda host, path: host.listens.add("postfix"), "postfix: it listens already"),
        (lambda host, path: host.units.clear(), "postfix.service: there is no such unit"),
        (
            lambda host, path: (path / "postfix" / "main.cf").write_text("mail_owner = postfix\n"),
            "it does not say inet",
        ),
    ],
)
def test_what_stands_in_the_way_is_said_and_nothing_is_changed(host, tmp_path, prepare, sentence):
    prepare(host, tmp_path)
    with pytest.raises(Refused, match=sentence):
        run(host, "moved")
    assert not move_services.is_in_force() and "end sendmail" not in host.done


def test_an_mc_that_does_not_build_and_an_unreadable_message_are_named(host, monkeypatch):
    def build(old, text):
        raise Refused(["sendmail.mc: m4: end of file in string"])

    monkeypatch.setattr(move_switch.build, "build", build)
    monkeypatch.setattr(move_drain, "left", lambda host: move_drain.Left("sendmail", 1, 0, 1, ("qfA: cut",)))
    with pytest.raises(
        Refused, match="end of file in string: it does not build.*qfA: cut; the queue would never be empty"
    ):
        run(host, "checked")


def test_only_a_move_waits_for_a_confirmation(host):
    with contextlib.suppress(OSError):
        with pytest.raises(OptionError, match="a way back does not"):
            run(host, "back", confirm="10m")
