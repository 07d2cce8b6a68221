# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What jobs remember."""

from ansible_collections.postmaster.mta.plugins.module_utils._kit import memory, places

PART = {"name": "own", "recipient": "canary@example.com", "interval_seconds": 300}


def canary(now=1000.0):
    return memory.canaries({"canary": [PART]}, now)[0]


def test_what_is_saved_is_loaded(root):
    memory.save("canary-own", {"rounds": 3})
    assert memory.load("canary-own") == {"rounds": 3}


def test_a_broken_file_is_an_empty_memory(root):
    memory.save("canary-own", {})
    for content in ("{", "[]", "\xff"):
        with open(places.state("canary-own"), "w", encoding="utf-8") as stream:
            stream.write(content)
        assert memory.load("canary-own") == {}


def test_a_canary_that_fails_is_trouble(root):
    memory.save("canary-own", {"failures": 2, "reason": "timed out", "ran": 990.0})
    assert canary()["trouble"] == "canary own: 2 rounds have failed: timed out"


def test_a_canary_that_no_longer_runs_is_trouble(root):
    memory.save("canary-own", {"failures": 0, "ran": 1000.0, "seconds": 1.5})
    assert canary()["trouble"] == ""
    assert canary(now=1000.0 + 1200)["trouble"] == "canary own: it has not run for 20 minutes"


def test_a_new_canary_is_no_trouble(root):
    assert canary()["trouble"] == ""
