# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""hash and btree become lmdb on a running relay: nobody is refused, nobody gets another answer, and undo goes back."""

from __future__ import annotations

import typing as t

import pytest
import tablehosts
from labhosts import Host, some


@pytest.fixture(autouse=True, name="grown")
def _grown(host: Host) -> t.Iterator[None]:
    with tablehosts.grown(host):
        yield


@pytest.mark.long
@pytest.mark.parametrize("host", some("pf13"), ids=str)
def test_every_table_gets_the_new_type_and_no_client_notices(host: Host) -> None:
    before = host.look("/etc/postfix", "/etc", "/srv/tables")
    config = host.read("/etc/postfix/main.cf"), host.read("/etc/postfix/master.cf")
    with tablehosts.asked(host) as answers:
        predicted = host.done("tables_upgrade", True, to="lmdb")
        assert predicted["changed"] and host.look("/etc/postfix", "/etc", "/srv/tables") == before
        done_now = host.done("tables_upgrade", to="lmdb", ticket="T-1")
        assert done_now["actions"] == predicted["actions"] and done_now["activation"]["kind"] == "reload"
        assert tablehosts.old_types(host) == ""
        assert host.done("tables_upgrade", to="lmdb")["changed"] is False
        # What is compiled later, as the new type, must not be lost on the way back.
        host.run("cd /etc/postfix && printf 'late@old.test REJECT\\n' >> senders && postmap lmdb:senders")
        host.done("undo")
    assert answers["wrong"] == {} and answers["asked"] >= 100, answers
    assert host.read("/etc/postfix/main.cf").decode().splitlines() == config[0].decode().splitlines()
    assert host.read("/etc/postfix/master.cf") == config[1]
    assert host.run("postmap -q late@old.test hash:/etc/postfix/senders").strip() == "REJECT"


@pytest.mark.parametrize("host", some("pf13"), ids=str)
def test_what_would_answer_otherwise_is_refused_with_its_key(host: Host) -> None:
    """An edited source that nobody compiled; a table without a source; a type that this build does not have."""
    before = host.look("/etc/postfix", "/srv/tables")
    host.run("cd /etc/postfix && cp -p routes /tmp/routes && printf 'new.test smtp:[x]\\n' >> routes")
    refused = host.call("tables_upgrade", to="lmdb")
    assert refused["failed"] and "/etc/postfix/routes: " in refused["msg"] and "'new.test'" in refused["msg"], refused
    host.run("cp -p /tmp/routes /etc/postfix/routes; mv /srv/tables/virtual /srv/tables/moved")
    refused = host.call("tables_upgrade", to="lmdb")
    assert refused["failed"] and "no source /srv/tables/virtual" in refused["msg"], refused
    assert host.done("tables_upgrade", True, to="lmdb", keep=["/srv/tables/virtual"])["changed"]
    host.run("mv /srv/tables/moved /srv/tables/virtual")
    missing = host.call("tables_upgrade", to="cdb")
    assert missing["failed"] and "to: cdb: this Postfix has no tables of this type" in missing["msg"], missing
    assert host.look("/etc/postfix", "/srv/tables").keys() == before.keys()
    assert not host.run("ls /etc/*.lmdb 2>/dev/null || true")
