# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every EXAMPLES block is YAML, every task in it names one module, and every task for a module of ours has options it takes.

The options are checked by Ansible's own validator against the argument spec that the module really uses. Only where the code is an action
plugin, so that the module has no main(), is its documentation taken instead.
"""

import ast
import copy
import importlib
import pathlib

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.playbook.task import Task

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = "postmaster.mta."
PLUGINS = sorted(
    path for path in (ROOT / "plugins").glob("*/*.py") if path.parent.name not in ("module_utils", "doc_fragments")
)
PLAY_KEYS = {"hosts", "tasks", "module_defaults"}
# What stands for a templated value, by the type of the option.
STAND_INS = {"bool": True, "int": 1, "float": 1.0, "list": [], "dict": {}, "path": "/stand-in"}


class Specified(Exception):
    """Carries the argument spec out of a module's main()."""


def block(path, name):
    """The text assigned to a name like EXAMPLES at the top of a file, or nothing."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == [name]:
            return ast.literal_eval(node.value)
    return ""


def tasks_of(entries):
    """The tasks of a list of tasks or plays, blocks opened."""
    for entry in entries or []:
        if PLAY_KEYS & set(entry):
            for key in ("pre_tasks", "tasks", "post_tasks", "handlers"):
                yield from tasks_of(entry.get(key))
        elif "block" in entry:
            for key in ("block", "rescue", "always"):
                yield from tasks_of(entry.get(key))
        else:
            yield entry


def module_of(task):
    """The module of a task: its one key that is not a keyword of tasks."""
    keywords = set(Task.fattributes) | {"local_action", "args", "static"}
    names = [key for key in task if key not in keywords and not key.startswith("with_")]
    assert len(names) == 1, "one module per task, found {}".format(names)
    return names[0]


def documented(options):
    """The argument spec that documented options describe."""
    spec = {}
    for name, option in (options or {}).items():
        spec[name] = {
            key: option[key] for key in ("type", "elements", "choices", "required", "aliases") if key in option
        }
        if "suboptions" in option:
            spec[name]["options"] = documented(option["suboptions"])
    return spec


def settings_of(name, monkeypatch):
    """What a module passes to AnsibleModule."""

    def specified(self, *args, **kwargs):
        raise Specified(kwargs)

    module = importlib.import_module("ansible_collections.postmaster.mta.plugins.modules." + name)
    if not hasattr(module, "main"):
        assert (ROOT / "plugins" / "action" / (name + ".py")).exists(), (
            "a module without main() and without action plugin"
        )
        return {"argument_spec": documented(yaml.safe_load(module.DOCUMENTATION).get("options"))}
    monkeypatch.setattr(basic.AnsibleModule, "__init__", specified)
    with pytest.raises(Specified) as caught:
        module.main()
    return caught.value.args[0]


def stand_in(value, option):
    """The value, with every template in it replaced by something of the option's type."""
    if isinstance(value, str) and "{{" in value:
        if option.get("choices"):
            return option["choices"][0]
        return copy.deepcopy(STAND_INS.get(option.get("type"), "stand-in"))
    if isinstance(value, list):
        inner = dict(option, type=option.get("elements", "str"))
        return [stand_in(item, inner) for item in value]
    if isinstance(value, dict):
        inner = option.get("options") or {}
        return {key: stand_in(item, inner.get(key, {})) for key, item in value.items()}
    return value


def problems(settings, options):
    """What Ansible has to say about these options."""
    keys = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
    spec = settings["argument_spec"]
    rules = {key: settings[key] for key in keys if settings.get(key)}
    return ArgumentSpecValidator(spec, **rules).validate(stand_in(options or {}, {"options": spec})).error_messages


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: "{}.{}".format(path.parent.name, path.stem))
def test_examples(path, monkeypatch):
    text = block(path, "EXAMPLES")
    if path.parent.name == "modules":
        assert text, "a module without EXAMPLES"
    if path.parent.name not in ("modules", "action", "filter", "lookup", "test"):
        return
    for task in tasks_of(yaml.safe_load(text)):
        module = module_of(task)
        assert task.get("name"), "a task without a name: {}".format(task)
        assert "." in module, "not a fully qualified name: {}".format(module)
        if module.startswith(PREFIX) and (ROOT / "plugins" / "modules" / (module[len(PREFIX) :] + ".py")).exists():
            with monkeypatch.context() as patch:
                settings = settings_of(module[len(PREFIX) :], patch)
            assert problems(settings, task[module]) == [], task["name"]


def test_every_module_is_in_the_action_group():
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    modules = sorted(path.stem for path in PLUGINS if path.parent.name == "modules")
    assert groups["all"] == modules
    for path in PLUGINS:
        if path.stem in modules and path.parent.name == "modules":
            fragments = yaml.safe_load(block(path, "DOCUMENTATION"))["extends_documentation_fragment"]
            assert PREFIX + "_attributes.actiongroup_all" in fragments, path.stem


class TestTheChecksAreAbleToFail:
    """The checks above, on examples that are wrong."""

    SETTINGS = {
        "argument_spec": {
            "size": {"type": "int", "required": True},
            "names": {"type": "list", "elements": "dict", "options": {"state": {"choices": ["present", "absent"]}}},
        },
        "mutually_exclusive": [("size", "names")],
    }

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"size": "many"},
            {"size": 1, "colour": "red"},
            {"size": 1, "names": [{"state": "gone"}]},
            {"size": "{{ size }}", "names": []},
        ],
    )
    def test_wrong_options_are_found(self, options):
        assert problems(self.SETTINGS, options)

    @pytest.mark.parametrize("options", [{"size": 1}, {"size": "{{ size }}"}])
    def test_right_options_pass(self, options):
        assert problems(self.SETTINGS, options) == []

    def test_documented_options_are_a_spec(self):
        spec = documented({"rows": {"type": "list", "elements": "dict", "suboptions": {"n": {"type": "int"}}}})
        assert problems({"argument_spec": spec}, {"rows": [{"n": "one"}]})
        assert problems({"argument_spec": spec}, {"rows": [{"n": 1}]}) == []

    def test_two_modules_in_a_task_are_found(self):
        with pytest.raises(AssertionError):
            module_of({"name": "Two", "ansible.builtin.ping": None, "ansible.builtin.debug": None})


def test_a_plugin_assigns_one_name_a_line():
    """Ansible reads the documentation of a plugin before it runs it, and warns of every other assignment."""
    for path in (path for path in PLUGINS if path.parent.name != "plugin_utils"):
        assigned = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.Assign)]
        assert all(isinstance(name, ast.Name) for node in assigned for name in node.targets), path


def test_what_only_the_playbooks_call_says_so_by_its_name():
    """The list of modules is for users."""
    for path in sorted((ROOT / "plugins" / "modules").glob("*.py")):
        helper = 'short_description: "Helper of the playbooks' in path.read_text(encoding="utf-8")
        assert helper == path.stem.startswith("playbook_"), path.name
