# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every code block of the guides and of the README is right: playbooks and variables that there are, policies that parse, options that fit."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import textwrap
import typing as t

import jsonschema
import pytest
import yaml

from ansible_collections.postmaster.mta.plugins.module_utils._model.policy import SECTIONS
from ansible_collections.postmaster.mta.tests.docs.test_examples import (
    PLUGINS,
    PREFIX,
    module_of,
    problems,
    settings_of,
    tasks_of,
)
from ansible_collections.postmaster.mta.tests.docs.test_examples import (
    block as block_of,
)

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/docsite/rst"
GUIDES = tuple(
    sorted(
        path.stem
        for path in PAGES.glob("*.rst")
        # What a generator writes has tests of its own.
        if "Written by tools/" not in path.read_text(encoding="utf-8")
    )
)
SCHEMA = json.loads((ROOT / "docs/schemas/group_vars.json").read_text(encoding="utf-8"))
MESSAGE_OF_ANSIBLE = "Module result deserialization failed"
BLOCK = re.compile(r"(?m)^( *)\.\. code-block:: (\w+)\n\n((?:\1   .*\n|\n)+)")
#: Programs of others; their options are theirs.
OTHERS = (
    "ansible",
    "ansible-builder",
    "ansible-galaxy",
    "ansible-navigator",
    "ansible-runner",
    "ansible-rulebook",
    "export",
)


class Block(t.NamedTuple):
    """A code block: where it stands, its language, its text."""

    page: str
    language: str
    text: str


def blocks() -> list[Block]:
    found = []
    for name in GUIDES:
        text = (PAGES / f"{name}.rst").read_text(encoding="utf-8")
        found += [Block(name, match[2], textwrap.dedent(match[3])) for match in BLOCK.finditer(text)]
    return found


def commands() -> list[tuple[str, str]]:
    """The command lines of the guides, of the pages of the playbooks and of the README, each with its page."""
    lines = [(block.page, line) for block in blocks() for line in typed(block)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "playbooks/argument_specs").glob("[!_]*.yml")):
        examples = yaml.safe_load(path.read_text(encoding="utf-8"))["examples"]
        lines += [(path.stem, f"ansible-playbook {PREFIX}{path.stem} {example}") for example in examples]
    return lines + [
        ("README", re.sub(r"\s+# .*$", "", line)) for line in re.findall(r"(?m)^    (ansible-playbook .*)$", readme)
    ]


def typed(block: Block) -> list[str]:
    """The lines of a block that somebody types: all of a script, and of a screen those behind the prompt."""
    lines = [line for line in block.text.splitlines() if line]
    if block.language == "console":
        return [line[2:] for line in lines if line.startswith("$ ")]
    return lines if block.language == "bash" else []


def options_of(playbook: str) -> dict[str, t.Any]:
    spec = yaml.safe_load((ROOT / f"playbooks/argument_specs/{playbook}.yml").read_text(encoding="utf-8"))
    options = dict(spec["options"])
    for other in spec.get("include", ()):
        options.update(options_of(other))
    return options


def variables(text: str) -> dict[str, t.Any]:
    """What -e gives: JSON, or words with an equals sign."""
    return json.loads(text) if text.startswith("{") else dict(word.split("=", 1) for word in shlex.split(text))


@pytest.mark.parametrize("page, line", commands())
def test_a_command_is_one_that_there_is(page, line):
    words = shlex.split(line)
    if words[0] in OTHERS:
        return
    assert words[0] == "ansible-playbook" and words[1].startswith(PREFIX)
    options = options_of(words[1][len(PREFIX) :])
    rest = words[2:]
    while rest:
        word = rest.pop(0)
        if word in ("-e", "-l"):
            value = rest.pop(0)
            unknown = set(variables(value)) - set(options) if word == "-e" else set()
            assert not unknown
            for name, given in variables(value).items() if word == "-e" else ():
                assert given in options[name].get("choices", [given])
        else:
            assert word in ("--check", "--diff")


@pytest.mark.parametrize(
    "block", [block for block in blocks() if block.language == "yaml"], ids=lambda block: block.page
)
def test_yaml_says_what_ansible_takes(block, monkeypatch):
    data = yaml.safe_load(block.text)
    if isinstance(data, dict) and "dependencies" in data:
        assert data["dependencies"]["galaxy"]["collections"] == ["postmaster.mta"]
        return
    if isinstance(data, dict):
        assert set(data) == {"relays"} or jsonschema.validate(data, SCHEMA) is None
        return
    for task in tasks_of(data):
        if "ansible.builtin.import_playbook" in task:
            name = task["ansible.builtin.import_playbook"][len(PREFIX) :]
            assert (ROOT / f"playbooks/{name}.yml").exists()
            continue
        module = module_of(task)
        if module.startswith(PREFIX):
            with monkeypatch.context() as patch:
                settings = settings_of(module[len(PREFIX) :], patch)
            assert problems(settings, task[module]) == []


def test_a_language_that_nobody_checks_is_not_used():
    drawings = ("architecture",)
    used = {block.language for block in blocks() if block.page not in drawings}
    assert used <= {"bash", "console", "yaml", "ini"}


def test_the_messages_of_the_troubleshooting_page_are_those_of_the_code():
    text = (PAGES / "troubleshooting.rst").read_text(encoding="utf-8")
    titles = [title for title, line in re.findall(r"(?m)^(.+)\n(-+)$", text) if len(title) == len(line)]
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("plugins", "playbooks", "roles")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".yml")
    )
    # A string that goes on in the next line is one.
    code = re.sub(r'"\n\s*f?"', "", code)
    titles.remove(MESSAGE_OF_ANSIBLE)
    assert len(titles) > 20
    for title in titles:
        # Where a name or a value stands, the page has three dots, and the code something in braces.
        assert re.search(r"[^\n]*".join(re.escape(piece) for piece in title.split(" ... ")), code), title


def test_every_guide_is_in_the_table_of_contents():
    toctree = (ROOT / "docs/docsite/extra-docs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"(?m)^      - (\w+)$", toctree))
    assert {*GUIDES, "policy_reference", "playbooks"} <= listed


def test_the_links_of_the_readme_lead_somewhere():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert len(links) > 10
    titles = {
        re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"(?m)^#+ (.*)$", readme)
    }
    for link in links:
        assert link[1:] in titles if link.startswith("#") else (ROOT / link).exists(), link


def test_the_readme_names_every_module_and_role():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("*.py") if not path.stem.startswith("playbook_")}
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    assert modules | roles <= set(re.findall(r"`(\w+)`", readme))


TEMPLATES = yaml.safe_load((ROOT / "extensions/awx/job_templates.yml").read_text(encoding="utf-8"))["job_templates"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["playbook"])
def test_a_survey_asks_what_its_playbook_takes(template):
    name = template["fqcn"][len(PREFIX) :]
    assert template["playbook"] == f"{name}.yml" and (ROOT / "playbooks" / template["playbook"]).exists()
    options = options_of(name)
    questions = {question["variable"]: question for question in template["survey_spec"]["spec"]}
    assert set(questions) <= set(options)
    # What the playbook cannot do without, nobody can leave out.
    assert {variable for variable, option in options.items() if option.get("required")} <= {
        variable for variable, question in questions.items() if question["required"]
    }
    for variable, question in questions.items():
        option = options[variable]
        kind = {"int": "integer", "float": "float"}.get(option.get("type", "str"), "text")
        single = option.get("choices") and option.get("type") != "list"
        assert question["type"] == ("multiplechoice" if single else kind)
        assert question.get("choices", []) == ([str(choice) for choice in option["choices"]] if single else [])
        # Without a minimum AWX passes an empty text for a question that nobody answered.
        assert question["type"] != "text" or question["min"] == 1


def test_the_playbooks_that_people_start_most_have_surveys():
    assert sum(bool(template["survey_spec"]["spec"]) for template in TEMPLATES) >= 10


def policies(data: t.Any) -> t.Iterator[t.Any]:
    """Every relay policy in a document: what stands under the name of a variable of the role, or in a task of the module."""
    if isinstance(data, list):
        for item in data:
            yield from policies(item)
    elif isinstance(data, dict):
        for name, value in data.items():
            if name.startswith("relay_policy"):
                yield value
            elif name == PREFIX + "relay":
                yield value.get("policy", {})
            yield from policies(value)


def documents() -> t.Iterator[tuple[str, t.Any]]:
    """Every YAML text that is documentation, with its place."""
    for block in blocks():
        if block.language == "yaml":
            yield block.page, yaml.safe_load(block.text)
    for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8")):
        yield "README", yaml.safe_load(text)
    for path in PLUGINS:
        yield path.stem, yaml.safe_load(block_of(path, "EXAMPLES") if path.parent.name == "modules" else "")
    for example in (ROOT / "tools/policy_examples.yml",):
        for section, options in yaml.safe_load(example.read_text(encoding="utf-8")).items():
            for name, entry in options.items():
                around = {**entry.get("with", {})}
                given = {name: entry["example"]} if "example" in entry else {}
                around[section] = {**around.get(section, {}), **given}
                yield f"{section}.{name}", {"relay_policy": around}


POLICIES = [(page, policy) for page, document in documents() for policy in policies(document)]


@pytest.mark.parametrize("page, policy", POLICIES)
def test_a_policy_that_is_shown_fits_the_schema(page, policy):
    jsonschema.validate({"relay_policy": policy}, SCHEMA)


def test_policies_are_shown_in_many_places():
    assert {"README", "getting_started", "relay", "limits.hops"} <= {page for page, policy in POLICIES}


def test_every_option_of_the_policy_has_a_reason_in_the_reference():
    known = yaml.safe_load((ROOT / "tools/policy_examples.yml").read_text(encoding="utf-8"))
    options = {(section.name, option.name) for section in SECTIONS for option in section.kind.options}
    assert {(section, name) for section, entries in known.items() for name in entries} == options
    for section, name in sorted(options):
        assert known[section][name]["why"].endswith(".")
