# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import copy

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.filter.layered import FilterModule
from ansible_collections.postmaster.mta.tests.unit.share import examples

layered = FilterModule().filters()["layered"]

FLEET = {"relay": {"networks": ["192.0.2.0/24"], "domains": ["example.com"]}, "limits": {"message_size": "25M"}}


def test_dictionaries_merge_and_the_rest_replaces():
    above = {"relay": {"domains": ["example.org"]}, "limits": {"hops": 50}}
    assert layered([FLEET, above]) == {
        "relay": {"networks": ["192.0.2.0/24"], "domains": ["example.org"]},
        "limits": {"message_size": "25M", "hops": 50},
    }


def test_a_plus_appends_once():
    group = {"relay": {"networks+": ["198.51.100.0/24", "192.0.2.0/24"]}}
    host = {"relay": {"networks+": ["203.0.113.9/32"]}}
    assert layered([FLEET, group, host])["relay"]["networks"] == ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.9/32"]


def test_a_plus_without_anything_below_is_the_list():
    assert layered([{"relay": {"networks+": ["192.0.2.0/24"]}}]) == {"relay": {"networks": ["192.0.2.0/24"]}}


def test_in_one_layer_replacing_comes_before_appending():
    assert layered([{"a": [1]}, {"a+": [3], "a": [2]}]) == {"a": [2, 3]}


def test_null_takes_back():
    assert layered([FLEET, {"limits": {"message_size": None}, "relay": None}]) == {
        "limits": {"message_size": None},
        "relay": None,
    }
    assert layered([FLEET, {"relay": None}, {"relay": {"domains": ["x.test"]}}])["relay"] == {"domains": ["x.test"]}


def test_empty_layers_count_for_nothing():
    assert layered([None, FLEET, {}, None]) == FLEET


def test_records_append_too():
    routes = {"routes": {"domains": [{"domain": "a.test", "host": "mx.a.test"}]}}
    more = {"routes": {"domains+": [{"domain": "b.test", "host": "mx.b.test"}]}}
    assert [route["domain"] for route in layered([routes, more])["routes"]["domains"]] == ["a.test", "b.test"]


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ([FLEET, {"relay": ["x"]}], "relay: a lower layer has a dictionary"),
        ([FLEET, {"limits": {"message_size": {"x": 1}}}], "limits.message_size: must be a dictionary, not '25M'"),
        ([FLEET, {"limits": {"message_size+": ["x"]}}], r"limits.message_size\+: "),
        ([FLEET, {"relay": {"networks+": "192.0.2.0/24"}}], r"relay.networks\+: "),
        ([["x"]], "a layer: must be a dictionary"),
        ("text", "must be a list of dictionaries"),
    ],
)
def test_layers_that_do_not_fit_are_errors_that_name_the_key(layers, named):
    with pytest.raises(AnsibleFilterError, match=named):
        layered(layers)


VALUES = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="abc", min_size=1), inner),
)
LAYER = st.dictionaries(st.text(alphabet="abc", min_size=1), VALUES)


@given(LAYER)
@settings(max_examples=examples(100))
def test_one_layer_is_itself_and_twice_the_same_is_the_same(layer):
    before = copy.deepcopy(layer)
    assert layered([layer]) == before
    assert layered([layer, layer]) == before
    assert layer == before
