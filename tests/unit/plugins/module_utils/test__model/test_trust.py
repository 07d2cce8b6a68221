# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of the Internet a list of networks is."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import trust


@pytest.mark.parametrize(
    "words, wide",
    [
        (["10.0.0.0/8", "192.168.0.0/16", "[fd00::]/8", "127.0.0.0/8"], False),
        (["44.0.0.0/8"], True),
        (["0.0.0.0/1", "128.0.0.0/1"], True),
        (["44.0.0.0/9", "45.0.0.0/9"], True),
        (["44.0.0.0/9"], False),
        (["[2000::]/3"], True),
        (["[::ffff:0:0]/96"], True),
        (["[2001:db8::]/32"], False),
        (["example.com", "hash:/x"], False),
    ],
)
def test_what_is_too_large_to_be_clients(words, wide):
    assert bool(trust.wide(trust.networks_in(words))) is wide


def test_nobody_plays_the_stranger_who_is_named():
    assert "203.0.113.9" not in trust.strangers(trust.networks_in(["203.0.113.0/24"]))
    assert trust.strangers(trust.networks_in(["0.0.0.0/0"])) == trust.STRANGERS


def test_a_member_of_a_network_lies_in_it():
    network = trust.networks_in(["44.0.0.0/8"])[0]
    assert trust.member(network) == "44.128.0.9" and trust.member(trust.networks_in(["192.0.2.1"])[0]) == "192.0.2.1"
