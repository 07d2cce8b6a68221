# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _route.py and _routes.py."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import route as _route
from ansible_collections.postmaster.mta.plugins.module_utils._module import route_info as _routes
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import route as postfix
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import route as sendmail


def test_the_twins_have_the_same_functions():
    for name in ("trace", "settings"):
        assert callable(getattr(postfix, name)) and callable(getattr(sendmail, name))


def test_parents():
    assert _route.parents("a.b.c") == ("b.c", "c")
    assert _route.parents("test") == ()


def test_the_line_of_a_key():
    text = "# ok.test x\nOK.test\tsmtp:\n  continued.test\npostmaster: root\n"
    assert _route.find_line(text, "ok.test") == 2
    assert _route.find_line(text, "continued.test") == 0
    assert _route.find_line(text, "postmaster") == 4


def params(**changes):
    return dict({"address": "u@ok.test", "sender": "", "client": "", "mta": "auto", "instance": None}, **changes)


@pytest.mark.parametrize("changes", [
    {"address": "ok.test"}, {"address": "u@ok.test\n/quit"}, {"address": "u u@ok.test"}, {"address": "$j@ok.test", "client": "x"},
    {"sender": "x"}, {"client": "10.0.0.300"}, {"client": "1.1.1.1\n.D"},
])  # fmt: skip
def test_nothing_that_could_be_a_command_is_typed(changes):
    with pytest.raises(OptionError):
        _routes.asked_of(params(**changes))


def test_a_question_is_normalised():
    assert _routes.asked_of(params(address="u@OK.test", client="::ffff:1")).address == "u@ok.test"


def test_a_local_user_who_does_not_exist():
    route = _route.Route(
        "nouser@lab.test", "nouser@lab.test", "local", "local", answer="accepted", because="mydestination"
    )
    found = _routes._with_user(route)
    assert (found.verdict, found.answer) == ("error", "550 5.1.1 User unknown")
    assert "nouser" in found.because
    assert _routes._with_user(route._replace(recipient="root@lab.test")).verdict == "local"


def test_facts_are_plain_data():
    entry = _route.TableEntry("transport_maps", "hash:/x", "k", "v", "/x:1")
    facts = _route.as_facts(_route.Route("a@b", "a@b", "remote", decided_by=entry, hops=(_route.Hop("x"),)))
    assert facts["decided_by"]["source"] == "/x:1"
    assert facts["hops"] == [{"name": "x", "port": 25, "by_mx": True}]
