# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A route that has changed is asked of the running MTA, until it is right or given up."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model import route as _route
from ansible_collections.postmaster.mta.plugins.module_utils._module import routed


def policy(*routes):
    return _policy.parse({"routes": {"domains": list(routes)}}, "none")


def goes(*names, verdict=_route.REMOTE, key=""):
    entry = _route.TableEntry("mailertable", "hash:x", key, "v") if key else None
    hops = tuple(_route.Hop(name) for name in names)
    return _route.Route("postmaster@a.test", "postmaster@a.test", verdict, "esmtp", "", hops, entry, "because")


NEW, OLD = {"domain": "a.test", "host": "new.test"}, {"domain": "a.test", "host": "old.test"}


def test_only_what_has_changed_is_asked():
    same = {"domain": "b.test", "host": "x.test"}
    (change,) = routed.changes(policy(OLD, same), policy(NEW, same))
    assert (change.domain, change.route.host) == ("a.test", "new.test")
    assert routed.changes(policy(OLD), policy()) == [("a.test", None)]


@pytest.mark.parametrize(
    "after, answer, wrong",
    [
        (NEW, goes("NEW.test"), False),
        (NEW, goes("old.test"), True),
        (NEW, goes(verdict=_route.UNKNOWN), False),
        (NEW, goes(verdict=_route.LOCAL), False),
        ({"domain": "a.test", "hosts": ["x.test", "new.test"]}, goes("new.test"), False),
        ({"domain": "a.test", "action": "reject"}, goes(verdict=_route.ERROR), False),
        ({"domain": "a.test", "action": "reject"}, goes("old.test"), True),
        ({"domain": "a.test", "action": "hold"}, goes("old.test"), False),
        (None, goes("mx.a.test"), False),
        (None, goes("old.test", key="a.test"), True),
    ],
)
def test_an_answer_is_right_or_wrong(after, answer, wrong):
    (change,) = routed.changes(policy(OLD), policy(after) if after else policy())
    assert routed.is_wrong(change, answer) == wrong


def test_it_is_asked_until_it_is_right(monkeypatch):
    answers = [goes("old.test"), goes("new.test")]
    driver = types.SimpleNamespace(trace=lambda host, question: answers.pop(0))
    monkeypatch.setattr(routed, "route_of", lambda mta: driver)
    monkeypatch.setattr(routed, "_PAUSE", 0)
    answered = routed.ask(types.SimpleNamespace(mta="postfix"), routed.changes(policy(OLD), policy(NEW)))
    assert answered == ([], ["mail to a.test goes to new.test:25: the MTA's own answer"]) and not answers


def test_what_stays_wrong_is_a_finding(monkeypatch):
    driver = types.SimpleNamespace(trace=lambda host, question: goes("old.test", key="a.test"))
    monkeypatch.setattr(routed, "route_of", lambda mta: driver)
    monkeypatch.setattr(routed, "SETTLING", 0)
    answered = routed.ask(types.SimpleNamespace(mta="postfix"), routed.changes(policy(OLD), policy()))
    assert "a.test should have no route any more, but the MTA sends its mail to old.test:25" in answered.findings[0]
