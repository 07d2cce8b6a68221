# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies of the whole vocabulary, and native settings: what a postmaster can wish for."""

from hypothesis import strategies as some

from ansible_collections.postmaster.mta.plugins.module_utils._model import kinds
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy

#: Values of the kinds that are shared.
KINDS = {
    id(kinds.BOOLEAN): [True, False],
    id(kinds.DURATION): ["20s", "7m", "3h", "2d"],
    id(kinds.SIZE): ["11M", "300k", "1G"],
    id(kinds.TEXT): ["ready", ""],
    id(kinds.DOMAIN): ["served.test", "other.test", "sub.served.test"],
    id(kinds.HOSTNAME): ["relay.example.com", "mx.example.com"],
    id(kinds.NEXT_HOP): ["mx1.ok.test", "10.0.0.9"],
    id(kinds.NOTIFIED): ["postmaster", "night@example.com"],
    id(kinds.OPERATORS): [".:%@!^/[]+=", ".:%@!^/[]+|"],
    id(kinds.ROUTE_ADDRESS): ["u1@served.test", "u2@served.test"],
    id(kinds.ADDRESS_OR_DOMAIN): ["boss@corp.test", "corp.test"],
    id(kinds.ROUTE_TEXT): ["Moved away", "No such office"],
    id(kinds.CIPHERS): ["ECDHE-RSA-AES256-GCM-SHA384"],
    id(kinds.ADDRESSES): ["new@else.test", "newer@else.test"],
    id(kinds.PATH): ["/etc/ssl/one.pem", "/etc/ssl/two.pem"],
}
#: Values of options whose kind says too little, by their name.
NAMED = {
    "match": ["old@served.test", "gone@served.test"],
    "listen": [["all"], ["127.0.0.1"], ["10.0.0.5", "127.0.0.1"]],
    "networks": [["10.0.0.0/8"], ["192.0.2.7", "198.51.100.0/24"], []],
    "send_from": [["10.25.0.21"], ["10.25.0.22"]],
    "local_domains": [["local.test"], ["local.test", "other.test"], []],
    "domains": [["served.test"], ["served.test", "other.test"], []],
    "hosts": [["mx1.ok.test", "mx2.ok.test"]],
    "senders": [["boss@corp.test"], ["corp.test"]],
    "names": [["mail.corp.test"], ["printer.corp.test", "mail.corp.test"]],
    "certificates": [[":".join(["0A"] * 32)]],
    "users": [["anna", "berta"], ["anna"]],
    "tables": [[]],
    "except": [["root"], ["root", "news"]],
    "network": ["10.0.0.0/8", "192.0.2.0/24"],
    "exempt": [["10.9.0.0/16"], ["203.0.113.7/32", "10.9.0.0/16"]],
    "bare_newline_exceptions": [["192.0.2.9"], ["10.0.0.0/8"]],
    "run_interval": ["4m", "5m"],
    "retry_minimum": ["5m", "10m"],
    "retry_maximum": ["1h", "2h"],
    "aliases": [{"root": ["hostmaster@example.com"]}, {"info": ["anna@example.com"], "root": ["b@example.com"]}],
}
#: Numbers that an option takes, by its name; other numbers are taken from 1 to 100.
NUMBERS = {"recipients_per_message": [100, 250], "hops": [12, 40], "port": [25, 2525]}
_MAIN = {
    "smtp_x_own": ["1", "2"],
    "biff": [True, False],
    "relayhost": ["", "[native.example]"],
    "smtpd_milters": ["inet:127.0.0.1:9999"],
    "transport_maps": ["hash:/etc/postfix/native_transport"],
    "mynetworks": ["203.0.113.0/24"],
    "smtpd_recipient_restrictions": ["permit_mynetworks, reject_unlisted_recipient", "reject_non_fqdn_recipient"],
    "message_size_limit": ["12345678"],
}
_MASTER = {
    "slow/unix": [{"command": "smtp", "options": {"smtp_destination_concurrency_limit": "1"}}, {"command": "smtp"}],
    "submission/inet": [{"command": "smtpd", "private": False, "chroot": False}],
}
_DEFINES = {"confMAX_NOOP_COMMANDS": [5, 9], "confMAX_MIME_HEADER_LENGTH": ["256/128"]}
_FEATURES = {"delay_checks": [[]], "dnsbl": [["bl.example.org"]]}


def _some_of(values, most):
    """Some entries of a mapping, each with one of its values."""
    names = some.sets(some.sampled_from(sorted(values)), max_size=most)
    return names.flatmap(lambda chosen: some.fixed_dictionaries({n: some.sampled_from(values[n]) for n in chosen}))


#: What says where mail goes: each row of a route has one of these, which do not go together.
_NEXT_HOPS = [
    {"host": "mx1.ok.test"},
    {"host": "mx2.ok.test", "port": 2525, "esmtp": False},
    {"host": "10.0.0.9", "mx": False},
    {"hosts": ["mx1.ok.test", "mx2.ok.test"]},
    {"host": "mx1.ok.test", "protocols": ["ipv4"], "send_from": ["10.25.0.23"]},
    {"action": "reject", "text": "Moved away"},
    {"action": "discard"},
    {"action": "hold"},
]


def section(options, required=(), most=4):
    """A dictionary with some of the options, and with those that it must have."""
    where = {option.name for option in options} & {"mx", "host", "hosts", "action"}
    if where:
        rest = [o for o in options if o.name in ("domain", "subdomains", "address", "sender")]
        hop = some.sampled_from(_NEXT_HOPS)
        return some.tuples(section(rest, required), hop).map(lambda both: {**both[0], **both[1]}) if rest else hop
    options = [option for option in options if _is_known(option)]
    optional = [option.name for option in options if option.name not in required]
    chosen = some.sets(some.sampled_from(optional or ["-"]), max_size=most).map(lambda names: names | set(required))
    if "certificate" in optional:
        chosen = chosen.map(
            lambda names: names | ({"certificate", "key"} if {"certificate", "key", "level"} & names else set())
        )
    return chosen.flatmap(lambda names: some.fixed_dictionaries({o.name: value(o) for o in options if o.name in names}))


def _is_known(option):
    """Whether there are values for an option; a new kind must not turn other tests red by chance."""
    spec = option.kind.spec
    if option.kind.options or spec.get("choices") or spec["type"] == "int":
        return True
    return option.name in NAMED or id(option.kind) in KINDS


def value(option):
    """A value that the option takes."""
    spec = option.kind.spec
    if option.kind.options and spec["type"] == "dict":
        return section(option.kind.options)
    if option.kind.options:
        required = [name for name, inner in spec["options"].items() if inner.get("required")]
        rows = some.lists(section(option.kind.options, required, 2), min_size=1, max_size=2)
        return rows.map(lambda rows: list({tuple(str(row.get(n)) for n in required[:1]): row for row in rows}.values()))
    if spec.get("choices"):
        choices = some.sampled_from(spec["choices"])
        return choices.map(lambda word: [word]) if spec["type"] == "list" else choices
    if spec["type"] == "int":
        return some.sampled_from(NUMBERS.get(option.name, [3, 55]))
    return some.sampled_from(NAMED.get(option.name) or KINDS[id(option.kind)])


POLICIES = section(_policy.SECTIONS, most=6)
NATIVES = some.fixed_dictionaries(
    {
        "main": _some_of(_MAIN, 2),
        "master": _some_of(_MASTER, 1),
        "mc": some.fixed_dictionaries({"defines": _some_of(_DEFINES, 2), "features": _some_of(_FEATURES, 1)}),
    }
)
WISHES = some.tuples(POLICIES, some.sampled_from(["hardened", "none"]), NATIVES)
