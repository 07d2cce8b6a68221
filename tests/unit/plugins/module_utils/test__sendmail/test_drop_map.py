# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The block that drops recipients stands where it must, whichever module writes it."""

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import capture_map, drop_map


def test_the_block_comes_with_the_first_rule():
    assert drop_map.block(None) == drop_map.block(b"To:a@b.test\tREJECT\n# Drop: nothing\n") == ""
    text = drop_map.block(b"To:a@b.test\tREJECT\nDrop:c@d.test\tDROP\n")
    assert text == drop_map.block(b"Drop:c@d.test\tDROP\n") != ""
    assert text == drop_map.block(b'To:a@b.test\tOK\nRefuse:d.test\tERROR:5.1.6:"550 Gone"\n')


def test_it_is_written_once_and_before_the_routes():
    block = drop_map.block(b"Drop:c@d.test\tDROP\n")
    assert drop_map.wired("MAILER(`smtp')dnl") == f"MAILER(`smtp')dnl\n{block}"
    assert drop_map.wired(drop_map.wired("a\n")) == f"a\n{block}"
    assert drop_map.wired(f"a\n{capture_map.ROUTES_BEGIN}b\n") == f"a\n{block}{capture_map.ROUTES_BEGIN}b\n"


def test_what_is_captured_is_caught_first():
    block = drop_map.block(b"Drop:c@d.test\tDROP\n")
    assert capture_map.wired(f"a\n{block}{capture_map.ROUTES_BEGIN}b\n", "CAPTURE\n").startswith(f"a\nCAPTURE\n{block}")
