# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of the prober that need no relay; test__module/test_audit_info.py has the dialogues."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._audit import prober


def test_the_addresses_are_lent_in_turn():
    sources = prober.Sources(["192.0.2.1", "192.0.2.2"])
    assert [sources.lend() for dummy in range(3)] == ["192.0.2.1", "192.0.2.2", "192.0.2.1"]
    assert prober.Sources([]).lend() is None


def test_a_relay_that_is_gone_pulls_the_brake_and_a_word_releases_it():
    brake = prober.Brake()
    for dummy in range(prober.SILENT_ATTEMPTS - 1):
        brake.note_attempt(False)
    assert not brake.pulled
    brake.note_attempt(True)
    brake.note_attempt(False)
    assert not brake.pulled
    for dummy in range(prober.SILENT_ATTEMPTS):
        brake.note_attempt(False)
    assert brake.pulled


def test_so_does_a_relay_that_tells_nothing_any_more():
    brake = prober.Brake()
    for dummy in range(prober.REFUSED_PROBES):
        brake.note_probe(False)
    assert brake.pulled


@pytest.mark.parametrize(
    "copies, reason",
    [
        ([b"a\r\nb\r\n"], None),
        ([], None),
        ([b"a\r\n", b"b\r\n"], "2 messages arrived"),
        ([b"a\nb\r\n"], "a lone LF was passed on"),
        ([b"a\rb\0\r\n"], "a lone CR and NUL was passed on"),
    ],
)
def test_what_a_message_became_at_the_next_hop(copies, reason):
    verdict = prober.judge_copies(copies)
    assert (verdict.reason if verdict else None) == reason
