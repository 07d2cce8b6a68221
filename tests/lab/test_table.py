# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup tables on real relays: entries, compilation, and what postmap and makemap would let pass."""

from __future__ import annotations

import pytest
from accesshosts import call
from labhosts import some

HOSTS = some("pf12", "sm13")
NAME = "lab_test_table"
ENTRIES = [{"key": "A.test", "value": "smtp:[10.25.0.57]"}, {"key": "b.test", "value": "smtp:[10.25.0.58]"}]


@pytest.fixture(autouse=True)
def _tidy(host):
    yield
    host.run(f"rm -f {host.directory}/{NAME}*")


def table(host, **params):
    return call(host, "table", name=NAME, **params)


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_entries_come_and_go(hardened, host):
    first = table(host, entries=ENTRIES)
    assert first["changed"] and first["added"] == ["a.test", "b.test"] and first["used"] is False, first
    assert table(host, entries=ENTRIES)["changed"] is False
    assert table(host, entries=ENTRIES[:1], state="exact")["removed"] == ["b.test"]
    assert table(host, entries=[{"key": "a.test"}], state="absent")["count"] == 0


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_a_missing_or_stale_compiled_table_is_made_though_no_entry_changes(hardened, host):
    table(host, entries=ENTRIES)
    host.run(f"rm {host.directory}/{NAME}.*")
    assert table(host, entries=ENTRIES)["changed"] is True
    host.run(f"touch -d tomorrow {host.directory}/{NAME}")
    assert table(host, entries=ENTRIES)["changed"] is True


@pytest.mark.parametrize("host", HOSTS, ids=str)
@pytest.mark.parametrize("line", ["b.test again", "lonely", " x.test y"])
def test_a_line_that_the_compiler_would_swallow_is_refused_by_line(hardened, host, line):
    table(host, entries=ENTRIES)
    if host.mta == "postfix" and line.startswith(" "):
        pytest.skip("there it continues the line before, which is what was meant")
    host.run(f"echo '{line}' >> {host.directory}/{NAME}")
    before = host.look()
    answer = table(host, entries=[{"key": "c.test", "value": "x"}])
    assert answer["failed"] and f"{NAME}:3" in answer["msg"] and host.look() == before


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_secrets_are_not_shown_and_the_file_is_not_readable_by_others(hardened, host):
    answer = table(host, entries=[{"key": "mx.test", "value": "user:canary9"}], secret=True)
    assert answer["changed"] and "canary9" not in str(answer)
    assert host.run(f"stat -c %a {host.directory}/{NAME}").strip() == "600"


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_a_type_that_the_mta_has_not_is_refused(hardened, host):
    answer = table(host, entries=ENTRIES, type="sausage")
    assert answer["failed"] and "sausage" in answer["msg"]


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_entries_come_from_a_file(hardened, host):
    host.run("printf 'key,value\\nc.test,smtp:[10.25.0.57]\\nd.test,%%1.gw.test\\n' > /root/table.csv")
    assert table(host, src="/root/table.csv", format="csv", content="")["added"] == ["c.test", "d.test"]
    answer = table(host, content="# exactly this\nc.test\tsmtp:[10.25.0.58]\n", state="exact")
    assert (answer["updated"], answer["removed"]) == (["c.test"], ["d.test"])
    assert "content:2" in table(host, content="a.test x\nlonely\n")["msg"]
