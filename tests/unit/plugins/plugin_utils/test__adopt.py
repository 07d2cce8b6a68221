# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read of a fleet becomes an inventory that says the same."""

import re

import yaml

from ansible_collections.postmaster.mta.plugins.plugin_utils import _adopt, _layers


def instance(policy, **more):
    said = {
        "mta": "postfix", "name": "postfix", "version": "3.10.13", "config_directory": "/etc/postfix", "primary": True,
        "policy": policy, "effective": policy, "natives": {}, "shadowed": {}, "unexpressed": {},
    }  # fmt: skip
    return {**said, **more}


def loaded(text):
    yaml.SafeLoader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
    return yaml.safe_load(text)


POLICY = {"identity": {"hostname": "a.test"}, "relay": {"networks": ["192.0.2.0/24"]}, "limits": {"hops": 30}}
OTHER = {"identity": {"hostname": "b.test"}, "relay": {"networks": ["192.0.2.0/24"]}}


def test_what_all_have_in_common_is_the_groups_and_the_layers_are_the_whole():
    files = _adopt.files({"a": [instance(POLICY)], "b": [instance(OTHER)]}, "relays")
    assert sorted(files) == [
        "group_vars/relays/postmaster.yml",
        "host_vars/a/postmaster.yml",
        "host_vars/b/postmaster.yml",
    ]
    group = loaded(files["group_vars/relays/postmaster.yml"])["relay_policy_group"]
    assert group == {"relay": {"networks": ["192.0.2.0/24"]}}
    for host, policy in (("a", POLICY), ("b", OTHER)):
        variables = loaded(files[f"host_vars/{host}/postmaster.yml"])
        assert _layers.merge([group, variables["relay_policy_host"]]) == policy
        assert variables["relay_baseline"] == "none" and variables["relay_mta"] == "postfix"


def test_one_relay_has_no_group():
    assert list(_adopt.files({"a": [instance(POLICY)]}, "relays")) == ["host_vars/a/postmaster.yml"]


def test_natives_are_the_roles_variables_and_no_template():
    natives = {
        "main": {"smtpd_banner": "$myhostname {{ x }}", "smtp_use_tls": None},
        "master": {"a/inet": {"command": "smtpd"}},
    }
    text = _adopt.files({"a": [instance(POLICY, natives=natives)]}, "relays")["host_vars/a/postmaster.yml"]
    assert '!unsafe "$myhostname {{ x }}"' in text
    assert loaded(text)["relay_main"] == natives["main"] and loaded(text)["relay_master"] == natives["master"]


def test_a_second_instance_keeps_its_place():
    second = instance(OTHER, name="postfix-out", config_directory="/etc/postfix-out", primary=False)
    variables = loaded(_adopt.files({"a": [second, instance(POLICY)]}, "relays")["host_vars/a/postmaster.yml"])
    assert variables["relay_policy_host"] == POLICY
    assert variables["relay_instances"] == [
        {"name": "postfix-out", "config_directory": "/etc/postfix-out", "baseline": "none", "policy": OTHER}
    ]


def test_comments_name_what_was_not_said_and_what_the_baseline_would_change():
    said = instance(
        {"limits": {"hops": 99}},
        effective={"limits": {"hops": 99}, "session": {"vrfy": True, "etrn": False}},
        natives={"main": {"header_checks": "pcre:/x"}},
        unexpressed={
            "header_checks": "pcre:/x",
            "policy.tls.server.certificate": "None: needed",
            "access": ["a b", "c d"],
        },
        shadowed={"relay.networks": "main.mynetworks"},
    )
    text = _adopt.files({"a": [said]}, "relays")["host_vars/a/postmaster.yml"]
    comments = [line for line in text.split("\n") if line.startswith("#   - ")]
    assert comments == [
        "#   - relay.networks: main.mynetworks",
        "#   - policy.tls.server.certificate: None: needed",
        "#   - access: a b",
        "#   - access: c d",
        "#   - session.vrfy: true would become false. Answer VRFY.",
    ]
    assert all(len(line) < 160 for line in text.split("\n"))


def test_the_name_of_a_host_stays_one_part_of_the_path():
    assert all(
        re.match(r"host_vars/[^/]+/postmaster.yml\Z", path) for path in _adopt.files({"../x/y": [instance({})]}, "g")
    )
