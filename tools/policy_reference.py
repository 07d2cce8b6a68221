# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page docs/docsite/rst/policy_reference.rst: every option, its baseline, and what it becomes on both MTAs.

The native lines are not written down anywhere: both drivers render the policy that the unit tests have with every option in it, once with
and once without the option. tools/policy_docs.py writes the page.
"""

from __future__ import annotations

import copy
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

Every option of the relay policy, section by section: what the hardened baseline sets, and what an example becomes on Postfix and on
sendmail. What one of the two cannot do is refused with the nearest thing that it can do. Native settings (``relay_main``,
``relay_master``, ``relay_mc``) win over the policy. The fields of dictionaries are on the page of the module
:ansplugin:`postmaster.mta.relay#module`.

.. contents::
   :local:
   :depth: 1
"""
#: So many native lines of an option are shown, and so many characters of each.
LINES, LENGTH = 4, 90

Render = t.Callable[[t.Mapping[str, t.Any]], t.Mapping[str, str]]


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

    def on_postfix(params: t.Mapping[str, t.Any]) -> t.Mapping[str, str]:
        host, current = postfix_host.make_host("3.10.13"), postfix_host.reader("3.10.13")
        return postfix.render(host, policy.parse(params, "none"), Native(), current).settings

    def on_sendmail(params: t.Mapping[str, t.Any]) -> t.Mapping[str, str]:
        settings: t.Mapping[str, str] = sendmail_host.rendered(params, baseline="none").settings
        return settings

    return {"Postfix": on_postfix, "sendmail": on_sendmail}


def possible(policy: t.Mapping[str, t.Any], render: Render) -> tuple[dict[str, t.Any], dict[str, str]]:
    """Return what of a policy an MTA can do, and for the options that it cannot do the reason."""
    left = copy.deepcopy(dict(policy))
    refused: dict[str, str] = {}
    while True:
        try:
            render(left)
            return left, refused
        except ValueError as problem:
            section, name, *inner = re.sub(r"\[.*", "", getattr(problem, "option", "")).split(".")[1:]
            if len(inner) == 1 and isinstance(left[section][name], dict):
                del left[section][name][inner[0]]
                continue
            refused[f"{section}.{name}"] = str(getattr(problem, "why", problem)).rsplit("; ", 1)[-1]
            del left[section][name]


def native_lines(policy: t.Mapping[str, t.Any], render: Render) -> dict[str, list[str]]:
    """Return for each option the settings that differ without it."""
    able, refused = possible(policy, render)
    whole = render(able)
    lines = {name: [f"refused; {why}"] for name, why in refused.items()}
    for section, options in able.items():
        for name in options:
            less = copy.deepcopy(able)
            del less[section][name]
            without = rendered_or_nothing(less, render)
            changed = [f"{key} = {value}" for key, value in whole.items() if without.get(key) != value]
            lines[f"{section}.{name}"] = [shortened(line) for line in changed]
    return lines


def rendered_or_nothing(policy: t.Mapping[str, t.Any], render: Render) -> t.Mapping[str, str]:
    """Return the settings of a policy; none where it lacks what another option needs."""
    try:
        return render(policy)
    except ValueError:
        return {}


def shortened(line: str) -> str:
    """Return a setting on one line."""
    line = " ".join(line.split())
    return line if len(line) <= LENGTH else line[: LENGTH - 3] + "..."


def page(sections: t.Iterable[t.Any]) -> str:
    """Return the page."""
    from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.test_read import EVERYTHING

    lines = {mta: native_lines(EVERYTHING, render) for mta, render in drivers().items()}
    text = [HEADER]
    for section in sections:
        text += ["", section.name, "-" * len(section.name), "", marked(section.help), ""]
        for option in section.kind.options:
            text += entry(f"{section.name}.{option.name}", option, EVERYTHING.get(section.name, {}), lines)
    return "\n".join(text).rstrip() + "\n"


def entry(
    path: str, option: t.Any, examples: t.Mapping[str, t.Any], lines: t.Mapping[str, t.Mapping[str, list[str]]]
) -> list[str]:
    """Return the lines of the page about one option."""
    text = [f"``{path}``", f"   {marked(option.help)}", ""]
    if option.baseline not in (None, ""):
        text += [f"   Baseline: ``{plain(option.baseline)}``", ""]
    if option.name not in examples:
        return text
    text += ["   .. code-block:: yaml", "", f"      {option.name}: {plain(examples[option.name])}", ""]
    for mta, settings in lines.items():
        shown = settings.get(path) or ["what it has anyway, or lines in its tables"]
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
