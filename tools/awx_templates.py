# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write extensions/awx/job_templates.yml: job templates with surveys for the playbooks that people start most.

The questions come from playbooks/argument_specs; the table below only says which ones a survey asks. With --check it writes nothing
and says by its exit status whether the file is up to date.
"""

from __future__ import annotations

import pathlib
import re
import sys
import typing as t

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPECS = ROOT / "playbooks" / "argument_specs"
TARGET = ROOT / "extensions" / "awx" / "job_templates.yml"
HEADER = """\
---
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Written by tools/awx_templates.py from playbooks/argument_specs: change it there. docs/docsite/rst/fleet_guide.rst says how to load it.
"""
#: Playbook to the variables that its survey asks for; those of a "!" are required.
SURVEYS = {
    "harden_relay": ("harden_prober", "harden_confirm"),
    "block_domains": ("block_domain!", "block_ticket", "block_expires", "block_comment"),
    "unblock_domains": ("block_domain!",),
    "check_blocks": ("block_domain!",),
    "list_blocks": (),
    "queue_report": ("queue_domain", "queue_older_than"),
    "queue_show": ("queue_id!",),
    "queue_flush": ("queue_domain!",),
    "mail_log": ("log_recipient", "log_sender", "log_since", "log_status"),
    "diagnose": ("diagnose_domain!",),
    "trace_address": ("trace_address!", "trace_sender"),
    "fleet_status": (),
    "report": ("report_since",),
    "drift_report": (),
    "undo": ("undo_to", "undo_ticket"),
}
TYPES = {"int": "integer", "float": "float"}


class Indented(yaml.SafeDumper):
    """Indents the items of a list, as yamllint and people expect."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> t.Any:
        return super().increase_indent(flow, False)


def read(name: str) -> dict[str, t.Any]:
    """Return the argument spec of a playbook, with those that it includes."""
    spec: dict[str, t.Any] = yaml.safe_load((SPECS / f"{name}.yml").read_text(encoding="utf-8"))
    for other in spec.get("include", ()):
        spec["options"] = {**read(other)["options"], **spec["options"]}
    return spec


def question(name: str, option: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a question of a survey as AWX takes it."""
    text = option["description"]
    text = re.sub(r"\b[A-Z]\(([^)]*)\)", r"\1", text if isinstance(text, str) else " ".join(text))
    asked = {
        "variable": name.rstrip("!"),
        "question_name": name.rstrip("!").partition("_")[2].replace("_", " ").capitalize(),
        "question_description": text,
        "required": name.endswith("!"),
        "type": TYPES.get(option.get("type", "str"), "text"),
        "default": "",
    }
    choices = option.get("choices")
    if choices and option.get("type") != "list":
        asked.update(type="multiplechoice", choices=[str(choice) for choice in choices])
    if asked["type"] == "text":
        # Without a minimum AWX passes an empty text for a question that nobody answered.
        asked.update(min=1, max=1024)
    return asked


def template(name: str, variables: t.Iterable[str]) -> dict[str, t.Any]:
    """Return a job template."""
    spec = read(name)
    questions = [question(variable, spec["options"][variable.rstrip("!")]) for variable in variables]
    return {
        "name": spec["short_description"],
        "job_type": "run",
        "playbook": f"{name}.yml",
        "fqcn": f"postmaster.mta.{name}",
        "survey_spec": {"name": "", "description": "", "spec": questions},
    }


def main() -> int:
    templates = [template(name, variables) for name, variables in SURVEYS.items()]
    text = HEADER + yaml.dump({"job_templates": templates}, Dumper=Indented, sort_keys=False, width=140)
    if "--check" in sys.argv:
        current = TARGET.exists() and TARGET.read_text(encoding="utf-8") == text
        print(f"{TARGET.relative_to(ROOT)} is {'up to date' if current else 'out of date: run tools/awx_templates.py'}")
        return int(not current)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
