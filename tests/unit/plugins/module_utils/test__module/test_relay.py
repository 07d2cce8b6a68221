# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module relay: what it may show, who owns what it writes, and what it leaves out; the lab has the rest."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import NOTHING, RELOAD, Native, Rendering
from ansible_collections.postmaster.mta.plugins.module_utils._module import relay

NATIVE = Native(**{name: {} for name in Native._fields})


def test_the_values_that_look_like_secrets_are_kept_back():
    params = {"main": {"smtp_sasl_password_maps": "static:me:hush", "myhostname": "mx.test"}, "mc": None}
    values = relay.secrets(params)
    assert "mx.test" not in values
    assert relay.secrets({"main": {"a_password": "hush"}, "mc": {"lists": [{"api_token": "shh"}]}}) >= {"hush"}


def test_the_digest_changes_with_the_wish_and_with_nothing_else():
    wish = {"policy": {"limits": {"hops": 50}}, "baseline": "none", "main": None, "lock_timeout": 1}
    first = relay._author(wish)
    assert relay._author(dict(wish, lock_timeout=2, by="anna")).digest == first.digest
    assert relay._author(dict(wish, main={"a": "1"})).digest != first.digest
    assert (first.module, relay._author(dict(wish, author="capture")).module) == ("relay", "capture")


@pytest.fixture(name="renderer")
def _renderer():
    """A driver that cannot do one option of the policy."""

    def render(host, policy, native, current):
        if policy.limits.hops is not None:
            raise Unsupported("policy.limits.hops", 50, "this MTA counts no hops", "nothing")
        return Rendering({}, {}, ("rendered",))

    return render


def test_a_lenient_run_leaves_out_what_the_mta_cannot_do_and_says_so(host, renderer):
    policy = _policy.parse({"limits": {"hops": 50}}, "none")
    lenient = relay.RelayRun(host, policy, NATIVE, renderer, lenient=True)
    rendering = lenient._rendered(lambda name: None)
    assert len(rendering.notes) == 2 and "policy.limits.hops" in rendering.notes[0]
    with pytest.raises(Unsupported, match="counts no hops"):
        relay.RelayRun(host, policy, NATIVE, renderer)._rendered(lambda name: None)


def test_a_table_that_is_compiled_anew_is_told_to_who_keeps_it_in_memory(host, monkeypatch):
    tables = types.SimpleNamespace(reload_reasons=lambda host, name: ("tlsmgr",) if name == "tls_policy" else ())
    monkeypatch.setattr(relay, "tables_of", lambda mta: tables)
    assert relay.told_of_tables(host, ["access.db"]).kind == NOTHING
    told = relay.told_of_tables(host, ["access.db", "tls_policy.db"])
    assert (told.kind, told.because) == (RELOAD, ("tlsmgr",))


def test_what_an_author_no_longer_writes_stays_the_others(host):
    run = relay.RelayRun(host, _policy.parse({}, "none"), NATIVE)
    assert run.owned({"access": {"a": ["1", None]}}) == {"access": {"a": ["1", None]}, "relay": {}}
