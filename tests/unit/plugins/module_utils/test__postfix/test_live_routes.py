# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of a live Postfix: what its parameters, tables and services say, as the policy says it."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import live_routes
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.read import Live
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import make_host

MAIN = """\
transport_maps = hash:$config_directory/routes
sender_dependent_relayhost_maps = hash:$config_directory/hops
sender_dependent_default_transport_maps = hash:$config_directory/transports
"""


def read(tmp_path, main="", routes="", hops="", transports="", master=""):
    files = {"main.cf": MAIN + main, "master.cf": master, "routes": routes, "hops": hops, "transports": transports}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    live = Live(make_host("3.10.13", tmp_path))
    return live_routes.read(live), set(live.unexpressed)


@pytest.mark.parametrize(
    "relayhost, default",
    [
        ("[10.0.0.1]", {"host": "10.0.0.1", "mx": False}),
        ("gw.test:26", {"host": "gw.test", "mx": True, "port": 26}),
        ("[a.test]:26, [b.test]:26", {"hosts": ["a.test", "b.test"], "mx": False, "port": 26}),
    ],
)
def test_the_default_route(tmp_path, relayhost, default):
    routes, unexpressed = read(tmp_path, f"relayhost = {relayhost}\n")
    assert routes["default"] == default
    assert not unexpressed


@pytest.mark.parametrize("relayhost", ["[a.test], b.test", "a.test:25 b.test:26"])
def test_next_hops_of_several_kinds_are_named_and_not_read(tmp_path, relayhost):
    routes, unexpressed = read(tmp_path, f"relayhost = {relayhost}\n")
    assert "default" not in routes
    assert unexpressed == {"relayhost"}


@pytest.mark.parametrize(
    "main, default, unexpressed",
    [
        ("default_transport = discard\nrelay_transport = discard\n", {"action": "discard"}, False),
        ("default_transport = discard\n", None, True),
        ("default_transport = uucp\nrelay_transport = uucp\n", None, True),
    ],
)
def test_default_transports_count_where_both_say_the_same(tmp_path, main, default, unexpressed):
    routes, names = read(tmp_path, main)
    assert routes.get("default") == default
    assert names == ({"default_transport", "relay_transport"} if unexpressed else set())


def test_routes_by_recipient(tmp_path):
    table = "a.test smtp:[10.0.0.1]\n.a.test smtp:[10.0.0.1]\nu@a.test error:5.7.1 Not any more\n"
    routes, unexpressed = read(tmp_path, routes=table)
    assert routes["domains"] == [{"domain": "a.test", "host": "10.0.0.1", "mx": False, "subdomains": True}]
    assert routes["addresses"] == [{"address": "u@a.test", "action": "reject", "text": "Not any more"}]
    assert not unexpressed


def test_a_service_that_only_connects_otherwise_is_a_route(tmp_path):
    service = "helo unix - - n - - smtp\n -o smtp_never_send_ehlo=yes\n -o smtp_bind_address=192.0.2.1\n"
    other = "other unix - - n - - smtp\n -o smtp_tls_security_level=none\n"
    table = "a.test helo:[10.0.0.1]\nb.test other:[10.0.0.1]\n"
    routes, unexpressed = read(tmp_path, routes=table, master=service + other)
    hop = {"host": "10.0.0.1", "mx": False}
    assert routes["domains"] == [{"domain": "a.test", **hop, "esmtp": False, "send_from": ["192.0.2.1"]}]
    assert unexpressed == {"transport_maps"}


def test_routes_by_sender(tmp_path):
    routes, unexpressed = read(tmp_path, hops="@s.test [10.0.0.1]\n", transports="@s.test smtp\nx@s.test discard:\n")
    assert routes["senders"] == [
        {"sender": "s.test", "host": "10.0.0.1", "mx": False},
        {"sender": "x@s.test", "action": "discard"},
    ]
    assert not unexpressed


@pytest.mark.parametrize(
    "hops, transports", [("plain.test [10.0.0.1]\n", ""), ("@s.test a,[b]\n", ""), ("", "@s.test smtp\n")]
)
def test_a_sender_that_the_policy_cannot_say_is_named(tmp_path, hops, transports):
    routes, unexpressed = read(tmp_path, hops=hops, transports=transports)
    assert routes["senders"] == []
    assert unexpressed == {"sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps"}
