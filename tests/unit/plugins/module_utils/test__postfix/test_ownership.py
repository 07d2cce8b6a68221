# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a Postfix configuration: parameters and services. test__account proves what becomes of them."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import ownership
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import make_host

LIVE = {
    "main.cf": b"relayhost = [192.0.2.1]\nsmtpd_relay_restrictions = permit_mynetworks, check_client_access hash:/x, reject\n",
    "master.cf": b"smtp inet n - y - - smtpd\n  -o a=b\n",
}
TWIN = ownership.twin(make_host("3.10.13"))


def test_parameters_and_services_are_parts():
    parts = TWIN.parts(LIVE.get, LIVE)
    assert parts["main.cf relayhost"] == "[192.0.2.1]"
    assert parts["master.cf smtp/inet"] == "smtp inet n - y - - smtpd -o a=b"


def test_a_part_is_set_and_removed_and_the_rest_stays():
    files = TWIN.edited(LIVE.get, {"main.cf relayhost": None, "main.cf myhostname": "mx1.example.net"})
    assert set(files) == {"main.cf"}
    assert TWIN.parts(files.get, files) == {
        "main.cf smtpd_relay_restrictions": "permit_mynetworks, check_client_access hash:/x, reject",
        "main.cf myhostname": "mx1.example.net",
    }


@pytest.mark.parametrize(
    "before, written, live, kept",
    [
        ("a, b", "ours", "ours", "a, b"),
        ("a, b", "ours, a", "ours, a, new", "a, new, b"),
        ("a, b", "a, b, ours", "b, ours", "b"),
    ],
)
def test_in_a_list_what_others_changed_since_stays(before, written, live, kept):
    part = "main.cf transport_maps"
    assert TWIN.merges(part)
    assert TWIN.without(part, before, written, live) == kept


@pytest.mark.parametrize(
    "before, kept",
    [
        ("hash:$config_directory/capture_to", None),
        ("hash:$config_directory/capture_to,", ""),
        ("hash:$config_directory/capture_to, hash:/x", "hash:/x"),
    ],
)
def test_a_list_that_only_a_released_capture_had_made_goes_with_it(before, kept):
    ours = "hash:$config_directory/capture_to, hash:$config_directory/policy_transport"
    live = "hash:$config_directory/policy_transport" + (", hash:/x" if kept else "")
    assert TWIN.without("main.cf transport_maps", before, ours, live) == kept


def test_a_value_that_is_no_list_goes_back_as_a_whole():
    part = "main.cf relayhost"
    assert not TWIN.merges(part)
    assert TWIN.without(part, "[before]", "[ours]", "[changed]") == "[before]"


def test_the_tables_of_other_modules_are_no_difference():
    part = "main.cf smtpd_sender_restrictions"
    with_rules = "check_sender_access hash:$config_directory/access_from, permit_mynetworks"
    assert TWIN.same(part, "permit_mynetworks", with_rules)
    assert not TWIN.same(part, "permit_mynetworks", "reject")
    assert TWIN.same("main.cf x", "a  b", "a b") and not TWIN.same("main.cf x", None, "")


def test_an_adopted_relay_control_is_never_left_open():
    part = "main.cf smtpd_relay_restrictions"
    kept = TWIN.foreign(part, "check_client_access hash:/x, permit_mynetworks", "permit_mynetworks")
    assert kept.startswith("check_client_access hash:/x, ")
    assert kept.endswith("defer_unauth_destination}}")
    assert TWIN.foreign(part, "permit_mynetworks", "permit_mynetworks") is None


def test_our_mark_is_a_table_of_the_policy():
    assert not TWIN.is_ours(LIVE.get)
    assert TWIN.is_ours({"main.cf": b"transport_maps = hash:$config_directory/policy_transport\n"}.get)
