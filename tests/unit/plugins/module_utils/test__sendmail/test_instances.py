# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Additional sendmail daemons on a file system that is only for the test: what is seen, what is in the way, the steps and their way back."""

import os
import pwd

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Refused
from ansible_collections.postmaster.mta.plugins.module_utils._model.instance import InstanceRequest
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import daemon, units
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover as instance
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import instances as multi
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner

NAME = "sendmail-ext"


class Place:
    """A host in a directory."""

    def __init__(self, root):
        self.root = root
        self.runner = ScriptedRunner({("systemctl", ...): ""}, ("systemctl",))
        for name in ("etc/mail", "spool/mqueue", "systemd/multi-user.target.wants"):
            (root / name).mkdir(parents=True)
        self.configure("etc/mail", "spool/mqueue", "run/sendmail.pid")

    def __str__(self):
        return str(self.root)

    def configure(self, directory, queue, pid_file="run/ext.pid"):
        (self.root / directory).mkdir(exist_ok=True)
        text = f"O QueueDirectory={self.root}/{queue}\nO PidFile={self.root}/{pid_file}\n"
        (self.root / directory / "sendmail.cf").write_text(text)

    def wish(self, **given):
        known = {
            "name": NAME,
            "config_directory": f"{self.root}/etc/ext",
            "queue_directory": f"{self.root}/spool/ext",
            "data_directory": None,
            "group": None,
            "listen": ("192.0.2.1",),
            "port": 25,
            "state": "started",
            "mail": "refuse",
        }
        return InstanceRequest(**dict(known, **given))

    def problems(self, **given):
        wish = self.wish(**given)
        return multi.problems(self.runner, wish, multi.see(self.runner, wish))

    def files(self):
        """Everything that is there, with the content of files."""
        found = {}
        for parent, directories, files in os.walk(str(self.root)):
            found.update((os.path.join(parent, name), None) for name in directories)
            for name in files:
                with open(os.path.join(parent, name), "rb") as stream:
                    found[os.path.join(parent, name)] = stream.read()
        return found


@pytest.fixture(name="place")
def _place(tmp_path, monkeypatch):
    me = pwd.getpwuid(os.getuid()).pw_name
    known = instance.LAYOUTS[0]._replace(
        table_owner=me, group=str(os.getgid()), pid_file=f"{tmp_path}/run/sendmail.pid"
    )
    monkeypatch.setattr(instance, "layout", lambda: known)
    monkeypatch.setattr(instance, "CONFIG_DIRECTORY", f"{tmp_path}/etc/mail")
    monkeypatch.setattr(daemon, "systemd", lambda runner: True)
    monkeypatch.setattr(units, "DIRECTORY", f"{tmp_path}/systemd")
    monkeypatch.setattr(units, "FOREIGN", (f"{tmp_path}/lib/{{}}.service", f"{tmp_path}/init.d/{{}}"))
    monkeypatch.setattr(multi.shutil, "chown", lambda path, owner, group: None)
    return Place(tmp_path)


@pytest.mark.parametrize("name", ["sendmail-a", "sendmail-EXT_2-x", "sendmail-" + 40 * "x"])
def test_names(name):
    multi.check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "sendmail",
        "sendmail-",
        "sendmail-a.b",
        "sendmail-a/b",
        "ext",
        "sendmail-" + 41 * "x",
        "sendmail-a\n",
        "sendmail-é",
    ],
)
def test_names_that_are_none(name):
    with pytest.raises(OptionError):
        multi.check_name(name)


def test_nothing_there_and_nothing_in_the_way(place):
    wish = place.wish()
    assert multi.see(place.runner, wish) == (None, False, None, "")
    assert place.problems() == []


@pytest.mark.parametrize(
    "given, said",
    [
        ({"config_directory": "/etc/none/ext"}, "config_directory: {}/etc/none/ext: {}/etc/none is not there"),
        ({"queue_directory": "/spool/none/ext"}, "queue_directory: {}/spool/none/ext: {}/spool/none is not there"),
        (
            {"config_directory": "/etc/mail/ext"},
            "config_directory: {}/etc/mail/ext: the instance sendmail has {}/etc/mail",
        ),
        ({"config_directory": "/etc"}, "config_directory: {}/etc: the instance sendmail has {}/etc/mail"),
        (
            {"queue_directory": "/spool/mqueue"},
            "queue_directory: {}/spool/mqueue: the instance sendmail uses {}/spool/mqueue",
        ),
        ({"queue_directory": "/etc/ext/queue"}, "queue_directory: {}/etc/ext/queue: {}/etc/ext is not there"),
    ],
)
def test_places_that_cannot_be(place, given, said):
    given = {option: str(place) + path for option, path in given.items()}
    assert said.format(*(str(place),) * 2) in [text.replace("  ", " ") for text in place.problems(**given)]


def test_a_queue_that_another_ones_pattern_takes_in(place):
    place.configure("etc/mail", "spool/mq*")
    assert place.problems() == []
    said = place.problems(queue_directory=f"{place}/spool/mq-ext")
    assert said == [f"queue_directory: {place}/spool/mq-ext: the instance sendmail uses {place}/spool/mq*"]


def test_an_instance_without_addresses_would_take_the_primary_ones(place):
    assert [text.partition(":")[0] for text in place.problems(listen=())] == ["listen"]


def test_what_others_may_write_to(place):
    for directory in ("etc/ext", "spool/ext"):
        (place.root / directory).mkdir()
        (place.root / directory).chmod(0o2770)
    said = "others than its owner may write to it (mode 2770)"
    assert place.problems() == [
        f"config_directory: {place}/etc/ext: {said}",
        f"queue_directory: {place}/spool/ext: {said}",
    ]


def test_whose_it_is(place, monkeypatch):
    (place.root / "etc/ext").mkdir()
    monkeypatch.setattr(multi._files, "user", lambda uid: "mallory")
    assert "it belongs to mallory and not to root" in place.problems()[0]


def test_a_directory_of_something_else(place):
    (place.root / "etc/ext").mkdir()
    (place.root / "etc/ext/sendmail.mc").write_text("")
    assert place.problems() == [f"config_directory: {place}/etc/ext: it is not empty and holds no sendmail.cf"]
    (place.root / "spool/ext").write_text("")
    assert f"queue_directory: {place}/spool/ext: there is something else of this name" in place.problems()


def test_units_of_others(place):
    (place.root / "init.d").mkdir()
    (place.root / "init.d" / NAME).write_text("")
    assert place.problems() == [f"name: {NAME}: {place}/init.d/{NAME} is there and not ours"]
    (place.root / "init.d" / NAME).unlink()
    (place.root / "systemd" / f"{NAME}.service").write_text("[Unit]\n")
    assert place.problems() == [f"name: {NAME}: {place}/systemd/{NAME}.service is there and not ours"]


def test_one_name_for_one_directory(place):
    wish = place.wish()
    adopt(place, wish)
    assert place.problems() == []
    (said,) = place.problems(name="sendmail-other")
    assert said == f"name: sendmail-other: the instance in {place}/etc/ext is called {NAME}"
    said = place.problems(config_directory=f"{place}/etc/new", queue_directory=f"{place}/spool/new")
    assert f"name: {NAME}: the instance in {place}/etc/ext has this name" in said


def test_without_systemd_there_is_nobody_to_start_it(place, monkeypatch):
    monkeypatch.setattr(daemon, "systemd", lambda runner: False)
    assert "does not run systemd" in place.problems()[0]


def test_an_adopted_one_keeps_its_queue_and_shares_no_pid_file(place):
    place.configure("etc/ext", "spool/hand")
    said = f"queue_directory: {place}/spool/hand: sendmail.cf names it, and it is not there"
    assert place.problems(queue_directory=None) == [said]
    (place.root / "spool/hand").mkdir(mode=0o700)
    assert place.problems(queue_directory=None) == place.problems(queue_directory=None, listen=()) == []
    (moved,) = place.problems()
    assert "spool/ext is expected, but the instance has this one" in moved
    place.configure("etc/ext", "spool/hand", "run/sendmail.pid")
    assert "its PidFile" in place.problems(queue_directory=None)[0]


# --- steps ------------------------------------------------------------------------------------------------------------


def do(steps):
    for step in steps:
        step.do()


def undo(steps):
    for step in reversed(steps):
        step.undo()


def adopt(place, wish):
    steps = [*multi.create(place.runner, wish), *multi.register(place.runner, wish)]
    do(steps)
    return steps


def test_made_seen_and_taken_back(place):
    before, wish = place.files(), place.wish()
    steps = adopt(place, wish)
    assert [step.text for step in steps] == [
        f"create {place}/spool/ext",
        f"create {place}/etc/ext",
        f"create {place}/systemd/{NAME}.service",
    ]
    seen = multi.see(place.runner, wish)
    assert seen.registered and seen.instance.queue_directories == (f"{place}/spool/ext",)
    assert not seen.instance.primary and not seen.instance.enabled and seen.pid is None
    assert [one.name for one in instance.instances(place.runner)] == ["sendmail", NAME]
    undo(steps)
    assert place.files() == before
    assert place.runner.calls.count(("systemctl", "daemon-reload")) == 2


def test_directories_that_were_there_stay(place):
    (place.root / "etc/ext").mkdir()
    (place.root / "spool/ext").mkdir(mode=0o700)
    before, wish = place.files(), place.wish()
    undo(adopt(place, wish))
    assert place.files() == before


def test_the_queue_is_as_the_primary_ones(place):
    os.chmod(f"{place}/spool/mqueue", 0o2750)
    adopt(place, place.wish())
    assert os.stat(f"{place}/spool/ext").st_mode & 0o7777 == 0o2750


def test_a_unit_of_an_older_version_is_renewed(place):
    wish = place.wish()
    adopt(place, wish)
    path = place.root / "systemd" / f"{NAME}.service"
    path.write_text(path.read_text().replace("RestartSec=10", "RestartSec=1"))
    older = path.read_text()
    (step,) = multi.assign(place.runner, wish, multi.see(place.runner, wish))
    step.do()
    assert multi.assign(place.runner, wish, multi.see(place.runner, wish)) == []
    step.undo()
    assert path.read_text() == older


def test_removed_with_and_without_its_directories(place):
    wish, before = place.wish(), place.files()
    adopt(place, wish)
    (place.root / "spool/ext/qfone").write_text("")
    (place.root / "spool/ext/dfone").write_text("")
    seen = multi.see(place.runner, wish)
    assert multi.messages(place.runner, seen.instance) == 1
    do(multi.remove(place.runner, wish, seen, True))
    assert (place.root / "spool/ext/qfone").exists() and not units.read(NAME)
    do(multi.register(place.runner, wish))
    do(multi.remove(place.runner, wish, multi.see(place.runner, wish), False))
    assert place.files() == before


def test_a_unit_whose_directory_is_gone_can_still_be_removed(place):
    wish, before = place.wish(), place.files()
    adopt(place, wish)
    multi._files.remove(wish.config_directory)
    seen = multi.see(place.runner, wish)
    assert (seen.instance, seen.registered) == (None, True)
    assert [one.name for one in instance.instances(place.runner)] == ["sendmail"]
    do(multi.remove(place.runner, wish, seen, False))
    assert units.read(NAME) == ""
    # The queue stays: nobody says any more that it was this one's.
    (place.root / "spool/ext").rmdir()
    assert place.files() == before


def test_every_kind_of_message_in_every_directory_counts(place):
    for name in ("q1/qf/qfa", "q1/qf/hfb", "q1/qf/Qfc", "q1/df/dfa", "q2/qfd", "q2/xfd", "q2/tfd"):
        path = place.root / "spool/mq" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    place.configure("etc/ext", "spool/mq/q*")
    one = instance.instance_in(NAME, f"{place}/etc/ext")
    assert multi.messages(place.runner, one) == 4
    assert multi.messages(place.runner, one._replace(queue_directories=(f"{place}/none",))) == 0


def test_a_shared_queue_is_neither_stopped_nor_removed(place):
    place.configure("etc/ext", "spool/mqueue")
    wish = place.wish(queue_directory=None)
    seen = multi.see(place.runner, wish)
    assert seen.pid is None
    with pytest.raises(Refused):
        multi.remove(place.runner, wish, seen, False)


def test_where_the_package_cannot_be_seen_in_a_pid_file_the_queue_tells(place, monkeypatch):
    wish = place.wish()
    adopt(place, wish)
    monkeypatch.setattr(daemon.processes, "working_in", lambda queue: (7, 8) if queue.endswith("/ext") else (3,))
    monkeypatch.setattr(daemon._proc, "listening", lambda pid: (("192.0.2.1", 25),) if pid == 8 else ())
    assert multi.see(place.runner, wish).pid == 8
    pid_file = place.root / "own.pid"
    place.configure("etc/ext", "spool/ext", "own.pid")
    pid_file.write_text("7\n/usr/sbin/sendmail-mta -bD\n")
    assert multi.see(place.runner, wish).pid == 7
    # Stale, or the number of somebody else by now.
    pid_file.write_text("3\n")
    assert multi.see(place.runner, wish).pid == 8
