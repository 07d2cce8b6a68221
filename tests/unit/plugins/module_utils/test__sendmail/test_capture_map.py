# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The block of routes at the end of sendmail.mc: put there, replaced and removed, byte for byte."""

import types

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import capture_map

BLOCK = capture_map._BEGIN + "LOCAL_CONFIG\n" + capture_map._END


def test_it_is_put_there_and_removed_again():
    text = "divert(0)dnl\nMAILER(smtp)\n"
    assert capture_map.wired(text, BLOCK) == text + BLOCK
    assert capture_map.wired(text + BLOCK, "") == text


def test_a_line_behind_it_stays():
    text = "MAILER(smtp)\n" + BLOCK + "dnl theirs\n"
    assert capture_map.wired(text, BLOCK.replace("CONFIG", "RULE_0")) == text.replace("CONFIG", "RULE_0")


def test_a_last_line_end_is_added():
    assert capture_map.wired("MAILER(smtp)", BLOCK) == "MAILER(smtp)\n" + BLOCK
    assert capture_map.wired("MAILER(smtp)", "") == "MAILER(smtp)"


def test_without_a_route_there_is_no_block():
    assert capture_map.block(types.SimpleNamespace(), None) == ""


def test_the_mailer_changes_nothing():
    line = capture_map.mailer("capture", 2525)
    assert "A=TCP $h 2525" in line
    assert "L=0" in line and "S=" not in line
