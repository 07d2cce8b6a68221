# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import hypothesis
import pytest
from hypothesis import strategies as some

from ansible_collections.postmaster.mta.plugins.module_utils._errors import (
    OptionError,
    PostmasterError,
    SyntaxProblem,
    Unsupported,
)
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import compile as compiled
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf, master_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import TABLES, render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    VERSIONS,
    make_host,
    over,
    reader,
    recorded,
)
from ansible_collections.postmaster.mta.tests.unit.share import examples

STOCK_PARENTS = (
    "debug_peer_list, fast_flush_domains, mynetworks, permit_mx_backup_networks, qmqpd_authorized_clients, relay_domains, "
    "smtpd_access_maps"
)
DELAYED_TWICE = [{"network": "10.0.0.0/8", "delay": "1s"}, {"network": "10.0.0.0/8", "delay": "2s"}]
DISCARDED = "discard:by a route of the policy"
HOSTS = {version: make_host(version) for version in VERSIONS}
POLICY = {
    "identity": {"hostname": "relay.example.com", "local_domains": ["local.test"]},
    "relay": {"networks": ["10.0.0.0/8", "2001:db8::/32"], "domains": ["served.test"]},
}


def rendered(params=None, baseline="hardened", native=None, current=None, version="3.10.13"):
    policy = _policy.parse(POLICY if params is None else params, baseline)
    return render(HOSTS[version], policy, native or Native(), current or reader(version))


def values(rendering):
    return main_cf.sound(main_cf.parse(rendering.files["main.cf"].content)).values


def alone(params, baseline="none", **others):
    """The parameters that an option sets, apart from those that were there."""
    before = main_cf.parse(recorded("3.10.13", "main.cf")).values
    after = values(rendered(params, baseline, **others))
    return {name: value for name, value in after.items() if before.get(name) != value}


def lines(rendering, name):
    return sorted(compiled.entries(rendering.files["policy_" + name].content, aliases=name == "aliases").items())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("baseline", ["hardened", "none"])
def test_what_is_live_is_not_changed_again(version, baseline):
    native = Native(main={"foo": [1, 2]}, master={"submission/inet": {"command": "smtpd", "options": {"a": "b c"}}})
    first = rendered(baseline=baseline, native=native, version=version)
    current = over(reader(version), first)
    second = rendered(baseline=baseline, native=native, current=current, version=version)
    assert {name: file.content for name, file in second.files.items()} == {name: current(name) for name in second.files}


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_asked_and_no_baseline_changes_nothing(version):
    assert rendered({}, "none", version=version).files["main.cf"].content == recorded(version, "main.cf")
    assert set(rendered({}, "none", version=version).files) == {"main.cf"}


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


def test_only_known_parameters_are_set():
    for version in VERSIONS:
        known = set(main_cf.parse(recorded(version, "postconf-d.txt")).values)
        assert set(values(rendered(version=version))) <= known | {"config_directory"}


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
        ({"timeouts": {"misc": "1m"}}, "policy.timeouts.misc"),
        ({"timeouts": {"ident": "5s"}}, "policy.timeouts.ident"),
        ({"timeouts": {"greeting": "10s", "helo": "20s"}}, "policy.timeouts.greeting"),
        ({"load": {"queue": 8}}, "policy.load.queue"),
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


def test_routes_become_a_transport_table():
    routes = [
        {"domain": "a.test", "host": "10.0.0.1", "port": 2525},
        {"domain": "b.test", "host": "2001:db8::1", "subdomains": True},
        {"domain": "c.test", "host": "mx.test", "mx": True},
        {"domain": "d.test"},
        {"domain": "e.test", "mx": False},
        {"domain": "f.test", "port": 26},
    ]
    rendering = rendered({"routes": {"domains": routes}})
    assert lines(rendering, "transport") == [
        (".b.test", "smtp:[2001:db8::1]"),
        ("a.test", "smtp:[10.0.0.1]:2525"),
        ("b.test", "smtp:[2001:db8::1]"),
        ("c.test", "smtp:mx.test"),
        ("d.test", "smtp:"),
        ("e.test", "smtp:[e.test]"),
        ("f.test", "smtp:f.test:26"),
    ]
    assert values(rendering)["transport_maps"] == "hash:$config_directory/policy_transport"


def test_connections_that_differ_have_a_service_that_goes_with_its_route():
    route = {"domain": "a.test", "host": "10.0.0.1", "esmtp": False, "send_from": ["2001:db8::1"]}
    kept = {"address": "x@a.test", "action": "hold"}
    rendering = rendered({"routes": {"domains": [route], "addresses": [kept]}}, "none")
    assert lines(rendering, "transport") == [
        ("a.test", "postmaster-route-helo-2001.db8..1:[10.0.0.1]"),
        ("x@a.test", "postmaster-route-hold:4.3.2 held back by a route of the policy"),
    ]
    services = master_cf.parse(rendering.files["master.cf"].content).services
    assert services["postmaster-route-hold/unix"].command == "error"
    service = services["postmaster-route-helo-2001.db8..1/unix"]
    assert service.command == "smtp" and service.chroot == services["smtp/unix"].chroot
    assert service.option_values == {
        "smtp_never_send_ehlo": "yes",
        "smtp_always_send_ehlo": "no",
        "smtp_bind_address6": "2001:db8::1",
    }
    without = rendered({}, "none", current=over(reader("3.10.13"), rendering))
    assert (
        master_cf.parse(without.files["master.cf"].content).services
        == master_cf.parse(recorded("3.10.13", "master.cf")).services
    )


def test_recipients_of_some_served_domains():
    relay = {"domains": ["s.test", "all.test"], "subdomains": True}
    rendering = rendered({"relay": relay, "recipients": {"domains": [{"domain": "s.test", "users": ["Anna"]}]}}, "none")
    assert lines(rendering, "recipients") == [
        ("@all.test", "everybody"),
        ("anna@s.test", "known"),
        ("postmaster@s.test", "known"),
    ]
    assert lines(rendering, "recipient_domains") == [("/\\.all\\.test$/", "everybody"), ("/\\.s\\.test$/", "everybody")]
    after = values(rendering)
    assert after["relay_recipient_maps"] == (
        "hash:$config_directory/policy_recipients, regexp:$config_directory/policy_recipient_domains"
    )
    without = rendered({}, "none", current=over(reader("3.10.13"), rendering))
    assert values(without)["relay_recipient_maps"] == ""
    assert without.files["policy_recipients"].content is None


def test_several_hosts_are_refused_before_postfix_3_5():
    older = make_host(
        "3.7.11",
        extra={("postconf", "-d"): "mail_version = 3.4.14\nconfig_directory = /etc/postfix\nqueue_directory = /q\n"},
    )
    policy = _policy.parse({"routes": {"domains": [{"domain": "a.test", "hosts": ["b.test", "c.test"]}]}}, "none")
    with pytest.raises(Unsupported, match="one host; several next hops came with Postfix 3.5"):
        render(older, policy, Native(), reader("3.7.11"))


def test_routes_by_sender():
    senders = [{"sender": "a.test", "hosts": ["10.0.0.1", "gw.test"]}, {"sender": "x@b.test", "action": "discard"}]
    rendering = rendered({"routes": {"senders": senders}}, "none")
    assert lines(rendering, "sender_hops") == [("@a.test", "[10.0.0.1],[gw.test]")]
    assert lines(rendering, "sender_transports") == [("x@b.test", "discard:by a route of the policy")]
    after = values(rendering)
    assert after["sender_dependent_relayhost_maps"] == "hash:$config_directory/policy_sender_hops"
    assert after["sender_dependent_default_transport_maps"] == "hash:$config_directory/policy_sender_transports"


def test_tables_of_the_administrator_stay_behind_ours_and_ours_go_when_empty():
    live = {"main.cf": recorded("3.10.13", "main.cf") + b"transport_maps = hash:/etc/postfix/own\n"}
    params = {"routes": {"domains": [{"domain": "a.test"}]}}
    first = rendered(params, current=reader("3.10.13", live))
    assert values(first)["transport_maps"] == "hash:$config_directory/policy_transport, hash:/etc/postfix/own"
    current = over(reader("3.10.13"), first)
    compiled = {"policy_transport.db": b"compiled"}
    second = rendered({}, current=lambda name: compiled.get(name) or current(name))
    assert values(second)["transport_maps"] == "hash:/etc/postfix/own"
    assert second.files["policy_transport"].content is None
    assert second.files["policy_transport.db"].content is None


def test_a_table_that_main_cf_still_names_is_not_removed():
    first = rendered()
    second = rendered({}, "none", current=over(reader("3.10.13"), first))
    assert "policy_relay_domains" not in second.files
    assert "policy_relay_domains" in values(second)["relay_domains"]


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


def test_native_settings_win_over_the_policy():
    native = Native(main={"message_size_limit": 1000, "myhostname": None, "alias_maps": ""})
    rendering = rendered(native=native)
    found = values(rendering)
    assert found["message_size_limit"] == "1000"
    assert "myhostname" not in found
    assert found["alias_maps"] == ""
    assert rendering.settings["message_size_limit"] == "1000"


@pytest.mark.parametrize("option", ["main", "main_secrets"])
def test_secrets_are_in_a_table_of_their_own_and_not_in_the_summary(option):
    rendering = rendered(native=Native(**{option: {"smtp_sasl_password_maps": "static:user:hunter2"}}))
    assert values(rendering)["smtp_sasl_password_maps"] == "regexp:$config_directory/secret_smtp_sasl_password_maps"
    table = rendering.files["secret_smtp_sasl_password_maps"]
    assert table.secret and table.mode == 0o600 and table.content.endswith(b"\n/^/\tuser:hunter2\n")
    assert b"hunter2" not in rendering.files["main.cf"].content
    assert "hunter2" not in repr(rendering.settings)


@pytest.mark.parametrize("port,key", [(25, "smtp/inet"), (2525, "2525/inet")])
def test_the_port_is_the_name_of_the_service(port, key):
    rendering = rendered({"identity": {"port": port}}, "none")
    services = master_cf.parse(rendering.files["master.cf"].content).services
    assert services[key].command == "smtpd"
    assert len(services) == len(master_cf.parse(recorded("3.10.13", "master.cf")).services)


def test_a_port_goes_back_to_25():
    first = rendered({"identity": {"port": 2525}}, "none")
    second = rendered({"identity": {"port": 25}}, "none", current=over(reader("3.10.13"), first))
    assert "smtp/inet" in master_cf.parse(second.files["master.cf"].content).services


@pytest.mark.parametrize("processes,column", [(100, "-"), (20, "20")])
def test_the_number_of_servers_stands_in_master_cf_where_it_is_not_the_usual(processes, column):
    services = master_cf.parse(rendered({"limits": {"processes": processes}}).files["master.cf"].content).services
    assert services["smtp/inet"].processes == column


def test_behind_postscreen_it_is_smtpd_pass_that_serves():
    native = Native(master={"smtp/inet": {"command": "postscreen", "maxproc": 1}, "smtpd/pass": {"command": "smtpd"}})
    first = rendered({}, "none", native=native)
    second = rendered({"limits": {"processes": 7}}, current=over(reader("3.10.13"), first))
    services = master_cf.parse(second.files["master.cf"].content).services
    assert (services["smtp/inet"].processes, services["smtpd/pass"].processes) == ("1", "7")


def test_an_option_of_the_service_that_is_stronger_than_main_cf_is_noted():
    live = recorded("3.10.13", "master.cf").replace(
        b"-       smtpd\n", b"-       smtpd\n  -o smtpd_helo_required=no\n", 1
    )
    notes = rendered(current=reader("3.10.13", {"master.cf": live})).notes
    assert any("smtp/inet: -o smtpd_helo_required=no is stronger" in note for note in notes)


@pytest.mark.parametrize("name", ["main.cf", "master.cf"])
def test_a_live_file_that_cannot_be_edited_is_refused_with_its_line(name):
    with pytest.raises(SyntaxProblem, match=f"/etc/postfix/{name}:1: "):
        rendered(current=reader("3.10.13", {name: b"nonsense\n"}))


def test_a_host_without_ipv6_does_not_try_it():
    host = HOSTS["3.10.13"]
    only_tls = host.capabilities._replace(features=frozenset({"tls"}))
    bare = host._replace(ask=lambda: only_tls)
    policy = _policy.parse({}, "hardened")
    assert values(render(bare, policy, Native(), reader("3.10.13")))["inet_protocols"] == "ipv4"


def test_a_time_that_says_the_same_is_not_rewritten():
    live = {"main.cf": recorded("3.10.13", "main.cf") + b"minimal_backoff_time = 300s\nqueue_run_delay = 0h\n"}
    found = values(rendered(current=reader("3.10.13", live)))
    assert found["minimal_backoff_time"] == "300s"
    assert found["queue_run_delay"] == "5m"


@pytest.mark.parametrize("there,level", [("2", "3.9"), ("3.6", "3.9"), ("3.9", "3.9"), ("3.11", "3.11")])
def test_the_compatibility_level_is_never_lowered(there, level):
    live = {"main.cf": f"compatibility_level = {there}\nalias_maps =\n".encode()}
    assert values(rendered(current=reader("3.10.13", live)))["compatibility_level"] == level


# Hostile values: an error of ours, or exactly the parameters that are meant.

NASTY = some.one_of(
    some.sampled_from(
        ["a\nb = c", "a\n b", "\tx", "# x", "${x", "$(", "$$", "$myhostname", "${mynetworks?x}", "a\0b", "b\u00fcb", "x" * 100000,
         "10.0.0.5/8", "::1", "[::1]", "2001:db8::1/32", "0.0.0.0/0", "a, b", "{ a }", "}", "'", '"', "`", "a=b", "-o a=b", "\r", "\x85", "\u2028x",
         " lead", "trail ", "yes", "0", "25M", "5m", "/etc/passwd", "../x", "a.test", "relay.example.com", "[10.0.0.1]:25", "all"]
    ),
    some.text(max_size=20),
)  # fmt: skip
ANY = some.one_of(NASTY, some.booleans(), some.integers(-5, 10**12), some.none(), some.lists(NASTY, max_size=3))


def _options(options, spec=None):
    """Some of the options; those that Ansible demands always."""
    required = {name for name, one in (spec or {}).items() if one.get("required")}
    return some.sets(some.sampled_from([option.name for option in options]), max_size=3).flatmap(
        lambda names: some.fixed_dictionaries({o.name: _value(o) for o in options if o.name in names | required})
    )


def _value(option):
    """Mostly of the right type, since Ansible sees to that."""
    spec = option.kind.spec
    if option.kind.options:
        inner = _options(option.kind.options, spec["options"])
        return inner if spec["type"] == "dict" else some.lists(inner, max_size=2)
    kind = {
        "bool": some.booleans(),
        "int": some.integers(-1, 3000),
        "dict": some.dictionaries(NASTY, some.one_of(NASTY, some.lists(NASTY, max_size=2)), max_size=2),
    }
    if spec.get("choices"):
        return some.sampled_from(spec["choices"])
    if spec["type"] == "list":
        return some.lists(
            some.sampled_from(spec.get("choices") or [""]).flatmap(lambda word: some.just(word) if word else NASTY),
            max_size=2,
        )
    return kind.get(spec["type"], NASTY)


@hypothesis.given(_options(_policy.SECTIONS), some.sampled_from(VERSIONS), some.sampled_from(["hardened", "none"]))
@hypothesis.settings(max_examples=examples(1000), suppress_health_check=list(hypothesis.HealthCheck))
def test_a_hostile_policy_is_refused_or_sets_what_it_means(params, version, baseline):
    try:
        rendering = rendered(params, baseline, version=version)
    except PostmasterError:
        return
    _nothing_but_the_settings(rendering, version)


@hypothesis.given(
    some.dictionaries(some.one_of(some.sampled_from(["foo", "myhostname", "mynetworks"]), NASTY), ANY, max_size=3),
    some.dictionaries(
        some.one_of(some.sampled_from(["smtp/inet", "new/unix", "25/inet"]), NASTY),
        some.dictionaries(
            some.sampled_from(["private", "chroot", "wakeup", "maxproc", "command", "options", "state", "x"]),
            some.one_of(ANY, some.dictionaries(NASTY, ANY, max_size=2)),
        ),
        max_size=2,
    ),
    some.sampled_from(VERSIONS),
)
@hypothesis.settings(max_examples=examples(1000), suppress_health_check=list(hypothesis.HealthCheck))
def test_hostile_native_settings_are_refused_or_set_what_they_mean(main, master, version):
    try:
        rendering = rendered({}, "none", native=Native(main=main, master=master), version=version)
    except PostmasterError:
        return
    _nothing_but_the_settings(rendering, version, removed={name for name, value in main.items() if value is None})
    services = master_cf.sound(master_cf.parse(rendering.files["master.cf"].content)).services if master else {}
    before = set(master_cf.parse(recorded(version, "master.cf")).services)
    absent = {key for key, given in master.items() if isinstance(given, dict) and given.get("state") == "absent"}
    assert not master or set(services) == (before | set(master)) - absent


def _nothing_but_the_settings(rendering, version, removed=()):
    """Every parameter of the result is one that was there or one in I(settings), with just that value."""
    before = main_cf.parse(recorded(version, "main.cf")).values
    after = values(rendering)
    decided = {name: value for name, value in rendering.settings.items() if "/" not in name}
    expected = dict(before, **decided)
    kept = {name: value for name, value in expected.items() if name in after or name in decided}
    assert {name: value.split() for name, value in after.items()} == {
        name: value.split() for name, value in kept.items()
    }
    assert set(expected) - set(after) <= set(removed) | {"smtpd_tls_chain_files", "smtpd_use_tls", "smtp_use_tls"}
    for name, file in rendering.files.items():
        if name in TABLES and file.content is not None:
            _well_formed(name, file.content)


def _well_formed(name, content):
    text = content.decode("ascii")
    assert all(" " <= letter <= "~" or letter == "\n" for letter in text)
    for line in text.splitlines()[1:]:
        assert line and line[0] not in "# \t"
    assert len(text.splitlines()) - 1 == len(compiled.entries(content, aliases=name == "policy_aliases"))
