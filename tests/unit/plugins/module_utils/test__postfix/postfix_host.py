# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Postfix host for tests: recorded answers, and a configuration directory of the test's own."""

import pathlib

from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Host
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import discover as _discover
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner

CORPUS = pathlib.Path(__file__).resolve().parents[4] / "corpus" / "postfix"
VERSIONS = ["3.7.11", "3.10.13"]


def recorded(version, name):
    """A recorded file as bytes."""
    return (CORPUS / version / name).read_bytes()


def scripted(version, extra=()):
    """A runner with the answers that every run asks for."""
    script = {
        ("postconf", "-d"): recorded(version, "postconf-d.txt").decode(),
        ("postconf", "-m"): recorded(version, "postconf-m.txt").decode(),
        ("postconf", "-T", "compile-version"): "OpenSSL 3.0.11 19 Sep 2023\n",
    }
    script.update(extra)
    return ScriptedRunner(script, ["postconf"])


def make_host(version, directory=None, extra=()):
    """A host whose instance has I(directory) as its configuration directory."""
    runner = scripted(version, extra)
    instance = _discover.instances(runner)[0]
    if directory is not None:
        instance = instance._replace(config_directory=str(directory))
    return Host(runner, instance, lambda: _discover.capabilities(runner, instance))


def reader(version, extra=()):
    """The live files of a fresh package, with others over them."""
    files = {name: recorded(version, name) for name in ("main.cf", "master.cf")}
    files.update(extra)
    return files.get


def over(current, rendering):
    """The live files after a rendering went live."""
    files = {name: file.content for name, file in rendering.files.items()}
    return lambda name: files[name] if name in files else current(name)
