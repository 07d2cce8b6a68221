# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A walk of every playbook, run by a real ansible-playbook on this machine, which is taken for a relay.

Each playbook is run without variables, or for an empty fleet where it needs none, and some with a misspelt one; the gate runs each
fifth. It must fail with a sentence, never with a traceback, an empty screen or exit status 0. (Each variable misspelt and of a wrong
type: test__arguments.py, without a process for each.)
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import pytest
import yaml

pytest.importorskip("ansible.executor", reason="a controller is needed")

from ansible_collections.postmaster.mta.plugins.plugin_utils import _arguments  # noqa: E402
from ansible_collections.postmaster.mta.tests.unit import share  # noqa: E402
from ansible_collections.postmaster.mta.tests.unit.playbook_program import ansible_playbook

ROOT = pathlib.Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "tools"))
import playbook_ends as ends  # noqa: E402

BOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml") if path.stem != "harden-relay")
MISSPELT = ("queue_flush", "harden_relay", "block_domains")
#: Every playbook begins with the same check: the gate runs some, and C(make proof) all.
WALKED = sorted({*BOOKS[:: share.stride(5)], *MISSPELT} & {*BOOKS})
#: The program that would be asked is this machine's: it has no MTA, or one that must not be touched.
INVENTORY = """
relays:
  hosts:
    relay:
      ansible_connection: local
      ansible_become: false
      ansible_python_interpreter: {python}
      capture_address: 192.0.2.9
      harden_probes: false
"""


def run(directory, *arguments):
    """Run a playbook; returns its exit status and what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(
        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache" / "collections"),
        ANSIBLE_LOCAL_TEMP=str(directory / "tmp"),
        ANSIBLE_REMOTE_TMP=str(directory / "tmp"),
        ANSIBLE_NOCOLOR="true",
        ANSIBLE_STDOUT_CALLBACK="postmaster.mta.brief",
        COLUMNS="200",
        PWD=str(directory),
        # No MTA can be found.
        PATH=f"{directory}:{pathlib.Path(sys.executable).parent}",
    )
    command = [*ansible_playbook(), *arguments]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=str(directory),
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout.decode()


def walk(directory, name):
    """Return what is wrong with one playbook."""
    spec = _arguments.load(name)
    inventory = str(directory / "hosts.yml")
    book = f"postmaster.mta.{name}"
    required = [option for option, details in spec.options.items() if details.get("required")]
    cases = {}
    # The names are checked before anything else, and alike in all playbooks; the unit tests of _arguments.py know every name.
    if name in MISSPELT:
        cases["misspelt"] = ("-i", inventory, book, "-e", f"{ends.misspelling(spec)}=1")
    if spec.required_one_of or set(required) - {"capture_address"}:
        cases["no variables"] = ("-i", inventory, book)
    else:
        cases["an empty fleet"] = ("-i", "localhost,", book)
    wrong = []
    for case, arguments in cases.items():
        status, output = run(directory, *arguments)
        says = {
            "misspelt": ends.misspelt,
            "no variables": ends.without_variables,
            "an empty fleet": lambda _spec: "no relay: ",
        }
        is_said = says[case](spec) in " ".join(output.split())
        if status != 2 or re.search("Traceback|Finalization|UNREACHABLE|undefined", output) or not is_said:
            wrong.append(f"{name}, {case}: exit status {status}\n{output}")
    return wrong


def test_every_playbook_says_what_is_wrong_before_it_does_anything(tmp_path):
    (tmp_path / "hosts.yml").write_text(INVENTORY.format(python=sys.executable))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [text for texts in pool.map(lambda name: walk(tmp_path, name), WALKED) for text in texts]
    assert wrong == [], "\n".join(wrong)


#: The ssh of this test reaches nobody.
DOWN = """
relays:
  hosts:
    mx1:
      ansible_host: 127.0.0.1
      ansible_port: 1
      ansible_user: nobody
  vars:
    relay_policy: {identity: {hostname: mx1.example.com}, relay: {domains: [served.example]}}
"""


def example(name):
    """Return the first example of a playbook's page, as words of a command line."""
    examples = yaml.safe_load((_arguments.DIRECTORY / f"{name}.yml").read_text())["examples"]
    return shlex.split(str(examples[0]).replace("/tmp/message.eml", "message.eml").replace("mx1.example.com", "mx1"))


def down(directory, name):
    """Return what is wrong with one playbook, called as its page says, when its relay does not answer."""
    words = example(name)
    status, output = run(directory, "-i", str(directory / "down.yml"), f"postmaster.mta.{name}", *words)
    is_named = re.search(r"mx1.*(?:unreachable|Failed to connect|Connection refused)", " ".join(output.split()), re.I)
    # Nobody has answered, so nothing is in order.
    is_false = re.search("nothing is wrong|nothing waits|says what the relays say|nobody|nothing differs", output, re.I)
    # The example of harden_relay is one of check mode.
    words = ends.down(_arguments.load(name)).replace("Not hardened", "Would not be hardened")
    is_said = words in " ".join(output.split())
    is_right = is_said and is_named and status == ends.DOWN_STATUS.get(name, 2)
    if not is_right or is_false or re.search("Traceback|Finalization|undefined", output):
        return [f"{name} {' '.join(words)}: exit status {status}\n{output}"]
    return []


@pytest.mark.long
def test_every_playbook_fails_and_names_the_relay_that_is_down(tmp_path):
    (tmp_path / "down.yml").write_text(DOWN)
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\necho 'ssh: connect to host 127.0.0.1 port 1: Connection refused' >&2\nexit 255\n")
    ssh.chmod(0o755)
    (tmp_path / "spammers.txt").write_text("spam.example\n")
    (tmp_path / "message.eml").write_text("Subject: x\n\nx\n")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [text for texts in pool.map(lambda name: down(tmp_path, name), BOOKS) for text in texts]
    assert wrong == [], "\n".join(wrong)


#: The modules of diagnose run beside each other, as files that only the user of the connection may read, and test_diagnosis_info.py has
#: its sentence. What egress says without root hangs on dnspython being there.
NOT_HERE = ("diagnose", "egress")


def no_root(directory, name):
    """Return what is wrong with one playbook, called as its page says, when it may not become root."""
    status, output = run(directory, "-i", str(directory / "user.json"), f"postmaster.mta.{name}", *example(name))
    if re.search("Traceback|Finalization|undefined", output):
        return [f"{name}: exit status {status}\n{output}"]
    sentence = ends.no_root(_arguments.load(name)).rpartition("... ")[2]
    if sentence and (status != 2 or sentence not in " ".join(output.split())):
        return [f"{name}: exit status {status}\n{output}"]
    return []


@pytest.mark.long
def test_every_playbook_says_that_it_needs_root():
    """The modules are run by a Python that has given up its rights, as those of a user without sudo are."""
    # Not below the directory of this user, which another one may not enter.
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        directory.chmod(0o1777)
        python = directory / "python"
        drop = "" if os.getuid() else f"{shutil.which('setpriv')} --reuid=65534 --regid=65534 --clear-groups "
        python.write_text(f'#!/bin/sh\nexec {drop}/usr/bin/python3 "$@"\n')
        python.chmod(0o755)
        host = {
            "ansible_connection": "local",
            "ansible_pipelining": True,
            "ansible_become": False,
            "ansible_python_interpreter": str(python),
            "ansible_remote_tmp": str(directory / "remote"),
            "harden_probes": False,
            "relay_policy": {"identity": {"hostname": "mx1.example.com"}, "relay": {"domains": ["served.example"]}},
        }
        # browse asks who comes to its door; no other program is on the path.
        (directory / "id").symlink_to(str(shutil.which("id")))
        (directory / "user.json").write_text(json.dumps({"relays": {"hosts": {"mx1": host}}}))
        (directory / "spammers.txt").write_text("spam.example\n")
        (directory / "message.eml").write_text("Subject: x\n\nx\n")
        books = [name for name in BOOKS if name not in NOT_HERE]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            wrong = [text for texts in pool.map(lambda name: no_root(directory, name), books) for text in texts]
    assert wrong == [], "\n".join(wrong)


def test_an_empty_policy_is_refused_before_anything_is_looked_at(tmp_path):
    """Sections without a word in them are empty as well."""
    policies = {"nothing": {}, "section": {"relay": {}}, "nulls": {"relay": None, "identity": {}}}
    base = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    hosts = {name: dict(base, relay_policy=policy) for name, policy in policies.items()}
    (tmp_path / "hosts.json").write_text(json.dumps({"relays": {"hosts": hosts}}))
    play = {"hosts": "relays", "gather_facts": False, "roles": ["postmaster.mta.relay"]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    status, output = run(tmp_path, "-i", str(tmp_path / "hosts.json"), str(tmp_path / "play.yml"))
    assert status == 2
    for name in policies:
        assert f"  {name:<8}  Refuse an empty policy: FAILED: the policy is empty" in output, output
