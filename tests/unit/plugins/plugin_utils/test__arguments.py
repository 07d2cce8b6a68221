# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the playbooks: no misspelt name, no wrong value and no missing one gets through."""

import datetime
import pathlib
import re

import pytest
import yaml

from ansible_collections.postmaster.mta.plugins.plugin_utils import _arguments

ROOT = pathlib.Path(__file__).resolve().parents[4]
BOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml") if path.stem != "harden-relay")
SPECS = {name: _arguments.load(name) for name in BOOKS}
CASES = [(name, option) for name, spec in SPECS.items() for option in spec.options]
#: A value that each type, format or list of choices refuses.
WRONG = {"int": "many", "bool": "perhaps", "float": "x", "dict": "x", "list": {"a": 1}, "str": {"a": 1}, "path": [1]}


@pytest.mark.parametrize("name", BOOKS)
def test_a_playbook_reads_its_own_variables_and_no_others(name):
    text = (ROOT / "playbooks" / f"{name}.yml").read_text()
    for included in re.findall(r"vars_files: \[(.*?)\]", text):
        text += (ROOT / "playbooks" / included).read_text()
    for option in set(SPECS[name].options) - {"block_anyway"}:  # the check of the variables reads it
        assert re.search(rf"\b{option}\b", text), f"{option} is documented, and nothing reads it"
    read = set(re.findall(r"(?<![.\w])(?<!\| )([a-z_]+) \| default\(", text)) | set(
        re.findall(r"\{\{ ([a-z_]+) \}\}", text)
    )
    registered = set(re.findall(r"register: (\w+)", text))
    # What a playbook that imports this one tells it.
    for book in (ROOT / "playbooks").glob("*.yml"):
        registered |= set(re.findall(r"^ +(__\w+):", book.read_text(), re.MULTILINE))
    known = {*SPECS[name].options, *SPECS[name].others, *registered, "queue_select", "log_select", "relay_policy"}
    known |= {
        "relay_policy_group",
        "relay_policy_host",
        "relay_baseline",
        "ansible_check_mode",
        "ansible_host",
        "inventory_hostname",
        "ansible_failed_result",
    }
    assert read - known == set()


@pytest.mark.parametrize("name", BOOKS)
def test_every_variable_has_the_prefix_of_its_playbook(name):
    spec = SPECS[name]
    assert [option for option in spec.options if not option.startswith(spec.prefix)] == []
    raw = yaml.safe_load((ROOT / "playbooks" / "argument_specs" / f"{name}.yml").read_text())
    assert raw["short_description"] and raw["description"] and raw["examples"]
    assert all(option["description"] for option in spec.options.values())


@pytest.mark.parametrize("name", BOOKS)
def test_a_default_that_is_documented_is_the_one_that_is_used(name):
    text = (ROOT / "playbooks" / f"{name}.yml").read_text()
    for included in re.findall(r"vars_files: \[(.*?)\]", text):
        text += (ROOT / "playbooks" / included).read_text()
    for option, details in SPECS[name].options.items():
        used = set(re.findall(rf"\b{option} \| default\(('[^']*'|\[[^\]]*\]|[\w.]+)\)", text)) - {"omit", "none"}
        for value in used:
            if details.get("default") is not None or value in ("true", "[]"):
                assert yaml.safe_load(value) == details.get("default", [] if value == "[]" else None), option


@pytest.mark.parametrize(("name", "option"), CASES)
def test_a_misspelt_variable_is_refused(name, option):
    spec = SPECS[name]
    # Two letters exchanged, one left out, one too many, and the name without its prefix.
    at = len(option) - 2
    for wrong in (option[:at] + option[at + 1] + option[at], option[:-1], option + "s", option[len(spec.prefix) :]):
        if wrong not in spec.options and wrong not in spec.others:
            assert _arguments.unknown(spec, [wrong]), wrong


@pytest.mark.parametrize(("name", "option"), CASES)
def test_a_wrong_value_is_one_sentence(name, option):
    spec = SPECS[name]
    details = spec.options[option]
    values = [WRONG[details["type"]]] if details["type"] in WRONG else []
    if details.get("choices"):
        values.append("no-such-choice")
    if details.get("format"):
        values.append("( no such form")
    if details["type"] in ("str", "list") and not details.get("empty"):
        values.append(" ")
    for value in values:
        said = [line for line in _arguments.problems(spec, {option: value}) if line.startswith(f"{option}: ")]
        assert len(said) == 1 and "\n" not in said[0] and "Traceback" not in said[0], (value, said)


@pytest.mark.parametrize("name", BOOKS)
def test_what_is_missing_is_said(name):
    spec = SPECS[name]
    said = "\n".join(_arguments.problems(spec, {}))
    for option, details in spec.options.items():
        assert (f"{option} is missing: " in said) is bool(details.get("required"))
    for group in spec.required_one_of:
        assert f"one of {', '.join(group)} is missing" in said
        one = [line for line in _arguments.problems(spec, {group[0]: "x"}) if line.startswith("one of")]
        assert one == []


def test_the_word_that_ansible_would_lose_is_refused_with_the_form_that_works():
    (said,) = _arguments.leftover({"log_since": "2026-11-30", "_raw_params": "02:12"})
    assert said == "-e: '02:12' belongs to no variable, a blank ends a value; write -e log_since=2026-11-30T02:12"
    assert "belongs to no variable" in _arguments.leftover({"log_sender": "a", "_raw_params": "b c"})[0]
    assert _arguments.leftover({"log_since": "2026-11-30"}) == []


def test_what_is_none_of_ours_is_let_through():
    assert _arguments.unknown(SPECS["queue_flush"], ["ansible_user", "site_name", "proxy"]) == []
    assert _arguments.unknown(SPECS["harden_relay"], ["relay_policy_host", "nscd_state", "harden_prober"]) == []


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("domian", "queue_domain"),
        ("domain", "queue_domain"),
        ("queue_domian", "queue_domain"),
        ("qeue_sender", "queue_sender"),
        ("queue_olderthan", "queue_older_than"),
    ],
)
def test_the_nearest_name_is_given(wrong, right):
    (said,) = _arguments.unknown(SPECS["queue_flush"], [wrong])
    assert right in said
    assert _arguments.unknown(SPECS["queue_flush"], ["queue_xyzzy"])[0].startswith("queue_xyzzy: no such variable")


@pytest.mark.parametrize(
    "value",
    ["2026-11-30", "2026-11-30T02:12", "2026-11-30 02:12", datetime.date(2026, 11, 30), "1h", "today", "yesterday"],
)
def test_times_that_are_taken(value):
    assert _arguments.problems(SPECS["mail_log"], {"log_since": value}) == []


def test_an_expiry_that_is_over_is_refused():
    given = {"block_domain": "a.example", "block_expires": "2020-01-01"}
    assert "this day is over" in _arguments.problems(SPECS["block_domains"], given)[0]
    assert _arguments.problems(SPECS["block_domains"], dict(given, block_expires="30d")) == []


def test_what_excludes_each_other_is_refused():
    said = _arguments.problems(SPECS["block_domains"], {"block_domain": "a", "block_rules": [{"from": "b"}]})
    assert said == ["block_domain and block_rules cannot be given together"]


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        # A question that is not understood would be answered with "nothing is blocked", or with all mail there is.
        ("check_blocks", "sender", "sender: no such variable; this playbook takes block_client,"),
        ("check_blocks", "sendr", "sendr: no such variable; this playbook takes block_client,"),
        ("queue_report", "ticket", "ticket: no such variable; this playbook takes "),
        ("mail_log", "queue_sender", "queue_sender: a variable of other playbooks; the one of this playbook is log_sender"),
        ("queue_flush", "log_domain", "log_domain: a variable of other playbooks; the one of this playbook is queue_domain"),
        ("queue_flush", "diagnose_domain", "diagnose_domain: a variable of other playbooks; the one of this playbook is queue_domain"),
    ],
)  # fmt: skip
def test_a_criterion_of_another_playbook_is_not_lost(name, wrong, says):
    (sentence,) = _arguments.unknown(SPECS[name], [wrong])
    assert sentence.startswith(says)


@pytest.mark.parametrize("name", BOOKS)
def test_what_an_inventory_has_for_itself_is_let_through(name):
    mine = ["env", "version", "release", "target", "site", "dc", "ansible_user", "mail_domain_name", "backup_path"]
    assert _arguments.unknown(SPECS[name], mine) == []


@pytest.mark.parametrize("address", ["192.0.2.66", "192.0.2.0/24", "2001:db8::1", "[192.0.2.1]", "IPv6:2001:db8::/32"])
@pytest.mark.parametrize("name", ["block_domains", "unblock_domains", "check_blocks"])
def test_an_address_is_a_client(name, address):
    (sentence,) = _arguments.problems(SPECS[name], {"block_domain": address})
    assert (
        sentence == f"block_domain: {address}: an address of a client and not of a sender; write it into block_client"
    )


def test_the_variables_of_the_playbook_that_imports_this_one_are_no_mistake():
    spec, outer = _arguments.load("block_domains"), _arguments.load("detect_campaigns")
    names = ["campaign_block", "campaign_ticket", "campaign_expires", "campaign_serial"]
    assert _arguments.unknown(spec, names, outer) == []
    assert _arguments.unknown(spec, names), "alone it does not take them"
    assert _arguments.unknown(spec, ["block_tickt"], outer)
