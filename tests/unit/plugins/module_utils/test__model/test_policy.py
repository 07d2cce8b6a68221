# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy: its table, its baseline, and what it refuses."""

import glob
import os
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.policy_record import SILENT, server_level


def test_the_baseline_fills_what_is_not_given():
    policy = _policy.parse({"limits": {"message_size": "10M"}})
    assert policy.limits.message_size == 10 * 1024 * 1024
    assert policy.limits.recipients_per_message == 100
    assert policy.hardened
    assert policy.wants("policy.limits.message_size") and policy.wants("policy.limits")
    assert not policy.wants("policy.limits.recipients_per_message")


def test_without_a_baseline_nothing_is_set():
    policy = _policy.parse({"session": {"vrfy": False}}, baseline="none")
    assert policy.session.vrfy is False
    assert policy.session.helo_required is None and policy.limits.message_size is None
    assert not policy.hardened


def test_a_silent_policy_says_to_the_checks_what_one_without_a_word_says():
    nothing = _policy.parse({}, baseline="none")
    here = os.path.dirname(os.path.dirname(_policy.__file__))
    asked = set()
    for path in glob.glob(os.path.join(here, "_*", "check.py")) + glob.glob(os.path.join(here, "_*", "shadow.py")):
        with open(path, encoding="utf-8") as source:
            asked |= set(re.findall(r"\bpolicy((?:\.[a-z_]+)+)\b", source.read()))
    assert ".relay.domains" in asked and ".relay.networks" in asked
    for path in asked:
        one, other = SILENT, nothing
        for name in path[1:].split("."):
            one, other = getattr(one, name), getattr(other, name)
        assert one == other or isinstance(other, _policy.Policy), path
    assert server_level(SILENT) == server_level(nothing) == "none"


def test_a_policy_survives_being_written_down():
    given_policy = {
        "identity": {"hostname": "relay.lab.test", "listen": ["10.25.0.11"]},
        "relay": {"networks": ["10.25.0.0/24", "fd00:25::/64"], "domains": ["served.test"]},
        "routes": {"domains": [{"domain": "served.test", "host": "10.25.0.57", "port": 2525}]},
        "aliases": {"root": ["ops@lab.test"]},
        "queue": {"lifetime": "3d"},
    }
    policy = _policy.parse(given_policy, baseline="none")
    again = _policy.parse({**policy.as_dict(), "aliases": {"root": ["ops@lab.test"]}}, baseline="none")
    assert again == policy


@pytest.mark.parametrize(
    "policy, option",
    [
        ({"limits": {"message_size": "many"}}, "policy.limits.message_size"),
        ({"limits": {"hops": 0}}, "policy.limits.hops"),
        ({"relay": {"networks": ["10.25.0.5/24"]}}, "policy.relay.networks"),
        ({"relay": {"domains": ["*.test"]}}, "policy.relay.domains"),
        ({"identity": {"hostname": "short"}}, "policy.identity.hostname"),
        ({"identity": {"banner": "a\nmynetworks = 0.0.0.0/0"}}, "policy.identity.banner"),
        ({"identity": {"banner": "${x}"}}, "policy.identity.banner"),
        ({"aliases": {"root": "|/bin/sh"}}, "policy.aliases"),
        ({"aliases": {"root": ":include:/etc/passwd"}}, "policy.aliases"),
        ({"tls": {"server": {"key": "/etc/ssl/../shadow"}}}, "policy.tls.server.key"),
        ({"routes": {"domains": [{"domain": "a.test", "host": "b c"}]}}, "policy.routes.domains[0].host"),
        ({"queue": {"lifetime": "3 days"}}, "policy.queue.lifetime"),
        ({"nonsense": {}}, "policy.nonsense"),
        ({"limits": {"mesage_size": 1}}, "policy.limits.mesage_size"),
    ],
)
def test_a_bad_value_is_refused_and_named(policy, option):
    with pytest.raises(OptionError) as caught:
        _policy.parse(policy)
    assert caught.value.option == option
    assert str(caught.value).startswith(option)


def text_options(options, path=()):
    """Every option that takes a string or a list of strings, with the way to it."""
    for option in options:
        if option.kind.options and option.kind.spec["type"] == "dict":
            yield from text_options(option.kind.options, path + (option.name,))
        elif option.kind.spec["type"] in ("str", "path") and "choices" not in option.kind.spec:
            yield path + (option.name,), False
        elif option.kind.spec["type"] == "list" and not option.kind.options and "choices" not in option.kind.spec:
            yield path + (option.name,), True


PLACES = sorted(text_options(_policy.SECTIONS))
HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["\n", "\0", "a\nb = c", " lead", "#x", "${x}", "$x", "`", "')syscmd(`id')", "a" * 100000, "é", "-o x"]
    ),
    st.builds(
        lambda a, b, c: a + b + c, st.text(max_size=5), st.sampled_from("\n\r\0\t #$`'\"{}\\"), st.text(max_size=5)
    ),
)


@given(place=st.sampled_from(PLACES), value=HOSTILE)
def test_no_hostile_value_comes_through(place, value):
    """What passes is one line of ASCII without the characters that steer main.cf or m4."""
    path, many = place
    params = [value] if many else value
    for name in reversed(path):
        params = {name: params}
    try:
        policy = _policy.parse(params, baseline="none")
    except OptionError as problem:
        assert problem.option == ".".join(("policy",) + path)
        return
    for name in path:
        policy = getattr(policy, name)
    for text in map(str, policy if many else [policy]):
        assert text.isprintable() and text == text.strip()
        assert not set(text) & set("\n\r\0$`'\"#{}\\") and all(ord(letter) < 128 for letter in text)


def test_the_documentation_is_that_of_the_table():
    """The fragment is written from the table; here the two are compared option by option."""
    if sys.version_info < (3, 7):
        pytest.skip("documentation fragments are the controller's")
    fragment = pytest.importorskip("ansible_collections.postmaster.mta.plugins.doc_fragments._relay_policy")
    yaml = pytest.importorskip("yaml")
    documented = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]["policy"]["suboptions"]

    def compare(options, documentation):
        assert [option.name for option in options] == list(documentation)
        for option in options:
            assert documentation[option.name]["description"][0] == option.help
            compare(option.kind.options, documentation[option.name].get("suboptions", {}))

    compare(_policy.SECTIONS, documented)
