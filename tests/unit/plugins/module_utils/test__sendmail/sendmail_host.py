# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with a sendmail that exists only as recorded output."""

import json
import pathlib

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance, Native
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import render as _render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner

CORPUS = pathlib.Path(__file__).resolve().parents[4] / "corpus" / "sendmail"
VERSIONS = ("8.17", "8.18")
PROGRAM = "/usr/sbin/sendmail-mta"
FEATURES = frozenset(("line_discipline", "reject_nul", "tls", "dane", "altnames", "full_ipv6", "ipv6", "sasl"))
CAPABILITIES = Capabilities((8, 18, 1), "8.18.1", ("hash", "btree"), "hash", FEATURES)


def text(version, folder, name):
    return (CORPUS / version / folder / name).read_text(encoding="utf-8")


def said(version, name):
    known = json.loads(text(version, "said", name + ".json"))
    return Result(tuple(known["argv"]), known["rc"], known["out"], known["err"])


def corpus_policy():
    return _policy.parse(json.loads((CORPUS / "policy.json").read_text(encoding="utf-8")))


def make_host(script=(), capabilities=CAPABILITIES, directory="/etc/mail"):
    runner = ScriptedRunner({("m4",): ""}, ())
    runner.script.update(dict(script))
    return Host(runner, Instance("sendmail", "sendmail", str(directory), ("/var/spool/mqueue",)), lambda: capabilities)


def rendered(policy, native=None, files=None, capabilities=CAPABILITIES, baseline="hardened"):
    """The rendering of a policy given as a dictionary, on a host with these files."""
    parsed = _policy.parse(policy, baseline) if isinstance(policy, dict) else policy
    known = files or {}
    return _render.render(make_host(capabilities=capabilities), parsed, Native(mc=native or {}), known.get)
