# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import pathlib
import shutil

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError, Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import queue as _queue
from ansible_collections.postmaster.mta.plugins.module_utils._model import queue_summary
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._model.queue import Identity
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import queue
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result

CORPUS = pathlib.Path(__file__).resolve().parents[4] / "corpus" / "queue"
VERSIONS = ["postfix-3.7", "postfix-3.10"]


class Runner:
    """Answers postconf and postqueue from a spool directory, and postsuper as a test wants it."""

    def __init__(self, spool, listing=b"", postsuper=None, null_sender="MAILER-DAEMON"):
        self.spool = spool
        self.listing = listing
        self.postsuper = postsuper
        self.null_sender = null_sender
        self.calls = []

    def run(self, argv, stdin=None, timeout=60, check=True, env=None, cwd=None):
        self.calls.append((argv[0], argv[3:], stdin))
        if argv[0] == "postconf":
            values = {
                "queue_directory": self.spool,
                "hash_queue_names": "deferred, defer",
                "hash_queue_depth": "1",
                "empty_address_recipient": self.null_sender,
                "maillog_file": "",
            }
            return Result(tuple(argv), 0, "".join(f"{name} = {value}\n" for name, value in values.items()), "")
        if argv[0] == "postsuper":
            return Result(tuple(argv), 0, "", self.postsuper(argv[3], stdin.split()))
        return Result(tuple(argv), 0, "", "")

    def lines(self, argv, timeout=600):
        self.calls.append((argv[0], argv[3:], None))
        return iter(self.listing.splitlines(True))


def host(runner, version=(3, 7, 11)):
    instance = Instance("postfix", "postfix-EXT", "/etc/postfixEXT", (str(runner.spool),))
    text = ".".join(str(number) for number in version)
    return Host(runner, instance, lambda: Capabilities(version, text, ("hash",), "hash"))


def corpus(version, name="postqueue-j.jsonl"):
    return (CORPUS / version / name).read_bytes()


def listed(version, name="postqueue-j.jsonl"):
    problems = []
    runner = Runner("/var/spool/postfix", corpus(version, name))
    found = list(queue.messages(host(runner), lambda path, why: problems.append((path, why))))
    assert problems == []
    return found


# --- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_every_message_of_a_recorded_queue(version):
    found = {one.sender: one for one in listed(version)}
    assert set(found) == {
        "<>",
        '"odd sender"@s.test',
        "jürgen@s.test",
        "many@s.test",
        "nodns@s.test",
        "plain@s.test",
        "quar@s.test",
        "refused@s.test",
        "two@s.test",
    }
    assert len(found["many@s.test"].recipients) == 1000
    assert found["jürgen@s.test"].recipients[0].address == "größe@closed.test"
    assert [one.address for one in found["two@s.test"].recipients] == ["u@defer.test", "v@defer.test"]
    assert {one.address for one in found['"odd sender"@s.test'].recipients} == {
        '"quoted user;x"@defer.test',
        "u+tag@defer.test",
    }
    assert (found["quar@s.test"].queue, found["quar@s.test"].status) == ("hold", "hold")
    assert len({one.reason for one in found["refused@s.test"].recipients}) == 2
    assert all(one.instance == "postfix-EXT" for one in found.values())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("table, shape", [("domains", "qshape.txt"), ("sender_domains", "qshape-s.txt")])
def test_age_classes_equal_those_of_the_recorded_qshape(version, table, shape):
    messages = listed(version)
    tally = queue_summary.Tally(max(one.arrival for one in messages) + 60)
    for one in messages:
        tally.add(one)
    found = {row["name"]: [sum(row["ages"])] + row["ages"] for row in tally.summary(0)[table]}
    # qshape has a column for the sum and calls the null sender by Postfix's name for it.
    if table == "sender_domains":
        found["MAILER-DAEMON"] = found.pop("<>")
        counted = qshape(version, shape)
        # qshape -s counts messages, the summary their recipients
        assert {name: row["messages"] for name, row in by_name(tally, table).items()} == {
            {"MAILER-DAEMON": "<>"}.get(name, name): row[0] for name, row in counted.items()
        }
    else:
        assert found == qshape(version, shape)


def by_name(tally, table):
    return {row["name"]: row for row in tally.summary(0)[table]}


def qshape(version, name):
    lines = corpus(version, name).decode().splitlines()[2:]
    return {line.split()[0]: [int(number) for number in line.split()[1:]] for line in lines}


@pytest.mark.parametrize("version", VERSIONS)
def test_ids_and_sizes_equal_those_of_postqueue_p(version):
    listing = [line.split() for line in corpus(version, "postqueue-p.txt").decode().splitlines() if line[:1].isalnum()]
    expected = {words[0].rstrip("*!"): int(words[1]) for words in listing}
    assert {one.id: one.size for one in listed(version)} == expected


def test_the_sample_of_another_machine():
    found = listed("postfix-3.7", "sample-postqueue-j.jsonl")
    assert [one.id for one in found] == ["856C3284032", "BAE64284033", "F1375284034"]
    assert found[1].recipients[0].reason == "connect to mx.refused.test[127.0.0.25]:25: Connection refused"


def test_a_line_that_is_no_message_is_reported_and_the_rest_counts():
    good = corpus("postfix-3.7").splitlines(True)
    listing = good[0] + b'{"queue_name": "deferred", "que\n' + b"[]\n" + b'{"queue_name": "odd"}\n' + good[1]
    problems = []
    runner = Runner("/spool", listing)
    found = list(queue.messages(host(runner), lambda path, why: problems.append(why)))
    assert len(found) == 2
    assert len(problems) == 3 and '"que' in problems[0]


def test_bytes_that_are_no_text():
    line = (
        b'{"queue_name": "active", "queue_id": "856C3284032", "arrival_time": 1, "message_size": 2, "forced_expire": true, '
        b'"sender": "a\xff@b", "recipients": [{"address": "\xc3\xbc@b", "delay_reason": "\x81"}]}\n'
    )
    found = next(queue.messages(host(Runner("/spool", line))))
    assert (found.sender, found.recipients) == ("a\\xff@b", (_queue.Recipient("\u00fc@b", "\\x81"),))
    assert found.expiring is True


def test_a_recipient_that_waits_for_its_bounce_has_its_reason():
    """Postfix 3.11 lists it with bounce_reason in the place of delay_reason."""
    line = (
        b'{"queue_name": "deferred", "queue_id": "856C3284032", "arrival_time": 1, "message_size": 2, "sender": "a@b", '
        b'"recipients": [{"address": "c@d", "bounce_reason": "host unknown"}]}\n'
    )
    message = next(queue.messages(host(Runner("/spool", line))))
    assert message.recipients == (_queue.Recipient("c@d", "host unknown"),)


def test_the_null_sender_under_another_name():
    line = b'{"queue_name": "active", "queue_id": "856C3284032", "arrival_time": 1, "message_size": 2, "sender": "nobody", "recipients": []}\n'
    assert next(queue.messages(host(Runner("/spool", line, null_sender="nobody")))).sender == "<>"


def test_files_of_the_corrupt_queue_are_reported(tmp_path):
    (tmp_path / "corrupt").mkdir()
    (tmp_path / "corrupt" / "9D0A41C6008").write_bytes(b"?")
    problems = []
    assert list(queue.messages(host(Runner(str(tmp_path))), lambda path, why: problems.append(path))) == []
    assert problems == [str(tmp_path / "corrupt" / "9D0A41C6008")]


# --- places -------------------------------------------------------------------------------------------------------


def settings(directory="/spool"):
    return queue._Settings(str(directory), frozenset(["deferred"]), 1, "MAILER-DAEMON", "")


@pytest.mark.parametrize(
    "name, queue_id, path",
    [
        ("deferred", "92FC81C6008", "/spool/deferred/9/92FC81C6008"),
        ("active", "92FC81C6008", "/spool/active/92FC81C6008"),
        # long IDs as Debian 12's Postfix stored them: by the microseconds
        ("deferred", "4jXxB05VsszG0x6", "/spool/deferred/B/4jXxB05VsszG0x6"),
        ("deferred", "4jXxB05M29zG0wf", "/spool/deferred/B/4jXxB05M29zG0wf"),
        ("hold", "4jXxB05DnpzG0x4", "/spool/hold/4jXxB05DnpzG0x4"),
    ],
)
def test_where_a_queue_file_lies(name, queue_id, path):
    assert queue._path(settings(), name, queue_id) == path


@pytest.mark.parametrize("version", VERSIONS)
def test_arrival_and_size_of_recorded_queue_files_equal_the_listing(version):
    spool = CORPUS / version / "spool"
    checked = 0
    for one in listed(version):
        path = queue._path(settings(spool), one.queue, one.id)
        if os.path.exists(path):
            assert queue._arrival_and_size(path) == (one.arrival, one.size)
            checked += 1
    assert checked == 8


@pytest.mark.parametrize("content", [b"", b"C", b"C\x05abc", b"X\x01a", b"C\x0212T\x01x", b"C\xff\x01"])
def test_files_that_are_no_queue_files(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert queue._arrival_and_size(str(tmp_path / "file")) is None


# --- acting -------------------------------------------------------------------------------------------------------


def spooled(tmp_path, version="postfix-3.7"):
    """A spool of recorded files, and the identities of what is in it."""
    shutil.copytree(str(CORPUS / version / "spool"), str(tmp_path / "spool"))
    found = [_queue.identity(one) for one in listed(version) if one.sender != "many@s.test"]
    return str(tmp_path / "spool"), found


def removing(spool):
    """A postsuper that deletes files, and knows some IDs no more."""

    def postsuper(flag, ids):
        said = []
        for one in ids:
            for path in queue._paths(settings(spool), one):
                if os.path.exists(path):
                    os.unlink(path)
                    said.append(f"postsuper: {one}: removed")
        return "\n".join(said + [f"postsuper: Deleted: {len(said)} messages", ""])

    return postsuper


def test_delete_is_one_call_with_the_ids_on_standard_input(tmp_path):
    spool, targets = spooled(tmp_path)
    runner = Runner(spool, postsuper=removing(spool))
    outcome = queue.act(host(runner), "delete", targets[:3], 5)
    assert outcome == _queue.ActionResult(affected=tuple(targets[:3]))
    called = [call for call in runner.calls if call[0] == "postsuper"]
    assert called == [("postsuper", ["-d", "-"], "".join(f"{one.id}\n" for one in targets[:3]))]


def test_what_left_meanwhile_is_gone_and_no_failure(tmp_path):
    spool, targets = spooled(tmp_path)
    missing = targets[0]._replace(id="AAAAA1C6008")
    outcome = queue.act(host(Runner(spool, postsuper=removing(spool))), "delete", [missing, targets[1]], 5)
    assert (outcome.affected, outcome.gone, outcome.skipped) == ((targets[1],), (missing,), ())


@pytest.mark.parametrize("change", [{"arrival": 1}, {"size": 1}])
def test_an_id_that_was_reused_is_not_hit(tmp_path, change):
    spool, targets = spooled(tmp_path)
    other = targets[0]._replace(**change)
    runner = Runner(spool, postsuper=removing(spool))
    outcome = queue.act(host(runner), "delete", [other], 5)
    assert outcome == _queue.ActionResult(gone=(other,))
    assert not [call for call in runner.calls if call[0] == "postsuper"]


def test_what_slipped_through_gets_another_go(tmp_path):
    spool, targets = spooled(tmp_path)
    remove = removing(spool)
    rounds = []

    def postsuper(flag, ids):
        rounds.append(list(ids))
        return remove(flag, ids[:1])

    outcome = queue.act(host(Runner(spool, postsuper=postsuper)), "delete", targets[:3], 5)
    assert outcome.affected == tuple(targets[:3])
    assert [len(ids) for ids in rounds] == [3, 2, 1]


def test_what_postsuper_does_not_find_is_skipped_with_a_reason(tmp_path):
    spool, targets = spooled(tmp_path)
    outcome = queue.act(host(Runner(spool, postsuper=lambda flag, ids: "")), "release", targets[:1], 5)
    assert outcome.skipped == (
        _queue.Skipped(targets[0], "postsuper did not find it in a queue where it can release it"),
    )


def test_messages_in_delivery_are_not_held(tmp_path, monkeypatch):
    spool, targets = spooled(tmp_path)
    source = queue._path(settings(spool), "deferred", targets[0].id)
    os.mkdir(os.path.join(spool, "active"))
    active = os.path.join(spool, "active", targets[0].id)
    os.rename(source, active)
    inode = os.stat(active).st_ino
    monkeypatch.setattr(queue._queue_locks, "locked_inodes", lambda: frozenset([inode]))
    runner = Runner(spool, postsuper=lambda flag, ids: "".join(f"postsuper: {one}: placed on hold\n" for one in ids))
    outcome = queue.act(host(runner), "hold", targets[:2], 5)
    assert outcome.affected == (targets[1],)
    assert outcome.skipped == (_queue.Skipped(targets[0], "it is being delivered now"),)


def test_requeue_leaves_the_hold_queue_alone_and_wakes_pickup(tmp_path):
    spool, targets = spooled(tmp_path)
    runner = Runner(spool, postsuper=lambda flag, ids: "".join(f"postsuper: {one}: requeued\n" for one in ids))
    assert queue.act(host(runner), "requeue", targets[:1], 5).affected == tuple(targets[:1])
    assert [call[:2] for call in runner.calls[1:]] == [
        ("postsuper", ["-r", "-", "incoming", "active", "deferred"]),
        ("postkick", ["public", "pickup", "W"]),
    ]


def test_flush_says_nothing_of_messages_that_are_not_there_or_on_hold(tmp_path):
    # postqueue -i exits 0 for both, and does nothing
    spool, targets = spooled(tmp_path)
    held = next(one for one in targets if one.status == "hold")
    waiting = next(one for one in targets if one.status == "deferred")
    missing = Identity("AAAAA1C6008", "postfix-EXT", "deferred", 1, 1, "a@b.test")
    runner = Runner(spool)
    outcome = queue.act(host(runner), "flush", [held, waiting, missing], 5)
    assert (outcome.affected, outcome.gone) == ((waiting,), (missing,))
    assert outcome.skipped == (_queue.Skipped(held, "it was put on hold meanwhile"),)
    assert [call[1] for call in runner.calls if call[0] == "postqueue"] == [["-i", waiting.id]]


def test_deliver_ends_when_the_message_left(tmp_path, monkeypatch):
    spool, targets = spooled(tmp_path)
    waiting = next(one for one in targets if one.status == "deferred")
    path = pathlib.Path(queue._path(settings(spool), "deferred", waiting.id))
    monkeypatch.setattr(queue.time, "sleep", lambda seconds: path.exists() and path.unlink())
    monkeypatch.setattr(queue._queue_trace, "files", lambda configured: ())
    runner = Runner(spool)
    runner.which = lambda name: None
    outcome = queue.act(host(runner), "deliver", [waiting], 5)
    assert outcome == _queue.ActionResult(affected=(waiting,))


def test_a_message_that_moves_while_it_is_looked_for_is_not_gone(tmp_path, monkeypatch):
    spool, targets = spooled(tmp_path)
    waiting = next(one for one in targets if one.status == "deferred")
    path = queue._path(settings(spool), "deferred", waiting.id)
    # It is between two queues at first, and back when it is looked for again.
    os.rename(path, path + ".moving")
    monkeypatch.setattr(_queue.time, "sleep", lambda seconds: os.rename(path + ".moving", path))
    outcome = queue.act(host(Runner(spool, postsuper=removing(spool))), "delete", [waiting], 5)
    assert outcome == _queue.ActionResult(affected=(waiting,))


def test_deliver_says_when_it_goes_on(tmp_path, monkeypatch):
    spool, targets = spooled(tmp_path)
    waiting = next(one for one in targets if one.status == "deferred")
    os.mkdir(os.path.join(spool, "active"))
    os.rename(queue._path(settings(spool), "deferred", waiting.id), os.path.join(spool, "active", waiting.id))
    monkeypatch.setattr(queue, "_PAUSE", 0.01)
    monkeypatch.setattr(queue._queue_trace, "files", lambda configured: ())
    runner = Runner(spool)
    runner.which = lambda name: None
    outcome = queue.act(host(runner), "deliver", [waiting], 0.03)
    assert outcome.transcript == (f"{waiting.id}: the attempt still goes on after 0.03 seconds",)


def test_an_old_postfix_cannot_expire(tmp_path):
    with pytest.raises(Unsupported, match=r"action: expire: Postfix 3.4.13 cannot do this; .*: delete"):
        queue.act(host(Runner(str(tmp_path)), (3, 4, 13)), "expire", [], 5)


# --- one message --------------------------------------------------------------------------------------------------


class OneMessage(Runner):
    def run(self, argv, **options):
        if argv[0] == "postcat":
            return Result(tuple(argv), 0, "Subject: x\nX-Long: a\n folded\n", "")
        return Runner.run(self, argv, **options)

    def lines(self, argv, timeout=600):
        if argv[0] == "postcat":
            return iter([b"\n", b"line one\n", b"line two\n"])
        return Runner.lines(self, argv, timeout)


def test_message_with_headers_and_a_part_of_the_body():
    runner = OneMessage("/spool", corpus("postfix-3.7"))
    wanted = json.loads(corpus("postfix-3.7").splitlines()[0].decode())["queue_id"]
    found = queue.message(host(runner), wanted, 10)
    assert found.headers == (("Subject", "x"), ("X-Long", "a folded"))
    assert (found.body, found.body_size) == ("line one\nl", 18)
    assert found.message.id == wanted


def test_message_that_is_not_there():
    assert queue.message(host(OneMessage("/spool", corpus("postfix-3.7"))), "AAAAA1C6008", 10) is None


def test_message_that_leaves_while_it_is_read():
    class Leaving(OneMessage):
        def run(self, argv, **options):
            if argv[0] == "postcat":
                raise CommandError(argv, 1, "", "postcat: fatal: open queue file: No such file or directory")
            return Runner.run(self, argv, **options)

    wanted = json.loads(corpus("postfix-3.7").splitlines()[0].decode())["queue_id"]
    assert queue.message(host(Leaving("/spool", corpus("postfix-3.7"))), wanted, 10) is None
