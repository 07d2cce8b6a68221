# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a sendmail configuration: whole files. test__account proves what becomes of them."""

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import ownership
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import make_host

LIVE = {"relay-domains": b"served.test\n", "access": b"Connect:192.0.2 RELAY\n", "sendmail.mc": b"dnl mine\n"}
TWIN = ownership.twin(make_host())


def test_the_files_that_somebody_can_own_are_parts():
    assert TWIN.parts(LIVE.get, [*LIVE, "local-host-names"]) == {"file relay-domains": "served.test\n"}


def test_a_part_is_written_and_removed_as_a_file():
    assert TWIN.edited(LIVE.get, {"file relay-domains": "a.test\n", "file Makefile": None}) == {
        "relay-domains": b"a.test\n",
        "Makefile": None,
    }


def test_a_file_is_somebodys_as_a_whole():
    part = "file relay-domains"
    assert not TWIN.merges(part)
    assert TWIN.without(part, "before\n", "ours\n", "changed\n") == "before\n"
    assert TWIN.same(part, "a", "a") and not TWIN.same(part, "a", None)


def test_of_what_is_adopted_nothing_stays_but_how_the_daemon_is_started():
    assert TWIN.foreign("file relay-domains", "live\n", None) == ""
    assert TWIN.foreign("file helpfile.postmaster", "live\n", None) is None
    assert TWIN.foreign("file sendmail.conf", "live\n", None) == "live\n"


def test_our_mark_stands_in_the_mc():
    assert not TWIN.is_ours(LIVE.get)
    assert TWIN.is_ours({"sendmail.mc": f"dnl {ownership.MARK}\n".encode()}.get)
