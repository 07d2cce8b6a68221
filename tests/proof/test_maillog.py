# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The heavy goals of the mail log: 100,000 damaged lines, a campaign hidden in 50,000 lines, the same after the block on real relays."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import subprocess
import sys
import time
import typing as t

import pytest
from labhosts import RELAYS, ROOT, Host, ansible_environment

from ansible_collections.postmaster.mta.plugins.module_utils._log import conditions
from ansible_collections.postmaster.mta.plugins.module_utils._log import deliveries as _logview
from ansible_collections.postmaster.mta.plugins.module_utils._log import join as _maillog
from ansible_collections.postmaster.mta.plugins.module_utils._log import summary as _logsummary
from ansible_collections.postmaster.mta.plugins.module_utils._log.stamps import Clock
from ansible_collections.postmaster.mta.plugins.module_utils._module import campaign_info as _campaign
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info as _logread
from ansible_collections.postmaster.mta.tests.bench import maillog_generator
from ansible_collections.postmaster.mta.tests.fuzz.mutations import mutations

CORPUS = ROOT / "tests" / "corpus" / "maillog"
NOW = maillog_generator.START
KINDS = ("pattern", "shape", "client")


def test_100000_damaged_lines_are_skipped_and_counted(record_property):
    good = [line for path in sorted(CORPUS.glob("*.log")) for line in path.read_bytes().splitlines(True)]
    join, figures, clock, last = _maillog.Join(keep=True), _logsummary.Summary(), Clock(NOW), _maillog.LastAttempts()
    internal = _logview.Internal(["127.0.0.0/8"], ["ok.test"])
    started, shown = time.perf_counter(), 0
    for seed in range(20):
        join.feed(list(mutations(good, 5000, seed)))
        outbox = join.outbox
        figures.add(outbox.deliveries, outbox.accepted, outbox.started, clock)
        raws = join.take()
        order = _logread.Order((), conditions.Selection(), internal, NOW, full=True)
        shown += sum(bool(_logread._record(raw, clock, order)) for raw in [*raws, *last.feed(raws)])
    join.load(join.dump())
    seconds = time.perf_counter() - started
    counts = join.counts()
    assert counts.lines == 100000
    assert 0 < counts.skipped < counts.lines
    assert _logsummary.merge([json.loads(json.dumps(figures.tables()))]).tables() == figures.tables()
    record_property(
        "fuzz", f"{counts.lines} damaged lines, {counts.skipped} skipped, {shown} deliveries, {seconds:.1f} s"
    )


def test_100000_lines_of_every_outcome_are_read_as_an_independent_reader_reads_them():
    reader = ROOT / "tests/unit/plugins/module_utils/test__log/test_independent_reader.py"
    environment = {**os.environ, "LOG_READER_LINES": "100000"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(reader)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_3000_questions_are_answered_by_a_search_as_by_the_join_of_all_lines():
    narrow = ROOT / "tests/unit/plugins/module_utils/test__log/test_narrow.py"
    environment = {**os.environ, "LOG_QUESTIONS": "40", "LOG_SEEDS": "25"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(narrow)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_1000_hostile_messages_are_only_text_in_every_form_of_a_report():
    hostile = ROOT / "tests/unit/plugins/module_utils/test__report/test_hostile.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(hostile)]
    environment = {**os.environ, "HOSTILE_CASES": "1000"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


# --- the rehearsal ----------------------------------------------------------------------------------------------------


def spam(kind: str, number: int) -> tuple[str, str, str]:
    """Sender, client name and client address of a message of a campaign."""
    if kind == "pattern":
        return f"updates{number}@emalsrv.bigbank.example", f"host{number}.zombie.example", f"203.0.{number}.7"
    if kind == "shape":
        return f"alert@secure-login.brand{number % 7}.example", f"host{number}.zombie.example", f"203.0.{number}.7"
    return (
        f"{'abcdefghi'[number % 9]}.smith@words{number % 9}.example",
        f"host{number}.zombie.example",
        f"203.0.113.{number + 1}",
    )


def hidden(mta: str, kind: str | None) -> list[bytes]:
    """50,000 lines of ordinary mail, two hours of it, in which 25 messages of a campaign arrive within ten minutes."""
    world = maillog_generator.World(7)
    lines = list(itertools.islice(maillog_generator.lines(world, mta, 20_000_000, iso=True, rate=0.9), 50_000))
    if kind is None:
        return lines
    begin = int(len(lines) * 0.95)
    for number in range(25):
        at = begin + number * 60
        stamp = lines[at].split(b" ", 1)[0].decode()
        lines[at:at] = [line.encode() for line in message(mta, stamp, number, *spam(kind, number))]
    return lines


def message(mta: str, stamp: str, number: int, sender: str, name: str, ip: str) -> t.Iterator[str]:
    """The lines of one message that is delivered."""
    recipient, relay = f"victim{number}@customer1.example", "mx1.customer1.example"
    if mta == "sendmail":
        head = f"{stamp} relay1 sm-mta[{5000 + number}]: 6AISPMXX{5000 + number:06d}: "
        yield f"{head}from=<{sender}>, size=999, class=0, nrcpts=1, msgid=<{number}@x>, proto=ESMTP, daemon=sm-mta, relay={name} [{ip}]\n"
        yield f"{head}to=<{recipient}>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30999, relay={relay}. [203.0.113.9], dsn=2.0.0, stat=Sent (Ok)\n"
        return
    queue_id = f"FFFFFF{number:04X}"
    yield f"{stamp} relay1 postfix/smtpd[1]: {queue_id}: client={name}[{ip}]\n"
    yield f"{stamp} relay1 postfix/cleanup[2]: {queue_id}: message-id=<{number}@x>\n"
    yield f"{stamp} relay1 postfix/qmgr[3]: {queue_id}: from=<{sender}>, size=999, nrcpt=1 (queue active)\n"
    outcome = "delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 Ok)"
    yield f"{stamp} relay1 postfix/smtp[4]: {queue_id}: to=<{recipient}>, relay={relay}[203.0.113.9]:25, {outcome}\n"
    yield f"{stamp} relay1 postfix/qmgr[3]: {queue_id}: removed\n"


def look(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    """campaign_info on this machine, whose access rules are nobody's business."""
    monkeypatch.setattr(_campaign._mta, "find_all", lambda runner, mta="auto": ())
    params = {name: spec.get("default") for name, spec in _campaign.ARGUMENT_SPEC.items()}
    return _campaign.run({**params, "path": [str(path)], "window": "20m"}, True, now=NOW)


@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_ordinary_mail_raises_no_alarm(mta, tmp_path, monkeypatch):
    path = tmp_path / "mail.log"
    path.write_bytes(b"".join(hidden(mta, None)))
    found = look(path, monkeypatch)
    assert found["campaigns"] == []
    assert found["notes"] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_a_campaign_of_25_in_50000_lines_is_found_in_one_run(mta, kind, tmp_path, monkeypatch, record_property):
    path = tmp_path / "mail.log"
    path.write_bytes(b"".join(hidden(mta, kind)))
    started = time.perf_counter()
    (found,) = look(path, monkeypatch)["campaigns"]
    seconds = time.perf_counter() - started
    assert (found["kind"], found["count"], found["delivered"], found["recipient_count"]) == (kind, 25, 25, 25)
    record_property(
        f"rehearsal-{mta}-{kind}", f"25 of 50,000 lines found in {seconds:.2f} s: {found['kind']} {found['key']}"
    )


# --- the same on the lab ------------------------------------------------------------------------------------------------


def ansible(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook or a module on the lab."""
    environment = ansible_environment(ANSIBLE_CALLBACK_RESULT_FORMAT="json")
    command = [
        str(pathlib.Path(sys.executable).parent / arguments[0]),
        "-i",
        str(ROOT / "molecule" / "inventory"),
        *arguments[1:],
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


def campaigns_of(relay: Host, log: str) -> list[str]:
    """What campaign_info proposes on a relay."""
    options = json.dumps({"path": [log], "window": "20m", "reader": "proof"})
    done = ansible("ansible", relay.name, "-C", "-m", "postmaster.mta.campaign_info", "-a", options)
    answer = json.loads(done.stdout[done.stdout.index("{") :])
    return [one["key"] for one in answer["campaigns"]]


@pytest.mark.parametrize("relay", RELAYS, ids=lambda relay: relay.name)
def test_after_the_block_it_is_not_proposed_again(relay):
    if not (ROOT / "playbooks" / "block_domains.yml").exists():
        pytest.skip("there is no playbook block_domains yet")
    log = "/tmp/campaign.log"
    relay.write(log, b"".join(hidden(relay.mta, "pattern")))
    domain = "emalsrv.bigbank.example"
    assert campaigns_of(relay, log) == [domain]
    try:
        done = ansible(
            "ansible-playbook", "playbooks/block_domains.yml", "-l", relay.name, "-e", f"block_domain={domain}"
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert campaigns_of(relay, log) == []
    finally:
        ansible("ansible-playbook", "playbooks/unblock_domains.yml", "-l", relay.name, "-e", f"block_domain={domain}")
        relay.run(f"rm -f {log}")
