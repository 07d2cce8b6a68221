# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each option of the vocabulary that is taken out of the policy leaves the configuration as if it had never been in it."""

import copy

import hypothesis
import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__account import policy_wishes
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__account.test_ownership import (
    PostfixSite,
    SendmailSite,
)
from ansible_collections.postmaster.mta.tests.unit.share import WHOLE

POLICY = {"relay": {"domains": ["served.test"]}}
#: What an option needs beside it to mean anything, by the place where it stands.
BESIDE = {
    "routes.default": {"host": "mx9.ok.test"},
    "tls.server": {"certificate": "/etc/ssl/mine.pem", "key": "/etc/ssl/mine.key"},
    "tls.client": {"certificate": "/etc/ssl/mine.pem", "key": "/etc/ssl/mine.key"},
    "rewrite.masquerade": {"domains": ["corp.test"]},
}


def options(table, place=()):
    """Yield each option that has no options of its own, with the names of the sections that it stands in."""
    for option in table:
        if option.kind.options and option.kind.spec["type"] == "dict":
            yield from options(option.kind.options, place + (option.name,))
        else:
            yield place, option


def with_section(place, values):
    """Return the policy with the values of one section, however deep."""
    for name in reversed(place):
        values = {name: values}
    return {name: {**POLICY.get(name, {}), **values.get(name, {})} for name in {*POLICY, *values}}


class Dropping:
    """Drops options on one kind of host, with one baseline."""

    def __init__(self, make, baseline):
        self.make, self.baseline = make, baseline
        self.effective = set()
        self._before = {}

    def host(self, policy):
        """Return a host with a policy, made once, and what its configuration means."""
        key = repr(sorted(policy.items()))
        if key not in self._before:
            host = self.make()
            host.apply((policy, self.baseline, {}))
            self._before[key] = host, host.meaning()
        host, meaning = self._before[key]
        return copy.copy(host), meaning

    def drop(self, place, name, value):
        """Apply a policy with one option, and then without it."""
        beside = BESIDE.get(".".join(place), {})
        without = with_section(place, {other: beside[other] for other in beside if other != name})
        try:
            host, before = self.host(without)
        except ValueError:  # The option is one that its neighbours need.
            without = POLICY
            host, before = self.host(without)
        try:
            host.apply((with_section(place, {**beside, name: value}), self.baseline, {}))
        except ValueError:
            return
        if host.meaning() != before:
            self.effective.add(".".join(place + (name,)))
        host.apply((without, self.baseline, {}))
        assert host.meaning() == before, (place, name, value)

    def drop_some_values(self, place, option):
        """Drop an option with the simplest of its values, or with many."""

        @hypothesis.given(policy_wishes.value(option))
        @hypothesis.settings(
            max_examples=5 if WHOLE else 1, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        def each(value):
            self.drop(place, option.name, value)

        each()


@pytest.mark.parametrize("baseline", ["hardened", "none"] if WHOLE else ["none"])
@pytest.mark.parametrize("make", [PostfixSite, SendmailSite])
def test_no_option_stays_live_when_it_is_taken_out(make, baseline, debian):
    """On a host whose postmaster has written some settings manually; each option by itself, with what it needs beside it."""
    dropping = Dropping(make, baseline)
    for place, option in options(_policy.SECTIONS):
        dropping.drop_some_values(place, option)
    assert len(dropping.effective) > 60, sorted(dropping.effective)
