# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the policy as statements, rulesets and tables of sendmail, section by section."""

import re

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import (
    OptionError,
    Unsupported,
)
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import rendered
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_rendering import (
    HOST,
    additional,
    lines_of,
    mc_of,
    names,
    statements,
)

pytestmark = pytest.mark.usefixtures("debian")


def test_served_domains_are_recipients_only():
    made = rendered({"relay": {"networks": ["192.0.2.0/25"], "domains": ["served.test"]}})
    assert b"To:served.test\tRELAY\n" in made.files["access.postmaster"].content
    words = made.files["relay-domains"].content.decode().split()
    assert "served.test" not in words and len(words) == 128 and words[0] == "192.0.2.0"
    assert ("FEATURE", "relay_hosts_only") in names(mc_of(made))


def test_subdomains_are_served_on_request():
    made = rendered({"relay": {"domains": ["served.test"], "subdomains": True}})
    assert ("FEATURE", "relay_hosts_only") not in names(mc_of(made))


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "2001:db8::/52"])
def test_networks_that_sendmail_cannot_tell_are_refused(network):
    with pytest.raises(Unsupported) as caught:
        rendered({"relay": {"networks": [network]}})
    assert "policy.relay.networks" in str(caught.value) and network in str(caught.value)


def test_clients_that_may_relay_are_exempt_from_the_limits_of_clients():
    content = rendered({"relay": {"networks": ["192.0.2.0/24"]}}).files["access.postmaster"].content.decode()
    for line in (
        "ClientConn:\t20",
        "ClientConn:192.0.2\t0",
        "ClientRate:\t120",
        "ClientRate:192.0.2\t0",
        "ClientRate:127.0.0.1\t0",
    ):
        assert line + "\n" in content


def test_hand_written_permissions_are_noted():
    live = {"access": b"Connect:127\tRELAY\nConnect:10.9 RELAY\nFrom:x REJECT\n"}
    notes = rendered({"relay": {"networks": []}}, files=live).notes
    assert [note for note in notes if note.startswith("access")] == [
        "access: the unmanaged line Connect:10.9 RELAY lets mail through besides the policy"
    ]


def listeners(policy, features=given.FEATURES):
    made = rendered({"identity": policy}, capabilities=given.CAPABILITIES._replace(features=features))
    return [
        re.sub(r"Name=MTA-\d+, |, Listen=256, M=A", "", one[1])
        for one in statements(mc_of(made))
        if one[0] == "DAEMON_OPTIONS"
    ]


def test_listeners():
    submission = "Family=inet, Addr=127.0.0.1, Port=25"
    assert listeners({}) == ["Family=inet6, Port=25"]
    assert listeners({}, given.FEATURES - {"ipv6"}) == ["Family=inet, Port=25"]
    assert listeners({}, given.FEATURES | {"bindv6only"}) == ["Family=inet, Port=25", "Family=inet6, Port=25"]
    assert listeners({"protocols": ["ipv4"]}) == ["Family=inet, Port=25"]
    assert listeners({"listen": ["loopback"]}) == [submission, "Family=inet6, Addr=::1, Port=25"]
    assert listeners({"listen": ["192.0.2.1"]}) == ["Family=inet, Addr=192.0.2.1, Port=25", submission]
    assert listeners({"port": 2525}) == ["Family=inet6, Port=2525", submission]


def test_ipv6_alone_cannot_be_had_with_one_socket():
    with pytest.raises(Unsupported):
        rendered({"identity": {"protocols": ["ipv6"]}})


def test_two_source_addresses_of_one_kind_are_refused():
    with pytest.raises(OptionError):
        rendered({"identity": {"send_from": ["192.0.2.1", "192.0.2.2"]}})


@pytest.mark.parametrize(
    "policy, option",
    [
        ({"limits": {"message_rate": 10}}, "policy.limits.message_rate"),
        ({"limits": {"recipient_rate": 10}}, "policy.limits.recipient_rate"),
        ({"session": {"smtputf8": True}}, "policy.session.smtputf8"),
        ({"log": {"tls": False}}, "policy.log.tls"),
        ({"queue": {"run_interval": "5m"}}, "policy.queue.run_interval"),
        (
            {"tls": {"domains": [{"domain": "a.test", "level": "may", "minimum": "TLSv1.3"}]}},
            "policy.tls.domains[0].minimum",
        ),
        ({"tls": {"server": {"ciphers": "A"}, "client": {"ciphers": "B"}}}, "policy.tls.client.ciphers"),
    ],
)
def test_wishes_that_cannot_be_done_are_refused(policy, option):
    with pytest.raises(Unsupported) as caught:
        rendered(policy)
    assert str(caught.value).startswith(option + ":") and "nearest" in str(caught.value)


@pytest.mark.parametrize(
    "feature, policy, option",
    [
        ("dane", {"tls": {"client": {"level": "dane"}}}, "policy.tls.client.level"),
        ("reject_nul", {"session": {"nul": "reject"}}, "policy.session.nul"),
        ("line_discipline", {"session": {"bare_newline": "reject"}}, "policy.session.bare_newline"),
        ("tls", {"tls": {"client": {"level": "encrypt"}}}, "policy.tls"),
    ],
)
def test_what_the_build_lacks_is_refused_or_noted(feature, policy, option):
    lacking = given.CAPABILITIES._replace(features=given.FEATURES - {feature})
    with pytest.raises(Unsupported) as caught:
        rendered(policy, capabilities=lacking)
    assert option in str(caught.value)
    if feature != "dane":
        assert any(note.startswith(option) for note in rendered({}, capabilities=lacking).notes)


def test_the_hosts_own_submissions_are_the_primary_ones():
    assert "127.0.0.1" not in mc_of(additional({"identity": {"listen": ["192.0.2.1"]}}))
    assert "Addr=127.0.0.1, Port=25" in mc_of(rendered({"identity": {"listen": ["192.0.2.1"]}}))


def test_listeners_that_nobody_speaks_of_stay():
    files = {"sendmail.cf": b"O DaemonPortOptions=Name=x, Addr=192.0.2.7, Port=26\n"}
    assert "DAEMON_OPTIONS(`Name=x, Addr=192.0.2.7, Port=26')dnl" in mc_of(additional(HOST, files))


def test_own_aliases_come_before_the_hosts():
    text = mc_of(additional({"aliases": {"a": ["b@lab.test"]}}, {"aliases": b"x: y\n"}))
    assert "ALIAS_FILE', `/etc/sendmail-ext/aliases.postmaster,/etc/sendmail-ext/aliases'" in text


@pytest.mark.parametrize(
    "identity, wanted",
    [
        ({"protocols": ["ipv4"]}, ["Family=inet6, Addr=::ffff:127.0.0.1"]),
        (
            {"protocols": ["ipv4"], "send_from": ["192.0.2.25"]},
            ["Family=inet, Addr=192.0.2.25", "Family=inet6, Addr=::ffff:127.0.0.1"],
        ),
        ({"protocols": ["ipv6"], "listen": ["2001:db8::1"]}, ["Family=inet, Addr=127.0.0.2"]),
        ({"protocols": ["ipv4", "ipv6"]}, []),
        ({}, []),
    ],
)
def test_protocols_hold_for_outgoing_connections_too(identity, wanted):
    found = [args[0] for name, *args in statements(mc_of(rendered({"identity": identity}))) if name == "CLIENT_OPTIONS"]
    assert found == wanted


def test_a_source_of_a_protocol_that_is_left_out_is_noted():
    made = rendered({"identity": {"protocols": ["ipv4"], "send_from": ["2001:db8::1"]}})
    assert "policy.identity.send_from: 2001:db8::1 is not used" in "".join(made.notes)


@pytest.mark.parametrize("turned", [False, True])
def test_an_exemption_inside_a_network_that_waits(turned):
    delays = [{"network": "10.25.0.136/30", "delay": "4s"}, {"network": "10.25.0.137/32", "delay": "0s"}]
    delays += [{"network": "127.0.0.1/32", "delay": "1s"}]
    made = rendered({"session": {"greeting_delay": "2s", "greeting_delays": delays[::-1] if turned else delays}})
    lines = [line for line in lines_of(made, "access.postmaster") if line.startswith("GreetPause:")]
    assert sorted(lines) == [
        "GreetPause:10.25.0.136\t4000",
        "GreetPause:10.25.0.137\t0",
        "GreetPause:10.25.0.138\t4000",
        "GreetPause:10.25.0.139\t4000",
        "GreetPause:127.0.0.1\t1000",
        "GreetPause:IPv6:0:0:0:0:0:0:0:1\t0",
    ]


def test_a_network_with_two_delays_is_refused_by_its_option():
    delays = [{"network": "10.25.0.136/30", "delay": "4s"}, {"network": "10.25.0.136/30", "delay": "0s"}]
    with pytest.raises(OptionError, match=r"greeting_delays\[1\]\.network"):
        rendered({"session": {"greeting_delays": delays}})


def test_sendmail_knows_no_destinations():
    with pytest.raises(Unsupported, match="destination_concurrency.*the nearest it can do: "):
        rendered({**HOST, "limits": {"destination_concurrency": 3}})


def test_a_sender_needs_a_domain_of_strangers_alone_whether_that_must_exist_or_not():
    """On Postfix a trusted client may leave it out, and a stranger hears 5.5.2, with sender_domain_exists false too."""
    for exists in (True, False):
        mc = mc_of(rendered({"identity": {"hostname": "relay1.lab.test"}, "session": {"sender_domain_exists": exists}}))
        assert "SLocal_check_mail" in mc and "SPostmasterTrusted" in mc and "$@ 5.5.2" in mc
        assert ("Kpostmaster_resolve" in mc) is exists and "Kpostmaster_macros" in mc
