# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The draft: parameters, tables and notes that the sections put into it."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import draft
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
    reader,
    recorded,
)
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_rendering import (
    rendered,
    values,
)


def test_a_time_that_says_the_same_is_not_rewritten():
    live = {"main.cf": recorded("3.10.13", "main.cf") + b"minimal_backoff_time = 300s\nqueue_run_delay = 0h\n"}
    found = values(rendered(current=reader("3.10.13", live)))
    assert found["minimal_backoff_time"] == "300s"
    assert found["queue_run_delay"] == "5m"


@pytest.mark.parametrize("seconds, text", [(0, "0s"), (300, "5m"), (301, "301s"), (86400, "1d"), (1209600, "2w")])
def test_a_time_stands_in_the_largest_unit_that_divides_it(seconds, text):
    assert draft.duration_text(seconds) == text


@pytest.mark.parametrize("value, text", [(True, "yes"), (False, "no"), (7, "7"), (("a", "b"), "a, b"), ("", "")])
def test_values_as_main_cf_has_them(value, text):
    assert draft.text_of(value) == text


def _draft(policy=None, live=None):
    parsed = _policy.parse(policy or {}, "none")
    capabilities = make_host("3.10.13").capabilities
    return draft.Draft(parsed, capabilities, {"relayhost": ""}, live or {}, {}, lambda name: False)


def test_a_parameter_that_this_postfix_does_not_have_is_not_set():
    made = _draft()
    made.set("relayhost", "[192.0.2.1]")
    made.set("no_such_parameter", "1")
    assert made.main == {"relayhost": "[192.0.2.1]"}


def test_only_what_stands_in_main_cf_is_removed():
    made = _draft(live={"relayhost": "x"})
    made.remove("relayhost")
    made.remove("transport_maps")
    assert made.main == {"relayhost": None}


def test_a_table_of_ours_is_told_from_the_others():
    made = _draft(live={"transport_maps": "hash:$config_directory/policy_transport, hash:/etc/postfix/mine"})
    assert made.table("transport", ["a.test smtp:"], "lmdb") == "lmdb:$config_directory/policy_transport"
    assert made.tables["policy_transport"].endswith("lost.\na.test smtp:\n")
    assert made.foreign("transport_maps") == ["hash:/etc/postfix/mine"]


def test_what_postfix_cannot_do_is_refused_where_the_user_gave_it_and_else_noted():
    with pytest.raises(Unsupported, match="policy.notices.mime"):
        _draft({"notices": {"mime": False}}).cannot("policy.notices.mime", False, "true")
    made = _draft()
    made.cannot("policy.notices.mime", False, "true")
    assert made.notes == ["policy.notices.mime: Postfix cannot do this; the nearest it can do: true"]
