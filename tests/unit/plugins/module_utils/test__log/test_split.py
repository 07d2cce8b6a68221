# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pathlib
import random

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._log import split as _logsplit
from ansible_collections.postmaster.mta.plugins.module_utils._log import summary as _logsummary
from ansible_collections.postmaster.mta.plugins.module_utils._log.conditions import Selection
from ansible_collections.postmaster.mta.plugins.module_utils._log.deliveries import Internal
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info as _logread
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner
from ansible_collections.postmaster.mta.tests.bench import maillog_generator

CORPUS = pathlib.Path(__file__).parents[4] / "corpus" / "maillog"
INTERNAL = Internal(["127.0.0.2/32"], ["ok.test"])


def both(path):
    """What one process counts, and what two do."""
    order = _logread.Order((str(path),), Selection(), INTERNAL, 0)
    one = _logread.summary(_logread.Log(Runner(), order), order)
    two = _logsummary.Summary(INTERNAL)
    _logsplit.collect(str(path), two)
    return one.tables(), two.tables()


def both_listings(path, attempts):
    """What one process lists, and what two do."""
    order = _logread.Order((str(path),), Selection(), INTERNAL, 0, attempts=attempts, limit=100000)
    one, two = _logread.records(_logread.Log(Runner(), order), order), _logread.Listing(order)
    _logsplit.collect(str(path), two)
    return one, two


@pytest.mark.parametrize("warm_up", [2000, 100000])
@pytest.mark.parametrize("name", ["postfix-3.7-iso.log", "sendmail-8.17-loglevel9-traditional.log"])
def test_two_processes_count_what_one_does(tmp_path, monkeypatch, name, warm_up):
    monkeypatch.setattr(_logsplit, "WARM_UP", warm_up)
    lines = (CORPUS / name).read_bytes().splitlines(True)
    some = random.Random(1)
    for cut in some.sample(range(len(lines)), 6):
        # Padding moves the middle of the file to everywhere in the run.
        path = tmp_path / "log"
        padding = b"Nov 22 07:39:25 r systemd[1]: nothing: of: interest\n" * (cut * 3)
        path.write_bytes(padding + b"".join(lines))
        one, two = both(path)
        assert one == two


@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_two_processes_know_the_tls_of_what_was_retried_for_long(tmp_path, monkeypatch, mta):
    monkeypatch.setattr(_logsplit, "WARM_UP", 20000)
    path = tmp_path / "log"
    truth = maillog_generator.write(str(path), mta, 2000000).truth
    one, two = both(path)
    assert one == two
    assert (two["tls_in"]["TLSv1.3"], two["tls_out"]["TLSv1.3"]) == (truth["tls_in"], truth["tls_out"])


@pytest.mark.parametrize("attempts", ["all", "last"])
@pytest.mark.parametrize("warm_up", [2000, 100000])
@pytest.mark.parametrize("name", ["postfix-3.7-iso.log", "sendmail-8.17-loglevel9-iso.log"])
def test_two_processes_list_what_one_does(tmp_path, monkeypatch, name, warm_up, attempts):
    monkeypatch.setattr(_logsplit, "WARM_UP", warm_up)
    lines = (CORPUS / name).read_bytes().splitlines(True)
    some = random.Random(2)
    for cut in some.sample(range(len(lines)), 6):
        path = tmp_path / "log"
        padding = b"2026-11-22T07:39:25.1+00:00 r systemd[1]: nothing: of: interest\n" * (cut * 3)
        path.write_bytes(padding + b"".join(lines))
        one, two = both_listings(path, attempts)
        assert (one.count, one.lines, one.skipped) == (two.count, two.lines, two.skipped)
        assert sorted(one.records(), key=repr) == sorted(two.records(), key=repr)
        assert len(one.records()) == one.count > 20


def test_a_big_file_is_listed_by_two_processes_where_that_is_worth_while(tmp_path, monkeypatch):
    path = tmp_path / "log"
    path.write_bytes((CORPUS / "postfix-3.7-iso.log").read_bytes())
    monkeypatch.setattr(_logsplit, "WORTH_IT", 1000)
    asked = []
    monkeypatch.setattr(_logsplit, "collect", lambda path, found: asked.append(path))
    for changes, wanted in (({}, 1), ({"processes": 1}, 0), ({"limit": 0}, 0), ({"full": True}, 0)):
        order = _logread.Order((str(path),), Selection(), INTERNAL, 0, limit=10, processes=2)._replace(**changes)
        del asked[:]
        _logread.records(_logread.Log(Runner(), order), order)
        assert len(asked) == wanted, changes


def test_a_child_that_dies_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "log"
    path.write_bytes((CORPUS / "postfix-3.7-iso.log").read_bytes())

    def die(self):
        raise MemoryError

    monkeypatch.setattr(_logsummary.Summary, "parts", die)
    with pytest.raises(PostmasterError, match="has died"):
        _logsplit.collect(str(path), _logsummary.Summary(INTERNAL))
