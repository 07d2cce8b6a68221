# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the policy as parameters of Postfix, section by section."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import (
    OptionError,
    Unsupported,
)
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    VERSIONS,
    make_host,
    over,
    reader,
    recorded,
)
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_rendering import (
    HOSTS,
    alone,
    lines,
    rendered,
    values,
)

DISCARDED = "discard:by a route of the policy"
STOCK_PARENTS = (
    "debug_peer_list, fast_flush_domains, mynetworks, permit_mx_backup_networks, qmqpd_authorized_clients, relay_domains, "
    "smtpd_access_maps"
)
DELAYED_TWICE = [{"network": "10.0.0.0/8", "delay": "1s"}, {"network": "10.0.0.0/8", "delay": "2s"}]


@pytest.mark.parametrize("version", VERSIONS)
def test_only_strangers_are_refused(version):
    found = values(rendered(version=version))
    assert found["smtpd_relay_restrictions"] == "permit_mynetworks, reject_unauth_destination"
    assert found["smtpd_relay_before_recipient_restrictions"] == "yes"
    assert found["mynetworks"] == "127.0.0.0/8, [::1]/128, 10.0.0.0/8, [2001:db8::]/32"
    assert "relay_domains" not in found["parent_domain_matches_subdomains"]
    assert "smtpd_access_maps" in found["parent_domain_matches_subdomains"]
    assert found["relay_domains"] == "hash:$config_directory/policy_relay_domains"
    assert found["smtpd_authorized_xclient_hosts"] == found["smtpd_authorized_xforward_hosts"] == ""


@pytest.mark.parametrize(
    "live, rendered_value",
    [
        (
            "permit_mynetworks, check_client_access hash:$config_directory/access_relay, reject_unauth_destination",
            "permit_mynetworks, check_client_access hash:$config_directory/access_relay, reject_unauth_destination",
        ),
        (
            "check_client_access cidr:$config_directory/access_relay_networks, permit_mynetworks, defer_unauth_destination",
            "permit_mynetworks, check_client_access cidr:$config_directory/access_relay_networks, reject_unauth_destination",
        ),
        (
            "check_client_access hash:/etc/postfix/mine, permit_mynetworks",
            "permit_mynetworks, reject_unauth_destination",
        ),
    ],
)
def test_access_rules_that_let_relay_stay_wired(live, rendered_value):
    current = {"main.cf": f"a = 1\nsmtpd_relay_restrictions = {live}\n".encode()}
    rendering = rendered({"relay": {"networks": []}}, "none", current=lambda name: current.get(name, b"x"))
    assert values(rendering)["smtpd_relay_restrictions"] == rendered_value


def test_the_relay_control_stands_in_one_place():
    live = b"a = 1\nsmtpd_recipient_restrictions = permit_mynetworks, check_recipient_access hash:/x, reject_unauth_destination\n"
    rendering = rendered({"relay": {"networks": []}}, "none", current=lambda name: live if name == "main.cf" else b"x")
    found = values(rendering)
    assert found["smtpd_recipient_restrictions"] == "permit_mynetworks, check_recipient_access hash:/x"
    assert found["smtpd_relay_restrictions"] == "permit_mynetworks, reject_unauth_destination"
    assert any("smtpd_recipient_restrictions" in note for note in rendering.notes)


@pytest.mark.parametrize(
    "params,expected",
    [
        ({"identity": {"hostname": "a.test"}}, {"myhostname": "a.test"}),
        ({"identity": {"banner": ""}}, {"smtpd_banner": "$myhostname ESMTP"}),
        ({"identity": {"banner": "hello there"}}, {"smtpd_banner": "$myhostname ESMTP hello there"}),
        ({"identity": {"listen": ["loopback"]}}, {"inet_interfaces": "loopback-only"}),
        ({"identity": {"listen": ["loopback", "10.0.0.1", "::1"]}}, {"inet_interfaces": "127.0.0.1, 10.0.0.1, ::1"}),
        ({"identity": {"protocols": ["ipv6"]}}, {"inet_protocols": "ipv6"}),
        ({"identity": {"send_from": ["10.0.0.1", "2001:db8::1"]}}, {"smtp_bind_address": "10.0.0.1", "smtp_bind_address6": "2001:db8::1"}),
        ({"relay": {"subdomains": True}}, {"parent_domain_matches_subdomains": STOCK_PARENTS}),
        ({"routes": {"default": {"host": "gw.test"}}}, {"relayhost": "[gw.test]"}),
        ({"routes": {"default": {"host": "gw.test", "mx": True, "port": 26}}}, {"relayhost": "gw.test:26"}),
        ({"routes": {"default": {"hosts": ["gw.test", "10.0.0.1"]}}}, {"relayhost": "[gw.test],[10.0.0.1]"}),
        ({"routes": {"default": {"action": "discard"}}}, {"default_transport": DISCARDED, "relay_transport": DISCARDED}),
        ({"session": {"helo_required": True}}, {"smtpd_helo_required": "yes"}),
        ({"session": {"vrfy": False}}, {"disable_vrfy_command": "yes"}),
        ({"session": {"etrn": False}}, {"smtpd_etrn_restrictions": "permit_mynetworks, reject"}),
        ({"session": {"nul": "reject"}}, {"message_reject_characters": "\\0"}),
        ({"session": {"smtputf8": False}}, {"smtputf8_enable": "no"}),
        ({"session": {"bare_newline": "accept"}}, {"smtpd_forbid_bare_newline": "no"}),
        ({"session": {"bare_newline": "reject"}}, {"smtpd_forbid_bare_newline": "reject", "smtpd_forbid_bare_newline_exclusions": ""}),
        ({"session": {"pipelining_checks": True}}, {"smtpd_forbid_unauth_pipelining": "yes", "smtpd_data_restrictions": "reject_unauth_pipelining"}),
        ({"limits": {"hops": 25}}, {"hopcount_limit": "25"}),
        ({"limits": {"destination_concurrency": 3}}, {"default_destination_concurrency_limit": "3", "initial_destination_concurrency": "3"}),
        ({"limits": {"message_size": "100M"}}, {"message_size_limit": "104857600", "virtual_mailbox_limit": "0"}),
        ({"limits": {"connection_rate": 5}}, {"smtpd_client_connection_rate_limit": "5", "anvil_rate_time_unit": "1m"}),
        ({"timeouts": {"connect": "45s"}}, {"smtp_connect_timeout": "45s"}),
        ({"timeouts": {"greeting": "45s"}}, {"smtp_helo_timeout": "45s"}),
        ({"timeouts": {"quit": "45s"}}, {"smtp_quit_timeout": "45s", "smtp_skip_quit_response": "no"}),
        ({"timeouts": {"command": "2m"}}, {"smtpd_timeout": "${stress?{10}:{120}}s"}),
        ({"timeouts": {"command": "5s"}}, {"smtpd_timeout": "5s"}),
        ({"timeouts": {"ident": "0s"}}, {}),
        ({"load": {"refuse": 0}}, {}),
        ({"tls": {"client": {"level": "dane"}}}, {"smtp_tls_security_level": "dane", "smtp_dns_support_level": "dnssec", "smtp_host_lookup": "dns"}),
        ({"queue": {"warning_time": "0s", "lifetime": "3d"}}, {"delay_warning_time": "0s", "maximal_queue_lifetime": "3d"}),
        ({"queue": {"retry_minimum": "2h"}}, {"minimal_backoff_time": "2h", "maximal_backoff_time": "2h"}),
        ({"log": {"tls": True, "level": "normal"}}, {"smtpd_tls_loglevel": "1", "smtp_tls_loglevel": "1"}),
    ],
)  # fmt: skip
def test_an_option_sets_its_parameters_and_no_other(params, expected):
    assert alone(params) == expected


@pytest.mark.parametrize(
    "params,option",
    [
        ({"session": {"expn": True}}, "policy.session.expn"),
        ({"timeouts": {"ident": "5s"}}, "policy.timeouts.ident"),
        ({"timeouts": {"greeting": "10s", "helo": "20s"}}, "policy.timeouts.greeting"),
        ({"log": {"level": "verbose"}}, "policy.log.level"),
    ],
)
def test_what_postfix_cannot_do_is_refused_with_the_nearest(params, option):
    with pytest.raises(Unsupported, match="the nearest it can do: ") as caught:
        rendered(params)
    assert caught.value.option == option


@pytest.mark.parametrize(
    "params,option",
    [
        ({"identity": {"send_from": ["10.0.0.1", "10.0.0.2"]}}, "policy.identity.send_from"),
        ({"identity": {"hostname": "a.test"}, "relay": {"domains": ["a.test"]}}, "policy.relay.domains"),
        ({"identity": {"local_domains": ["b.test"]}, "relay": {"domains": ["b.test"]}}, "policy.relay.domains"),
        ({"recipients": {"domains": [{"domain": "s.test", "users": ["a"]}]}}, "policy.recipients.domains[0].domain"),
        ({"recipients": {"tables": ["people"]}}, "policy.recipients.tables"),
        ({"relay": {"domains": ["s.test"]}, "recipients": {"domains": [{"domain": "s.test"}]}}, "policy.recipients.domains[0].users"),
        ({"relay": {"domains": ["s.test"]}, "recipients": {"domains": [{"domain": "s.test"}], "tables": ["no-such"]}}, "policy.recipients.tables"),
        ({"routes": {"default": {"port": 25}}}, "policy.routes.default.host"),
        ({"routes": {"default": {"host": "10.0.0.1", "mx": True}}}, "policy.routes.default.mx"),
        ({"routes": {"domains": [{"domain": "a.test"}, {"domain": "a.test", "host": "b.test"}]}}, "policy.routes.domains[1].domain"),
        ({"routes": {"domains": [{"domain": "a.test", "port": 26, "subdomains": True}]}}, "policy.routes.domains[0].subdomains"),
        ({"routes": {"domains": [{"domain": "a.test", "action": "hold", "host": "b.test"}]}}, "policy.routes.domains[0].host"),
        ({"routes": {"domains": [{"domain": "a.test", "action": "hold", "text": "x"}]}}, "policy.routes.domains[0].text"),
        ({"routes": {"domains": [{"domain": "a.test", "host": "b.test", "hosts": ["c.test"]}]}}, "policy.routes.domains[0].hosts"),
        ({"routes": {"domains": [{"domain": "a.test", "protocols": ["ipv4"], "send_from": ["::1"]}]}}, "policy.routes.domains[0].send_from"),
        ({"routes": {"addresses": [{"address": "a@b.test"}]}}, "policy.routes.addresses[0].host"),
        ({"routes": {"senders": [{"sender": "b.test", "host": "c.test"}, {"sender": "B.test", "action": "hold"}]}}, "policy.routes.senders[1].sender"),
        ({"relay": {"domains": ["s.test"]}, "routes": {"senders": [{"sender": "b.test", "action": "hold"}]}}, "policy.routes.senders[0].action"),
        ({"identity": {"local_domains": ["a.test"]}, "routes": {"domains": [{"domain": "a.test"}]}}, "policy.routes.domains[0].domain"),
        ({"session": {"greeting_delays": DELAYED_TWICE}}, "policy.session.greeting_delays[1].network"),
        ({"tls": {"server": {"key": "/k"}}}, "policy.tls.server.certificate"),
        ({"tls": {"client": {"key": "/k"}}}, "policy.tls.client.certificate"),
        ({"tls": {"domains": [{"domain": "a.test", "level": "none", "minimum": "TLSv1.3"}]}}, "policy.tls.domains[0].minimum"),
        ({"queue": {"retry_minimum": "2h", "retry_maximum": "1h"}}, "policy.queue.retry_minimum"),
        ({"queue": {"retry_minimum": "5m", "run_interval": "1h"}}, "policy.queue.run_interval"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_with_its_option(params, option):
    with pytest.raises(OptionError) as caught:
        rendered(params)
    assert caught.value.option == option


def test_tls_without_any_certificate_is_refused():
    without = b"\n".join(line for line in recorded("3.10.13", "main.cf").splitlines() if b"smtpd_tls" not in line)
    with pytest.raises(OptionError, match="needs a certificate"):
        rendered({"tls": {"server": {"level": "may"}}}, current=reader("3.10.13", {"main.cf": without}))


def test_a_certificate_replaces_other_ways_to_name_one():
    live = {"main.cf": recorded("3.10.13", "main.cf") + b"smtpd_tls_chain_files = /x\nsmtpd_use_tls = yes\n"}
    after = values(rendered({"tls": {"server": {"certificate": "/c.pem"}}}, current=reader("3.10.13", live)))
    assert after["smtpd_tls_cert_file"] == "/c.pem"
    assert after["smtpd_tls_key_file"] == "$smtpd_tls_cert_file"
    assert after["smtpd_tls_security_level"] == "may"
    assert "smtpd_tls_chain_files" not in after and "smtpd_use_tls" not in after


def test_server_and_client_can_have_their_own_ciphers():
    assert alone({"tls": {"server": {"ciphers": "A"}, "client": {"ciphers": "B"}}}) == {
        "smtpd_tls_ciphers": "medium",
        "smtpd_tls_mandatory_ciphers": "medium",
        "tls_medium_cipherlist": "A",
        "smtp_tls_ciphers": "high",
        "smtp_tls_mandatory_ciphers": "high",
        "tls_high_cipherlist": "B",
    }


def test_protocols_are_named_one_by_one_where_the_bound_is_not_known():
    known = ("config_directory = /etc/postfix", "queue_directory = /q", "smtpd_tls_protocols = !SSLv2, !SSLv3")
    older = make_host("3.7.11", extra={("postconf", "-d"): "\n".join(("mail_version = 3.5.25",) + known)})
    policy = _policy.parse({"tls": {"server": {"minimum": "TLSv1.3"}}}, "none")
    both = [values(render(host, policy, Native(), reader("3.7.11"))) for host in (HOSTS["3.7.11"], older)]
    assert both[0]["smtpd_tls_protocols"] == ">=TLSv1.3"
    assert both[1]["smtpd_tls_protocols"] == "!SSLv2, !SSLv3, !TLSv1, !TLSv1.1, !TLSv1.2"


@pytest.mark.parametrize(
    "known,wanted,value",
    [
        (("smtpd_forbid_bare_newline", "smtpd_forbid_bare_newline_reject_code"), "normalize", "normalize"),
        (("smtpd_forbid_bare_newline",), "reject", "yes"),
        (("smtpd_forbid_bare_newline",), "accept", "no"),
        ((), "accept", None),
    ],
)
def test_the_words_against_smuggling_depend_on_the_version(known, wanted, value):
    host = _host_that_knows(known)
    policy = _policy.parse({"session": {"bare_newline": wanted}}, "none")
    assert values(render(host, policy, Native(), reader("3.7.11"))).get("smtpd_forbid_bare_newline") == value


@pytest.mark.parametrize("known,wanted", [((), "reject"), (("smtpd_forbid_bare_newline",), "normalize")])
def test_a_version_without_the_defence_is_told_or_noted(known, wanted):
    host = _host_that_knows(known)
    with pytest.raises(Unsupported):
        render(host, _policy.parse({"session": {"bare_newline": wanted}}), Native(), reader("3.7.11"))
    if wanted == "reject":
        notes = render(host, _policy.parse({}), Native(), reader("3.7.11")).notes
        assert any(note.startswith("policy.session.bare_newline: ") for note in notes)


def _host_that_knows(names):
    text = "mail_version = 3.5.20\nconfig_directory = /etc/postfix\nqueue_directory = /q\n"
    return make_host("3.7.11", extra={("postconf", "-d"): text + "".join(f"{name} = x\n" for name in names)})


def test_aliases_of_the_system_are_asked_after_ours():
    rendering = rendered({"aliases": {"root": ["admin@example.com", "ops"], "abuse": "root"}})
    assert lines(rendering, "aliases") == [("abuse", "root"), ("root", "admin@example.com, ops")]
    assert values(rendering)["alias_maps"] == "hash:$config_directory/policy_aliases, hash:/etc/aliases"


def test_a_demand_for_tls_is_found_under_the_next_hop_as_well():
    params = {
        "routes": {"domains": [{"domain": "a.test", "host": "gw.test", "port": 26}], "default": {"host": "out.test"}},
        "tls": {
            "domains": [
                {"domain": "a.test", "level": "encrypt", "minimum": "TLSv1.3"},
                {"domain": "out.test", "level": "may"},
            ]
        },
    }
    assert lines(rendered(params), "tls") == [
        ("[gw.test]:26", "encrypt protocols=>=TLSv1.3"),
        ("[out.test]", "may"),
        ("a.test", "encrypt protocols=>=TLSv1.3"),
        ("out.test", "may"),
    ]


def test_delays_before_the_greeting_the_narrowest_network_first():
    delays = [{"network": "10.0.0.0/8", "delay": "7s"}, {"network": "10.1.0.0/16", "delay": "0s"}]
    rendering = rendered({"session": {"greeting_delay": "2s", "greeting_delays": delays}})
    text = rendering.files["policy_greeting"].content.decode().splitlines()[1:]
    assert text == [
        "::1/128 DUNNO",
        "10.1.0.0/16 DUNNO",
        "10.0.0.0/8 sleep 7, reject_unauth_pipelining",
        "127.0.0.0/8 DUNNO",
        "0.0.0.0/0 sleep 2, reject_unauth_pipelining",
        "::/0 sleep 2, reject_unauth_pipelining",
    ]
    found = values(rendering)
    assert found["smtpd_delay_reject"] == "no"
    assert found["smtpd_client_restrictions"] == "check_client_access cidr:$config_directory/policy_greeting"


def test_without_a_delay_the_refusals_wait_for_the_recipient():
    first = rendered({"session": {"greeting_delay": "2s"}})
    second = values(rendered({}, current=over(reader("3.10.13"), first)))
    assert second["smtpd_delay_reject"] == "yes"
    assert second["smtpd_client_restrictions"] == ""


@pytest.mark.parametrize("name", ["smtpd_helo_restrictions", "smtpd_sender_restrictions", "smtpd_data_restrictions"])
def test_restrictions_of_the_administrator_stay(name):
    own = "check_client_access cidr:/etc/postfix/own"
    live = {"main.cf": recorded("3.10.13", "main.cf") + f"{name} = {own}\n".encode()}
    found = values(rendered(current=reader("3.10.13", live)))[name]
    assert found.startswith(own + ", ")
    assert len(found) > len(own) + 2


def test_a_restriction_with_a_table_of_ours_that_is_not_wanted_any_more_goes():
    live = (
        recorded("3.10.13", "main.cf")
        + b"smtpd_sender_restrictions = check_sender_access regexp:$config_directory/policy_old\n"
    )
    found = values(rendered(current=reader("3.10.13", {"main.cf": live})))["smtpd_sender_restrictions"]
    assert found == "permit_mynetworks, reject_non_fqdn_sender, reject_unknown_sender_domain"


def test_who_may_relay_is_the_policys_alone_and_what_goes_is_said():
    live = {"main.cf": b"a = 1\nsmtpd_relay_restrictions = check_sender_access hash:/x, permit_mynetworks, reject\n"}
    rendering = rendered(current=reader("3.10.13", live))
    assert values(rendering)["smtpd_relay_restrictions"] == "permit_mynetworks, reject_unauth_destination"
    assert any("check_sender_access hash:/x" in note for note in rendering.notes)


def test_a_host_without_ipv6_does_not_try_it():
    host = HOSTS["3.10.13"]
    only_tls = host.capabilities._replace(features=frozenset({"tls"}))
    bare = host._replace(ask=lambda: only_tls)
    policy = _policy.parse({}, "hardened")
    assert values(render(bare, policy, Native(), reader("3.10.13")))["inet_protocols"] == "ipv4"
