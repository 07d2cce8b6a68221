# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renderings of a policy on a fresh package, for the tests of the files that render."""

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import compile as compiled
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    VERSIONS,
    make_host,
    reader,
    recorded,
)

HOSTS = {version: make_host(version) for version in VERSIONS}
POLICY = {
    "identity": {"hostname": "relay.example.com", "local_domains": ["local.test"]},
    "relay": {"networks": ["10.0.0.0/8", "2001:db8::/32"], "domains": ["served.test"]},
}


def rendered(params=None, baseline="hardened", native=None, current=None, version="3.10.13"):
    policy = _policy.parse(POLICY if params is None else params, baseline)
    return render(HOSTS[version], policy, native or Native(), current or reader(version))


def values(rendering):
    return main_cf.sound(main_cf.parse(rendering.files["main.cf"].content)).values


def alone(params, baseline="none", **others):
    """The parameters that an option sets, apart from those that were there."""
    before = main_cf.parse(recorded("3.10.13", "main.cf")).values
    after = values(rendered(params, baseline, **others))
    return {name: value for name, value in after.items() if before.get(name) != value}


def lines(rendering, name):
    return sorted(compiled.entries(rendering.files["policy_" + name].content, aliases=name == "aliases").items())
