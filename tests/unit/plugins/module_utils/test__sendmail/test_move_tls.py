# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS demands of the access map: what Postfix looks up by next hop, by address, and of clients."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import move_tls

ROUTES = {
    "routes": {
        "domains": [
            {"domain": "routed.test", "host": "mx.routed.test"},
            {"domain": "ported.test", "host": "mx.ported.test", "port": 2525, "mx": True},
        ]
    }
}
HUB = {"routes": {"default": {"host": "hub.test"}}}


def read(text, policy=ROUTES):
    key, value = text.split(None, 1)
    tag, dummy, rest = key.partition(":")
    demands = move_tls.Demands(policy)
    row = demands.read(tag.lower(), move_tls.Line(rest, value, "access:1", text))
    return demands, row


@pytest.mark.parametrize(
    "text, policies, verdict",
    [
        ("TLS_Rcpt:plain.test ENCR", {"plain.test": "encrypt", ".plain.test": "encrypt"}, "converted"),
        ("TLS_Rcpt:plain.test ENCR:112", {"plain.test": "encrypt", ".plain.test": "encrypt"}, "differs"),
        ("TLS_Rcpt:p.test ENCR:256", {"p.test": "encrypt ciphers=high", ".p.test": "encrypt ciphers=high"}, "differs"),
        ("TLS_Rcpt:p.test PERM+VERIFY", {"p.test": "verify", ".p.test": "verify"}, "differs"),
        ("TLS_Rcpt:p.test VERIFY+CN:a.b", {"p.test": "verify match=a.b", ".p.test": "verify match=a.b"}, "differs"),
        ("TLS_Rcpt:p.test VERIFY+CI:/C=X", {}, "not converted"),
        ("TLS_Rcpt:a@p.test ENCR", {}, "not converted"),
        ("TLS_Rcpt:routed.test ENCR", {"[mx.routed.test]": "encrypt"}, "differs"),
        ("TLS_Rcpt:ported.test ENCR", {"mx.ported.test:2525": "encrypt"}, "differs"),
        ("TLS_Srv:mx.routed.test VERIFY", {"[mx.routed.test]": "verify"}, "differs"),
        ("TLS_Srv:routed.test ENCR", {"[mx.routed.test]": "encrypt"}, "differs"),
        ("TLS_Srv:elsewhere.test ENCR", {}, "not converted"),
        ("TLS_Srv:192.0.2.1 ENCR", {}, "not converted"),
        ("TLS_Srv:mx.routed.test OK", {"[mx.routed.test]": "may"}, "differs"),
        ("Try_TLS:mx.routed.test NO", {"[mx.routed.test]": "none"}, "differs"),
        ("Try_TLS:elsewhere.test NO", {}, "not converted"),
        ("Try_TLS:elsewhere.test YES", {}, "converted"),
    ],
)
def test_servers(text, policies, verdict):
    demands, row = read(text)
    assert (demands.policies, row.verdict) == (policies, verdict)


def test_a_demand_would_hold_for_all_mail_to_the_smart_host():
    demands, row = read("TLS_Rcpt:plain.test ENCR", HUB)
    assert row.verdict == "not converted" and not demands.policies and "smart host" in row.sentence


def test_servers_by_address_are_not_asked_for_tls():
    assert read("Try_TLS:10.20 NO")[0].silenced == ["10.20.0.0/16 starttls"]


@pytest.mark.parametrize(
    "text, level", [("Try_TLS: NO", "none"), ("TLS_Srv: ENCR", "encrypt"), ("TLS_Rcpt: VERIFY", "encrypt")]
)
def test_all_servers(text, level):
    assert read(text)[0].level == level


def test_clients():
    assert read("TLS_Clt:c.test ENCR:128")[0].clients == ["c.test reject_plaintext_session"]
    assert read("TLS_Clt:10.20 ENCR")[0].clients == ["10.20 reject_plaintext_session"]
    assert read("TLS_Clt: ENCR")[0].of_clients == "encrypt"
    assert [read(f"TLS_Clt:{text}")[1].verdict for text in ("c.test VERIFY", "IPv6:2001:db8 ENCR")] == [
        "not converted"
    ] * 2
