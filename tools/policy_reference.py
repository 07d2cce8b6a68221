# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page docs/docsite/rst/policy_reference.rst: every option, its baseline, and what it becomes on both MTAs.

Reasons and examples stand in tools/policy_examples.yml. The native lines are not written down anywhere: both drivers render the example, once
with and once without the option. tools/policy_docs.py writes the page.
"""

from __future__ import annotations

import pathlib
import re
import typing as t

import yaml

HEADER = """\
..
  Copyright (c) 2026, the postmaster.mta contributors
  GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

..
  Written by tools/policy_docs.py from plugins/module_utils/_model/policy.py and both drivers: change it there.

.. _ansible_collections.postmaster.mta.docsite.policy_reference:

Policy reference
================

Every option of the relay policy, section by section: what it is for, what the hardened baseline sets, and what an example becomes on
Postfix 3.10 and on sendmail 8.18. What one of the two cannot do is refused, and the refusal names the nearest thing that it can do.

Native settings (``relay_main``, ``relay_master``, ``relay_mc``) win over the policy. The fields of dictionaries are on the page of the
module :ansplugin:`postmaster.mta.relay#module`.

.. contents::
   :local:
   :depth: 1
"""
#: So many native lines of an option are shown, and so many characters of each.
LINES, LENGTH = 6, 110

#: What every example has beside itself.
AROUND: dict[str, t.Any] = {"identity": {"hostname": "relay.example.com"}}
EXAMPLES = pathlib.Path(__file__).resolve().parent / "policy_examples.yml"
#: The files of sendmail that are a list of names, and what a rule of sendmail.mc begins with here.
LISTS, RULE = ("local-host-names", "relay-domains"), "sendmail.mc: "
#: A table of ours that an option can name; its contents are the user's.
TABLE = {"people": b"carl@example.com x\n"}

Policy = t.Mapping[str, t.Any]
Render = t.Callable[[Policy], t.Sequence[str]]


class Example(t.NamedTuple):
    """What the page says of an option beside its own words."""

    why: str
    value: t.Any
    #: The policy with the example, and the one that its native lines are compared with.
    policy: Policy
    without: Policy


def table_lines(files: t.Mapping[str, t.Any]) -> list[str]:
    """Return the entries of the tables of a rendering, each behind the name of its table."""
    tables = {name: file.content.decode() for name, file in files.items() if not name.endswith(".cf") and file.content}
    return [
        f"{name}: {line}"
        for name, content in tables.items()
        for line in content.splitlines()
        if not line.startswith("#")
    ]


def drivers() -> dict[str, Render]:
    """Return what renders a policy on each MTA, on the recorded hosts of the unit tests."""
    from ansible_collections.postmaster.mta.plugins.module_utils._model import policy
    from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
    from ansible_collections.postmaster.mta.plugins.module_utils._postfix import render as postfix
    from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover
    from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host
    from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host

    debian = discover.LAYOUTS[0]
    discover.the_layout = lambda: debian  # type: ignore[assignment]  # this machine need not have a sendmail

    def on_postfix(params: Policy) -> list[str]:
        host, current = postfix_host.make_host("3.10.13"), postfix_host.reader("3.10.13", TABLE)
        rendering = postfix.render(host, policy.parse(params, "none"), Native(), current)
        return [f"{name} = {value}" for name, value in rendering.settings.items()] + table_lines(rendering.files)

    def on_sendmail(params: Policy) -> list[str]:
        rendering = sendmail_host.rendered(params, files=TABLE, baseline="none")
        # The entries of the maps stand among the settings.
        lists = {name: file for name, file in rendering.files.items() if name in LISTS}
        text = rendering.files["sendmail.mc"].content.decode()
        rules = [f"{RULE}{line}" for line in text.splitlines() if line[:1] in ("C", "R")]
        settings = [f"{name} = {value}" for name, value in rendering.settings.items()]
        return settings + table_lines(lists) + rules

    return {"Postfix": on_postfix, "sendmail": on_sendmail}


def merged(*policies: Policy) -> Policy:
    """Return the policies laid over each other, option by option."""
    whole: dict[str, t.Any] = {}
    for policy in policies:
        for section, options in policy.items():
            whole[section] = {**whole.get(section, {}), **options}
    return whole


def example_of(section: str, option: t.Any, entry: t.Mapping[str, t.Any]) -> Example:
    """Return the example of an option: its own, else the baseline."""
    value = entry.get("example", option.baseline)
    around = merged(AROUND, entry.get("with", {}))
    # An example of a necessary option says nothing without it.
    without = {
        name: {key: item for key, item in options.items() if (name, key) != (section, option.name)}
        for name, options in around.items()
    }
    if "against" in entry:
        without = dict(merged(without, {section: {option.name: entry["against"]}}))
    return Example(entry["why"], value, merged(around, {section: {option.name: value}}), without)


def native_lines(example: Example, render: Render) -> list[str]:
    """Return the settings and the entries of tables that an example adds, or why it is refused."""
    try:
        lines = render(example.policy)
    except ValueError as problem:
        return [f"refused; {str(getattr(problem, 'why', problem)).rsplit('; ', 1)[-1]}"]
    less = rendered_or_nothing(example.without, render)
    added = [line for line in lines if line not in less]
    settings = [shortened(line) for line in added if not line.startswith(RULE)]
    rules = len(added) - len(settings)
    if rules:
        settings.append(f"{'and ' if settings else ''}{rules} lines of rules in sendmail.mc")
    return settings or ["nothing: it is so without any setting"]


def rendered_or_nothing(policy: Policy, render: Render) -> t.Sequence[str]:
    """Return the settings of a policy; none where it lacks what another option needs."""
    try:
        return render(policy)
    except ValueError:
        return []


def shortened(line: str) -> str:
    """Return a setting on one line."""
    line = " ".join(line.split())
    return line if len(line) <= LENGTH else line[: LENGTH - 3] + "..."


def page(sections: t.Iterable[t.Any]) -> str:
    """Return the page."""
    known = yaml.safe_load(EXAMPLES.read_text(encoding="utf-8"))
    renders = drivers()
    text = [HEADER]
    for section in sections:
        text += ["", section.name, "-" * len(section.name), "", marked(section.help), ""]
        for option in section.kind.options:
            example = example_of(section.name, option, known[section.name][option.name])
            text += entry(f"{section.name}.{option.name}", option, example, renders)
    return "\n".join(text).rstrip() + "\n"


def entry(path: str, option: t.Any, example: Example, renders: t.Mapping[str, Render]) -> list[str]:
    """Return the lines of the page about one option."""
    text = [f"``{path}``", f"   {marked(option.help)} {example.why}", ""]
    if option.baseline not in (None, ""):
        text += [f"   Baseline: ``{plain(option.baseline)}``", ""]
    text += ["   .. code-block:: yaml", "", f"      {option.name}: {plain(example.value)}", ""]
    for mta, render in renders.items():
        shown = native_lines(example, render)
        more = [f"... and {len(shown) - LINES} more"] if len(shown) > LINES else []
        text += [f"   {mta}:", "", "   .. code-block:: text", ""]
        text += [f"      {line}" for line in shown[:LINES] + more] + [""]
    return text


def marked(text: str) -> str:
    """Return a description with Ansible's markup as the pages have it."""
    return re.sub(r"\b[CV]\((.*?)\)", r"``\1``", text)


def plain(value: object) -> str:
    """Return a value as YAML has it on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10000)
    return text.replace("\n...\n", "").strip()
