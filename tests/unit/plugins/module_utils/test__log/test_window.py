# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A part of a log gives the very deliveries of its window that the whole log gives, and no more of it is read."""

import calendar
import os
import random
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._log import sources, window
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner
from ansible_collections.postmaster.mta.tests.bench import maillog_generator

NOW = maillog_generator.START + 86400
SEEDS = int(os.environ.get("LOG_SEEDS", "2"))


def answer(paths, select, **options):
    params = {name: spec.get("default") for name, spec in log_info.ARGUMENT_SPEC.items()}
    params.update({"path": [str(path) for path in paths], "select": select, "limit": 0}, **options)
    return log_info.run(params, False, Runner(), NOW)


def both(monkeypatch, paths, select, **options):
    """What the join of all lines gives, and what that of the part does."""
    monkeypatch.setattr(window, "WORTH_IT", 1 << 60)
    whole = answer(paths, select, **options)
    monkeypatch.setattr(window, "WORTH_IT", 0)
    monkeypatch.setattr(window, "MOST", 1)
    monkeypatch.setattr(sources, "BLOCK", 8192)
    part = answer(paths, select, **options)
    return whole, part


def text(moment):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def write(path, lines):
    """Write lines as a log that was written last when its last line was."""
    path.write_bytes(b"".join(lines))
    written = sources.moment(window.Clock(NOW), lines[-1])
    os.utime(str(path), (written, written))
    return path


def slow(mta, seed, iso=False):
    """The lines of some hours, at one or two messages a minute: many are deferred, and tried again hours later."""
    world = maillog_generator.World(seed)
    return list(maillog_generator.lines(world, mta, 120000, iso=iso, rate=0.03))


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_a_window_has_the_deliveries_that_the_whole_log_gives_of_it(tmp_path, monkeypatch, mta, seed):
    some = random.Random(seed)
    lines = slow(mta, seed, iso=some.random() < 0.5)
    cut = some.randrange(len(lines) // 4, len(lines))
    paths = [write(tmp_path / "mail.log.1", lines[:cut]), write(tmp_path / "mail.log", lines[cut:])]
    clock = window.Clock(NOW)
    first, last = (sources.moment(clock, line) for line in (lines[0], lines[-1]))
    for dummy in range(4):
        since = some.uniform(first, last)
        select = {"since": text(since), "until": text(since + some.choice([60, 1800]))}
        whole, part = both(monkeypatch, paths, select, attempts=some.choice(["all", "last"]), full=some.random() < 0.3)
        assert part["deliveries"] == whole["deliveries"], select
        assert part["read"]["lines"] <= whole["read"]["lines"]


@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_figures_of_a_window_are_those_of_the_whole_log(tmp_path, monkeypatch, mta):
    path = write(tmp_path / "mail.log", slow(mta, 5))
    middle = text(maillog_generator.START + 1800)
    whole, part = both(monkeypatch, [path], {"since": middle}, summary=True, tables=True)
    for figures in (whole["summary"], whole["tables"], part["summary"], part["tables"]):
        del figures["lines"]
    assert (part["summary"], part["tables"]) == (whole["summary"], whole["tables"])


def test_a_window_without_lines_says_from_when_to_when_the_log_is(tmp_path, monkeypatch):
    lines = slow("postfix", 1)
    path = write(tmp_path / "mail.log", lines)
    whole, part = both(monkeypatch, [path], {"since": text(NOW + 86400)})
    assert part["count"] == whole["count"] == 0
    assert (part["read"]["begin"], part["read"]["end"]) == (whole["read"]["begin"], whole["read"]["end"])


def test_lines_that_are_not_in_order_are_all_read(tmp_path, monkeypatch):
    lines = slow("postfix", 2, iso=True)
    path = write(tmp_path / "mail.log", lines[len(lines) // 2 :] + lines[: len(lines) // 2])
    whole, part = both(monkeypatch, [path], {"since": text(maillog_generator.START + 600)})
    assert (part["deliveries"], part["read"]["lines"]) == (whole["deliveries"], len(lines))


@pytest.mark.parametrize("content", [b"", b"\n", b"no log\n" * 9, b"<22>1 - - - - - -\n"])
def test_what_is_no_log_is_read_as_it_was(tmp_path, monkeypatch, content):
    path = tmp_path / "mail.log"
    path.write_bytes(content)
    whole, part = both(monkeypatch, [path], {"since": "1h"})
    assert part == whole


def test_an_hour_that_is_there_twice_is_in_the_part(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        lines = []
        begin = calendar.timegm((2026, 10, 24, 20, 0, 0))
        for number in range(1200):
            stamp = time.strftime("%b %d %H:%M:%S", time.localtime(begin + number * 30)).encode()
            lines.append(
                stamp + b" mx postfix/smtp[7]: %010X: to=<a@b.example>, relay=none, delay=1, status=sent (x)\n" % number
            )
        path = write(tmp_path / "mail.log", lines)
        for since in ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:10:00+01:00"):
            whole, part = both(monkeypatch, [path], {"since": since})
            assert part["deliveries"] == whole["deliveries"]
    finally:
        monkeypatch.undo()
        time.tzset()
