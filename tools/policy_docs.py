# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write what is documented of the relay policy from the table in plugins/module_utils/_model/policy.py.

These are plugins/doc_fragments/_relay_policy.py and docs/docsite/rst/policy_reference.rst. With --check it only says whether the
files are up to date, by its exit status.
"""

from __future__ import annotations

import pathlib
import sys
import typing as t

import policy_reference
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
FRAGMENT = ROOT / "plugins" / "doc_fragments" / "_relay_policy.py"
REFERENCE = ROOT / "docs" / "docsite" / "rst" / "policy_reference.rst"
HEADER = '''{licence}
"""Documentation of the relay policy.

Private to the collection: it can change at any time.

Written by tools/policy_docs.py from the table in plugins/module_utils/_model/policy.py: change it there.
"""

from __future__ import annotations


class ModuleDocFragment:
    """The option C(policy)."""

    DOCUMENTATION = r"""
{options}"""
'''


def main() -> int:
    """Write or check the files; the exit status is 1 where one is out of date."""
    sys.path.insert(0, str(ROOT / ".cache" / "collections"))
    from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as relay_policy

    # The page shows the Python of a host, whichever one writes it.
    sys.executable = "/usr/bin/python3"
    status = 0
    for path, text in ((FRAGMENT, fragment()), (REFERENCE, policy_reference.page(relay_policy.SECTIONS))):
        current = path.exists() and path.read_text(encoding="utf-8") == text
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not current:
            print(f"{path.relative_to(ROOT)} is out of date: run tools/policy_docs.py")
            status = 1
    return status


def fragment() -> str:
    """The whole file."""
    from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as relay_policy

    policy = {
        "description": [
            "The relay policy. What it says is done on Postfix and on sendmail alike; what the MTA at hand cannot do is refused."
        ],
        "type": "dict",
        "suboptions": described(relay_policy.SECTIONS),
    }
    options = yaml.safe_dump({"options": {"policy": policy}}, sort_keys=False, width=110, allow_unicode=True)
    licence = "".join(line for line in pathlib.Path(__file__).read_text().splitlines(True)[:3])
    return HEADER.format(licence=licence, options=options)


def described(options: t.Iterable[t.Any]) -> dict[str, t.Any]:
    """Options as a documentation block has them."""
    return {option.name: _entry(option) for option in options}


def _entry(option: t.Any) -> dict[str, t.Any]:
    entry: dict[str, t.Any] = {"description": [option.help, *_baseline(option)]}
    entry.update({key: value for key, value in option.kind.spec.items() if key != "options"})
    if option.kind.options:
        entry["suboptions"] = described(option.kind.options)
        for name, spec in option.kind.spec["options"].items():
            if spec.get("required"):
                entry["suboptions"][name]["required"] = True
    return entry


def _baseline(option: t.Any) -> list[str]:
    if option.baseline is None or option.baseline == "":
        return []
    value = option.baseline
    if isinstance(value, str) and len(value) > 60:
        value = value.replace(":", " : ")
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, dict):
        value = ", ".join(f"{name}: {target}" for name, target in value.items())
    elif isinstance(value, list):
        value = ", ".join(value) or "none"
    return [f"Baseline is C({value})."]


if __name__ == "__main__":
    sys.exit(main())
