# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of the policy in the mailertable and in a table of ours."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import (
    Unsupported,
)
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import capture_map
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import render as _render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import rendered
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_rendering import (
    HOST,
    lines_of,
    mc_of,
    pairs,
)

pytestmark = pytest.mark.usefixtures("debian")


@pytest.mark.parametrize(
    "route, lines",
    [
        ({}, ["a.test\tesmtp:a.test"]),
        ({"host": "mx.b.test"}, ["a.test\tesmtp:[mx.b.test]"]),
        ({"host": "b.test", "mx": True}, ["a.test\tesmtp:b.test"]),
        ({"host": "192.0.2.1", "port": 2525}, ["a.test\tesmtp2525:[192.0.2.1]"]),
        ({"host": "2001:db8::1"}, ["a.test\tesmtp:[IPv6:2001:db8::1]"]),
        ({"subdomains": True}, ["a.test\tesmtp:a.test", ".a.test\tesmtp:%1.a.test"]),
        ({"host": "192.0.2.1", "port": 25}, ["a.test\tesmtp:[192.0.2.1]"]),
    ],
)
def test_routes_of_domains(route, lines):
    made = rendered({"routes": {"domains": [dict({"domain": "a.test"}, **route)]}})
    assert made.files["mailertable"].content.decode().split("\n")[1:-2] == lines
    assert ("Mesmtp2525," in mc_of(made)) == (route.get("port") == 2525)


def test_the_default_route_can_have_a_port():
    made = rendered({"routes": {"default": {"host": "gw.test.example", "port": 26}}})
    assert made.settings["SMART_HOST"] == "esmtp26:[gw.test.example]" and "A=TCP $h 26" in mc_of(made)


def test_a_default_port_without_a_host_is_refused():
    with pytest.raises(Unsupported):
        rendered({"routes": {"default": {"port": 26}}})


def test_a_route_without_host_and_mx_leads_to_the_domain_itself():
    routes = [
        {"domain": "a.test", "mx": False, "subdomains": True},
        {"domain": "b.test", "mx": False, "port": 2525},
        {"domain": "c.test"},
        {"domain": "d.test", "mx": True},
    ]
    assert lines_of(rendered({"routes": {"domains": routes}}), "mailertable") == [
        "a.test\tesmtp:[a.test]",
        ".a.test\tesmtp:[%1.a.test]",
        "b.test\tesmtp2525:[b.test]",
        "c.test\tesmtp:c.test",
        "d.test\tesmtp:d.test",
    ]


ROUTES = {
    "default": {"hosts": ["10.0.0.1", "gw.test"], "mx": False, "port": 26},
    "domains": [
        {"domain": "fall.test", "hosts": ["10.0.0.1", "2001:db8::1"]},
        {"domain": "helo.test", "host": "10.0.0.1", "esmtp": False},
        {"domain": "bad.test", "action": "reject", "text": "Not any more", "subdomains": True},
        {"domain": "good.bad.test", "host": "10.0.0.1"},
        {"domain": "gone.test", "action": "discard"},
        {"domain": "kept.test", "action": "hold"},
    ],
    "addresses": [{"address": "one@fall.test", "host": "gw.test", "mx": True}, {"address": "no@fall.test", "action": "reject"}],
    "senders": [{"sender": "news@camp.test", "hosts": ["10.0.0.1", "10.0.0.2"]}, {"sender": "camp.test", "action": "discard"}],
}  # fmt: skip


def test_routes_stand_in_the_mailertable_and_in_a_table_of_ours():
    made = rendered({**HOST, "routes": ROUTES})
    assert pairs(made, "mailertable") == {
        "fall.test": "esmtp:[10.0.0.1]:[IPv6:2001:db8::1]",
        "helo.test": "postmaster_helo:[10.0.0.1]",
    }
    assert pairs(made, "routes.postmaster") == {
        "to:bad.test": 'error:5.7.1:"550 Not any more"',
        "to:.bad.test": 'error:5.7.1:"550 Not any more"',
        "to:good.bad.test": "esmtp:[10.0.0.1]",
        "to:gone.test": "postmaster_discard:nowhere",
        "to:kept.test": "postmaster_hold:[127.0.0.1]",
        "to:one@fall.test": "esmtp:gw.test",
        "to:no@fall.test": 'error:5.7.1:"550 Mail for this destination is refused"',
        "from:news@camp.test": "esmtp:[10.0.0.1]:[10.0.0.2]",
        "from:camp.test": "postmaster_discard:nowhere",
    }
    text = mc_of(made)
    assert "define(`SMART_HOST', `esmtp26:[10.0.0.1]:[gw.test]')dnl" in text
    assert all(
        f"\nM{name},\t" in text for name in ("esmtp26", "postmaster_discard", "postmaster_helo", "postmaster_hold")
    )


def test_without_such_a_route_there_are_no_rules_and_the_table_goes():
    made = _render.render(
        given.make_host(),
        _policy.parse(HOST),
        Native(),
        {"routes.postmaster": b"x\ty\n", "routes.postmaster.db": b"x"}.get,
    )
    assert "PostmasterRoute" not in mc_of(made)
    assert made.files["routes.postmaster"].content is None and made.files["routes.postmaster.db"].content is None


@pytest.mark.parametrize(
    "route, option",
    [
        ({"host": "a.test", "protocols": ["ipv4"]}, "protocols"),
        ({"host": "a.test", "send_from": ["10.0.0.1"]}, "send_from"),
    ],
)
def test_what_sendmail_has_for_all_connections_only_is_refused(route, option):
    with pytest.raises(Unsupported, match="the nearest it can do: ") as caught:
        rendered({**HOST, "routes": {"domains": [{"domain": "d.test", **route}]}})
    assert caught.value.option == f"policy.routes.domains[0].{option}"


def test_captured_mail_is_caught_before_a_route_takes_it():
    routed = mc_of(rendered({**HOST, "routes": ROUTES}))
    wanted = capture_map._BEGIN + capture_map._END
    with_capture = capture_map.wired(routed, wanted)
    assert with_capture.index(wanted) < with_capture.index("PostmasterRouteTo")
    assert capture_map.wired(with_capture, "") == routed
