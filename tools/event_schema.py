# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write extensions/eda/schemas/mail_log.json: a JSON schema of the arguments and the events of the event source mail_log.

Both come from documentation: the arguments from that of the source, a campaign from what campaign_info says that it returns.
With --check it writes nothing and says by its exit status whether the file is up to date.
"""

from __future__ import annotations

import ast
import json
import pathlib
import sys
import typing as t

import policy_schema
import yaml

ROOT = policy_schema.ROOT
SOURCE = ROOT / "extensions/eda/plugins/event_source/mail_log.py"
MODULE = ROOT / "plugins/modules/campaign_info.py"
SCHEMA = ROOT / "extensions/eda/schemas/mail_log.json"
#: What stands in every campaign, and what a rule can rely on.
ALWAYS = ["kind", "key", "domains", "rules", "command", "text"]


def main() -> int:
    """Write or check the schema; the exit status is 1 where it is out of date."""
    text = json.dumps(schema(), indent=2) + "\n"
    if "--check" in sys.argv:
        current = SCHEMA.exists() and SCHEMA.read_text(encoding="utf-8") == text
        print(f"{SCHEMA.relative_to(ROOT)} is {'up to date' if current else 'out of date: run tools/event_schema.py'}")
        return 0 if current else 1
    SCHEMA.parent.mkdir(exist_ok=True)
    SCHEMA.write_text(text, encoding="utf-8")
    return 0


def schema() -> dict[str, t.Any]:
    """Return the whole schema. The document itself is an event; the arguments are a definition."""
    arguments = {name: option(entry) for name, entry in said(SOURCE, "DOCUMENTATION")["options"].items()}
    # One file needs no list around it.
    arguments["path"]["type"] = ["array", "string"]
    campaign = {name: option(entry) for name, entry in said(MODULE, "RETURN")["campaigns"]["contains"].items()}
    confirmed = {
        "domain": {"type": "string", "description": "The domain that a person confirmed."},
        "campaign": {"$ref": "#/definitions/campaign"},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "An event of postmaster.mta.mail_log",
        "oneOf": [
            closed({"campaign": {"$ref": "#/definitions/campaign"}, "meta": {"type": "object"}}, ["campaign"]),
            closed({"confirmed": closed(confirmed, list(confirmed)), "meta": {"type": "object"}}, ["confirmed"]),
        ],
        "definitions": {
            "arguments": {
                **closed(arguments, []),
                "oneOf": [{"required": ["path"]}, {"required": ["command"]}],
            },
            "campaign": closed(campaign, ALWAYS),
        },
    }


def said(path: pathlib.Path, name: str) -> t.Any:
    """Return what the documentation of a file says under a name."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return yaml.safe_load(ast.literal_eval(node.value))
    raise LookupError(f"{path}: no {name}")


def closed(properties: t.Mapping[str, t.Any], required: t.Sequence[str]) -> dict[str, t.Any]:
    """Return the schema of a dictionary that has no other keys."""
    dictionary = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**dictionary, "required": list(required)} if required else dictionary


def option(entry: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the schema of one documented value."""
    name = str(entry.get("type", "str"))
    result: dict[str, t.Any] = {"description": policy_schema.plain(entry["description"])}
    result["type"] = "number" if name == "float" else policy_schema.TYPES[name]
    if name == "list":
        result["items"] = {"type": policy_schema.TYPES[str(entry.get("elements", "str"))]}
    return result


if __name__ == "__main__":
    sys.exit(main())
