# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks end by themselves."""

from ansible_collections.postmaster.mta.plugins.module_utils._kit import expiry


def test_it_takes_the_way_of_every_rule(monkeypatch):
    calls = []

    def run(params, check_mode, runner):
        calls.append((params, check_mode))
        return {"removed": ["from spam.example"]}

    monkeypatch.setattr(expiry.access, "run", run)
    assert expiry.run(None, {"instance": "exposed"}) == "removed from spam.example"
    ((params, check_mode),) = calls
    assert (params["instance"], params["purge_expired"], params["state"], check_mode) == (
        "exposed",
        True,
        "present",
        False,
    )
    assert set(params) == set(expiry.access.ARGUMENT_SPEC)
