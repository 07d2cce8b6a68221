# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/docsite/rst/playbook_NAME.rst and playbooks.rst from playbooks/argument_specs/.

With --check it writes nothing and says by its exit status whether the pages are up to date.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
import typing as t

import playbook_ends
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPECS = ROOT / "playbooks" / "argument_specs"
PAGES = ROOT / "docs" / "docsite" / "rst"
HEADER = """\
..
  Copyright (c) 2026, the postmaster.mta contributors
  GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

..
  Written by tools/playbook_docs.py from playbooks/argument_specs: change it there.

.. _ansible_collections.postmaster.mta.docsite.{label}:

{title}
{line}
"""
#: What ends a playbook: its exit status and its first sentence. The tests of the playbooks hold them.
ENDS = (
    ("A variable is misspelt", 2, "queue_domian: no such variable; did you mean queue_domain?"),
    ("A variable has no prefix", 2, "domain: the variables of this playbook begin with queue_; write queue_domain"),
    ("A value cannot be meant", 2, "queue_older_than: 4hours: not a time, like 30s, 5m, 4h, 5d"),
    ("A variable is missing", 2, "diagnose_domain is missing: The domain, or an address in it."),
    (
        "``-e`` would lose a word",
        2,
        "-e: '02:12' belongs to no variable, a blank ends a value; write -e log_since=2026-11-30T02:12",
    ),
    ("The fleet is empty", 2, "no relay: no host of the inventory matches 'relays'"),
    ("A relay is down", 2, "Not asked: (or Not done:) with the host and the reason; the others are shown"),
    (
        "The user may not look",
        2,
        "not permitted: only root can look at the MTA and its queues; become root (become: true)",
    ),
    ("Nothing is selected", 0, "No message is selected. No delivery is selected. (and what was read)"),
    ("A queue ID is not there", 2, "3B2C51C629A: no such message on any relay"),
    ("Nobody says yes", 2, "nothing was done: nobody is at the terminal to say yes; give -e queue_yes=true"),
)
#: Ansible's markup of plugin documentation, as the pages have it.
_MARKUP = (
    (re.compile(r"[CVO]\(((?:[^()\\]|\\.)*)\)"), r"``\1``"),
    (re.compile(r"[MP]\(([\w.]+)(?:#\w+)?\)"), r"``\1``"),
    (re.compile(r"\\(.)"), r"\1"),
)


def main() -> int:
    """Write or check the pages; the exit status is 1 where one is out of date."""
    wanted = dict(pages())
    present = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("playbook*.rst")}
    if "--check" in sys.argv:
        stale = sorted(name for name in {*wanted, *present} if wanted.get(name) != present.get(name))
        print(f"out of date: {', '.join(stale)}: run tools/playbook_docs.py" if stale else "up to date")
        return 1 if stale else 0
    for name in {*present} - {*wanted}:
        (PAGES / name).unlink()
    for name, text in wanted.items():
        (PAGES / name).write_text(text, encoding="utf-8")
    return 0


def pages() -> t.Iterator[tuple[str, str]]:
    """Yield the name and the text of each page."""
    names = sorted(path.stem for path in SPECS.glob("[!_]*.yml"))
    specs = {name: yaml.safe_load((SPECS / f"{name}.yml").read_text(encoding="utf-8")) for name in names}
    for name, spec in specs.items():
        yield f"playbook_{name}.rst", page(name, spec)
    yield "playbooks.rst", index(specs)
    yield "playbook_ends.rst", playbook_ends.page(HEADER)


def index(specs: t.Mapping[str, t.Mapping[str, t.Any]]) -> str:
    """Return the page that lists every playbook."""
    rows = []
    for name, spec in specs.items():
        link = f":ref:`{name} <ansible_collections.postmaster.mta.docsite.playbook_{name}>`"
        rows.append(f"   * - {link}\n     - {spec['short_description']}")
    title = "Playbooks"
    body = [
        HEADER.format(label="playbooks", title=title, line="=" * len(title)),
        "What a postmaster types. Each is called as ``ansible-playbook postmaster.mta.NAME``, takes ``-l`` for some relays and",
        "``--check`` to see what would happen, and begins its variables with its own prefix. A misspelt variable is refused, with",
        "the name that is nearest.",
        "",
        ".. list-table::",
        "   :widths: 25 75",
        "",
        *rows,
        "",
        *_ends(),
        "",
        ".. toctree::",
        "   :hidden:",
        "",
        "   playbook_ends",
        *(f"   playbook_{name}" for name in specs),
    ]
    return "\n".join(body) + "\n"


def _ends() -> list[str]:
    """Return the table of exit statuses."""
    lines = [
        "The playbooks become root on the relays; ``-e ansible_become=false`` switches that off. What ends one (playbook by playbook:",
        ":ref:`ansible_collections.postmaster.mta.docsite.playbook_ends`):",
        "",
    ]
    lines += [".. list-table::", "   :header-rows: 1", "   :widths: 25 15 60", ""]
    for what, status, sentence in (("What happened", "Exit status", "First sentence"), *ENDS):
        text = sentence if isinstance(status, str) else f"``{sentence}``"
        lines += [f"   * - {what}", f"     - {status}", f"     - {text}"]
    return lines


def page(name: str, spec: t.Mapping[str, t.Any]) -> str:
    """Return the page of one playbook."""
    title = f"{name}: {spec['short_description'][0].lower()}{spec['short_description'][1:]}"
    lines = [HEADER.format(label=f"playbook_{name}", title=title, line="=" * len(title))]
    for sentence in spec.get("description") or ():
        lines += [plain(sentence), ""]
    lines += [".. code-block:: console", ""]
    lines += [
        f"   $ ansible-playbook postmaster.mta.{name} {example}".rstrip() for example in spec.get("examples") or [""]
    ]
    lines += ["", *groups(spec), "Variables", "---------", ""]
    lines += [".. list-table::", "   :header-rows: 1", "   :widths: 25 15 60", ""]
    lines += ["   * - Variable", "     - Type", "     - What it says"]
    for option, entry in options(spec).items():
        lines += variable(option, entry)
    for role in spec.get("roles") or ():
        lines += ["", f"The variables of the role ``postmaster.mta.{role}`` count as well."]
    return "\n".join(lines) + "\n"


def options(spec: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the variables of a playbook, its own first, then those of the parts that it includes."""
    found = dict(spec["options"])
    for part in spec.get("include") or ():
        included = yaml.safe_load((SPECS / f"{part}.yml").read_text(encoding="utf-8"))["options"]
        found.update({name: entry for name, entry in included.items() if name not in found})
    return dict(sorted(found.items(), key=lambda item: not item[1].get("required")))


def groups(spec: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield a sentence for each group of variables of which one must, or only one can, be given."""
    for names in spec.get("required_one_of") or ():
        yield f"Give one of {joined(names)}."
        yield ""
    for names in spec.get("mutually_exclusive") or ():
        yield f"Give only one of {joined(names)}."
        yield ""


def joined(names: t.Sequence[str]) -> str:
    """Return names as a list in words."""
    return ", ".join(f"``{name}``" for name in names)


def variable(name: str, entry: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield the row of one variable."""
    kind = entry["type"] + (f" of {entry['elements']}" if entry.get("elements") else "")
    said = entry["description"]
    sentences = [said] if isinstance(said, str) else list(said)
    if entry.get("choices"):
        sentences.append(f"One of {joined([str(choice) for choice in entry['choices']])}.")
    if "default" in entry:
        default = entry["default"] if isinstance(entry["default"], str) else json.dumps(entry["default"])
        sentences.append(f"Default: ``{default}``." if default else "Default: empty.")
    yield f"   * - ``{name}``" + (" (required)" if entry.get("required") else "")
    yield f"     - {kind}"
    yield f"     - {plain(' '.join(sentences))}"


def plain(text: str) -> str:
    """Return a description as reStructuredText."""
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
