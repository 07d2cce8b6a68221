# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Audits of the lab's relays, run on world; and throw-away relays for what must not happen to the shared ones."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys
import typing as t

import labhosts
import yaml

#: Runs on world: the options of audit_info come in, what it returns goes out.
AUDIT = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils._module import audit_info
def filled(spec, given):
    inner = {name: one.get("options") for name, one in spec.items()}
    return {
        name: filled(inner[name], given.get(name) or {}) if inner[name] else given.get(name, spec[name].get("default"))
        for name in spec
    }
json.dump(audit_info.run(filled(audit_info.ARGUMENT_SPEC, json.load(sys.stdin)), False), sys.stdout)
"""

SOURCES = [f"{prefix}{number}" for prefix in ("10.25.0.", "fd00:25::") for number in range(100, 140)]
SINK = {"third_party": "/var/spool/sink/third.test", "served": "/var/spool/sink/served.test"}
EXPECT = {"message_size": "25M", "recipients_per_message": 100}

Answer = t.Dict[str, t.Any]


def audit(host: labhosts.Host, family: str = "ipv4", **options: t.Any) -> Answer:
    """Audit a relay of the lab, or a throw-away one, from the strangers' addresses."""
    number = host.address.rpartition(".")[2]
    given = {
        "host": host.address if family == "ipv4" else f"fd00:25::{number}",
        "relay_name": f"{relay_name(host)}.lab.test",
        "served_domain": "served.test",
        "third_party_domain": "third.test",
        "third_party_address": "10.25.0.56",
        "client_domain": "stranger.test",
        "mx_loop_domain": "mxloop.test",
        "source_addresses": SOURCES,
        "expect": EXPECT,
        "sink": SINK,
        **options,
    }
    return labhosts.WORLD.ask(AUDIT, given)


def told(answer: Answer) -> str:
    """The summary and what went wrong, for the message of an assertion."""
    lines = [f"{one['probe']} {one['trick']}: {one['judgement']}: {one['reason']}" for one in answer["failures"]]
    return "\n".join([answer["summary"], *lines])


def judged(answer: Answer, *judgements: str) -> t.Set[str]:
    """The numbers of the probes with one of these judgements."""
    return {one["probe"] for one in answer["probes"] if one["judgement"] in judgements}


def relay_name(host: labhosts.Host) -> str:
    """A throw-away relay bears the name of the one it is a copy of: DNS knows that one."""
    return host.name.replace("probe-", "")


@contextlib.contextmanager
def throwaway(directory: pathlib.Path, model: labhosts.Host, number: int) -> t.Iterator[labhosts.Host]:
    """A relay of its own from the lab's image, with the fleet's policy, gone afterwards.

    :param directory: where its inventory may be written.
    :param number: the host part of its addresses; the lab has none between 70 and 99.
    """
    copy = labhosts.Host(f"probe-{model.name}", f"10.25.0.{number}", model.python, model.mta)
    image = _images(yaml.safe_load(labhosts.INVENTORY.read_text()))[model.name]
    inventory = directory / f"{copy.name}.yml"
    inventory.write_text(
        yaml.safe_dump({"lab": {"hosts": {copy.name: {"ansible_host": copy.address, "lab_image": image}}}})
    )
    _lab("create", inventory, copy)
    try:
        answer = copy.apply(labhosts.policy_of(model_name(copy)))
        assert not answer.get("failed"), answer["msg"]
        yield copy
    finally:
        _lab("destroy", inventory, copy)


def model_name(copy: labhosts.Host) -> labhosts.Host:
    """The policy of a copy is that of its model: the same name, other addresses."""
    return labhosts.Host(relay_name(copy), copy.address, copy.python, copy.mta)


def _lab(action: str, inventory: pathlib.Path, host: labhosts.Host) -> None:
    script = labhosts.ROOT / "molecule" / "lab.py"
    argv = [sys.executable, script, action, "--inventory", inventory, "--hosts", host.name]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def _images(tree: t.Any) -> t.Dict[str, str]:
    """The image of each host of the inventory."""
    found: t.Dict[str, str] = {}
    for name, content in tree.items() if isinstance(tree, dict) else ():
        if isinstance(content, dict) and "lab_image" in content:
            found[name] = content["lab_image"]
        found.update(_images(content))
    return found
