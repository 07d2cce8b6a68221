# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A value with several authors: nobody's part is lost, and the order is the same whoever ran last."""

import itertools

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import composition, main_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
    over,
    reader,
    recorded,
)

HOST = make_host("3.10.13")
CAPTURE = "check_client_access hash:$config_directory/capture_connect"
BLOCKED = "check_client_access hash:$config_directory/access_connect"
GREETING = "check_client_access cidr:$config_directory/policy_greeting"
OWN = "check_client_access hash:/etc/postfix/friends"
SENDERS = "check_sender_access hash:$config_directory/access_from"
RECIPIENTS = "check_recipient_access hash:$config_directory/access_to"
DISCARDED = "check_sender_access hash:$config_directory/access_from_discard"
TRUSTED = "check_client_access hash:$config_directory/access_relay"
STOCK = recorded("3.10.13", "main.cf")


def after(live, native=None, params=None, baseline="none", **others):
    """What a run makes of main.cf; I(live) is what others hooked into it before."""
    content = main_cf.edit(main_cf.parse(STOCK), live)
    policy = _policy.parse(params or {}, baseline)
    return render(HOST, policy, Native(native or {}, **others), reader("3.10.13", {"main.cf": content}))


def value(rendering, name):
    return main_cf.parse(rendering.files["main.cf"].content).values.get(name)


@pytest.mark.parametrize("words", itertools.permutations([CAPTURE, BLOCKED, GREETING, OWN]))
def test_one_order_of_the_authors_of_a_restriction_list(words):
    assert composition.in_order("smtpd_client_restrictions", words) == [CAPTURE, BLOCKED, GREETING, OWN]


@pytest.mark.parametrize("first", [[BLOCKED, CAPTURE], [CAPTURE, BLOCKED]])
def test_a_delay_of_the_greeting_stands_behind_the_blocks(first):
    rendering = after(
        {"smtpd_client_restrictions": ", ".join([*first, OWN])}, params={"session": {"greeting_delay": "3s"}}
    )
    assert value(rendering, "smtpd_client_restrictions") == ", ".join([CAPTURE, BLOCKED, GREETING, OWN])


@pytest.mark.parametrize(
    "name,hooks",
    [
        ("smtpd_client_restrictions", CAPTURE + ", " + BLOCKED),
        ("smtpd_sender_restrictions", SENDERS),
        ("smtpd_recipient_restrictions", RECIPIENTS + ", " + DISCARDED),
        ("smtpd_relay_restrictions", TRUSTED),
    ],
)
@pytest.mark.parametrize("given", ["permit", "permit_mynetworks, reject_unauth_destination", "", None])
def test_rules_stay_hooked_into_a_native_list_before_every_permit_of_it(name, hooks, given):
    if name == "smtpd_recipient_restrictions" and given and "reject" in given:
        given = "permit_mynetworks, reject_unlisted_recipient"
    live = {name: hooks, "smtpd_relay_before_recipient_restrictions": "yes"}
    first = after(live, {name: given})
    assert value(first, name) == (f"{hooks}, {given}" if given else hooks)
    policy, native = _policy.parse({}, "none"), Native({name: given})
    second = render(HOST, policy, native, over(reader("3.10.13"), first))
    assert second.files["main.cf"].content == first.files["main.cf"].content


@pytest.mark.parametrize("baseline", ["none", "hardened"])
def test_a_native_list_replaces_what_the_policy_writes_and_not_the_rules(baseline):
    live = {"smtpd_sender_restrictions": f"{SENDERS}, permit_mynetworks, reject_unknown_sender_domain"}
    rendering = after(live, {"smtpd_sender_restrictions": "reject_sender_login_mismatch"}, baseline=baseline)
    assert value(rendering, "smtpd_sender_restrictions") == f"{SENDERS}, reject_sender_login_mismatch"


def test_a_native_list_that_has_the_rules_already_is_left_as_it_is():
    given = f"reject_unauth_pipelining, {SENDERS}"
    assert (
        value(
            after({"smtpd_sender_restrictions": SENDERS}, {"smtpd_sender_restrictions": given}),
            "smtpd_sender_restrictions",
        )
        == given
    )


@pytest.mark.parametrize(
    "hooks,name,given",
    [
        ({"smtpd_relay_restrictions": TRUSTED}, "smtpd_recipient_restrictions", "reject_unauth_destination"),
        ({"smtpd_recipient_restrictions": DISCARDED}, "smtpd_relay_before_recipient_restrictions", "no"),
        ({"smtpd_sender_restrictions": SENDERS}, "parent_domain_matches_subdomains", "mynetworks"),
    ],
)
def test_a_native_setting_that_takes_the_meaning_of_a_rule_is_refused(hooks, name, given):
    live = dict({"smtpd_relay_before_recipient_restrictions": "yes"}, **hooks)
    with pytest.raises(OptionError, match=f"main.{name}"):
        after(live, {name: given})
    assert after({}, {name: given})


def test_a_native_option_of_the_service_that_hides_the_rules_is_refused():
    service = {"smtp/inet": {"options": {"smtpd_sender_restrictions": "permit"}}}
    with pytest.raises(OptionError, match="master.smtp/inet.options.smtpd_sender_restrictions"):
        after({"smtpd_sender_restrictions": SENDERS}, master=service)
    assert after({}, master=service)


ROUTES = {"routes": {"domains": [{"domain": "a.test", "host": "192.0.2.1", "mx": False}]}}


@pytest.mark.parametrize(
    "params,name,ours",
    [
        (ROUTES, "transport_maps", "policy_transport"),
        ({"tls": {"domains": [{"domain": "a.test", "level": "encrypt"}]}}, "smtp_tls_policy_maps", "policy_tls"),
        ({"aliases": {"root": ["a@b.test"]}}, "alias_maps", "policy_aliases"),
    ],
)
def test_a_native_list_of_tables_has_the_table_of_the_policy_in_front(params, name, ours):
    rendering = after({}, {name: "hash:/etc/postfix/own"}, params)
    assert value(rendering, name) == f"hash:$config_directory/{ours}, hash:/etc/postfix/own"
    assert rendering.files[ours].content and not rendering.notes


@pytest.mark.parametrize("given", ["", None])
def test_a_native_setting_can_do_without_tables(given):
    rendering = after({"transport_maps": "hash:$config_directory/capture_to"}, {"transport_maps": given}, ROUTES)
    assert value(rendering, "transport_maps") == "hash:$config_directory/capture_to"
    assert rendering.notes == (
        "main.transport_maps: it wins over the policy, whose table policy_transport is not used",
    )


def test_what_is_captured_stays_in_front_of_native_routes():
    captured = "hash:$config_directory/capture_to"
    rendering = after({"transport_maps": captured}, {"transport_maps": "hash:/own"}, ROUTES)
    words = [word.rpartition("/")[2] for word in value(rendering, "transport_maps").split(", ")]
    assert words == ["capture_to", "policy_transport", "own"]


def test_a_table_of_the_policy_that_a_native_setting_leaves_unused_is_not_written_and_that_is_said():
    rendering = after({}, {"relay_domains": "b.test"}, {"relay": {"domains": ["a.test"]}})
    assert value(rendering, "relay_domains") == "b.test" and "policy_relay_domains" not in rendering.files
    assert rendering.notes == (
        "main.relay_domains: it wins over the policy, whose table policy_relay_domains is not used",
    )


@pytest.mark.parametrize(
    "element, is_guest",
    [
        (CAPTURE, True),
        (BLOCKED, True),
        (GREETING, False),
        (OWN, False),
        ("hash:$config_directory/policy_transport", False),
    ],
)
def test_who_is_a_guest_in_a_list(element, is_guest):
    """Capture and access put their elements into a list that somebody else owns."""
    assert composition.is_guest(element) is is_guest
