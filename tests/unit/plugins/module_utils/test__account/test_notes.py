# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the MTA's own program has done is recorded, and is no state to go back to."""

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations, notes, writers
from ansible_collections.postmaster.mta.plugins.module_utils._account.generations import Author
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__account.sites import go_live, prepare


def test_what_the_mta_has_written_itself_is_recorded_and_no_state(site):
    """postmulti(1) registers an instance in main.cf."""
    live = site / "live"
    go_live(site, prepare(site, {"main.cf": (b"a = 1\n", b"a = 2\n"), "access": (b"1\n", b"2\n")}))
    (live / "main.cf").write_bytes(b"a = 2\nmulti_instance_directories = /etc/postfix-x\n")
    assert [name for name, dummy in writers.changed_since(str(live))] == ["main.cf"]
    author = Author("postfix_instance", "anna", "T-8", more={"reason": "postfix-x: register it"})
    assert notes.done(str(live), {"main.cf": b"a = 2\n", "access": b"2\n"}, author) == 2
    record = generations.newest(str(live))
    assert (record["module"], record["ticket"], record["state"], record["states"]) == (
        "postfix_instance",
        "T-8",
        1,
        [1],
    )
    assert [file["name"] for file in record["files"]] == ["main.cf"]
    assert writers.changed_since(str(live)) == []
