# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction: what it promises when all goes well, when something fails, and when it is killed at any step."""

import errno
import os
import signal
import socket
import stat

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _change, _files
from ansible_collections.postmaster.mta.plugins.module_utils._account import generations
from ansible_collections.postmaster.mta.plugins.module_utils._errors import (
    Busy,
    CommandError,
    Down,
    PostmasterError,
    Refused,
    RolledBack,
)
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import NOTHING, RELOAD, Activation, File
from ansible_collections.postmaster.mta.tests.unit.share import stride

OLD = {
    "main.cf": b"# by hand\nold = 1\n",
    "transport": b"old.example smtp:\n",
    "access": b"kept\n",
    "sub/deep": b"deep\n",
}
WANTED = {
    "main.cf": File(b"# by hand\nnew = 1\n"),
    "transport": File(b"new.example smtp:\n"),
    "fresh": File(b"fresh\n"),
}
NEW = {
    "main.cf": b"# by hand\nnew = 1\n",
    "transport": b"new.example smtp:\n",
    "fresh": b"fresh\n",
    "access": b"kept\n",
    "sub/deep": b"deep\n",
    "fresh.db": b"compiled fresh\n",
}

#: Calls that change the disk or the order of things on it: the places where a kill or a full disk can strike.
STEPS = (
    "open",
    "link",
    "rename",
    "mkdir",
    "unlink",
    "rmdir",
    "fsync",
    "chmod",
    "chown",
    "utime",
    "replace",
    "ftruncate",
)


class Mta:
    """Stands where the driver does: records what it is asked, and can be told to complain."""

    kind = RELOAD
    watches = False

    def __init__(self, live, wanted=None):
        self.live = str(live)
        self.wanted = WANTED if wanted is None else wanted
        self.asked = []
        self.findings = ()
        self.verdict = ()
        self.activation_error = None

    def plan(self):
        files = _change.difference(self.live, self.wanted)
        missing = "fresh" in self.wanted and not os.path.exists(os.path.join(self.live, "fresh.db"))
        kind = self.kind if files else NOTHING
        return _change.Plan(self.live, files, ("fresh.db",) if missing else (), Activation(kind, ("new",)))

    def build(self, stage, names):
        for name in names:
            _files.write_new(os.path.join(stage, name), b"compiled fresh\n", 0o644)

    def check(self, stage):
        self.asked.append("check")
        return self.findings

    def activate(self, activation):
        self.asked.append(activation.kind)
        if self.activation_error:
            raise self.activation_error

    def verify(self):
        self.asked.append("verify")
        return self.verdict

    def steps(self):
        author = _change.Author("relay", "anna", "T1")
        daemon = (
            _change.Daemon(lambda: True, lambda: True, lambda: None, lambda since: "", True) if self.watches else None
        )
        return _change.Steps(self.plan, self.build, self.check, self.activate, self.verify, author, daemon)

    def run(self, **options):
        return _change.transact(self.steps(), self.live, **options)


@pytest.fixture(autouse=True)
def _private_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(_change, "LOCK_DIRECTORY", str(tmp_path / "locks"))
    monkeypatch.setattr(generations, "ROOT", str(tmp_path / "var"))


def account_of(live):
    """How each generation ended, and what lies in the account besides them."""
    place = generations.place_of(str(live))
    ended = [generations.load(str(live), number)["ended"] for number in generations.numbers(str(live))]
    names = sorted(os.listdir(place)) if os.path.isdir(place) else []
    return ended, [name for name in names if not name.endswith(".json")]


def insist_on_agreement(live, where):
    """The account says what the configuration is, and nothing unfinished lies in it."""
    ended, others = account_of(live)
    content = content_of(live)
    alive = [word for word in ended if word == generations.LIVE]
    assert len(alive) == (1 if content == NEW else 0), where
    assert not [name for name in others if not name.endswith(".files")], where


@pytest.fixture(name="live")
def _live(tmp_path):
    directory = tmp_path / "etc" / "postfix"
    for name, content in OLD.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    os.chmod(str(directory / "transport"), 0o640)
    return directory


def content_of(directory):
    """Every file below a directory with its content."""
    found = {}
    for parent, dummy, names in os.walk(str(directory)):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, str(directory))] = file.read()
    return found


def litter(live):
    """What stands beside the live directory and should not."""
    return sorted(set(os.listdir(str(live.parent))) - {"postfix"})


def test_a_change_goes_all_the_way(live):
    inode = os.stat(str(live)).st_ino
    mta = Mta(live)
    outcome = mta.run()
    assert content_of(live) == NEW
    assert mta.asked == ["check", "reload", "verify"]
    assert outcome.plan.changed and outcome.healed == ()
    assert litter(live) == []
    assert os.stat(str(live)).st_ino == inode, "a shell that stands in the directory must stay in it"


def test_the_second_run_touches_nothing(live):
    Mta(live).run()
    before = _files.fingerprint(str(live))
    ctimes = {name: os.lstat(str(live / name)).st_ctime_ns for name in before}
    mta = Mta(live)
    assert not mta.run().plan.changed
    assert mta.asked == []
    assert _files.fingerprint(str(live)) == before
    assert {name: os.lstat(str(live / name)).st_ctime_ns for name in before} == ctimes


def test_check_mode_touches_nothing(live, tmp_path):
    before = _files.fingerprint(str(tmp_path))
    mta = Mta(live)
    outcome = mta.run(check_mode=True)
    assert outcome.plan.changed and mta.asked == ["check"]
    assert outcome.plan.actions() == [
        f"create {live}/fresh",
        f"edit {live}/main.cf",
        f"edit {live}/transport",
        f"compile {live}/fresh.db",
        "reload: new",
    ]
    assert _files.fingerprint(str(tmp_path)) == before


def test_check_mode_refuses_what_the_run_refuses_and_touches_nothing(live, tmp_path):
    before = _files.fingerprint(str(tmp_path))
    mta = Mta(live)
    mta.findings = ("main.cf: bad",)
    said = []
    for check_mode in (True, False):
        with pytest.raises(Refused) as refused:
            mta.run(check_mode=check_mode)
        said.append(str(refused.value))
        assert {
            name: marks for name, marks in _files.fingerprint(str(tmp_path)).items() if "locks" not in name
        } == before
    assert said[0] == said[1] and all(os.stat(str(live / name)).st_nlink == 1 for name in OLD)


def test_check_mode_refuses_beside_what_a_run_that_was_killed_has_left(live):
    """A candidate that lies about, of a killed run or of one under way, is no reason to believe the next one."""
    killed = Mta(live)
    killed.check = lambda stage: os.kill(os.getpid(), signal.SIGKILL)
    assert os.WIFSIGNALED(in_child(live, killed.run))
    assert litter(live)
    mta = Mta(live)
    mta.check = lambda stage: ["not good"]
    with pytest.raises(Refused, match="not good"):
        mta.run(check_mode=True)


def test_what_a_check_mode_that_was_killed_left_goes_with_the_next_run(live):
    mta = Mta(live)
    mta.check = lambda stage: os.kill(os.getpid(), signal.SIGKILL)
    assert os.WIFSIGNALED(in_child(live, lambda: mta.run(check_mode=True)))
    assert len(litter(live)) == 1
    Mta(live).run()
    assert litter(live) == []


def test_a_file_keeps_its_mode_and_the_unchanged_their_inode(live):
    inode = os.stat(str(live / "access")).st_ino
    Mta(live).run()
    assert stat.S_IMODE(os.stat(str(live / "transport")).st_mode) == 0o640
    assert os.stat(str(live / "access")).st_ino == inode


def test_a_file_can_be_removed(live):
    Mta(live, {"access": File(None)}).run()
    assert sorted(content_of(live)) == ["main.cf", "sub/deep", "transport"]


def test_a_bad_candidate_is_refused_and_nothing_is_touched(live):
    before = _files.fingerprint(str(live))
    mta = Mta(live)
    mta.findings = ("main.cf: new: bad",)
    with pytest.raises(Refused, match="main.cf: new: bad"):
        mta.run()
    assert _files.fingerprint(str(live)) == before
    assert mta.asked == ["check"] and litter(live) == []


@pytest.mark.parametrize("failure", ["verify", "activate"])
def test_what_fails_live_is_taken_back(live, failure):
    inode = os.stat(str(live)).st_ino
    mta = Mta(live)
    if failure == "verify":
        mta.verdict = ("no greeting",)
    else:
        mta.activation_error = CommandError(["postfix", "reload"], 1, "", "fatal")
    with pytest.raises(RolledBack) as caught:
        mta.run()
    assert caught.value.restored == (failure == "verify"), "a daemon that does not answer is not restored"
    assert content_of(live) == OLD
    assert os.stat(str(live)).st_ino == inode
    assert mta.asked.count(RELOAD) == 2, "the daemon must read the old configuration again"


def test_a_start_script_that_rewrites_the_configuration_does_not_go_unnoticed(live):
    class Generated(Mta):
        def activate(self, activation):
            (live / "main.cf").write_bytes(b"generated = 1\n")

    with pytest.raises(RolledBack, match="rewritten while the change was activated"):
        Generated(live).run()


def test_somebody_elses_write_is_not_lost(live):
    class Raced(Mta):
        def check(self, stage):
            (live / "transport").write_bytes(b"by hand meanwhile\n")
            return ()

    with pytest.raises(Busy, match="somebody else wrote"):
        Raced(live).run()
    assert (live / "transport").read_bytes() == b"by hand meanwhile\n"
    assert (live / "main.cf").read_bytes() == OLD["main.cf"] and litter(live) == []


@pytest.mark.parametrize("exchange_works", [True, False])
def test_who_has_an_old_table_open_can_see_that_it_is_gone(live, monkeypatch, exchange_works):
    """Postfix opens a table anew only when the file it has open has no name any more; nothing else tells it."""
    if not exchange_works:
        monkeypatch.setattr(_files, "exchange", lambda one, other: cannot_exchange())
    (live / "fresh").write_bytes(b"old\n")
    (live / "fresh.db").write_bytes(b"compiled old\n")
    names_left = []

    class TableOnly(Mta):
        def plan(self):
            files = _change.difference(self.live, {"fresh": File(b"fresh\n")})
            return _change.Plan(self.live, files, ("fresh.db",) if files else (), Activation(NOTHING))

        def verify(self):
            names_left.append(os.fstat(opened.fileno()).st_nlink)
            return ("taken back",) if len(names_left) == 1 else ()

    with open(str(live / "fresh.db"), "rb") as opened:
        with pytest.raises(RolledBack):
            TableOnly(live).run()
        assert (live / "fresh.db").read_bytes() == b"compiled old\n"
        TableOnly(live).run()
    assert names_left == [0, 0] and (live / "fresh.db").read_bytes() == b"compiled fresh\n"


def test_an_mta_that_watches_its_files_sees_none_of_them_change_places(live, monkeypatch):
    """Neither inode nor number of names of a file changes that the change is not about; a compiled table keeps both."""
    monkeypatch.setattr(Mta, "watches", True)
    (live / "fresh").write_bytes(b"old\n")
    (live / "fresh.db").write_bytes(b"compiled old, and longer\n")
    kept = [live / "access", live / "fresh.db", live / "sub" / "deep"]
    marks = {path: (path.stat().st_ino, path.stat().st_nlink) for path in kept}
    earlier = (live / "fresh.db").stat().st_mtime
    watched = []

    class TableOnly(Mta):
        def plan(self):
            files = _change.difference(self.live, {"fresh": File(b"fresh\n")})
            return _change.Plan(self.live, files, ("fresh.db",) if files else (), Activation(NOTHING))

        def look(self):
            watched.append({path: (path.stat().st_ino, path.stat().st_nlink) for path in kept})
            return ()

        def check(self, stage):
            return self.look()

        def verify(self):
            return self.look()

    TableOnly(live).run()
    assert watched == [marks, marks] and (live / "fresh.db").read_bytes() == b"compiled fresh\n"
    assert (live / "fresh.db").stat().st_mtime >= earlier + 1, "by its time a reader knows that it must read anew"
    TableOnly.verify = lambda self: ("taken back",)
    (live / "fresh").write_bytes(b"older\n")
    with pytest.raises(RolledBack):
        TableOnly(live).run()
    assert (live / "fresh").read_bytes() == b"older\n" and (live / "fresh.db").stat().st_ino == marks[
        live / "fresh.db"
    ][0]
    assert litter(live) == []


def cannot_exchange():
    """What an overlay says."""
    raise OSError(errno.EXDEV, "Invalid cross-device link")


def test_a_second_writer_waits_or_says_busy(live):
    with _change.locked(str(live), 0):
        with pytest.raises(Busy, match="process %d" % os.getpid()):
            Mta(live).run(lock_timeout=0.1)
    Mta(live).run(lock_timeout=0.1)
    assert content_of(live) == NEW


def test_where_directories_cannot_change_places_files_do(live, monkeypatch):
    def cannot(one, other):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(_files, "exchange", cannot)
    mta = Mta(live)
    mta.verdict = ("no greeting",)
    with pytest.raises(RolledBack):
        mta.run()
    assert content_of(live) == OLD and litter(live) == []
    Mta(live).run()
    assert content_of(live) == NEW and litter(live) == []


def in_child(live, action):
    """Run an action in a child process; returns the wait status."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    try:
        action()
        os._exit(0)
    except PostmasterError:
        os._exit(1)
    except BaseException:
        os._exit(2)


def strike(live, when, blow):
    """Run the change; at the call number I(when) of STEPS, or around the exchange, I(blow) happens instead."""
    calls = [0]

    def wrap(function):
        def wrapped(*args, **kwargs):
            calls[0] += 1
            if calls[0] == when:
                blow()
            return function(*args, **kwargs)

        return wrapped

    def action():
        for name in STEPS:
            setattr(os, name, wrap(getattr(os, name)))
        exchange = _files.exchange
        _files.exchange = wrap(exchange)
        Mta(live).run()
        os._exit(0 if calls[0] >= when else 77)

    return in_child(live, action)


def kill():
    """What the kernel does to a process that is out of luck."""
    os.kill(os.getpid(), signal.SIGKILL)


def no_space():
    """What a full disk says."""
    raise OSError(errno.ENOSPC, "No space left on device")


def go(monkeypatch, way):
    """Let a change go one of three ways: by the exchange of directories, file by file, or in place for an MTA that watches its files."""
    if way == "copies":
        monkeypatch.setattr(_files, "exchange", lambda one, other: cannot_exchange())
    monkeypatch.setattr(Mta, "watches", way == "watched")


WAYS = ("exchange", "copies", "watched")
#: The copies that an MTA needs which watches its files are many steps of one kind.
STRIDES = {"exchange": stride(7), "copies": stride(7), "watched": 9 * stride(3)}


def until_it_runs_through(make_live, blow, stride=1):
    """Strike at the first step, the second, ... until there is none left; yields each state for inspection."""
    for when in range(1, 1000, stride):
        live = make_live(when)
        status = strike(live, when, blow)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 77:
            return
        yield when, live, status
    raise AssertionError("the change never ran through")


@pytest.fixture(name="make_live")
def _make_live(tmp_path):
    def make(number):
        directory = tmp_path / str(number) / "postfix"
        for name, content in OLD.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return directory

    return make


@pytest.mark.parametrize("kind", [RELOAD, NOTHING])
@pytest.mark.parametrize("way", WAYS)
def test_killed_anywhere_it_is_old_or_new_and_the_next_run_heals(make_live, monkeypatch, way, kind):
    monkeypatch.setattr(Mta, "kind", kind)
    go(monkeypatch, way)
    points = 0
    for when, live, status in until_it_runs_through(make_live, kill, STRIDES[way]):
        points += 1
        assert os.WIFSIGNALED(status)
        found = {name: text for name, text in content_of(live).items() if not name.endswith("postmaster-new")}
        if way == "exchange":
            assert found in (OLD, NEW), f"half a configuration after a kill at step {when}"
        assert in_child(live, lambda live=live: Mta(live).run()) == 0
        assert content_of(live) == NEW and litter(live) == [], f"not healed after a kill at step {when}"
        insist_on_agreement(live, f"after a kill at step {when}")
    assert points * STRIDES[way] > 30


@pytest.mark.parametrize("kind", [RELOAD, NOTHING])
@pytest.mark.parametrize("way", WAYS)
def test_a_run_killed_anywhere_leaves_nothing_for_one_that_has_nothing_to_do(make_live, monkeypatch, way, kind):
    """Also where the next run wants what is there already, what lies about is tidied up, beside the directory and in it.

    A change of tables alone (kind nothing) is followed by the copying of what is kept to go back to, which can be killed as well.
    """
    monkeypatch.setattr(Mta, "kind", kind)
    go(monkeypatch, way)
    for when, live, dummy_status in until_it_runs_through(make_live, kill, STRIDES[way]):
        assert in_child(live, lambda live=live: Mta(live, {}).run()) == 0
        assert litter(live) == [], f"after a kill at step {when}"
        assert content_of(live) in (OLD, NEW), f"after a kill at step {when}"
        insist_on_agreement(live, f"after a kill at step {when}")


def test_what_cannot_be_healed_does_not_stand_in_the_way_of_its_mending(live):
    """A run was killed after the swap, and the old configuration does not start any more."""

    def die(mta):
        mta.verify = lambda: os.kill(os.getpid(), signal.SIGKILL)
        mta.run()

    assert os.WIFSIGNALED(in_child(live, lambda: die(Mta(live))))
    broken = CommandError(["postfix", "reload"], 1, "", "fatal: old")
    nothing_wanted = Mta(live, {})
    nothing_wanted.activation_error = broken
    with pytest.raises(CommandError, match="fatal: old"):
        nothing_wanted.run()
    assert os.WIFSIGNALED(in_child(live, lambda: die(Mta(live))))

    class OnlyTheNewStarts(Mta):
        def activate(self, activation):
            if (live / "main.cf").read_bytes() == OLD["main.cf"]:
                raise broken

    OnlyTheNewStarts(live).run()
    assert content_of(live) == NEW and litter(live) == []


def test_a_full_disk_anywhere_leaves_old_or_new(make_live):
    points = 0
    apart = stride(4)
    for when, live, status in until_it_runs_through(make_live, no_space, apart):
        points += 1
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 1), f"step {when}: an error of ours is wanted"
        assert content_of(live) in (OLD, NEW), f"half a configuration after a full disk at step {when}"
        assert in_child(live, lambda live=live: Mta(live).run()) == 0
        assert content_of(live) == NEW and litter(live) == [], f"not healed after a full disk at step {when}"
        insist_on_agreement(live, f"after a full disk at step {when}")
    assert points * apart > 30


def test_two_runs_at_once_lose_nothing(live):
    """Each child adds its own line to one file; all the lines are there in the end."""

    def add(number):
        class Adder(Mta):
            def plan(self):
                lines = set((live / "access").read_bytes().split(b"\n")) - {b""}
                text = b"\n".join(sorted(lines | {b"from-%d" % number})) + b"\n"
                self.wanted = {"access": File(text)}
                return super().plan()

        Adder(live).run(lock_timeout=600)

    children = []
    for number in range(8):
        pid = os.fork()
        if not pid:
            try:
                add(number)
                os._exit(0)
            except BaseException:
                os._exit(1)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 8
    lines = (live / "access").read_bytes().split()
    assert sorted(lines) == sorted([b"kept"] + [b"from-%d" % number for number in range(8)])


# --- the daemon: what ran before runs again, or the message says so -------------------------------------------------


class Daemon:
    """A daemon that can die on a reload, and refuse to start."""

    def __init__(self, mta, up=True, starts=True):
        self.mta = mta
        self.up = self.should = up
        self.starts = starts
        mta.activate = self.activate
        self.dies = True

    def activate(self, activation):
        self.mta.asked.append(activation.kind)
        if self.dies:
            self.up = False

    def start(self):
        self.mta.asked.append("start")
        good = b"new = 1" not in (self.mta.live_path / "main.cf").read_bytes()
        if not (self.starts and good):
            raise PostmasterError("it does not start")
        self.up = True

    def run(self):
        own = _change.Daemon(lambda: self.up, lambda: self.should, self.start, lambda since: "fatal: chdir(/nosuch)")
        return _change.transact(self.mta.steps()._replace(daemon=own), self.mta.live)


@pytest.fixture(name="daemon")
def _daemon(live):
    mta = Mta(live)
    mta.live_path = live
    return Daemon(mta)


def test_a_daemon_that_dies_of_the_change_runs_again_with_the_old_files(live, daemon):
    with pytest.raises(RolledBack, match=r"the old configuration is restored.*fatal: chdir\(/nosuch\)") as caught:
        daemon.run()
    assert daemon.up and caught.value.restored and content_of(live) == OLD and litter(live) == []
    assert account_of(live)[0] == [generations.ROLLED_BACK]


def test_one_that_does_not_start_again_is_said_to_be_down_first_of_all(live, daemon):
    daemon.starts = False
    with pytest.raises(RolledBack, match=r"\ATHE RELAY IS DOWN") as caught:
        daemon.run()
    assert "fatal: chdir(/nosuch)" in str(caught.value).split("\n", maxsplit=1)[0]
    assert not caught.value.restored and content_of(live) == OLD


def test_the_next_run_of_any_module_starts_it_or_says_that_it_is_down(live, daemon):
    daemon.starts = False
    with pytest.raises(RolledBack):
        daemon.run()
    daemon.mta.wanted = {}
    with pytest.raises(Down, match=r"\ATHE RELAY IS DOWN"):
        daemon.run()
    daemon.mta.wanted = {"access": File(b"another\n")}
    daemon.mta.kind = NOTHING
    with pytest.raises(Down):
        daemon.run()
    daemon.starts, daemon.mta.wanted = True, {}
    assert daemon.run().healed and daemon.up and litter(live) == []


def test_killed_between_stop_and_start_the_next_run_starts_it(live, daemon):
    def die():
        daemon.start = lambda: os.kill(os.getpid(), signal.SIGKILL)
        daemon.run()

    assert os.WIFSIGNALED(in_child(live, die))
    daemon.up, daemon.should, daemon.mta.wanted = False, False, {}
    daemon.run()
    assert daemon.up and content_of(live) == OLD and litter(live) == []


def test_what_was_down_and_should_be_stays_so_with_a_warning(live, daemon):
    daemon.up = daemon.should = False
    assert daemon.run().warnings and not daemon.up


# --- directories of another kind ------------------------------------------------------------------------------------


def test_a_mount_point_is_changed_from_inside(live, monkeypatch):
    monkeypatch.setattr(_files, "is_mount", lambda path: path == str(live))
    monkeypatch.setattr(_files, "exchange", lambda one, other: cannot_exchange())
    mta = Mta(live)
    mta.verdict = ("no greeting",)
    with pytest.raises(RolledBack):
        mta.run()
    assert content_of(live) == OLD
    Mta(live).run()
    assert content_of(live) == NEW and litter(live) == []


def test_a_symbolic_link_is_not_replaced_without_a_word(live, tmp_path):
    (tmp_path / "repository").write_bytes(OLD["main.cf"])
    (live / "main.cf").unlink()
    (live / "main.cf").symlink_to(tmp_path / "repository")
    for check_mode in (True, False):
        with pytest.raises(Refused, match=f"main.cf: a symbolic link to {tmp_path}/repository"):
            Mta(live).run(check_mode=check_mode)


def test_a_lock_directory_that_is_a_link_is_not_followed(live, tmp_path):
    """Who makes it before us would choose where root writes."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "locks").symlink_to(tmp_path / "theirs")
    with pytest.raises(PostmasterError, match="locks: expected a directory, and no link"):
        Mta(live).run()
    assert content_of(live) == OLD and list((tmp_path / "theirs").iterdir()) == []


def test_what_is_no_plain_file_stays_where_it_is(live):
    """A pipe, a socket, a link that leads nowhere and a name that is no text lie in the directories of some hosts."""
    os.mkfifo(str(live / "pipe"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(str(live / "sock")))
    (live / "nowhere").symlink_to("gone")
    strange = os.path.join(os.fsencode(str(live)), b"caf\xe9")
    with open(strange, "wb") as file:
        file.write(b"kept")
    Mta(live).run()
    kinds = {name: stat.S_IFMT(os.lstat(str(live / name)).st_mode) for name in ("pipe", "sock", "nowhere")}
    assert kinds == {"pipe": stat.S_IFIFO, "sock": stat.S_IFSOCK, "nowhere": stat.S_IFLNK}
    with open(strange, "rb") as file:
        assert file.read() == b"kept"
    assert (live / "main.cf").read_bytes() == NEW["main.cf"] and litter(live) == []


def test_a_full_disk_names_its_file_system(live, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", target)

    monkeypatch.setattr(_files, "link_tree", full)
    with pytest.raises(PostmasterError, match=r"postmaster: No space left on device \(file system /.*not touched"):
        Mta(live).run()
