# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import atexit
import fcntl
import os
import pathlib
import shutil
import tarfile
import tempfile

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._clock import utc
from ansible_collections.postmaster.mta.plugins.module_utils._errors import Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import queue as _queue
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import queue


def unpacked(archive):
    """Unpack recorded queues; in an archive they may have bytes and names that a text file and other systems may not."""
    directory = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, directory)
    with tarfile.open(str(archive)) as members:
        members.extractall(directory)
    return pathlib.Path(directory)


CORPUS = unpacked(pathlib.Path(__file__).resolve().parents[4] / "corpus" / "queue" / "sendmail.tar.gz")
VERSIONS = ["sendmail-8.17", "sendmail-8.18"]
CASES = CORPUS / "sendmail-8.17-cases"


class Runner:
    """Records what is called; I(does) stands for sendmail's work on the files."""

    def __init__(self, does=None, rc=0, err=""):
        self.does = does
        self.rc = rc
        self.err = err
        self.calls = []

    def run(self, argv, stdin=None, timeout=60, check=True, env=None, cwd=None):
        self.calls.append(argv[3:])
        if self.does:
            self.does(argv[3:])
        return Result(tuple(argv), self.rc, "said\n", self.err)

    def which(self, name):
        return "/usr/sbin/" + name


def host(*directories, **options):
    instance = Instance(
        "sendmail", "sendmail", str(options.get("config", "/nonexistent")), tuple(map(str, directories))
    )
    return Host(
        options.get("runner") or Runner(), instance, lambda: Capabilities((8, 17, 1), "8.17.1", ("hash",), "hash")
    )


def listed(*directories):
    problems = []
    found = list(queue.messages(host(*directories), lambda path, why: problems.append((os.path.basename(path), why))))
    return found, problems


def case(name):
    found, dummy = listed(CASES)
    return next(one for one in found if one.path.endswith("/" + name))


# --- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_every_message_of_recorded_directories(version):
    found, problems = listed(CORPUS / version / "mq" / "q*")
    assert problems == []
    senders = {one.sender: one for one in found}
    assert set(senders) == {
        "<>",
        '"odd sender"@s.test',
        "many@s.test",
        "nodns@s.test",
        "plain@s.test",
        "quar@s.test",
        "refused@s.test",
        "two@s.test",
    }
    assert len(senders["many@s.test"].recipients) == 1000
    assert {one.address for one in senders['"odd sender"@s.test'].recipients} == {
        '"quoted user;x"@defer.test',
        "u+tag@defer.test",
    }
    assert sorted(one.address for one in senders["two@s.test"].recipients) == ["u@defer.test", "v@defer.test"]
    # sendmail kept one error for the message, and it is that of the other recipient.
    refused = {
        one.address: one.reason or senders["refused@s.test"].reason for one in senders["refused@s.test"].recipients
    }
    assert refused == {"u@defer.test": "Deferred: 451 4.7.1 Greylisted, try again later", "u@closed.test": ""}
    quarantined = senders["quar@s.test"]
    assert (quarantined.queue, quarantined.status) == ("quarantined", "hold")
    assert quarantined.reason == "quarantine: held for review"


@pytest.mark.parametrize("version", VERSIONS)
def test_ids_sizes_and_senders_equal_those_of_mailq(version):
    found, dummy = listed(CORPUS / version / "mq" / "q*")
    text = (CORPUS / version / "mailq.txt").read_text() + (CORPUS / version / "mailq-quarantined.txt").read_text()
    lines = [line.split(None, 7) for line in text.splitlines() if line[:1].isdigit()]
    expected = {words[0].rstrip("*X-"): int(words[1]) for words in lines}
    assert {one.id: one.size for one in found} == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_every_recipient_of_mailq(version):
    found, dummy = listed(CORPUS / version / "mq" / "q*")
    text = (CORPUS / version / "mailq.txt").read_text()
    shown = sorted(line.strip() for line in text.splitlines() if line.startswith("\t\t\t"))
    assert shown == sorted(f"<{to.address}>" for one in found if one.queue == "normal" for to in one.recipients)


def test_time_of_arrival_is_unix_seconds():
    found = case("qf-deferred-temp.qf")
    assert utc(found.arrival) == "2026-11-22T07:15:01Z"
    assert (found.last_attempt, found.attempts) == (1795331749, 2)


def test_null_sender_and_own_bounces_are_one():
    assert case("qf-null-sender.qf").sender == "<>"
    assert case("qf-dsn-response.qf").sender == "<>"


def test_reason_of_the_message_and_of_its_recipients():
    several = case("qf-multi-rcpt-dsnopts.qf")
    assert several.reason == "Deferred: Connection refused by mx.refused.test."
    assert [(one.address, one.reason) for one in several.recipients] == [
        ("u2@refused.test", ""),
        ("u1@temp.test", "Deferred: 451 4.7.1 Greylisted, try again later"),
    ]
    assert case("qf-dnsfail.qf").recipients[1].reason == ""


def test_local_submission_has_no_brackets():
    found = case("qf-local-odq.qf")
    assert found.sender == "someone@lab.test"
    assert [one.address for one in found.recipients] == ["bob@ok.test", "alice@ok.test", "u@temp.test"]


def test_a_lost_message_counts_and_is_reported():
    found, problems = listed(CASES)
    lost = next(one for one in found if one.queue == "lost")
    assert (lost.status, lost.sender) == ("corrupt", "split@sender.test")
    assert problems == [("Qf-lost.qf", "sendmail lost this message: it could not read the control file")]
    assert len(found) == 14


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "the file is cut off: its last line is missing"),
        ((CASES / "qf-partial.qf").read_bytes()[:-3], "the file is cut off: its last line is missing"),
        ((CASES / "qf-partial.qf").read_bytes()[:200], "the file is cut off: its last line is missing"),
        (b"V8\nS<a@b.test>\n.\n", "the file has no time of arrival or no sender"),
        (b"V8\nTsoon\nS<a@b.test>\n.\n", "invalid literal for int"),
        (bytes(bytearray(range(256))) * 4 + b"\n.\n", ""),
    ],
)
def test_an_unreadable_file_is_reported_and_the_rest_counts(tmp_path, content, why):
    shutil.copy(str(CASES / "qf-partial.qf"), str(tmp_path / "qf6AM7F3Hn014844"))
    broken = tmp_path / "qf6AM7F3Hn014845"
    broken.write_bytes(content)
    assert listed(tmp_path)[1] == []  # young: it is being written
    os.utime(str(broken), (1, 1))
    found, problems = listed(tmp_path)
    assert [one.id for one in found] == ["6AM7F3Hn014844"]
    assert [name for name, dummy in problems] == ["qf6AM7F3Hn014845"]
    assert why in problems[0][1]


def test_a_file_that_vanishes_is_no_error(tmp_path, monkeypatch):
    shutil.copy(str(CASES / "qf-partial.qf"), str(tmp_path / "qf6AM7F3Hn014844"))
    monkeypatch.setattr(queue, "_content", vanished)
    assert listed(tmp_path) == ([], [])


def vanished(name, directory=None):
    raise FileNotFoundError(name)


def test_a_directory_that_is_not_there_is_reported(tmp_path):
    assert listed(tmp_path / "none") == ([], [("none", "No such file or directory")])


def test_utf_8_and_other_bytes(tmp_path):
    text = "V8\nT1\nK0\nN0\nS<jürgen@s.test>\nRPFD:<größe@a.test>\nRPFD:<x".encode() + b"\xff@a.test>\nH??A: b\n.\n"
    (tmp_path / "qf6AM7F3Hn014844").write_bytes(text)
    found = listed(tmp_path)[0][0]
    assert found.sender == "jürgen@s.test"
    assert [one.address for one in found.recipients] == ["größe@a.test", "x\\xff@a.test"]


def test_locked_messages_are_active(tmp_path, monkeypatch):
    shutil.copy(str(CASES / "qf-partial.qf"), str(tmp_path / "qf6AM7F3Hn014844"))
    inode = os.stat(str(tmp_path / "qf6AM7F3Hn014844")).st_ino
    monkeypatch.setattr(queue._queue_locks, "locked_inodes", lambda: frozenset([inode]))
    assert (listed(tmp_path)[0][0].status, listed(tmp_path)[0][0].queue) == ("active", "normal")


def test_temporary_files_and_bodies_are_no_messages(tmp_path):
    for name in ("tf6AM7F3Hn014844", "xf6AM7F3Hn014844", "df6AM7F3Hn014844", "lost+found"):
        (tmp_path / name).write_bytes(b"x")
    assert listed(tmp_path) == ([], [])


def test_directories_of_queue_groups(tmp_path):
    for name in ("main/q1", "main/q2", "slow", "main/fast"):
        os.makedirs(str(tmp_path / name))
    lines = f"O QueueDirectory={tmp_path}/main/q*\nQslow, P={tmp_path}/slow, F=f, R=2\nQfast, P=fast\n"
    (tmp_path / "sendmail.cf").write_text(lines)
    spools = list(queue._spools(host(tmp_path / "main" / "q*", config=tmp_path)))
    assert [one.control for one in spools] == [
        str(tmp_path / name) for name in ("main/q1", "main/q2", "slow", "main/fast")
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_host_status(version, tmp_path):
    shutil.copytree(str(CORPUS / version / "mq.hoststat"), str(tmp_path / "mq.hoststat"))
    (tmp_path / "sendmail.cf").write_text(f"O HostStatusDirectory={tmp_path}/mq.hoststat\n")
    found = queue.host_status(host(tmp_path, config=tmp_path))
    assert [one.host for one in found] == ["127.0.0.21", "127.0.0.22", "127.0.0.9"]
    assert [one.status for one in found][:2] == ["", ""]


def test_no_host_status_where_it_is_not_kept(tmp_path):
    (tmp_path / "sendmail.cf").write_text("#O HostStatusDirectory=.hoststat\n")
    assert queue.host_status(host(tmp_path, config=tmp_path)) == ()


# --- one message --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_message_with_headers_and_a_part_of_the_body(version):
    where = host(CORPUS / version / "mq" / "q*")
    wanted = next(one.id for one in queue.messages(where) if one.sender == "plain@s.test")
    found = queue.message(where, wanted, 7)
    headers = dict(found.headers)
    assert headers["Subject"] == "plain"
    assert headers["X-Long"] == "a folded header"
    assert headers["Return-Path"] == "<$g>"
    assert (found.body, found.body_size) == ("body of", 14)


def test_message_that_is_not_there():
    assert queue.message(host(CASES), "AAAAAA", 10) is None


# --- acting -------------------------------------------------------------------------------------------------------


@pytest.fixture(name="spool")
def made_spool(tmp_path):
    """Three messages, one of them in a directory that has qf and df inside."""
    for number, directory in enumerate(("q0", "q0", "q1/qf")):
        os.makedirs(str(tmp_path / directory), exist_ok=True)
        shutil.copy(str(CASES / "qf-partial.qf"), str(tmp_path / directory / f"qf6AM7F3Hn01484{number}"))
    os.makedirs(str(tmp_path / "q1" / "df"))
    for body in ("q0/df6AM7F3Hn014840", "q0/df6AM7F3Hn014841", "q1/df/df6AM7F3Hn014842"):
        (tmp_path / body).write_bytes(b"body")
    return tmp_path


def targets_of(spool):
    return sorted(_queue.identity(one) for one in queue.messages(host(spool / "q*")))


def files_of(spool):
    return sorted(str(path.relative_to(spool)) for path in spool.rglob("*f6A*"))


def renaming(spool, before, after):
    """What sendmail does to the messages that it is asked for."""

    def does(arguments):
        for argument in arguments:
            if argument.startswith("-qI"):
                for path in spool.rglob(before + argument[3:]):
                    os.rename(str(path), str(path.parent / (after + argument[3:])))

    return does


def test_delete_removes_control_file_and_body(spool):
    targets = targets_of(spool)
    outcome = queue.act(host(spool / "q*"), "delete", targets[1:], 5)
    assert outcome == _queue.ActionResult(affected=tuple(targets[1:]))
    assert files_of(spool) == ["q0/df6AM7F3Hn014840", "q0/qf6AM7F3Hn014840"]


def test_delete_leaves_what_is_in_delivery(spool, monkeypatch):
    monkeypatch.setattr(queue, "_PAUSE", 0.01)
    targets = targets_of(spool)
    with open(targets[0].path, "rb+") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        outcome = queue.act(host(spool / "q*"), "delete", targets, 5)
    assert outcome.affected == tuple(targets[1:])
    assert outcome.skipped == (_queue.Skipped(targets[0], "it is being delivered now"),)
    assert files_of(spool) == ["q0/df6AM7F3Hn014840", "q0/qf6AM7F3Hn014840"]


@pytest.mark.parametrize("change", [{"arrival": 1}, {"sender": "other@s.test"}])
def test_an_id_that_was_reused_is_not_hit(spool, change):
    target = targets_of(spool)[0]._replace(**change)
    assert queue.act(host(spool / "q*"), "delete", [target], 5) == _queue.ActionResult(gone=(target,))
    assert len(files_of(spool)) == 6


def test_what_left_meanwhile_is_gone(spool):
    targets = targets_of(spool)
    os.unlink(targets[0].path)
    outcome = queue.act(host(spool / "q*"), "delete", targets[:2], 5)
    assert (outcome.gone, outcome.affected) == ((targets[0],), (targets[1],))


def test_hold_and_release_are_one_call_each(spool):
    runner = Runner(renaming(spool, "qf", "hf"))
    targets = targets_of(spool)
    held = queue.act(host(spool / "q*", runner=runner), "hold", targets[:2], 5)
    assert [one.id for one in held.affected] == [one.id for one in targets[:2]]
    assert runner.calls == [["-Qon hold by the postmaster", "-qI6AM7F3Hn014840", "-qI6AM7F3Hn014841"]]
    runner = Runner(renaming(spool, "hf", "qf"))
    released = queue.act(host(spool / "q*", runner=runner), "release", held.affected[:1], 5)
    assert [one.id for one in released.affected] == [targets[0].id]
    assert runner.calls == [["-qQ", "-Q", "-qI6AM7F3Hn014840"]]


def test_hold_of_what_is_in_delivery(spool, monkeypatch):
    monkeypatch.setattr(queue, "_PAUSE", 0.01)
    runner = Runner()
    targets = targets_of(spool)
    outcome = queue.act(host(spool / "q*", runner=runner), "hold", targets[:1], 5)
    assert outcome.skipped == (_queue.Skipped(targets[0], "it is being delivered now"),)
    assert len(runner.calls) == 3


def test_an_id_that_is_a_part_of_another_is_left_alone(spool):
    shutil.copy(str(CASES / "qf-partial.qf"), str(spool / "q0" / "qf6AM7F3Hn0148401"))
    runner = Runner()
    targets = targets_of(spool)
    outcome = queue.act(host(spool / "q*", runner=runner), "flush", [targets[0], targets[2]], 5)
    assert [one.message.id for one in outcome.skipped] == ["6AM7F3Hn014840"]
    assert [one.id for one in outcome.affected] == ["6AM7F3Hn014841"]
    assert runner.calls == [["-qI6AM7F3Hn014841"]]


def test_deliver_returns_the_dialogue(spool):
    runner = Runner()
    target = targets_of(spool)[0]
    outcome = queue.act(host(spool / "q*", runner=runner), "deliver", [target], 5)
    assert runner.calls == [["-v", "-qI6AM7F3Hn014840"]]
    assert outcome.transcript == ("said",)


def test_deliver_says_when_the_attempt_was_ended(spool):
    runner = Runner(rc=124, err="\nkilled after 5 seconds")
    outcome = queue.act(host(spool / "q*", runner=runner), "deliver", targets_of(spool)[:1], 5)
    assert outcome.transcript == ("said", "sendmail ended with exit status 124: killed after 5 seconds")
    assert len(outcome.affected) == 1


def test_expire_is_an_attempt_that_may_not_fail(spool):
    runner = Runner()
    queue.act(host(spool / "q*", runner=runner), "expire", targets_of(spool)[:1], 5)
    assert runner.calls == [["-OTimeout.queuereturn=1s", "-qI6AM7F3Hn014840"]]


def test_an_attempt_leaves_quarantined_messages_alone(spool):
    target = targets_of(spool)[0]
    os.rename(target.path, target.path.replace("qf6", "hf6"))
    runner = Runner()
    outcome = queue.act(host(spool / "q*", runner=runner), "deliver", [target], 5)
    assert [one.why for one in outcome.skipped] == ["it was put on hold meanwhile"]
    assert runner.calls == []


def test_sendmail_cannot_requeue(spool):
    with pytest.raises(Unsupported, match="action: requeue: sendmail cannot do this; the nearest it can do: deliver"):
        queue.act(host(spool / "q*"), "requeue", targets_of(spool), 5)


def test_many_ids_are_several_calls(spool, monkeypatch):
    monkeypatch.setattr(queue, "_BATCH", 2)
    runner = Runner()
    queue.act(host(spool / "q*", runner=runner), "flush", targets_of(spool), 5)
    assert [len(call) for call in runner.calls] == [2, 1]
