# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A diagnosis of one domain on eight relays beside the slowest single check that it waits for."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import time
import typing as t

import lab
import yaml
from figures import Row
from labhosts import Host, ansible_environment, policy_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: The fleet has five relays; these make it eight: image, MTA and address.
MORE = {
    "bench-diagnosis-1": ("debian12-postfix", "postfix", "10.25.0.80"),
    "bench-diagnosis-2": ("debian13-postfix", "postfix", "10.25.0.81"),
    "bench-diagnosis-3": ("debian12-sendmail", "sendmail", "10.25.0.82"),
}
RELAYS = 8
NOBODY = "10.25.0.79"
#: How long a check took, as the modules return it: those of diagnosis_info by name, and the greeting.
_SECONDS = re.compile(r"^    (?:  names|  route|  host|  queue|seconds): ([0-9]+(?:[.][0-9]+)?)$", re.MULTILINE)
#: The single checks as modules of their own, as somebody would type them one after the other.
SINGLE = {
    "dns_info": "domain=ok.test",
    "route_info": "address=postmaster@ok.test",
    "host_info": "",
    "queue_info": "",
    "smtp": "host=mx1.ok.test until=rcpt recipients=postmaster@ok.test",
}


def rows() -> t.Iterator[Row]:
    """The ratio of issue 7, where a check waits for somebody, and where none does."""
    with _eight() as added:
        _run("playbooks/diagnose.yml", "ok.test")  # connections, and what Python compiles once
        yield _waiting("a destination that never greets", "stall.test")
        with _slow_greeting(added["bench-diagnosis-3"]):
            yield _waiting("dead name server, slow greeting", "ok.test")
        seconds, dummy = _run("playbooks/diagnose.yml", "ok.test")
        single = max(_single(module, arguments) for module, arguments in SINGLE.items())
        yield Row(f"{RELAYS} healthy relays : slowest module alone", seconds, single, "s", 2)


def _waiting(name: str, domain: str) -> Row:
    seconds, output = _run("playbooks/diagnose.yml", domain)
    slowest = max(float(number) for number in _SECONDS.findall(output))
    return Row(f"{RELAYS} relays, {name} : its check", seconds, slowest, "s", 2)


@contextlib.contextmanager
def _eight() -> t.Iterator[t.Dict[str, Host]]:
    podman = lab.Podman()
    made = [lab.Host(name, address, image, ()) for name, (image, dummy, address) in MORE.items()]
    try:
        for host in made:
            lab.start(podman, host, lab.ensure_image(podman, host.image))
        problems = [lab.wait_until_ready(podman, host) for host in made]
        # A stock sendmail refuses connections while this machine is busy; with our policy it does not.
        assert not [one for one in problems if one and not one.endswith("not ready: smtp")], problems
        added = {name: Host(name, address, "/usr/bin/python3", mta) for name, (dummy, mta, address) in MORE.items()}
        for host in added.values():
            answer = host.apply(policy_of(host))
            assert not answer.get("failed"), answer
        entries = {name: {"ansible_host": host.address} for name, host in added.items()}
        _inventory().write_text(yaml.safe_dump({"lab": {"children": {"relays": {"hosts": entries}}}}))
        yield added
    finally:
        for host in made:
            lab.remove(podman, host)
        _inventory().unlink(missing_ok=True)


@contextlib.contextmanager
def _slow_greeting(host: Host) -> t.Iterator[None]:
    """A relay whose name servers are dead: its checks of names take long, and so does its greeting."""
    before = host.run("cat /etc/resolv.conf")
    try:
        host.write("/etc/resolv.conf", f"nameserver {NOBODY}\nnameserver 10.25.0.2\n".encode())
        host.run("systemctl restart sendmail")
        yield
    finally:
        host.write("/etc/resolv.conf", before.encode())
        host.run("systemctl restart sendmail")


def _inventory() -> pathlib.Path:
    return ROOT / ".cache" / "bench-diagnosis-hosts.yml"


def _run(playbook: str, domain: str) -> t.Tuple[float, str]:
    """With the number of forks that Ansible has when nobody says anything."""
    seconds, output = _ansible("ansible-playbook", playbook, "-v", "-e", json.dumps({"diagnose_domain": domain}))
    assert output.count("check_seconds:") == RELAYS, output[-3000:]
    return seconds, output


def _single(module: str, arguments: str) -> float:
    return _ansible("ansible", "relays", "-m", f"postmaster.mta.{module}", "-a", arguments)[0]


def _ansible(program: str, *arguments: str) -> t.Tuple[float, str]:
    command = [str(pathlib.Path(sys.executable).parent / program), *arguments]
    command += ["-i", str(ROOT / "molecule" / "inventory"), "-i", str(_inventory())]
    environment = ansible_environment(ANSIBLE_FORKS="5")
    began = time.monotonic()
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return seconds, done.stdout
