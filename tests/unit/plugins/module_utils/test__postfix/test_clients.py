# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may relay beyond networks, as tables in the relay control."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._model.policy_clients import MOST
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.clients import CHECKS, is_forgeable, present
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
    over,
    reader,
)

CERTIFICATE = "/etc/ssl/a.pem"
FINGERPRINT = ":".join(["0A"] * 32)


def rendered(clients, current=None, **policy):
    params = {"relay": {"domains": ["served.test"], "clients": clients}, **policy}
    return render(make_host("3.7.11"), _policy.parse(params, "none"), Native(), current or reader("3.7.11"))


def test_each_entry_stands_before_the_refusal():
    made = rendered(
        [
            {"networks": ["192.0.2.0/28"], "names": ["mail.b.test"]},
            {"networks": ["198.51.100.7"], "senders": ["a.test", "x+y@b.test"]},
            {"senders": ["c.test"], "forgeable": True},
        ]
    )
    table = "$config_directory/policy_clients_"
    assert made.settings["smtpd_relay_restrictions"] == (
        f"permit_mynetworks, check_client_access cidr:{table}1_networks, check_client_access regexp:{table}1_names, "
        f"check_client_access cidr:{table}2_networks, check_sender_access regexp:{table}3_senders, reject_unauth_destination"
    )
    assert made.settings["smtpd_restriction_classes"] == "policy_clients_2"
    assert made.settings["policy_clients_2"] == f"check_sender_access regexp:{table}2_senders"
    lines = {name: file.content.decode().splitlines()[1:] for name, file in made.files.items() if "clients" in name}
    assert lines == {
        "policy_clients_1_networks": ["192.0.2.0/28 OK"],
        "policy_clients_1_names": [r"/^mail\.b\.test$/ OK"],
        "policy_clients_2_networks": ["198.51.100.7/32 policy_clients_2"],
        "policy_clients_2_senders": [r"/@a\.test$/ OK", r"/^x\+y@b\.test$/ OK"],
        "policy_clients_3_senders": [r"/@c\.test$/ OK"],
    }
    elements = made.settings["smtpd_relay_restrictions"].split(", ")
    assert [is_forgeable(element) for element in elements] == [False, False, False, False, True, False]
    assert is_forgeable("check_sender_access regexp:/etc/postfix/policy_clients_3_senders")


def test_entries_that_are_gone_leave_nothing():
    first = rendered([{"networks": ["192.0.2.0/28"], "senders": ["a.test"]}, {"names": ["mail.b.test"]}])
    current = over(reader("3.7.11"), first)
    made = rendered([{"names": ["mail.c.test"]}], current)
    main = made.files["main.cf"].content.decode()
    assert "policy_clients_1 " not in main and "smtpd_restriction_classes" not in main
    gone = sorted(name for name, file in made.files.items() if file.content is None)
    assert gone == ["policy_clients_1_networks", "policy_clients_1_senders", "policy_clients_2_names"]
    assert made.notes == ()


def test_certificates_are_asked_for_in_the_tls_session():
    made = rendered([{"certificates": [FINGERPRINT]}], tls={"server": {"certificate": CERTIFICATE}})
    assert made.settings["smtpd_tls_ask_ccert"] == "yes"
    assert made.settings["smtpd_tls_fingerprint_digest"] == "sha256"
    assert (
        "check_ccert_access hash:$config_directory/policy_clients_1_certificates"
        in made.settings["smtpd_relay_restrictions"]
    )
    assert made.files["policy_clients_1_certificates"].content.decode().splitlines()[1:] == [f"{FINGERPRINT} OK"]
    with pytest.raises(OptionError) as refused:
        rendered([{"certificates": [FINGERPRINT]}], tls={"server": {"level": "none"}})
    assert refused.value.option == "policy.relay.clients"


def test_the_search_for_our_tables_ends_whatever_the_directory_answers():
    assert len(list(present(lambda name: True))) == len(CHECKS) * MOST
    assert list(present(lambda name: name == "policy_clients_1_names")) == ["policy_clients_1_names"]
