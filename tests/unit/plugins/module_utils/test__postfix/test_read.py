# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.read import read
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    CORPUS,
    VERSIONS,
    make_host,
    recorded,
)

#: Every option that Postfix can do, with another value than its default and than the baseline's.
EVERYTHING = {
    "identity": {
        "hostname": "relay.example.com", "banner": "welcome", "listen": ["10.0.0.1", "::1"], "port": 2525, "protocols": ["ipv4"],
        "send_from": ["10.0.0.1", "2001:db8::5"], "send_protocols": ["ipv4", "ipv6"], "local_domains": ["a.test", "b.test"],
    },
    "relay": {
        "networks": ["10.0.0.0/8", "2001:db8::/32"],
        "clients": [
            {"networks": ["192.0.2.0/28", "2001:db9::/64"], "senders": ["brand.test", "a+b@x.test"]},
            {"names": ["mail.partner.test"], "certificates": [":".join(["0A"] * 32)]},
            {"senders": ["c.test"], "forgeable": True},
        ],
        "domains": ["served.test", "x.test"],
        "subdomains": True,
    },
    "routes": {
        "default": {"host": "gw.test", "mx": True, "port": 26},
        "domains": [
            {"domain": "d1.test", "host": "192.0.2.4", "port": 2525, "mx": False},
            {"domain": "d2.test", "host": "2001:db8::1", "mx": False, "subdomains": True},
            {"domain": "d3.test"},
            {"domain": "d4.test", "mx": False},
            {"domain": "d5.test", "port": 99, "mx": True},
            {"domain": "d6.test", "hosts": ["192.0.2.4", "gw.test"], "mx": False},
            {"domain": "d7.test", "host": "gw.test", "mx": False, "esmtp": False, "protocols": ["ipv4"], "send_from": ["10.0.0.2"]},
            {"domain": "d8.test", "esmtp": False},
            {"domain": "d9.test", "action": "reject", "text": "Not any more", "subdomains": True},
            {"domain": "da.test", "action": "discard"},
            {"domain": "db.test", "action": "hold"},
        ],
        "addresses": [
            {"address": "a@d1.test", "hosts": ["gw.test", "gw2.test"], "mx": True, "port": 26},
            {"address": "b@d1.test", "action": "reject"},
        ],
        "senders": [
            {"sender": "s1.test", "hosts": ["192.0.2.4", "192.0.2.5"], "mx": False},
            {"sender": "s@s2.test", "host": "gw.test", "mx": True},
        ],
    },
    "recipients": {
        "domains": [{"domain": "served.test", "users": ["anna", "bert"]}, {"domain": "x.test"}],
        "tables": ["people"],
    },
    "rewrite": {
        "senders": [{"match": "a@int.test", "to": "b@brand.test"}, {"match": "int.test", "to": "brand.test"}],
        "recipients": [{"match": "info@served.test", "to": "c@ok.test"}],
        "domains": [{"domain": "old.test", "to": "third.test"}, {"domain": "olda.test", "to": "a.test"}],
        "masquerade": {"domains": ["hide.test"], "except": ["root", "x.y"]}, "headers": False,
    },
    "session": {
        "helo_required": False, "helo_checks": False, "vrfy": True, "expn": False, "etrn": True, "pipelining_checks": False,
        "bare_newline": "accept", "bare_newline_exceptions": ["10.0.0.0/8"], "missing_headers": "leave",
        "nul": "accept", "sender_domain_exists": False, "smtputf8": True, "greeting_delay": "5s",
        "require_ptr": True, "special_addresses": False,
        "greeting_delays": [{"network": "10.0.0.0/8", "delay": "0s"}, {"network": "2001:db8::/32", "delay": "7s"}],
    },
    "limits": {
        "message_size": 1000000, "recipients_per_message": 200, "header_size": 20000, "hops": 20, "connections_per_client": 5,
        "connection_rate": 6, "message_rate": 7, "recipient_rate": 8, "processes": 33, "free_space": 5000000, "destination_concurrency": 3,
        "trusted": {"connections": 6, "messages": 7, "recipients": 8, "exempt": ["10.9.0.0/16", "2001:db8:9::/48"]},
    },
    "timeouts": {
        "connect": "31s", "greeting": "61s", "helo": "61s", "mail": "62s", "rcpt": "63s", "data_init": "64s", "data_block": "65s",
        "data_final": "66s", "rset": "67s", "misc": "71s", "quit": "68s", "starttls": "69s", "command": "70s", "ident": "0s",
    },
    "load": {"delay": 8, "queue": 9, "refuse": 12},
    "tls": {
        "server": {"level": "may", "certificate": "/c.pem", "key": "/k.pem", "minimum": "TLSv1.3", "ciphers": "ECDHE-RSA-AES128-GCM-SHA256"},
        "client": {
            "level": "dane", "certificate": "/c.pem", "key": "/k.pem", "ca_file": "/ca.pem", "minimum": "TLSv1.2",
            "ciphers": "ECDHE-RSA-AES256-GCM-SHA384",
        },
        "domains": [{"domain": "d1.test", "level": "verify", "minimum": "TLSv1.3"}, {"domain": "q.test", "level": "none"}],
    },
    "notices": {"double_bounces": "ops", "copies_to": "a@b.test", "delays_to": "c@b.test", "mime": True},
    "aliases": {"root": ["admin@a.test", "ops"], "abuse": ["root"]},
    "queue": {
        "lifetime": "3d", "bounce_lifetime": "2d", "warning_time": "0s", "retry_minimum": "10m", "retry_maximum": "2h", "run_interval": "9m",
    },
    "log": {"tls": False, "level": "normal"},
}  # fmt: skip
HARDER = {
    "session": {"helo_checks": True, "vrfy": False, "etrn": False, "bare_newline": "reject", "greeting_delay": "0s"},
    "identity": {"hostname": "relay.example.com", "listen": ["loopback"], "banner": "", "port": 25},
    "routes": {"default": {"host": "10.0.0.1", "mx": False}},
}
BY_SENDER = {
    "routes": {
        "default": {
            "hosts": ["10.0.0.1", "10.0.0.2"],
            "mx": False,
            "esmtp": False,
            "protocols": ["ipv6"],
            "send_from": ["2001:db8::7"],
        },
        "senders": [
            {"sender": "s1.test", "host": "gw.test", "mx": False},
            {"sender": "s3.test", "action": "hold"},
            {"sender": "s4.test", "action": "reject", "text": "Not from here"},
            {"sender": "s@s2.test", "host": "gw.test", "mx": True, "esmtp": False},
        ],
    },
}
REFUSING = {"routes": {"default": {"action": "reject", "text": "Nothing leaves here"}}}


#: What the package sets, and no option speaks of.
OF_THE_PACKAGE = {
    "3.7.11": {"recipient_delimiter": "+", "smtp_tls_CApath": "/etc/ssl/certs"},
    "3.10.13": {"recipient_delimiter": "+"},
}


def flat(values, path=""):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}", value


def live(tmp_path, version, params, baseline):
    """A configuration directory with the policy applied to a fresh package's files."""
    for name in ("main.cf", "master.cf"):
        (tmp_path / name).write_bytes(recorded(version, name))
    (tmp_path / "people").write_bytes(b"carl@x.test x\n")
    host = make_host(version, tmp_path)
    rendering = render(host, _policy.parse(params, baseline), Native(), lambda name: _content(tmp_path / name))
    for name, file in rendering.files.items():
        if file.content is not None:
            (tmp_path / name).write_bytes(file.content)
    return host


def _content(path):
    return path.read_bytes() if path.exists() else None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("baseline", ["hardened", "none"])
@pytest.mark.parametrize("params", [EVERYTHING, HARDER, BY_SENDER, REFUSING])
def test_what_was_rendered_is_read_back(tmp_path, version, baseline, params):
    found = read(live(tmp_path, version, params, baseline))
    wanted = dict(flat(_policy.parse(params, "none").as_dict()))
    got = dict(flat(_policy.parse(found["policy"], "none").as_dict()))
    assert {name: got.get(name) for name in wanted} == wanted
    assert found["unexpressed"] == OF_THE_PACKAGE[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_hardened_baseline_is_read_back(tmp_path, version):
    found = read(live(tmp_path, version, {"identity": {"hostname": "relay.example.com"}}, "hardened"))
    wanted = dict(flat(_policy.parse({"identity": {"hostname": "relay.example.com"}}).as_dict()))
    got = dict(flat(_policy.parse(found["policy"], "none").as_dict()))
    # Without a certificate of the policy's own the package's stays.
    assert {name: got.get(name) for name in wanted} == wanted


def test_everything_means_every_option_that_postfix_can_do():
    said = {name for params in (EVERYTHING, BY_SENDER, REFUSING) for name, dummy in flat(params)}
    left = {name for name, value in _options(_policy.SECTIONS)} - said
    assert left == {".session.operator_characters"}


def _options(options, path=""):
    for option in options:
        if option.kind.options and option.kind.spec["type"] == "dict":
            yield from _options(option.kind.options, f"{path}.{option.name}")
        else:
            yield (f"{path}.{option.name}" if option.name != "aliases" else ".aliases.root"), option


CASES = sorted(path for path in (CORPUS / "cases").iterdir())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_a_configuration_of_the_corpus(tmp_path, version, case):
    (tmp_path / "master.cf").write_bytes(recorded(version, "master.cf"))  # unless the case has its own
    for path in case.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace("@DIR@", str(tmp_path)))
    expected = json.loads((case / "expected.json").read_text())
    host = make_host(version, tmp_path)
    found = read(host)
    got = dict(flat(found["policy"]))
    wanted = {f".{name}": value for name, value in expected.get("policy", {}).items()}
    assert {name: got.get(name) for name in wanted} == wanted
    if "unexpressed" in expected:
        assert sorted(found["unexpressed"]) == expected["unexpressed"]


def test_a_configuration_made_by_hand_is_read_and_the_rest_is_named(tmp_path):
    for name in ("main.cf", "master.cf", "transport"):
        (tmp_path / name).write_bytes((CORPUS / "postfixEXT" / name).read_bytes())
    found = read(make_host("3.7.11", tmp_path))
    assert _policy.parse(found["policy"], "none")
    assert found["unexpressed"]


def test_a_fresh_package_is_read(tmp_path):
    for version in VERSIONS:
        for name in ("main.cf", "master.cf"):
            (tmp_path / name).write_bytes(recorded(version, name))
        found = read(make_host(version, tmp_path))["policy"]
        assert found["session"]["vrfy"] is True
        assert found["relay"] == {"networks": [], "domains": [], "subdomains": True}
        assert found["limits"]["message_size"] == 10240000


@pytest.mark.parametrize(
    "entries, demands, is_named",
    [
        ("a.test encrypt\n[gw.test]:26 encrypt\n", [{"domain": "a.test", "level": "encrypt"}], False),
        ("gw.test verify\n[gw.test]:26 verify\n", [{"domain": "gw.test", "level": "verify"}], False),
        ("a.test encrypt\n[gw.test]:26 none\n", [{"domain": "a.test", "level": "encrypt"}], True),
        ("[gw.test]:26 encrypt\n", [], True),
        ("a.test encrypt\n[other.test] encrypt\n", [{"domain": "a.test", "level": "encrypt"}], True),
        ("a.test encrypt protocols=!SSLv2\n", [], True),
        (
            "a.test encrypt protocols=>=TLSv1.3\n",
            [{"domain": "a.test", "level": "encrypt", "minimum": "TLSv1.3"}],
            False,
        ),
    ],
)
def test_a_demand_for_tls_that_no_option_says_is_named(tmp_path, entries, demands, is_named):
    main = b"transport_maps = hash:$config_directory/routes\nsmtp_tls_policy_maps = hash:$config_directory/tls\n"
    (tmp_path / "main.cf").write_bytes(recorded("3.10.13", "main.cf") + main)
    (tmp_path / "master.cf").write_bytes(recorded("3.10.13", "master.cf"))
    (tmp_path / "routes").write_text("a.test smtp:[gw.test]:26\n")
    (tmp_path / "tls").write_text(entries)
    live = read(make_host("3.10.13", tmp_path))
    assert live["policy"]["tls"].get("domains", []) == demands
    assert ("smtp_tls_policy_maps" in live["unexpressed"]) == is_named
