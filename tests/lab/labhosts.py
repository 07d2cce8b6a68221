# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's hosts as the tests see them: run a command there, apply a policy there, look at its files.

The module's own code is copied to the host once and run there without Ansible around it, so that a test of hundreds of
runs costs what the product costs and not what starting Ansible costs. What Ansible adds is tested by molecule.
"""

from __future__ import annotations

import functools
import hashlib
import io
import itertools
import json
import os
import pathlib
import shlex
import subprocess
import tarfile
import threading
import time
import typing as t

import jinja2
import labcalls
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "molecule" / "inventory" / "hosts.yml"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "postmaster-mta" / "lab"
PACKAGE = "ansible_collections/postmaster/mta/plugins/module_utils"

#: Runs on the host: reads what is to be called, calls it, writes the answer. Errors of ours come back as data.
#: I(patch) is code that runs first: the hand that pulls a plug out at the right moment.
DOORWAY = """
import json, os, signal, sys
from ansible_collections.postmaster.mta.plugins.module_utils import _change, _errors, _files
from ansible_collections.postmaster.mta.plugins.module_utils._module import relay
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import verify_policy
call = json.load(sys.stdin)
exec(call["patch"])
defaults = {name: spec.get("default") for name, spec in relay.ARGUMENT_SPEC.items()}
params = dict(defaults, mta="auto", instance=None)
params.update(call["params"])
try:
    answer = relay.run(params, call["check_mode"])
except _errors.PostmasterError as problem:
    answer = dict(_errors.failure(problem), failed=True, kind=type(problem).__name__)
json.dump(answer, sys.stdout)
"""

#: Runs on the host: any module, with what the test gives. Errors of ours come back as data.
CALL = """
import importlib, json, sys
from ansible_collections.postmaster.mta.plugins.module_utils import _errors, _module
call = json.load(sys.stdin)
module = importlib.import_module(_module.__name__ + "." + call["module"])
params = {"mta": "auto", "instance": None}
params.update({name: spec.get("default") for name, spec in module.ARGUMENT_SPEC.items()})
params.update(call["params"])
try:
    answer = module.run(params, call["check_mode"])
except _errors.PostmasterError as problem:
    answer = dict(_errors.failure(problem), failed=True)
json.dump(answer, sys.stdout)
"""

#: Runs on the host: its live configuration as a policy.
READ = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils import _mta, _runner
from ansible_collections.postmaster.mta.plugins.module_utils._driver.read import read_of
mta = json.load(sys.stdin)
json.dump(read_of(mta).read(_mta.find(_runner.Runner(), mta, None)), sys.stdout)
"""

#: Runs on the host: every file below some directories with what changes when somebody changes it.
LOOK = """
import hashlib, json, os, sys
found = {}
for top in json.load(sys.stdin):
    for parent, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(parent, name)
            known = os.lstat(path)
            digest = ""
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    digest = hashlib.sha256(file.read()).hexdigest()
            found[path] = [digest, known.st_mode, known.st_uid, known.st_gid, known.st_ino, known.st_mtime_ns]
json.dump(found, sys.stdout)
"""

Facts = t.Dict[str, t.List[t.Any]]


def _code() -> t.Dict[str, bytes]:
    """Return what the hosts are sent: the collection's module_utils, by path."""
    top = ROOT / "plugins" / "module_utils"
    return {f"{PACKAGE}/{path.relative_to(top)}": path.read_bytes() for path in sorted(top.rglob("*.py"))}


def _digest(files: t.Mapping[str, bytes]) -> str:
    joined = hashlib.sha256()
    for path, content in files.items():
        joined.update(f"{path} {len(content)} ".encode() + content)
    return joined.hexdigest()[:16]


_CODE = _code()
#: Where a host has the code, in a directory for each state of it: several sessions can use one host.
REMOTE = f"/opt/postmaster-tests/{_digest(_CODE)}"
#: Other states are removed when nobody has begun with them for a day.
INSTALL = f"""
set -e
mkdir -p {REMOTE}.$$
tar -xf - -C {REMOTE}.$$
mv -T {REMOTE}.$$ {REMOTE} 2>/dev/null || rm -rf {REMOTE}.$$
find {REMOTE[: REMOTE.rindex("/")]} -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf {{}} +
"""

#: The servers of each thread: two threads can call something on one host at the same time.
_THREAD = threading.local()


class Host:
    """One host of the lab."""

    def __init__(self, name: str, address: str, python: str, mta: str) -> None:
        self.name = name
        self.address = address
        self.python = python
        self.mta = mta

    def __repr__(self) -> str:
        return self.name

    @property
    def directory(self) -> str:
        """The configuration directory of the primary instance."""
        return "/etc/postfix" if self.mta == "postfix" else "/etc/mail"

    def run(self, command: str, stdin: str = "", check: bool = True, timeout: float = 120) -> str:
        """Run a shell command as root; returns its standard output."""
        return self.bytes(command, stdin.encode(), check, timeout).decode(errors="replace")

    def bytes(self, command: str, stdin: bytes = b"", check: bool = True, timeout: float = 120) -> bytes:
        """The same for output that is no text."""
        done = subprocess.run([*self._ssh(), command], input=stdin, capture_output=True, timeout=timeout, check=False)
        if check and done.returncode:
            raise AssertionError(
                f"{self.name}: {command}: {done.returncode}\n{done.stdout[-500:]!r}\n{done.stderr[-2000:]!r}"
            )
        return done.stdout

    def apply(
        self, policy: t.Any = None, check_mode: bool = False, patch: str = "", **params: t.Any
    ) -> t.Dict[str, t.Any]:
        """Call the module relay; an error of ours comes back with C(failed).

        :param patch: Python that runs on the host before the call; where it kills the process, the answer is C(killed).
        """
        call = {"params": {"policy": policy or {}, "mta": self.mta, **params}, "check_mode": check_mode, "patch": patch}
        answer = self.ask(DOORWAY, call)
        return answer if answer else {"failed": True, "killed": True, "kind": "killed", "msg": "killed"}

    def call(self, module: str, check_mode: bool = False, **params: t.Any) -> t.Dict[str, t.Any]:
        """Call a module by its name; an error of ours comes back with C(failed)."""
        answer: t.Dict[str, t.Any] = self.ask(CALL, {"module": module, "params": params, "check_mode": check_mode})
        return answer

    def done(self, module: str, check_mode: bool = False, **params: t.Any) -> t.Dict[str, t.Any]:
        """Call a module that must do what it is asked for."""
        answer = self.call(module, check_mode, **params)
        assert not answer.get("failed"), f"{self}: {module}: {answer}"
        return answer

    def read_back(self) -> t.Dict[str, t.Any]:
        """Return the live configuration as relay_info does: C(policy) and C(unexpressed)."""
        return self.ask(READ, self.mta)

    def ask(self, program: str, given: t.Any, timeout: float = 600) -> t.Any:
        """Run a program that reads JSON and writes JSON; returns what it wrote, None where it was killed."""
        self.install()
        servers: t.Dict[str, labcalls.Server] = _THREAD.__dict__.setdefault("servers", {})
        if self.address not in servers or not servers[self.address].runs:
            command = shlex.join([self.python, "-c", labcalls.SERVER, REMOTE])
            servers[self.address] = labcalls.Server([*self._ssh(), command])
        printed = servers[self.address].run(program, json.dumps(given), timeout)
        return json.loads(printed) if printed else None

    def look(self, *directories: str) -> Facts:
        """Every file of the configuration directory, or of others: digest, mode, owner, group, inode, mtime."""
        return self.ask(LOOK, directories or [self.directory])

    @functools.lru_cache(maxsize=64)  # noqa: B019 - a host lives as long as the test session
    def install(self) -> None:
        """Copy the module's code to the host, unless it is there; it appears whole or not at all."""
        if not self.run(f"touch -c {REMOTE} && ls -d {REMOTE} 2>/dev/null", check=False):
            self.bytes(INSTALL, _bundle())

    def read(self, path: str) -> bytes:
        """The content of a file."""
        return self.bytes(f"cat {shlex.quote(path)}")

    def write(self, path: str, content: bytes) -> None:
        """Write a file as a person with an editor would."""
        self.bytes(f"cat > {shlex.quote(path)}", content)

    def master(self) -> t.Tuple[int, int]:
        """Process number and start time (clock ticks since boot) of the daemon that listens on port 25."""
        pid = self.run("ss -ltnpH 'sport = :25' | sed -n 's/.*pid=\\([0-9]*\\).*/\\1/p' | sort -n | head -n 1").strip()
        return int(pid), int(self.run(f"cut -d ')' -f 2- /proc/{pid}/stat | cut -d ' ' -f 21"))

    def restart(self) -> None:
        """Restart the host itself. What is kept of it goes first: the container comes back with another hardware address.

        On a connection that outlived it a command would wait for an answer that nobody sends.
        """
        _THREAD.__dict__.get("servers", {}).pop(self.address, None)
        subprocess.run([*self._ssh()[:-1], "-O", "exit", self._ssh()[-1]], capture_output=True, check=False)
        container = f"postmaster-lab-{self.name}"
        subprocess.run(["podman", "restart", "--time", "20", container], capture_output=True, check=True)
        subprocess.run(["ip", "neigh", "flush", "to", self.address], capture_output=True, check=False)

    def _ssh(self) -> t.List[str]:
        options = {
            "IdentityFile": CACHE / "id_ed25519",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "ControlMaster": "auto",
            "ControlPersist": "60",
            # One for each session: what ends one (restart) must not end the others.
            "ControlPath": CACHE / "cp" / f"test-{self.name}-{os.getpid()}",
        }
        return ["ssh", *(f"-o{name}={value}" for name, value in options.items()), f"root@{self.address}"]


#: Runs on world: one conversation, answered with every step of it.
TALK = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import dialogue
call = json.load(sys.stdin)
with dialogue.Dialogue(call["address"], call.get("port", 25), source=call["source"], timeout=30) as session:
    session.connect()
    for line in call["lines"]:
        session.command(line)
    json.dump([dialogue.step_facts(step) for step in session.steps], sys.stdout)
"""

TRUSTED_ADDRESS = "10.25.0.60"
_strangers = itertools.cycle(range(100, 140))


def conversation(client: Host, relay: Host, who: str, lines: t.Sequence[str]) -> t.List[t.Dict[str, t.Any]]:
    """Talk to a relay from world; each stranger comes from the next address of the pool, so that no limit is met.

    :param who: stranger or trusted.
    :returns: the greeting and the reply to each line.
    """
    source = TRUSTED_ADDRESS if who == "trusted" else f"10.25.0.{next(_strangers)}"
    call = {"address": relay.address, "source": source, "lines": list(lines)}
    return client.ask(TALK, call)


def _bundle() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in _CODE.items():
            info = tarfile.TarInfo(path)
            info.size, info.mtime = len(content), int(time.time())
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def load() -> t.Dict[str, Host]:
    """All hosts of the inventory."""
    inventory = yaml.safe_load(INVENTORY.read_text())
    hosts: t.Dict[str, Host] = {}
    _collect("all", inventory["lab"], hosts, "")
    return hosts


def _collect(group: str, content: t.Mapping[str, t.Any], hosts: t.Dict[str, Host], mta: str) -> None:
    mta = group if group in ("postfix", "sendmail") else mta
    for name, values in (content.get("hosts") or {}).items():
        python = values.get("ansible_python_interpreter", "/usr/bin/python3")
        hosts[name] = Host(name, values["ansible_host"], python, mta)
    for name, inner in (content.get("children") or {}).items():
        _collect(name, inner, hosts, mta)


HOSTS = load()
RELAYS = [host for host in HOSTS.values() if host.mta]
POSTFIX = [host for host in RELAYS if host.mta == "postfix"]
SENDMAIL = [host for host in RELAYS if host.mta == "sendmail"]
WORLD, DNS = HOSTS["world"], HOSTS["dns"]


def ansible_environment(**settings: str) -> t.Dict[str, str]:
    """Return the environment for a run of Ansible: this checkout's configuration, and no settings of the person who types."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    ours = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "ANSIBLE_NOCOLOR": "true",
    }
    return {**kept, **ours, **settings}


#: Set by C(make proof): tests that take minutes run on every host, and not only on some.
EVERY_HOST = os.environ.get("LAB_EVERY_HOST") == "1"


def some(*names: str) -> t.List[Host]:
    """The hosts for tests that take minutes: these in the gate of every change; all of their MTAs in C(make proof)."""
    chosen = [HOSTS[name] for name in names]
    return [host for host in RELAYS if host.mta in {one.mta for one in chosen}] if EVERY_HOST else chosen


Case = t.TypeVar("Case")


def spread(hosts: t.Sequence[Host], cases: t.Sequence[Case]) -> t.List[t.Tuple[Host, Case]]:
    """Return pairs for a long matrix: each case on one of the hosts, in turns; in C(make proof) each case on all of them."""
    if EVERY_HOST:
        return [(host, case) for host in hosts for case in cases]
    return [(hosts[number % len(hosts)], case) for number, case in enumerate(cases)]


def of_each_kind(cases: t.Sequence[Case], names: t.Collection[str]) -> t.Sequence[Case]:
    """Return the cases of these names, one of each kind, for the gate; in C(make proof) all of them."""
    unknown = set(names) - {str(getattr(case, "name", case)) for case in cases}
    assert not unknown, unknown
    return [case for case in cases if EVERY_HOST or getattr(case, "name", case) in names]


def crossed(hosts: t.Sequence[Host], cases: t.Sequence[Case]) -> t.List[t.Tuple[Host, Case]]:
    """Return pairs for a short matrix that each version must meet: each host with one case, in turns; in C(make proof) with all."""
    if EVERY_HOST:
        return [(host, case) for host in hosts for case in cases]
    return [(host, cases[number % len(cases)]) for number, host in enumerate(hosts)]


#: The policy of the lab's fleet, as the playbook applies it.
GROUP_VARS = ROOT / "molecule" / "inventory" / "group_vars"
POLICY_FILE = GROUP_VARS / "relays" / "policy.yml"


def policy_of(host: Host) -> t.Dict[str, t.Any]:
    """The fleet's policy for one host, templated as the inventory would."""
    fleet = yaml.safe_load(POLICY_FILE.read_text())["relay_policy"]
    group = yaml.safe_load((GROUP_VARS / host.mta / "policy.yml").read_text()).get("relay_policy_group", {})
    return _templated({**fleet, **group}, {"inventory_hostname": host.name, "ansible_host": host.address})


def _templated(value: t.Any, names: t.Mapping[str, str]) -> t.Any:
    if isinstance(value, dict):
        return {key: _templated(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_templated(inner, names) for inner in value]
    return jinja2.Template(value).render(names) if isinstance(value, str) else value
