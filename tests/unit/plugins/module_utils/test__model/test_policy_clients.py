# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may relay beyond networks: which entries are possible."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.policy_clients import MOST, as_options, clients

FINGERPRINT = ":".join(["0A"] * 32)


def parsed(*entries):
    return clients(_policy.parse({"relay": {"clients": list(entries)}}))


def test_entries_are_numbered_and_written_back():
    entries = [
        {"networks": ["192.0.2.0/24"], "senders": ["a.test"]},
        {"names": ["mail.b.test"], "certificates": [FINGERPRINT]},
        {"senders": ["c@d.test"], "forgeable": True},
    ]
    found = parsed(*entries)
    assert [client.number for client in found] == [1, 2, 3]
    assert [client.forgeable for client in found] == [False, False, True]
    assert [as_options(client) for client in found] == entries


@pytest.mark.parametrize(
    "entry,option",
    [
        ({"senders": ["a.test"]}, "policy.relay.clients[0].senders"),
        ({"senders": ["a.test"], "forgeable": False}, "policy.relay.clients[0].senders"),
        ({"senders": [], "networks": []}, "policy.relay.clients[0]"),
        ({"forgeable": True}, "policy.relay.clients[0]"),
        ({"networks": ["192.0.2.0/24"], "forgeable": True}, "policy.relay.clients[0].forgeable"),
        ({"names": ["short"]}, "policy.relay.clients[0].names"),
        ({"names": ["*.a.test"]}, "policy.relay.clients[0].names"),
        ({"certificates": ["AB:CD"]}, "policy.relay.clients[0].certificates"),
        ({"certificates": [FINGERPRINT + "\n"]}, "policy.relay.clients[0].certificates"),
        ({"networks": ["192.0.2.1/24"]}, "policy.relay.clients[0].networks"),
        ({"networks": ["192.0.2.0/24"], "senders": ["@a.test"]}, "policy.relay.clients[0].senders"),
    ],
)
def test_an_entry_that_opens_the_relay_or_says_nothing_is_refused(entry, option):
    with pytest.raises(OptionError) as refused:
        parsed(entry)
    assert refused.value.option == option


def test_a_fingerprint_is_taken_with_and_without_colons_in_any_case():
    assert parsed({"certificates": [FINGERPRINT.replace(":", "").lower(), FINGERPRINT]})[0].certificates == (
        FINGERPRINT,
    )


def test_too_many_entries_are_refused():
    entry = {"networks": ["192.0.2.0/24"]}
    assert len(parsed(*[entry] * MOST)) == MOST
    with pytest.raises(OptionError, match=r"policy.relay.clients.*1001 entries"):
        parsed(*[entry] * (MOST + 1))
