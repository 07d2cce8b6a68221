# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
    over,
    reader,
)

REWRITE = {
    "senders": [{"match": "int.test", "to": "brand.test"}],
    "recipients": [{"match": "info@served.test", "to": "user@ok.test"}],
    "domains": [{"domain": "old.test", "to": "served.test"}],
    "masquerade": {"domains": ["hide.test"], "except": ["root"]},
}


FRESH = reader("3.10.13")


def rendered(policy, current=FRESH):
    return render(make_host("3.10.13"), _policy.parse(policy, "hardened"), Native(), current)


def values(rendering):
    return main_cf.parse(rendering.files["main.cf"].content).values


def test_smtpd_sees_single_addresses_and_no_domains():
    """A domain in the table would make every user of it valid."""
    maps = values(rendered({"rewrite": REWRITE}))["recipient_canonical_maps"]
    assert maps.startswith("hash:$config_directory/policy_rewrite_recipients, ${{$process_name} == {cleanup} ? {hash:")


def test_the_domain_is_served_with_its_other_name():
    files = rendered({"relay": {"domains": ["served.test"]}, "rewrite": REWRITE}).files
    assert b"\nold.test relay\n" in files["policy_relay_domains"].content
    assert (
        b"if !/^(root)@/\n/^(.+)@.+\\.hide\\.test$/ ${1}@hide.test\nendif\n"
        in files["policy_rewrite_masquerade"].content
    )


def test_tables_of_others_stay_behind_ours_and_stay_when_ours_go():
    live = {"main.cf": b"sender_canonical_maps = hash:/etc/postfix/own\nmyhostname = r.test\n"}
    first = rendered({"rewrite": REWRITE}, reader("3.10.13", live))
    assert values(first)["sender_canonical_maps"].endswith(", hash:/etc/postfix/own")
    second = rendered({}, over(reader("3.10.13", live), first))
    assert values(second)["sender_canonical_maps"] == "hash:/etc/postfix/own"
    assert second.files["policy_rewrite_senders"].content is None


def test_the_envelope_alone():
    found = values(rendered({"rewrite": dict(REWRITE, headers=False)}))
    assert found["sender_canonical_classes"] == "envelope_sender"
    assert "local_header_rewrite_clients" not in found
