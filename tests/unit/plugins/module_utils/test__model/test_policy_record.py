# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A policy as a record: what is in it, what is asked for, and one without an option."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.policy_record import Policy, server_level


@pytest.mark.parametrize(
    "path,left",
    [
        (
            "policy.load.delay",
            {"load": {"queue": 8}, "routes": {"domains": [{"domain": "a.test"}, {"domain": "b.test"}]}},
        ),
        ("policy.load", {"load": {}, "routes": {"domains": [{"domain": "a.test"}, {"domain": "b.test"}]}}),
        (
            "policy.routes.domains[0].mx",
            {"load": {"delay": 4, "queue": 8}, "routes": {"domains": [{"domain": "b.test"}]}},
        ),
    ],
)
def test_an_option_can_be_left_out(path, left):
    params = {"load": {"delay": 4, "queue": 8}, "routes": {"domains": [{"domain": "a.test"}, {"domain": "b.test"}]}}
    policy = _policy.parse(params, "none").without(path)
    assert policy == _policy.parse(left, "none")
    assert not any(name == path or name.startswith(path) for name in policy.given)


def test_an_option_that_nobody_wrote_down_is_an_error_and_not_nothing():
    policy = Policy({"limits": Policy({"hops": 50})}, frozenset(["policy.limits.hops"]))
    assert policy.limits.hops == 50
    with pytest.raises(AttributeError):
        getattr(policy.limits, "hop")  # noqa: B009
    assert policy.wants("policy.limits") and not policy.wants("policy.limit")


@pytest.mark.parametrize(
    "level, certificate, expected", [(None, None, "none"), (None, "/x", "may"), ("encrypt", "/x", "encrypt")]
)
def test_a_certificate_offers_tls(level, certificate, expected):
    assert (
        server_level(Policy({"tls": Policy({"server": Policy({"level": level, "certificate": certificate})})}))
        == expected
    )


def test_plain_data_has_only_what_is_set():
    policy = Policy({"a": None, "b": (), "c": (Policy({"d": 1, "e": None}),)})
    assert policy.as_dict() == {"c": [{"d": 1}]}
