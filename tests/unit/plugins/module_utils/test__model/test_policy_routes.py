# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a route asks for, the same for both MTAs."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy_routes as _routes


def route(**options):
    return _policy.parse({"routes": {"default": options}}, "none").routes.default


def test_one_host_and_several_are_next_hops():
    assert _routes.hosts(route(host="a.test")) == ("a.test",)
    assert _routes.hosts(route(hosts=["a.test", "10.0.0.1"])) == ("a.test", "10.0.0.1")
    assert _routes.hosts(route(esmtp=False)) == ()


def test_what_makes_connections_differ():
    assert [
        _routes.has_manner(route(**o)) for o in ({"esmtp": False}, {"protocols": ["ipv4"]}, {"send_from": ["::1"]})
    ] == [True] * 3
    assert not _routes.has_manner(route(host="a.test", esmtp=True))


@pytest.mark.parametrize(
    "options, option",
    [
        ({"action": "discard", "host": "a.test"}, "p.host"),
        ({"action": "hold", "esmtp": False}, "p.esmtp"),
        ({"action": "discard", "text": "Gone"}, "p.text"),
        ({"host": "a.test", "text": "Gone"}, "p.text"),
        ({"host": "a.test", "hosts": ["b.test"]}, "p.hosts"),
        ({"port": 26}, "p.host"),
        ({"host": "a.test", "send_from": ["10.0.0.1", "10.0.0.2"]}, "p.send_from"),
        ({"host": "a.test", "send_from": ["::1"], "protocols": ["ipv4"]}, "p.send_from"),
    ],
)
def test_a_route_that_contradicts_itself_is_refused(options, option):
    with pytest.raises(OptionError) as caught:
        _routes.check("p", route(**options), needs_host=True)
    assert caught.value.option == option
