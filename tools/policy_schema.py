# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/schemas/group_vars.json: a JSON schema of the variables of our roles, for editors.

The policy comes from the table in plugins/module_utils/_model/policy.py, the rest from the argument specs of the roles.
With --check it writes nothing and says by its exit status whether the file is up to date.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
import typing as t

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "docs" / "schemas" / "group_vars.json"
#: The layers of a policy; what a key with a plus sign appends to is known only where the layers meet.
POLICY_VARIABLES = ("relay_policy", "relay_policy_group", "relay_policy_host")
TYPES = {"bool": "boolean", "dict": "object", "int": "integer", "list": "array", "path": "string", "str": "string"}
MARKUP = re.compile(r"[A-Z]\(([^()]*)\)")
JINJA = {"type": "string", "pattern": "\\{[{%]"}


def main() -> int:
    """Write or check the schema; the exit status is 1 where it is out of date."""
    text = json.dumps(schema(), indent=2) + "\n"
    if "--check" in sys.argv:
        current = SCHEMA.exists() and SCHEMA.read_text(encoding="utf-8") == text
        print(f"{SCHEMA.relative_to(ROOT)} is {'up to date' if current else 'out of date: run tools/policy_schema.py'}")
        return 0 if current else 1
    SCHEMA.parent.mkdir(exist_ok=True)
    SCHEMA.write_text(text, encoding="utf-8")
    return 0


def schema() -> dict[str, t.Any]:
    """Return the whole schema."""
    sys.path.insert(0, str(ROOT / ".cache" / "collections"))
    from ansible_collections.postmaster.mta.plugins.module_utils._model import policy

    properties: dict[str, t.Any] = {}
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        for spec in specs.values():
            properties.update({name: option(entry) for name, entry in (spec.get("options") or {}).items()})
    for name in POLICY_VARIABLES:
        properties[name] = {"description": properties[name]["description"], "$ref": "#/definitions/policy"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Variables of postmaster.mta",
        "type": "object",
        "properties": properties,
        "definitions": {"policy": dictionary(policy.SECTIONS)},
    }


def option(entry: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return an option of an argument spec as a schema; a template in place of the value is always allowed."""
    suboptions = entry.get("options")
    value = typed(entry)
    if suboptions:
        inner = {
            "type": "object",
            "properties": {name: option(sub) for name, sub in suboptions.items()},
            "required": sorted(name for name, sub in suboptions.items() if sub.get("required")),
            "additionalProperties": False,
        }
        value = {"type": "array", "items": inner} if entry.get("type") == "list" else inner
    return {"description": plain(entry.get("description", "")), "anyOf": [value, JINJA]}


def dictionary(options: t.Iterable[t.Any], required: t.Sequence[str] = ()) -> dict[str, t.Any]:
    """Return a section of the policy as a schema."""
    return {
        "type": "object",
        "properties": {item.name: policy_option(item) for item in options},
        "required": sorted(required),
        "patternProperties": {"\\+$": {"type": "array"}},
        "additionalProperties": False,
    }


def policy_option(item: t.Any) -> dict[str, t.Any]:
    """Return one option of the policy as a schema."""
    spec = item.kind.spec
    value = typed(spec)
    if item.kind.options:
        required = [name for name, sub in spec["options"].items() if sub.get("required")]
        inner = dictionary(item.kind.options, required)
        value = {"type": "array", "items": inner} if spec["type"] == "list" else inner
    return {"description": plain(item.help), "anyOf": [value, JINJA]}


def typed(spec: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the type and the choices of an option. A number is a good text, as it is for Ansible."""
    kind = spec.get("type", "str")
    if kind == "list":
        return {"type": "array", "items": typed({"type": spec.get("elements", "str"), "choices": spec.get("choices")})}
    value: dict[str, t.Any] = {"type": ["string", "number"] if kind == "str" else TYPES.get(kind, "string")}
    if spec.get("choices"):
        value = {"enum": list(spec["choices"])}
    return value


def plain(text: str | t.Sequence[str]) -> str:
    """Return a description without Ansible's markup."""
    whole = text if isinstance(text, str) else " ".join(text)
    return MARKUP.sub(r"\1", whole)


if __name__ == "__main__":
    sys.exit(main())
