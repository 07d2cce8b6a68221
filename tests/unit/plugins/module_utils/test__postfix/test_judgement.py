# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a configuration open or dead, and what does not."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import judgement, main_cf, master_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.parameters import parse_listing
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.static_tables import Tables
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    VERSIONS,
    recorded,
)

HARDENED = """
myhostname = mx.example.com
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8, 192.0.2.0/24, 10.0.0.0/8
relay_domains = served.test
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions =
"""
FILES = {
    "/t/senders": b"a@x.test OK\nx.example OK\n",
    "/t/helo": b"friend.test OK\n",
    "/t/clients": b"com OK\n",
    "/t/octets": b"".join(b"%d OK\n" % number for number in range(20, 30)),
    "/t/all": b"/./ OK\n",
    "/t/nets": b"0.0.0.0/1 OK\n128.0.0.0/1 OK\n",
    "/t/domains": b"served.test x\nco.uk x\n",
    "/t/served": b"# ours\nserved.test\nother.test\n",
    "/t/said": b"/@partner\\.test$/\tOK\n",
    "/t/gates": b"/^gate[0-9]+\\.partner\\.test$/ permit_mynetworks, permit\n",
    "/t/bounces": b"<> OK\n",
    "/t/wide": b"10.0.0.0/8\n44.0.0.0/8\n",
    "/t/tabs": b"44.0.0.0/6\tyes\n",
    "/t/nameless": b"/^unknown$/ OK\n",
    "/t/received": b"/^Received:/ DISCARD\n",
    "/t/later": b"/./ DEFER\n",
    "/t/discard": b"/^/ DISCARD\n",
    "/t/fine": b"/^boss@/ 250 fine\n",
    "/t/routes": b"partner.test gone:[192.0.2.1]\n",
    "/t/own": b"partner.test smtp:[127.0.0.1]\n",
    "/t/redirect": b"/^Subject:/ REDIRECT a@b.test\n",
    "/t/filter": b"/^Received:/ FILTER discard:\n",
    "/t/unfiltered": b"/./ FILTER gone:[192.0.2.1]\n",
    "/t/ignore": b"/./ IGNORE\n",
    "/t/mime": b"/^Content-Type:/ REJECT\n",
    "/t/received-only": b"/^Received:/ IGNORE\n",
    "/t/one": b"/./ a@b.test\n",
    "/t/same": b"/^(.*)$/ $1\n",
    "/etc/hosts": b"127.0.0.1 localhost\n192.0.2.25 mx.example.com outside.example.com # ours\n",
}


def findings(main="", master=None, version="3.10.13", listening=(25,), exists=(), hardened=HARDENED, files=FILES):
    content = (hardened + main).encode()
    values = main_cf.parse(content).values
    builtin = parse_listing(recorded(version, "postconf-d.txt").decode())
    services = master_cf.parse(recorded(version, "master.cf") + (master or "").encode()).services
    facts = judgement.Facts(
        dict(builtin, **values),
        frozenset(values),
        services,
        Tables(files.get),
        ("127.0.0.1", "192.0.2.25", "::1"),
        frozenset(listening),
        lambda path: path in exists,
        lambda name: "." not in name or name == "co.uk",
        10**12,
    )
    return judgement.judged(facts)


def codes(*given, **options):
    return [(finding.code, finding.about) for finding in findings(*given, **options) if finding.severity != "notice"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "main",
    [
        "",
        "relay_domains = hash:/t/served\n",
        "relay_domains = /t/served\n",
        "smtpd_sender_restrictions = check_sender_access hash:/t/senders\n",
        "smtpd_relay_restrictions = permit_mynetworks, check_client_access cidr:/t/none, reject_unauth_destination\n",
        "smtpd_relay_restrictions = permit_sasl_authenticated, permit_tls_clientcerts, defer_unauth_destination\n",
        "smtpd_client_restrictions = permit_mynetworks, reject\n",
        "relayhost = [smtp.example.com]:587\nsmtp_tls_security_level = encrypt\n",
        "relay_domains = co.uk\nparent_domain_matches_subdomains = smtpd_access_maps\n",
        "mynetworks = 127.0.0.0/8, 198.51.0.0/16, 203.0.113.0/24\n",
        "relayhost = [192.0.2.26]\n",
        "smtpd_milters = inet:filter.example.com:8891\n",
    ],
)
def test_a_usual_relay_has_no_finding(main, version):
    assert codes(main, version=version) == []


OPEN = [
    ("mynetworks = static:all\n", "trusts_everybody"),
    ("mynetworks = 0.0.0.0/0\n", "trusts_everybody"),
    ("mynetworks = 127.0.0.0/8, 44.0.0.0/8\n", "trusts_everybody"),
    ("mynetworks = 127.0.0.0/8, [2000::]/3\n", "trusts_everybody"),
    ("mynetworks = !192.0.2.1, cidr:/t/nets\n", "trusts_everybody"),
    ("relay_domains = test\n", "serves_everybody"),
    ("relay_domains = co.uk\n", "serves_everybody"),
    ("relay_domains = hash:/t/domains\n", "serves_everybody"),
    ("relay_domains = static:ALL\n", "serves_everybody"),
    ("mydestination = static:all\n", "serves_everybody"),
    ("virtual_alias_domains = regexp:/t/all\n", "serves_everybody"),
    ("allow_untrusted_routing = yes\n", "routes_for_everybody"),
    ("smtpd_authorized_xclient_hosts = static:all\n", "trusts_everybody"),
    ("smtpd_authorized_xclient_hosts = 0.0.0.0/0\n", "trusts_everybody"),
    ("smtpd_relay_restrictions = check_sender_access hash:/t/senders, reject_unauth_destination\n", "believes_claims"),
    ("smtpd_relay_restrictions = check_sender_access static:OK, reject_unauth_destination\n", "believes_claims"),
    ("smtpd_relay_restrictions = check_helo_access hash:/t/helo, reject_unauth_destination\n", "believes_claims"),
    ("smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks, permit, reject_unauth_destination\n", "permits_everybody"),
    ("smtpd_relay_restrictions = ours, reject_unauth_destination\nsmtpd_restriction_classes = ours\nours = permit\n", "permits_everybody"),
    ("smtpd_relay_restrictions = check_client_access hash:/t/clients, reject_unauth_destination\n", "trusts_everybody"),
    ("smtpd_relay_restrictions = check_client_access hash:/t/octets, reject_unauth_destination\n", "trusts_everybody"),
    ("smtpd_relay_restrictions = check_client_access cidr:/t/nets, reject_unauth_destination\n", "trusts_everybody"),
    ("smtpd_tls_ask_ccert = yes\nsmtpd_relay_restrictions = permit_tls_all_clientcerts, reject_unauth_destination\n", "trusts_certificates"),
    ("smtpd_relay_restrictions = check_sender_access regexp:/t/said, reject_unauth_destination\n", "believes_claims"),
    ("smtpd_relay_restrictions = check_sender_access pcre:/t/said, reject_unauth_destination\n", "believes_claims"),
    ("smtpd_relay_restrictions = check_helo_access regexp:/t/gates, reject_unauth_destination\n", "believes_claims"),
    ("smtpd_relay_restrictions = check_sender_access hash:/t/bounces, reject_unauth_destination\n", "believes_claims"),
    ("smtpd_relay_restrictions = check_client_access randmap:{OK, DUNNO}, reject_unauth_destination\n", "trusts_everybody"),
    ("mynetworks = 127.0.0.0/8, /t/wide\n", "trusts_everybody"),
    ("mynetworks = 127.0.0.0/8, cidr:/t/tabs\n", "trusts_everybody"),
    ("smtpd_restriction_classes=a, b\na=b\nb=check_sender_access regexp:/t/said\nsmtpd_relay_restrictions=a, reject_unauth_destination\n", "permits_everybody"),
    ("smtpd_tls_req_ccert=yes\nrelay_clientcerts=static:x\nsmtpd_relay_restrictions=permit_tls_clientcerts,reject_unauth_destination\n", "trusts_certificates"),
    ("mynetworks = 127.0.0.0/8, com\n", "trusts_everybody"),
    ("mynetworks = 127.0.0.0/8, hash:/t/clients\n", "trusts_everybody"),
    ("mynetworks = pipemap:{static:x}\n", "trusts_everybody"),
    ("mynetworks = randmap:{x}\n", "trusts_everybody"),
    ("smtpd_relay_restrictions=permit_naked_ip_address, reject_unauth_destination\n", "permits_everybody"),
    ("smtpd_relay_restrictions=permit_mynetworks, permit_mx_backup, reject_unauth_destination\n", "serves_everybody"),
    ("smtpd_tls_ask_ccert=yes\nsmtpd_relay_restrictions=check_ccert_access static:OK, reject_unauth_destination\n", "permits_everybody"),
]  # fmt: skip


@pytest.mark.parametrize("main, code", OPEN)
def test_what_lets_strangers_relay_is_a_finding(main, code):
    assert code in [known for known, dummy in codes(main)]


def test_networks_of_which_each_is_narrow_can_be_the_internet_together():
    networks = ", ".join(f"{number}.{half}.0.0/9" for number in range(20, 22) for half in (0, 128))
    assert ("trusts_everybody", "mynetworks") in codes(f"mynetworks = {networks}\n")


def test_the_class_of_a_network_is_a_finding_where_nobody_named_networks():
    unnamed = HARDENED.replace("mynetworks = 127.0.0.0/8, 192.0.2.0/24, 10.0.0.0/8\n", "")
    assert ("trusts_everybody", "mynetworks_style") in codes("mynetworks_style = class\n", hardened=unnamed)


def test_each_listener_has_its_own_options():
    service = "2525 inet n - y - - smtpd -o mynetworks=static:all\n"
    assert codes(master=service, listening=(25, 2525)) == [("trusts_everybody", "2525/inet: mynetworks")]


def test_who_only_listens_to_the_host_itself_is_not_open():
    assert codes(master="127.0.0.1:10025 inet n - y - - smtpd -o smtpd_relay_restrictions=static:OK,reject\n") == []


DEAD = [
    ("sender_dependent_relayhost_maps = static:[127.0.0.1]\n", "sends_to_itself"),
    ("sender_dependent_default_transport_maps = static:discard:\n", "discards_everything"),
    ("header_checks = regexp:/t/received\n", "discards_everything"),
    ("smtpd_milters = inet:99@127.0.0.1\n", "nobody_listens"),
    ("smtpd_proxy_filter = inet:127.0.0.1:99\n", "nobody_listens"),
    ("smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:99\n", "nobody_listens"),
    ("smtpd_data_restrictions = reject\n", "refuses_everybody"),
    ("master_service_disable = inet\n", "undefined_service"),
    ("master_service_disable = qmgr.unix\n", "undefined_service"),
    ("smtpd_helo_restrictions = check_helo_access regexp:/t/later\n", "refuses_everybody"),
    ("smtpd_milters = inet:127.0.0.1:8891\n", "nobody_listens"),
    ("smtpd_milters = unix:/run/none.sock\n", "nobody_listens"),
    ("smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination, check_policy_service inet:127.0.0.1:10023\n", "nobody_listens"),
    ("content_filter = smtp:[127.0.0.1]:10024\n", "nobody_listens"),
    ("content_filter = scan:\n", "undefined_service"),
    ("default_transport = gone\n", "undefined_service"),
    ("transport_maps = hash:/t/routes\n", "undefined_service"),
    ("transport_maps = static:discard:\n", "discards_everything"),
    ("transport_maps = inline:{{* = discard:}}\n", "discards_everything"),
    ("default_transport = error:nobody\n", "refuses_everybody"),
    ("defer_transports = smtp\n", "holds_everything"),
    ("header_checks = regexp:/t/discard\n", "discards_everything"),
    ("smtpd_client_restrictions = reject\n", "refuses_everybody"),
    ("smtpd_client_restrictions = check_client_access static:REJECT\n", "refuses_everybody"),
    ("smtpd_sender_restrictions = check_sender_access static:REJECT\n", "refuses_everybody"),
    ("smtpd_sender_restrictions = check_sender_access static:DISCARD\n", "discards_everything"),
    ("smtpd_sender_restrictions = check_sender_access static:HOLD\n", "holds_everything"),
    ("smtp_bind_address = 198.51.100.7\n", "foreign_address"),
    ("relayhost = [127.0.0.1]\n", "sends_to_itself"),
    ("relayhost = [192.0.2.25]:25\n", "sends_to_itself"),
    ("relayhost = $myhostname\n", "sends_to_itself"),
    ("disable_dns_lookups = yes\n", "finds_no_route"),
    ("smtpd_client_restrictions = check_client_access static:perhaps\n", "refuses_everybody"),
    ("smtpd_sender_restrictions = check_sender_access static:{250 fine}\n", "refuses_everybody"),
    ("smtpd_helo_restrictions = permitt_mynetworks\n", "refuses_everybody"),
    ("smtpd_relay_restrictions = permit_mynetworks, permit, reject_unauth_destination\n", "refuses_everybody"),
    ("smtpd_relay_restrictions = permit_mynetworks, warn_if_reject reject_unauth_destination\n", "refuses_everybody"),
    ("smtpd_relay_restrictions = permit_mynetworks\n", "refuses_everybody"),
    ("smtpd_relay_restrictions = permit_mynetworks, ours\nsmtpd_restriction_classes = ours\nours = permit, reject\n", "refuses_everybody"),
    ("smtpd_restriction_classes = ours\nours = check_sender_access proxy:hash:/t/x\n", "undefined_service"),
    ("smtpd_sender_restrictions = check_sender_access proxy:hash:/t/x\nproxy_read_maps = $relay_domains\n", "undefined_service"),
]  # fmt: skip


#: Settings that are right by themselves, and that ordinary mail does not pass: the parameter with which each is told.
OBSTACLES = [
    ("hopcount_limit = 1\n", "too_tight", "hopcount_limit"),
    ("message_size_limit = 10\n", "too_tight", "message_size_limit"),
    ("header_size_limit = 1\n", "too_tight", "header_size_limit"),
    ("queue_minfree = 9000000000000000\n", "too_tight", "queue_minfree"),
    ("smtpd_timeout = 1s\n", "too_tight", "smtpd_timeout"),
    ("default_destination_rate_delay = 1d\n", "too_tight", "default_destination_rate_delay"),
    ("queue_run_delay = 4w\n", "too_tight", "queue_run_delay"),
    ("maximal_queue_lifetime = 0\n", "too_tight", "maximal_queue_lifetime"),
    ("smtpd_client_restrictions = sleep 3600\n", "refuses_everybody", "smtpd_client_restrictions"),
    ("smtpd_recipient_restrictions = permit_mynetworks, sleep 200, sleep 200\n", "refuses_everybody", "smtpd_recipient_restrictions"),
    ("smtpd_client_restrictions = reject_plaintext_session\n", "refuses_everybody", "smtpd_client_restrictions"),
    ("smtpd_tls_security_level = encrypt\n", "refuses_everybody", "smtpd_tls_security_level"),
    ("smtpd_enforce_tls = yes\n", "refuses_everybody", "smtpd_enforce_tls"),
    ("smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = /c\nsmtpd_tls_req_ccert = yes\n", "refuses_everybody", "smtpd_tls_req_ccert"),
    ("smtpd_tls_wrappermode = yes\n", "refuses_everybody", "smtpd_tls_wrappermode"),
    ("smtp_tls_security_level = dane-only\n", "demands_encryption", "smtp_tls_security_level"),
    ("smtp_tls_security_level = may\nsmtp_tls_policy_maps = static:secure\n", "demands_encryption", "smtp_tls_policy_maps"),
    ("smtp_enforce_tls = yes\n", "demands_encryption", "smtp_enforce_tls"),
    ("canonical_maps = static:x@served.test\n", "rewrites_everything", "canonical_maps"),
    ("recipient_canonical_maps = static:x@served.test\n", "rewrites_everything", "recipient_canonical_maps"),
    ("virtual_alias_maps = regexp:/t/one\n", "rewrites_everything", "virtual_alias_maps"),
    ("header_checks = regexp:/t/redirect\n", "rewrites_everything", "header_checks"),
    ("header_checks = regexp:/t/filter\n", "discards_everything", "header_checks"),
    ("body_checks = regexp:/t/unfiltered\n", "undefined_service", "body_checks"),
    ("mime_header_checks = regexp:/t/mime\n", "refuses_everybody", "mime_header_checks"),
    ("smtp_header_checks = regexp:/t/ignore\n", "discards_everything", "smtp_header_checks"),
    ("smtpd_client_restrictions = check_client_access static:{REDIRECT a@b.test}\n", "rewrites_everything", "smtpd_client_restrictions"),
    ("smtpd_client_restrictions = check_client_access static:{FILTER discard:}\n", "discards_everything", "smtpd_client_restrictions"),
    ("content_filter = discard:\n", "discards_everything", "content_filter"),
    ("smtp_fallback_relay = [127.0.0.1]\n", "sends_to_itself", "smtp_fallback_relay"),
    ("relayhost = [outside.example.com]\n", "sends_to_itself", "relayhost"),
    ("transport_maps = hash:/t/own\n", "sends_to_itself", "transport_maps: partner.test"),
    ("virtual_transport = smtp:[127.0.0.1]\n", "sends_to_itself", "virtual_transport"),
    ("content_filter = smtp:[127.0.0.1]\n", "sends_to_itself", "content_filter"),
    ("smtpd_proxy_filter = 127.0.0.1:25\n", "sends_to_itself", "smtpd_proxy_filter"),
    ("smtpd_upstream_proxy_protocol = haproxy\n", "trusts_everybody", "smtpd_upstream_proxy_protocol"),
    ("smtp_dns_support_level = disabled\n", "finds_no_route", "smtp_dns_support_level"),
    ("non_smtpd_milters = inet:127.0.0.1:9999\n", "nobody_listens", "non_smtpd_milters"),
    ("master_service_disable = pickup.unix\n", "undefined_service", "master_service_disable"),
]  # fmt: skip


@pytest.mark.parametrize("main, code, about", OBSTACLES)
def test_what_ordinary_mail_does_not_pass_is_a_finding(main, code, about):
    assert (code, about) in codes(main)


NOTICES = [
    ("smtp_tls_policy_maps = static:encrypt\n", "smtp_tls_policy_maps"),
    ("smtp_tls_security_level = encrypt\n", "smtp_tls_security_level"),
    ("smtpd_tls_security_level = may\nsmtpd_tls_cert_file = /c\nsmtpd_client_restrictions = reject_plaintext_session\n", "smtpd_client_restrictions"),
    ("smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = /c\n", "smtpd_tls_security_level"),
]  # fmt: skip


@pytest.mark.parametrize("main, about", NOTICES)
def test_a_demand_of_encryption_that_many_can_meet_is_told_and_stops_nothing(main, about):
    assert [(known.code, known.about, known.severity) for known in findings(main)] == [
        ("demands_encryption", about, "notice")
    ]


def test_hosts_that_are_looked_up_without_dns_are_not_found():
    files = {"/etc/nsswitch.conf": b"passwd: files\nhosts: files # dns\n"}
    native = "smtp_host_lookup = native\n"
    assert codes(native, files=files) == [("finds_no_route", "smtp_host_lookup")]
    assert codes(native + "relayhost = [192.0.2.26]\n", files=files) == []
    assert codes(native, files={"/etc/nsswitch.conf": b"hosts: files dns\n"}) == []


def test_an_option_of_a_service_is_told_with_the_service():
    listener = "2525 inet n - y - - smtpd -o message_size_limit=10 -o smtpd_client_restrictions=sleep,3600\n"
    client = "smtp unix - - y - - smtp -o smtp_tls_security_level=secure\n"
    cleaner = "cleanup unix n - y - 0 cleanup -o header_checks=static:DISCARD\n"
    seen = codes(master=listener + client + cleaner, listening=(25, 2525))
    assert set(seen) == {
        ("too_tight", "2525/inet: message_size_limit"),
        ("refuses_everybody", "2525/inet: smtpd_client_restrictions"),
        ("demands_encryption", "smtp/unix: smtp_tls_security_level"),
        ("discards_everything", "cleanup/unix: header_checks"),
    }


@pytest.mark.parametrize("main, code", DEAD)
def test_what_stops_all_mail_is_a_finding(main, code):
    assert code in [known for known, dummy in codes(main)]


def test_a_refusal_of_all_mail_without_a_route_is_what_a_policy_can_say():
    rest = "default_transport = error:5.7.1 Nobody\nrelay_transport = discard:\n"
    assert codes(rest + "transport_maps = inline:{partner.test=smtp:[192.0.2.1]}\n") == []


@pytest.mark.parametrize(
    "service",
    ["qmgr", "smtp", "bounce", "cleanup", "pickup", "trace", "proxymap", "anvil", "rewrite", "relay", "showq"],
)
def test_a_service_that_is_needed_must_be_defined(service, monkeypatch):
    content = recorded("3.10.13", "master.cf")
    lines = [line for line in content.split(b"\n") if not line.startswith(service.encode() + b" ") or b"inet" in line]
    parse = master_cf.parse
    monkeypatch.setattr(master_cf, "parse", lambda given: parse(b"\n".join(lines)))
    assert "undefined_service" in [code for code, dummy in codes()]


def test_the_tables_of_a_service_are_looked_up_by_the_proxymap_of_main_cf():
    service = "2525 inet n - y - - smtpd -o smtpd_sender_restrictions=proxy:hash:/t/x\n"
    assert codes(master=service, listening=(25, 2525)) == [
        ("undefined_service", "2525/inet: smtpd_sender_restrictions")
    ]


def test_a_port_of_the_relay_itself_is_listened_at():
    reinjection = "127.0.0.1:10025 inet n - y - - smtpd -o smtpd_relay_restrictions=permit_mynetworks,reject"
    main = "content_filter = smtp:[127.0.0.1]:10025\n"
    assert codes(main, master=reinjection + " -o content_filter=\n") == []
    assert ("sends_to_itself", "127.0.0.1:10025/inet: content_filter") in codes(main, master=reinjection + "\n")


def test_an_endpoint_that_answers_is_no_finding():
    main = "smtpd_milters = inet:127.0.0.1:8891, unix:run/filter.sock\n"
    assert codes(main, listening=(25, 8891), exists=("/run/filter.sock",)) == []


def test_a_finding_names_parameter_value_consequence_and_remedy():
    values = main_cf.parse((HARDENED + "mynetworks = static:all\n").encode()).values
    builtin = parse_listing(recorded("3.10.13", "postconf-d.txt").decode())
    services = master_cf.parse(recorded("3.10.13", "master.cf")).services
    facts = judgement.Facts(
        dict(builtin, **values),
        frozenset(values),
        services,
        Tables(FILES.get),
        (),
        frozenset((25,)),
        bool,
        lambda name: False,
    )
    finding = judgement.judged(facts)[0]
    assert finding.what.startswith("mynetworks = static:all: a stranger (203.0.113.9, ") and finding.remedy


def test_only_relay_domains_has_subdomains():
    """trivial-rewrite(8) compares the other lists whole, whatever parent_domain_matches_subdomains says."""
    assert codes("mydestination = com\nparent_domain_matches_subdomains = mydestination, relay_domains\n") == []


def test_a_client_without_a_name_is_not_looked_up_by_one():
    assert codes("smtpd_relay_restrictions = check_client_access regexp:/t/nameless, reject_unauth_destination\n") == []


@pytest.mark.parametrize(
    "main",
    [
        "smtpd_relay_restrictions = permit_mynetworks, permit_mx_backup, reject_unauth_destination\npermit_mx_backup_networks = 192.0.2.0/24\n",
        "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination, permit_mx_backup\n",
        "mynetworks = 127.0.0.0/8, [2001:db8::]/32, clients.example.com\n",
        "message_size_limit = 0\nqueue_minfree = 1000000\nhopcount_limit = 25\nsmtp_connect_timeout = 1s\nqueue_run_delay = 30m\n",
        "smtpd_client_restrictions = sleep 1, permit_mynetworks\n",
        "smtpd_client_restrictions = permit, sleep 3600\n",
        "smtpd_client_restrictions = warn_if_reject reject_plaintext_session\n",
        "smtpd_tls_security_level = may\nsmtpd_tls_cert_file = /c\nsmtpd_tls_req_ccert = yes\n",
        "header_checks = regexp:/t/received-only\nsmtp_header_checks = regexp:/t/received-only\n",
        "sender_canonical_maps = static:x@served.test\n",
        "canonical_maps = static:x@served.test\ncanonical_classes = envelope_sender\n",
        "canonical_maps = regexp:/t/same\n",
        "local_transport = error:no local mail\n",
        "relayhost = [192.0.2.26]\nsmtp_tls_policy_maps = static:secure\n",
        "smtp_tls_policy_maps = inline:{partner.test=secure}\n",
        "virtual_transport = lmtp:[127.0.0.1]:24\n",
        "smtpd_tls_security_level = may\nsmtpd_tls_auth_only = yes\n",
        "mynetworks = 192.0.2.5, [2001:db8::5], !2001:db8::6\n",
        "master_service_disable = tlsproxy.unix\n",
        "smtpd_relay_restrictions = ours\nsmtpd_restriction_classes = ours\nours = permit_mynetworks, reject_unauth_destination\n",
        "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks, defer_unauth_destination\n",
        "smtpd_sender_restrictions = check_sender_access proxy:hash:/t/x\n",
        "smtpd_sender_restrictions = check_sender_access static:1700000000\n",
        "smtpd_relay_restrictions = check_sender_access regexp:/t/fine, permit_mynetworks, reject_unauth_destination\n",
        "smtpd_restriction_classes = ours\nours = check_sender_access proxy:hash:/t/x\nproxy_read_maps = $ours $local_recipient_maps\n",
    ],
)
def test_what_only_looks_like_it_is_no_finding(main):
    assert codes(main) == []
