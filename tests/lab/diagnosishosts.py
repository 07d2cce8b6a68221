# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Relays that are broken on purpose, and the playbook that must say what is wrong with them."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import sys
import time
import typing as t

import lab
import yaml
from labhosts import EVERY_HOST, HOSTS, ROOT, WORLD, Host, ansible_environment, policy_of

SINK = "10.25.0.51"
NOBODY = "10.25.0.79"
PYTHON36 = "/opt/python3.6/bin/python3.6"
#: What a group of tests names that uses these relays (labgroups).
USES = "diagnosis"
#: Name, image, MTA and address of each relay that is broken here.
RELAYS = {
    "diag-pf": ("debian12-postfix", "postfix", 70),
    "diag-sm": ("debian12-sendmail", "sendmail", 71),
    "diag-sles": ("sles15", "postfix", 72),
}

#: Every domain of the lab whose mail is taken. (Of slow.test the first exchanger is dead, which is a finding.)
HEALTHY = ("ok.test", "nomx.test", "v4only.test", "v6only.test", "tls.test", "third.test", "xserved.test", "served.test",
           "sub.served.test", "blackhole.test", "stranger.test")  # fmt: skip
#: Asked about on all eight relays, in the gate; the others there on the three of this file, and in C(make proof) on all.
EVERYWHERE = HEALTHY if EVERY_HOST else ("ok.test", "served.test", "blackhole.test")


class Diagnosis(t.NamedTuple):
    """What a run of diagnose.yml printed and returned."""

    text: str
    cases: t.List[t.Dict[str, t.Any]]
    healthy: bool
    seconds: float

    def first(self) -> t.Dict[str, t.Any]:
        """The case that the verdict names."""
        assert self.cases, self.text
        return self.cases[0]


@contextlib.contextmanager
def relays_of_our_own() -> t.Iterator[t.Dict[str, Host]]:
    """Three hardened relays beside the lab's."""
    podman = lab.Podman()
    made = [lab.Host(name, f"10.25.0.{number}", image, ()) for name, (image, dummy, number) in RELAYS.items()]
    try:
        for host in made:
            lab.start(podman, host, lab.ensure_image(podman, host.image))
        problems = [lab.wait_until_ready(podman, host) for host in made]
        # A stock sendmail refuses connections while this machine is busy; with our policy it does not.
        assert not [problem for problem in problems if problem and not problem.endswith("not ready: smtp")], problems
        hosts = {name: _prepared(name) for name in RELAYS}
        _inventory().write_text(yaml.safe_dump(_group(hosts)))
        yield hosts
    finally:
        for host in made:
            lab.remove(podman, host)
        _inventory().unlink(missing_ok=True)


def _inventory() -> pathlib.Path:
    return ROOT / ".cache" / "diagnosis-hosts.yml"


def _group(hosts: t.Mapping[str, Host]) -> t.Dict[str, t.Any]:
    entries = {
        name: {"ansible_host": host.address, "ansible_python_interpreter": host.python} for name, host in hosts.items()
    }
    return {"lab": {"children": {"diag": {"hosts": entries}}}}


def _prepared(name: str) -> Host:
    image, mta, number = RELAYS[name]
    twin = {"postfix": "pf12", "sendmail": "sm12"}[mta]
    host = Host(name, f"10.25.0.{number}", PYTHON36 if image == "sles15" else "/usr/bin/python3", mta)
    policy = dict(policy_of(HOSTS[twin]), identity={"hostname": f"{name}.lab.test"})
    answer = host.apply(policy)
    assert not answer.get("failed"), answer
    _dnspython(host)
    return host


def _dnspython(host: Host) -> None:
    """The library for the Python 3.6 of the SLES host, which has no package of it here."""
    known = host.run(f"{host.python} -c 'import dns' && echo yes", check=False).strip()
    if known != "yes":
        there = "/root/.local/lib/python3.6/site-packages"
        source = ROOT / ".cache" / "venv-3.6" / "lib" / "python3.6" / "site-packages"
        packed = subprocess.run(["tar", "-C", str(source), "-cf", "-", "dns"], capture_output=True, check=True).stdout
        host.bytes(f"mkdir -p {there} && tar -C {there} -xf -", packed)


def ansible(*argv: str, check: bool = True) -> str:
    """Run one of Ansible's programs from the tree, with our hosts in the inventory."""
    environment = ansible_environment(ANSIBLE_FORKS="5")
    command = [str(pathlib.Path(sys.executable).parent / argv[0]), *argv[1:]]
    command += ["-i", str(ROOT / "molecule" / "inventory")]
    if _inventory().exists():
        command += ["-i", str(_inventory())]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=ROOT, env=environment, check=False
    )
    assert done.returncode == 0 or not check, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def diagnose(domain: str, hosts: str = "diag", **more: str) -> Diagnosis:
    """Run the playbook as a postmaster does, and take what it printed and what it returned."""
    options = {"domain": domain, "hosts": hosts, **more}
    variables = json.dumps({f"diagnose_{name}": value for name, value in options.items()})
    started = time.monotonic()
    output = ansible("ansible-playbook", "playbooks/diagnose.yml", "-v", "-e", variables)
    seconds = time.monotonic() - started
    text = output[output.index("VERDICT for ") :].partition("\nTASK [")[0]
    answer = yaml.safe_load(_result(output))
    print(text)
    return Diagnosis(text, answer["cases"], answer["healthy"], seconds)


def _result(output: str) -> str:
    """The result of the last task, as -v shows it in YAML."""
    shown = output.partition("TASK [Show the verdict]")[2].partition("=>")[2].partition("\nPLAY RECAP")[0]
    return "\n".join(line[4:] for line in shown.splitlines() if line.startswith("    "))


def assert_nothing_is_wrong(found: Diagnosis, relays: int) -> None:
    """Fail unless so many relays were asked about everything, and all of them are well."""
    assert found.healthy, found.text
    assert f"nothing is wrong on {relays} relays" in found.text
    assert "CHECKED\n  name service, route, next hop, greeting, host, queue\n" in found.text


def wait_for(what: t.Callable[[], bool], seconds: float = 40) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(2)
    return False


def send(host: Host, recipient: str, subject: str) -> None:
    """Hand a message to the relay's own sendmail program."""
    host.run(f"/usr/sbin/sendmail -i -f postmaster@{host.name}.lab.test {recipient}", f"Subject: {subject}\n\nx\n")


def arrived(subject: str) -> bool:
    """Whether a message has reached a sink."""
    return bool(WORLD.run(f"grep -rls 'Subject: {subject}' /var/spool/sink || true").strip())


def waiting(host: Host, domain: str) -> bool:
    """Whether something for a domain is in the queue of a relay."""
    program = "postqueue -p" if host.mta == "postfix" else "mailq"
    return domain in host.run(program, check=False)
