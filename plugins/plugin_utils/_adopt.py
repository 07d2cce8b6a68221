# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What relay_info read of a fleet, as the files of an inventory.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import re
import textwrap
import typing as t

import yaml

from ansible_collections.postmaster.mta.plugins.module_utils._model import kinds, policy

NAME = "postmaster.yml"
WIDTH = 130
#: What sendmail's own frame brings along; it is built again whatever the inventory says.
_OF_THE_FRAME = ("options", "maps")
_HEAD = (
    "Read from the live relay by postmaster.mta.adopt. Edit it as you like: it is not written again where it differs."
)

Instance = t.Mapping[str, t.Any]
Files = dict[str, str]


class _Dumper(yaml.SafeDumper):
    """Writes a string in which Ansible would look for a template as one that it leaves alone."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists below their key."""
        super().increase_indent(flow, False)


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    if re.search(r"\{[{%#]", value):
        return dumper.represent_scalar("!unsafe", value, style='"')
    return dumper.represent_scalar("tag:yaml.org,2002:str", value)


_Dumper.add_representer(str, _string)


def files(hosts: t.Mapping[str, t.Sequence[Instance]], group: str) -> Files:
    """Return the text of each file, by its path below the inventory.

    :param hosts: the instances of each host, as relay_info returns them.
    :param group: the group whose file gets what all hosts have in common.
    """
    policies = {host: _primary(instances)["policy"] for host, instances in hosts.items()}
    shared = common(list(policies.values())) if len(policies) > 1 else {}
    written: Files = {}
    if shared:
        written[f"group_vars/{group}/{NAME}"] = _file(
            ["What all relays of this group have in common."], {"relay_policy_group": shared}
        )
    for host, instances in hosts.items():
        written[f"host_vars/{_plain(host)}/{NAME}"] = _host_file(instances, rest(policies[host], shared))
    return written


def common(values: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """Return what all dictionaries say alike, key by key."""
    first, *others = values
    same: dict[str, t.Any] = {}
    for name, value in first.items():
        theirs = [other.get(name) for other in others]
        if isinstance(value, dict) and all(isinstance(other, dict) for other in theirs):
            inner = common([value, *t.cast("list[dict[str, t.Any]]", theirs)])
            if inner:
                same[name] = inner
        elif all(other == value for other in theirs):
            same[name] = value
    return same


def rest(value: t.Mapping[str, t.Any], shared: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what a dictionary says besides what all have in common."""
    left: dict[str, t.Any] = {}
    for name, part in value.items():
        if isinstance(part, dict) and isinstance(shared.get(name), dict):
            inner = rest(part, shared[name])
            if inner:
                left[name] = inner
        elif name not in shared:
            left[name] = part
    return left


def _primary(instances: t.Sequence[Instance]) -> Instance:
    return next((instance for instance in instances if instance["primary"]), instances[0])


def _plain(host: str) -> str:
    """Return the name of a host as one part of a path."""
    return re.sub(r"[^A-Za-z0-9._:@-]", "_", host).lstrip(".") or "_"


def _host_file(instances: t.Sequence[Instance], own_policy: dict[str, t.Any]) -> str:
    primary = _primary(instances)
    variables: dict[str, t.Any] = {"relay_mta": primary["mta"], "relay_baseline": "none"}
    if own_policy:
        variables["relay_policy_host"] = own_policy
    variables.update({f"relay_{name}": value for name, value in primary["natives"].items()})
    others = [instance for instance in instances if instance is not primary and instance["mta"] == primary["mta"]]
    if others:
        variables["relay_instances"] = [_instance(instance) for instance in others]
    comments = [f"{primary['mta']} {primary['version']}, {primary['config_directory']}"]
    text = _file(comments, variables)
    for instance in instances:
        text += _comments(instance)
    return text


def _instance(instance: Instance) -> dict[str, t.Any]:
    said: dict[str, t.Any] = {
        "name": instance["name"],
        "config_directory": instance["config_directory"],
        "baseline": "none",
    }
    if instance["policy"]:
        said["policy"] = instance["policy"]
    return {**said, **instance["natives"]}


def _file(comments: t.Sequence[str], variables: t.Mapping[str, t.Any]) -> str:
    head = "".join(f"# {line}\n" for line in (_HEAD, *comments))
    body = yaml.dump(
        dict(variables), Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=WIDTH, allow_unicode=True
    )
    return f"---\n{head}{body}"


# --- comments -------------------------------------------------------------------------------------------------------


def _comments(instance: Instance) -> str:
    lines: list[str] = []
    lines += _section(
        "These options of the policy say what a native setting says, and the native setting wins:", _shadowed(instance)
    )
    lines += _section("This is set on the relay and could not be said above:", unsaid(instance))
    lines += _section(
        "The hardened baseline (relay_baseline: hardened) would change:",
        hardened(instance["effective"], instance["policy"]),
    )
    return f"\n# --- {instance['name']}\n" + "\n".join(lines) + "\n" if lines else ""


def _section(title: str, sentences: t.Sequence[str]) -> list[str]:
    if not sentences:
        return []
    lines = [f"# {title}"]
    for sentence in sentences:
        wrapped = textwrap.wrap(" ".join(sentence.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
        lines += [f"#   {'- ' if not number else '  '}{line}" for number, line in enumerate(wrapped)]
    return lines


def _shadowed(instance: Instance) -> list[str]:
    return [f"{option}: {native}" for option, native in instance["shadowed"].items()]


def unsaid(instance: Instance) -> list[str]:
    """Return a sentence for each thing that neither the policy nor the native settings of an instance say."""
    natives = instance["natives"].get("main", {})
    sentences: list[str] = []
    for name, value in instance["unexpressed"].items():
        if name in natives or (instance["mta"] == "sendmail" and name in _OF_THE_FRAME):
            continue
        values = value if isinstance(value, list) else [value]
        sentences += [f"{name}: {item}" for item in values]
    return sentences


def hardened(effective: t.Mapping[str, t.Any], given: t.Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each option that the hardened baseline would change.

    :param given: the policy of the inventory, which the baseline leaves alone.
    """
    return list(_hardened(policy.SECTIONS, rest(effective, given), ""))


def _hardened(options: t.Sequence[kinds.Option], live: t.Mapping[str, t.Any], path: str) -> t.Iterator[str]:
    for option in options:
        here, value = path + option.name, live.get(option.name)
        if option.kind.options and isinstance(value, dict):
            yield from _hardened(option.kind.options, value, f"{here}.")
        elif option.kind.options or option.baseline is None or value is None:
            continue
        elif _parsed(option, value) != _parsed(option, option.baseline):
            why = re.sub(r"\b[A-Z]\(([^()]*)\)", r"\1", option.help)
            yield f"{here}: {_word(value)} would become {_word(option.baseline)}. {why}"


def _word(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or "(empty)"


def _parsed(option: kinds.Option, value: t.Any) -> t.Any:
    try:
        return option.kind.parse(value)
    except (ValueError, TypeError):
        return value
