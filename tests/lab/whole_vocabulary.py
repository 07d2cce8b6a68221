# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An example of every option of the policy, as it is read back, for a relay of the lab."""

from __future__ import annotations

import typing as t

#: Routes, clients and recipients in each form that they have. What is left out on one MTA is said by the relay itself.
EVERYTHING: t.Dict[str, t.Dict[str, t.Any]] = {
    "identity": {"banner": "welcome", "protocols": ["ipv4", "ipv6"], "send_protocols": ["ipv4"], "local_domains": ["here.test"]},
    "relay": {
        "clients": [
            {"networks": ["192.0.2.0/28"], "senders": ["brand.test", "news@x.test"]},
            {"names": ["mail.partner.test"]},
            {"senders": ["c.test"], "forgeable": True},
        ],
        "domains": ["served.test", "known.test", "x.test"],
        "subdomains": True,
    },
    "routes": {
        "default": {"host": "gw.ok.test", "mx": True},
        "domains": [
            {"domain": "d1.test", "host": "192.0.2.4", "port": 2525, "mx": False},
            {"domain": "d2.test", "host": "192.0.2.5", "mx": False, "subdomains": True},
            {"domain": "d3.test"},
            {"domain": "d4.test", "mx": False},
            {"domain": "d6.test", "hosts": ["192.0.2.4", "gw.ok.test"], "mx": False},
            {"domain": "d8.test", "host": "gw.ok.test", "mx": False, "esmtp": False},
            {"domain": "d9.test", "action": "reject", "text": "Not any more", "subdomains": True},
            {"domain": "da.test", "action": "discard"},
            {"domain": "db.test", "action": "hold"},
        ],
        "addresses": [
            {"address": "a@d1.test", "host": "gw.ok.test", "mx": False},
            {"address": "b@d1.test", "action": "reject"},
        ],
        "senders": [
            {"sender": "s1.test", "hosts": ["192.0.2.4", "192.0.2.5"], "mx": False},
            {"sender": "s@s2.test", "host": "gw.ok.test", "mx": True},
        ],
    },
    "recipients": {"domains": [{"domain": "known.test", "users": ["anna", "bert"]}]},
    "rewrite": {
        "senders": [{"match": "a@int.test", "to": "b@brand.test"}, {"match": "int.test", "to": "brand.test"}],
        "recipients": [{"match": "info@served.test", "to": "c@ok.test"}],
        "domains": [{"domain": "old.test", "to": "third.test"}],
        "masquerade": {"domains": ["hide.test"], "except": ["root"]},
        "headers": True,
    },
    "session": {
        "helo_required": False, "helo_checks": False, "vrfy": True, "expn": False, "etrn": True, "pipelining_checks": False,
        "bare_newline": "normalize", "bare_newline_exceptions": ["10.25.0.60/32"], "missing_headers": "leave",
        "operator_characters": ".:%@!^/[]+=", "nul": "accept", "sender_domain_exists": False, "require_ptr": True,
        "special_addresses": False, "smtputf8": False, "greeting_delay": "1s",
        "greeting_delays": [{"network": "10.25.0.0/24", "delay": "0s"}, {"network": "10.25.0.136/30", "delay": "2s"}],
    },
    "limits": {
        "message_size": "11M", "recipients_per_message": 200, "header_size": "20k", "hops": 20, "connections_per_client": 55,
        "connection_rate": 600, "message_rate": 700, "recipient_rate": 800, "processes": 66, "destination_concurrency": 3,
        "trusted": {"connections": 600, "exempt": ["10.9.0.0/16"]}, "free_space": "50M",
    },
    "timeouts": {
        name: f"{20 + number}s"
        for number, name in enumerate((
            "connect", "greeting", "helo", "mail", "rcpt", "data_init", "data_block", "data_final", "rset", "quit",
            "misc", "starttls", "command", "ident",
        ))
    },
    "load": {"delay": 5000, "queue": 6000, "refuse": 7000},
    "tls": {
        "server": {"minimum": "TLSv1.3"},
        "client": {"level": "may", "minimum": "TLSv1.3"},
        "domains": [{"domain": "t1.test", "level": "encrypt"}, {"domain": "t2.test", "level": "none"}],
    },
    "aliases": {"root": ["anna"], "abuse": ["root"], "crew": ["one@ok.test", "two@third.test"]},
    "queue": {
        "lifetime": "3d", "bounce_lifetime": "2d", "warning_time": "5h", "retry_minimum": "10m", "retry_maximum": "2h",
        "run_interval": "9m",
    },
    "notices": {"double_bounces": "anna", "copies_to": "bert", "delays_to": "bert", "mime": False},
    "log": {"tls": False, "level": "verbose"},
}  # fmt: skip
