# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wanted, live and last written: apply A, apply B is apply B alone, and what nobody of ours wrote survives both."""

import hypothesis
import pytest
from hypothesis import strategies as some

from ansible_collections.postmaster.mta.plugins.module_utils._account.ownership import ThreeWay
from ansible_collections.postmaster.mta.plugins.module_utils._errors import Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf, master_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.ownership import PostfixTwin
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render as postfix_render
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.ownership import SendmailTwin
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.render import render as sendmail_render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__account.policy_wishes import WISHES
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host
from ansible_collections.postmaster.mta.tests.unit.share import examples

VERSION = "3.10.13"
POSTFIX_HAND = {
    "smtpd_recipient_restrictions": "check_recipient_access hash:/etc/postfix/mine, permit_mynetworks",
    "transport_maps": "hash:/etc/postfix/my_transport",
    "relayhost": "[hand.example]",
    "maximal_queue_lifetime": "9d",
    "header_checks": "regexp:/etc/postfix/headers",
}
SERVICES = b"mine unix - n n - - pipe user=nobody argv=/bin/true\n"


class Site:
    """A configuration in memory, the account beside it, and the driver that renders."""

    def __init__(self, files):
        self.files = dict(files)
        self.owned = {}

    def apply(self, wish, author="relay"):
        policy, baseline, native = wish
        parsed = _policy.parse(policy, baseline)
        way = ThreeWay(
            self.twin(), author, self.owned, self.files.get, lambda current: self.lenient(parsed, native, current), True
        )
        self.owned = dict(self.owned, **{author: {part: list(pair) for part, pair in way.owned().items()}})
        files = dict(self.files, **{name: file.content for name, file in way.rendering.files.items()})
        self.files = {name: content for name, content in files.items() if content is not None}
        return way

    def lenient(self, policy, native, current):
        """The rendering, without what this MTA cannot do."""
        while True:
            try:
                return self.render(policy, native, current)
            except Unsupported as problem:
                if not problem.option.startswith("policy."):
                    raise
                policy = policy.without(problem.option)


class PostfixSite(Site):
    HAND = POSTFIX_HAND

    def __init__(self, hand=None):
        hand = self.HAND if hand is None else hand
        files = {name: postfix_host.recorded(VERSION, name) for name in ("main.cf", "master.cf")}
        main = main_cf.edit(main_cf.parse(files["main.cf"]), dict({"relayhost": None}, **hand))
        super().__init__({"main.cf": main, "master.cf": files["master.cf"] + SERVICES})
        self.host = postfix_host.make_host(VERSION)

    def twin(self):
        return PostfixTwin(self.host)

    def render(self, policy, native, current):
        given = {name: native[name] for name in ("main", "master") if name in native}
        return postfix_render(self.host, policy, Native(**given), current)

    def meaning(self):
        others = {name: text for name, text in self.files.items() if not name.endswith(".cf")}
        services = master_cf.parse(self.files["master.cf"]).services
        return main_cf.parse(self.files["main.cf"]).values, services, others

    def values(self):
        return self.meaning()[0]


class SendmailSite(Site):
    HAND = {
        "local-host-names": b"hand.example\n",
        "relay-domains": b"192.0.2\n",
        "mailertable": b"hand.example\tesmtp:[x]\n",
        "access": b"Connect:192.0.2.1\tREJECT\n",
        "sendmail.mc": b"dnl by hand\n",
        "sendmail.conf": b'DAEMON_MODE="Daemon"\nQUEUE_INTERVAL="10m"\n',
    }

    def __init__(self, hand=None):
        super().__init__(self.HAND if hand is None else hand)
        self.host = sendmail_host.make_host()

    def twin(self):
        return SendmailTwin()

    def render(self, policy, native, current):
        return sendmail_render(self.host, policy, Native(mc=native.get("mc", {})), current)

    def meaning(self):
        # An empty table of routes says what none says.
        return {name: text for name, text in self.files.items() if text or name != "mailertable"}


@pytest.fixture(name="site", params=[PostfixSite, SendmailSite])
def _site(request, debian):
    return request.param


def possible(site, *wishes):
    """Apply some wishes one after the other; what the MTA cannot do is no wish."""
    for wish in wishes:
        try:
            site.apply(wish)
        except ValueError:
            hypothesis.reject()
    return site


def compare(site, first, second, choice):
    """On a host with some settings of a hand's own, B after A is B alone, and B again changes nothing.

    :param choice: a number whose bits choose the settings.
    """
    hand = {name: value for number, (name, value) in enumerate(site.HAND.items()) if choice >> number & 1}
    both, alone = possible(site(hand), first, second), possible(site(hand), second)
    assert both.meaning() == alone.meaning()
    before = both.files
    both.apply(second)
    assert both.files == before


#: Which of the settings of a hand there are, one bit each.
CHOICES = some.integers(0, 63)


@hypothesis.given(WISHES, WISHES, CHOICES)
@hypothesis.settings(max_examples=examples(25), suppress_health_check=list(hypothesis.HealthCheck))
def test_a_then_b_is_b_alone(site, first, second, choice):
    compare(site, first, second, choice)


@hypothesis.given(some.lists(WISHES, min_size=1, max_size=3))
@hypothesis.settings(max_examples=examples(10), suppress_health_check=list(hypothesis.HealthCheck))
def test_what_nobody_of_ours_wrote_survives(site, wishes):
    before = site().meaning()
    last = possible(site(), *wishes, ({}, "none", {})).meaning()
    if site is PostfixSite:
        assert last[:2] == before[:2]
    else:
        assert {name: last.get(name) for name in before if name != "sendmail.mc"} == {
            name: text if name != "sendmail.conf" else last[name]
            for name, text in before.items()
            if name != "sendmail.mc"
        }


# --- Postfix: what stays, what goes, what is told -------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy, name, default",
    [
        ({"routes": {"default": {"host": "mx1.ok.test"}}}, "relayhost", None),
        ({"limits": {"message_rate": 77}}, "smtpd_client_message_rate_limit", None),
        ({"limits": {"recipient_rate": 77}}, "smtpd_client_recipient_rate_limit", None),
        ({"identity": {"send_from": ["10.25.0.21"]}}, "smtp_bind_address", None),
        ({"identity": {"protocols": ["ipv4"]}}, "inet_protocols", "all"),
        ({"queue": {"retry_maximum": "1h"}}, "maximal_backoff_time", None),
        (
            {"tls": {"client": {"ca_file": "/etc/ssl/lab/ca.pem"}}},
            "smtp_tls_CAfile",
            "/etc/ssl/certs/ca-certificates.crt",
        ),
        ({"timeouts": {"quit": "9s"}}, "smtp_skip_quit_response", None),
    ],
)
def test_what_the_policy_no_longer_says_goes_back(policy, name, default):
    site = PostfixSite({})
    site.apply((policy, "hardened", {}))
    assert site.values()[name] != default
    site.apply(({}, "hardened", {}))
    assert site.values().get(name) == default


@pytest.mark.parametrize(
    "policy, native",
    [
        ({"routes": {"default": {"host": "mx1.ok.test"}}}, {}),
        ({"limits": {"message_rate": 77, "connection_rate": 78}}, {}),
        ({"identity": {"send_from": ["10.25.0.21"]}}, {}),
        ({"tls": {"client": {"ca_file": "/etc/ssl/lab/ca.pem"}}}, {}),
        ({}, {"main": {"smtp_x_own": "1"}, "mc": {"defines": {"confMAX_NOOP_COMMANDS": 5}}}),
        ({}, {"master": {"slow/unix": {"command": "smtp"}}, "mc": {"features": {"dnsbl": ["bl.example.org"]}}}),
        ({}, {"mc": {"before_mailers": "INPUT_MAIL_FILTER(`x', `S=inet:9@127.0.0.1')dnl"}, "main": {"biff": True}}),
    ],
)
def test_each_option_that_once_stayed_live_goes(site, policy, native):
    """B1, on both MTAs: taken out of the policy or of the native settings, it is gone from the configuration."""
    host = site()
    host.apply(({}, "hardened", {}))
    before = host.meaning()
    host.apply((policy, "hardened", native))
    assert host.meaning() != before
    host.apply(({}, "hardened", {}))
    assert host.meaning() == before


def test_a_native_key_that_is_dropped_goes():
    site = PostfixSite({})
    site.apply(({}, "none", {"main": {"smtpd_milters": "inet:127.0.0.1:9999", "biff": True}}))
    before = site.values()["biff"]
    site.apply(({}, "none", {}))
    assert "smtpd_milters" not in site.values() and (before, site.values()["biff"]) == ("yes", "no")


def test_what_a_hand_changed_since_is_told_and_overwritten_where_it_is_ours():
    site = PostfixSite()
    site.apply(({"limits": {"message_size": "30M"}}, "none", {}))
    site.files["main.cf"] = site.files["main.cf"].replace(b"message_size_limit = 31457280", b"message_size_limit = 1")
    way = site.apply(({"limits": {"message_size": "30M"}}, "none", {}))
    (drift,) = way.drift
    assert (drift.part, drift.written, drift.live) == ("main.cf message_size_limit", "31457280", "1")
    assert site.values()["message_size_limit"] == "31457280"


def test_what_a_hand_changed_since_stays_where_it_is_no_longer_ours():
    site = PostfixSite()
    site.apply(({"limits": {"message_size": "30M"}}, "none", {}))
    site.files["main.cf"] = site.files["main.cf"].replace(b"message_size_limit = 31457280", b"message_size_limit = 1")
    assert len(site.apply(({}, "none", {})).drift) == 1
    assert site.values()["message_size_limit"] == "1" and not site.apply(({}, "none", {})).drift


RULE = "check_recipient_access hash:$config_directory/access_to"


def test_the_wiring_of_access_rules_is_no_drift_and_survives():
    site = PostfixSite()
    site.apply(({"session": {"sender_domain_exists": True}, "relay": {"networks": []}}, "hardened", {}))
    site.files["main.cf"] = site.files["main.cf"].replace(
        b"smtpd_recipient_restrictions = ", b"smtpd_recipient_restrictions = " + RULE.encode() + b", "
    )
    for policy in ({"session": {"sender_domain_exists": True}}, {}):
        assert not site.apply((policy, "hardened", {})).drift
        assert site.values()["smtpd_recipient_restrictions"].startswith(RULE)
    site.apply(({}, "none", {}))
    assert RULE in site.values()["smtpd_recipient_restrictions"]


def test_an_element_that_somebody_adds_to_our_list_stays():
    site = PostfixSite()
    site.apply(({"session": {"helo_checks": True}}, "none", {}))
    site.files["main.cf"] = site.files["main.cf"].replace(
        b"smtpd_helo_restrictions = permit_mynetworks", b"smtpd_helo_restrictions = permit_mynetworks, warn_hand"
    )
    way = site.apply(({}, "none", {}))
    assert [drift.part for drift in way.drift] == ["main.cf smtpd_helo_restrictions"]
    assert site.values()["smtpd_helo_restrictions"] == "permit_mynetworks, warn_hand"


@pytest.mark.parametrize("is_last", [False, True])
def test_an_element_that_somebody_adds_behind_our_permit_does_not_overtake_it(is_last):
    """Trusted clients would be refused by what was meant for strangers."""
    wish = ({"session": {"require_ptr": True}}, "none", {})
    site = PostfixSite({})
    site.apply(wish)
    ours = b"permit_mynetworks, reject_unknown_reverse_client_hostname"
    theirs = b"permit_mynetworks, reject_rbl_client bl.example, reject_unknown_reverse_client_hostname"
    theirs = ours + b", reject_rbl_client bl.example" if is_last else theirs
    site.files["main.cf"] = site.files["main.cf"].replace(ours, theirs)
    for dummy in range(2):
        site.apply(wish)
        words = site.values()["smtpd_client_restrictions"].split(", ")
        assert words[0] == "permit_mynetworks" and "reject_rbl_client bl.example" in words
    site.apply(({}, "none", {}))
    assert site.values()["smtpd_client_restrictions"] == "permit_mynetworks, reject_rbl_client bl.example"


def test_authors_keep_apart():
    site = PostfixSite({})
    site.apply(({"limits": {"message_size": "30M"}}, "hardened", {}))
    before = site.values()
    site.apply(({"identity": {"port": 2525}}, "none", {}), author="postfix_instance")
    assert site.values() == before and "2525/inet" in site.meaning()[1]
    site.apply(({"limits": {"message_size": "30M"}}, "hardened", {}))
    assert site.values() == before and "2525/inet" in site.meaning()[1] and "policy_commands" in site.files


def test_a_host_that_an_earlier_version_hardened_is_adopted_as_it_is():
    policy = {"routes": {"default": {"host": "mx1.ok.test"}}, "relay": {"domains": ["served.test"], "networks": []}}
    site = PostfixSite({"header_checks": "regexp:/etc/postfix/headers"})
    site.apply((policy, "hardened", {}))
    before, site.owned = site.files, {}
    way = site.apply((policy, "hardened", {}))
    assert way.adopts and site.files == before
    site.apply((policy, "hardened", {}))
    assert site.files == before
    site.apply(({"relay": policy["relay"]}, "hardened", {}))
    assert "relayhost" not in site.values() and "header_checks" in site.values()
    site.apply(({}, "none", {}))
    assert "smtpd_relay_restrictions" not in site.values() and "header_checks" in site.values()


def test_a_fresh_host_is_not_adopted():
    assert not PostfixSite().apply(({}, "hardened", {})).adopts


def test_class_files_of_sendmail_go_back(debian):
    site = SendmailSite()
    site.apply(({"relay": {"networks": ["10.0.0.0/8"]}, "identity": {"local_domains": ["a.test"]}}, "none", {}))
    assert site.files["relay-domains"] == b"10\n"
    site.apply(({}, "none", {}))
    assert (site.files["relay-domains"], site.files["local-host-names"]) == (b"192.0.2\n", b"hand.example\n")


@hypothesis.given(WISHES)
@hypothesis.settings(max_examples=examples(10), suppress_health_check=list(hypothesis.HealthCheck))
def test_an_adopted_host_stays_as_it_is(site, wish):
    """Whatever its policy: neither the run that adopts it nor the next one changes anything."""
    adopted = possible(site(), wish)
    before, adopted.owned = adopted.files, {}
    for dummy in range(2):
        adopted.apply(wish)
        assert adopted.files == before


@pytest.mark.parametrize(
    "name, theirs",
    [
        ("helo", "reject_invalid_helo_hostname"),
        ("helo", "reject_non_fqdn_helo_hostname, reject_invalid_helo_hostname"),
        ("helo", "check_helo_access hash:/etc/postfix/mine, reject_invalid_helo_hostname"),
        ("sender", "reject_unknown_sender_domain, reject_non_fqdn_sender"),
        ("client", "reject_unknown_reverse_client_hostname, permit_mynetworks"),
        ("data", "reject_multi_recipient_bounce"),
    ],
)
def test_an_adopted_list_keeps_the_place_of_words_that_we_write_too(name, theirs):
    """The policy's own words can stand in front already: a permit of ours must not overtake them at the second run."""
    site = PostfixSite({f"smtpd_{name}_restrictions": theirs})
    wish = ({"session": {"require_ptr": True, "helo_checks": True}}, "hardened", {})
    site.apply(wish)
    before, site.owned = site.files, {}
    for dummy in range(3):
        site.apply(wish)
        assert site.values() == main_cf.parse(before["main.cf"]).values


OLD = b"a = 1\nmulti_instance_directories = /etc/postfix-gone\n"


@pytest.mark.parametrize(
    "live, back",
    [
        (OLD, OLD),
        (b"a = 2\n", b"a = 1\n"),
        (b"multi_instance_directories = /etc/postfix-new\n", b"a = 1\nmulti_instance_directories = /etc/postfix-new\n"),
        (None, OLD),
    ],
)
def test_an_instance_does_not_come_back_with_a_file_and_none_is_lost(live, back):
    """After an undo main.cf named a directory that was removed, and no program of Postfix worked."""
    twin = PostfixSite().twin()
    files = twin.registered({"main.cf": live}.get, {"main.cf": OLD, "access": b"x"})
    assert files == {"main.cf": back, "access": b"x"}
