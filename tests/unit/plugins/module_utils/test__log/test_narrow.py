# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a search finds is what the join of all lines gives: on random logs and on every recorded one, whatever is asked."""

import gzip
import os
import pathlib
import random

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._log import narrow
from ansible_collections.postmaster.mta.plugins.module_utils._log.conditions import STATUS_WORDS
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner
from ansible_collections.postmaster.mta.tests.bench import maillog_generator

CORPUS = pathlib.Path(__file__).parents[4] / "corpus" / "maillog"
LOGS = sorted(CORPUS.glob("*.log")) + sorted(CORPUS.glob("cases/*/input.log*"))
#: The gate asks so many questions of so many logs; the proof sets more.
COUNT, SEEDS = int(os.environ.get("LOG_QUESTIONS", "4")), int(os.environ.get("LOG_SEEDS", "2"))
NOW = maillog_generator.START + 86400


def answer(paths, select, **options):
    params = {name: spec.get("default") for name, spec in log_info.ARGUMENT_SPEC.items()}
    params.update({"path": [str(path) for path in paths], "select": select, "limit": 0}, **options)
    return log_info.run(params, False, Runner(), NOW)


def both(monkeypatch, paths, select, **options):
    """What the join of all lines gives, and what the search does."""
    monkeypatch.setattr(narrow, "MOST_MENTIONS", 1)
    monkeypatch.setattr(narrow, "WORTH_IT", 1 << 60)
    whole = answer(paths, select, **options)
    monkeypatch.setattr(narrow, "WORTH_IT", 0)
    searched = answer(paths, select, **options)
    for found in (whole, searched):
        found["read"] = {name: found["read"][name] for name in ("lines", "begin", "end", "sources")}
    return whole, searched


def questions(records, some, count):
    """Selections that an administrator would make of what stands in a log."""
    for record in some.sample(records, min(count, len(records))):
        kind = some.choice(["ids", "sender", "recipient", "domain", "message_id"])
        value = {"ids": record["queue_id"], "domain": record["recipient"].rpartition("@")[2]}.get(
            kind, record.get(kind)
        )
        if not value or value in ("<>", "NOQUEUE"):
            continue
        if kind in ("sender", "recipient") and some.random() < 0.3:
            value = some.choice([value.upper(), "*" + value[1:], value[:-1] + "?"])
        select = {kind: [value]}
        if some.random() < 0.2:
            select["status"] = [some.choice(["sent", "deferred", "rejected", "forwarded", "expired"])]
        yield select


def usable(select):
    try:
        log_info.selection(select)
    except PostmasterError:
        return False
    return True


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.stem if path.stem != "input" else path.parent.name)
def test_a_recorded_log_is_searched_as_it_is_read(monkeypatch, log):
    some = random.Random(log.parent.name + log.name)
    records = answer([log], {"status": sorted(STATUS_WORDS)}, attempts="all")["deliveries"]
    for select in filter(usable, questions(records, some, COUNT // 2)):
        attempts = some.choice(["all", "last"])
        whole, searched = both(monkeypatch, [log], select, attempts=attempts, full=some.random() < 0.5)
        assert searched == whole, select


def scrambled(mta, seed):
    """The lines of a log whose messages are few and whose processes are fewer, so that much is used again."""
    some = random.Random(seed)
    world = maillog_generator.World(seed)
    lines = list(maillog_generator.lines(world, mta, 60000, iso=some.random() < 0.5, rate=some.choice([2, 50])))
    for number, line in enumerate(lines):
        for low in (b"/smtp[20", b"/smtpd[1"):
            if low in line:
                before, _mark, after = line.partition(low)
                line = before + low + b"%d]" % (len(after) % 3) + after.partition(b"]")[2]
        lines[number] = line
        if some.random() < 0.01:
            lines[number] = line + line[: line.index(b"relay1")] + b"relay1 last message repeated 2 times\n"
    return lines


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_a_random_log_is_searched_as_it_is_read(tmp_path, monkeypatch, mta, seed):
    some = random.Random(seed)
    lines = scrambled(mta, seed)
    cut = some.randrange(len(lines))
    older, newer = tmp_path / "mail.log.1", tmp_path / "mail.log"
    older.write_bytes(b"".join(lines[:cut]))
    newer.write_bytes(b"".join(lines[cut:]))
    records = answer([older, newer], {}, attempts="all")["deliveries"]
    for select in questions(records, some, COUNT):
        whole, searched = both(monkeypatch, [older, newer], select, full=some.random() < 0.3)
        assert searched == whole, select
        assert whole["count"] or "status" in select


def test_a_compressed_file_is_read_as_a_whole(tmp_path, monkeypatch):
    lines = scrambled("postfix", 7)
    older, newer = tmp_path / "mail.log.1.gz", tmp_path / "mail.log"
    older.write_bytes(gzip.compress(b"".join(lines[:300])))
    newer.write_bytes(b"".join(lines[300:]))
    records = answer([older, newer], {})["deliveries"]
    for select in questions(records, random.Random(6), COUNT):
        whole, searched = both(monkeypatch, [older, newer], select)
        assert searched == whole, select


def test_what_half_of_the_log_has_is_not_searched_for(tmp_path, monkeypatch):
    path = tmp_path / "mail.log"
    maillog_generator.write(str(path), "postfix", 50000)
    monkeypatch.setattr(narrow, "WORTH_IT", 0)
    selection = log_info.selection({"sender": ["*@customer*"]})
    assert narrow.search(Runner(), [str(path)], narrow.needles_of(selection)) is None


@pytest.mark.parametrize(
    ("select", "texts"),
    [
        ({"recipient": ["A.b+c@Served.example"]}, [b"c@served.example"]),
        ({"recipient": ["a@x.example"], "sender": ["much.longer@y.example"]}, [b"much.longer@y.example"]),
        ({"domain": [".served.example"]}, [b".served.example"]),
        ({"message_id": ["<20261122.*@host>"]}, [b"20261122."]),
        ({"sender": ["<>"]}, None),
        ({"sender": ["*@*"]}, None),
        ({"recipient": ["a@x.example", "*"]}, None),
        ({"recipient": ["jos\\xe9@served.example"]}, None),
        ({"status": ["sent"]}, None),
    ],
)
def test_what_is_searched_for(select, texts):
    needles = narrow.needles_of(log_info.selection(select))
    assert (sorted(needles.texts) if needles else None) == texts


@pytest.mark.parametrize("queue_id", ["AAAAAA02", "BBBBBB02"])
def test_a_requeued_message_is_found_by_either_queue_id(monkeypatch, queue_id):
    whole, searched = both(monkeypatch, [CORPUS / "cases" / "postfix-requeued" / "input.log"], {"ids": [queue_id]})
    assert searched == whole


@pytest.mark.parametrize(
    "case", ["rsyslog-message-repeated", "form-bsd-repeats", "postfix-held-from-the-start-and-released"]
)
def test_each_recipient_of_repeated_and_held_lines_is_found(monkeypatch, case):
    log = CORPUS / "cases" / case / "input.log"
    for record in answer([log], {}, attempts="all")["deliveries"]:
        for select in ({"recipient": [record["recipient"]]}, {"ids": [record["queue_id"]]}):
            if usable(select):
                whole, searched = both(monkeypatch, [log], select, attempts="all")
                assert searched == whole, select
