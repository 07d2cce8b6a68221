# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of the policy as tables and services of Postfix."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import (
    Unsupported,
)
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import master_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
    over,
    reader,
    recorded,
)
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_rendering import (
    lines,
    rendered,
    values,
)

DISCARDED = "discard:by a route of the policy"


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
        ("x@a.test", "postmaster-route-hold:unix:held-back-by-a-route-of-the-policy"),
    ]
    services = master_cf.parse(rendering.files["master.cf"].content).services
    assert services["postmaster-route-hold/unix"].command == "lmtp"
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
