# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hardening costs: a run that has nothing to do, and the messages per second of a hardened relay."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time
import typing as t

import lab
from figures import Row
from labhosts import DNS, HOSTS, WORLD, Host, ansible_environment, policy_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS = 3
MESSAGES = {"postfix": 2000, "sendmail": 500}
#: The load of this machine is not that of a relay.
NO_LOAD_BRAKES = ["define(`confREFUSE_LA', `1000')dnl\n", "define(`confQUEUE_LA', `1000')dnl\n"]
#: As many as a listen queue of Debian's sendmail takes: with more, its stock configuration drops connections.
SESSIONS = 8
SINK = "10.25.0.63"
SOURCE = "10.25.0.50"
RECIPIENT = "u@load.ok.test"
#: The images whose stock and hardened relays are compared, with the addresses of two throw-away containers.
PAIRS = {"debian12-postfix": (".91", ".92"), "debian12-sendmail": (".93", ".94")}
#: The task of the role that a run with nothing to do is compared without, and what stands in its place.
YARDSTICK = """
- name: Ping, instead of the configuration
  ansible.builtin.ping:
- name: Postfix check, instead of the configuration
  ansible.builtin.command: postfix check
  changed_when: false
"""


#: What costs most of the policy, all at once; some of it concerns the messages of the load, most of it is only looked up.
ROUTES = 10_000
BURDEN: t.Dict[str, t.Dict[str, t.Any]] = {
    "load": {"delay": 1000, "queue": 1000, "refuse": 1000},
    "rewrite": {
        "senders": [{"match": "load@ok.test", "to": "loaded@ok.test"}, {"match": "int.test", "to": "brand.test"}],
        "recipients": [{"match": "info@served.test", "to": "user@ok.test"}],
        "domains": [{"domain": "old.test", "to": "served.test"}],
        "masquerade": {"domains": ["hide.test"], "except": ["root"]},
    },
    "routes": {
        "domains": [{"domain": f"d{number}.routed.test", "host": "192.0.2.4"} for number in range(ROUTES)],
        "senders": [{"sender": "news.test", "host": "192.0.2.5"}],
    },
}
CLIENTS = [
    {"networks": ["192.0.2.0/24"], "senders": ["brand.test"]},
    {"names": ["mail.partner.test"]},
    {"certificates": [":".join(["AB"] * 32)]},
]


def rows(part: str = "") -> t.Iterator[Row]:
    """What hardening costs; with C(throughput) the messages per second alone."""
    if part != "throughput":
        yield from _nothing_to_do()
    for image in PAIRS:
        yield from _throughput(image)


def _nothing_to_do() -> t.Iterator[Row]:
    with _playbooks() as (ours, yardstick):
        _play(ours)
        times = [(_play(ours), _play(yardstick)) for dummy in range(ROUNDS)]
    what = "harden a hardened host : ping and postfix check"
    yield Row(what, statistics.median(a for a, b in times), statistics.median(b for a, b in times), "s", 1.5)


@contextlib.contextmanager
def _playbooks() -> t.Iterator[t.Tuple[pathlib.Path, pathlib.Path]]:
    """The role in a playbook, and the same with the configuration task replaced by the yardstick."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        where = pathlib.Path(name)
        shutil.copytree(ROOT / "roles" / "relay", where / "roles" / "relay")
        tasks = where / "roles" / "relay" / "tasks" / "main.yml"
        before, found, after = _cut_out_task(tasks.read_text(), "postmaster.mta.relay:")
        assert found, "the role has no configuration task"
        tasks.write_text(before + YARDSTICK + after)
        for title, role in (("ours", "postmaster.mta.relay"), ("yardstick", str(where / "roles" / "relay"))):
            (where / f"{title}.yml").write_text(
                f"- hosts: pf12\n  gather_facts: false\n  tasks:\n    - ansible.builtin.import_role:\n        name: {role}\n"
            )
        yield where / "ours.yml", where / "yardstick.yml"


def _cut_out_task(text: str, module: str) -> t.Tuple[str, str, str]:
    """Split a task file around the one task that calls a module."""
    parts = ("\n" + text).split("\n- ")
    for number, part in enumerate(parts):
        if module in part:
            return "\n- ".join(parts[:number]).lstrip("\n"), part, "\n- ".join(["", *parts[number + 1 :]])
    return text, "", ""


def _play(playbook: pathlib.Path) -> float:
    started = time.monotonic()
    command = ["ansible-playbook", "-i", str(ROOT / "molecule" / "inventory"), str(playbook)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=ansible_environment())
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return time.monotonic() - started


def _throughput(image: str) -> t.Iterator[Row]:
    mta = image.rpartition("-")[2]
    with _pair(image, mta) as (stock, hardened):
        _prepare_outside()
        _open_stock(stock)
        _harden(hardened)
        rates = [(_rate(hardened), _rate(stock)) for dummy in range(ROUNDS)]
        _harden(hardened, BURDEN)
        burdened = [(_rate(hardened), _rate(stock)) for dummy in range(ROUNDS)]
    ours, other = (statistics.median(column) for column in zip(*rates, strict=True))
    yield Row(f"hardened : stock {image}", ours, other, "msg/s", 0.9, at_most=False)
    loaded, stocks = (statistics.median(column) for column in zip(*burdened, strict=True))
    what = f"load, clients, rewrite, {ROUTES} routes : stock {image}"
    yield Row(what, loaded, stocks, "msg/s", 0.85, at_most=False)
    if mta == "postfix":
        yield Row(f"hardened : 100 messages per second, {image}", ours, 100, "msg/s", 1, at_most=False)


@contextlib.contextmanager
def _pair(image: str, mta: str) -> t.Iterator[t.Tuple[Host, Host]]:
    """Two fresh relays of one image, beside the fleet."""
    podman = lab.Podman()
    made = [lab.Host(f"bench{number}", f"10.25.0{number}", image, ()) for number in PAIRS[image]]
    made = [host._replace(name=f"bench{host.number}") for host in made]
    try:
        for host in made:
            lab.start(podman, host, lab.ensure_image(podman, image))
        problems = [lab.wait_until_ready(podman, host) for host in made]
        assert not any(problems), problems
        first, second = (Host(host.name, host.address, "/usr/bin/python3", mta) for host in made)
        yield first, second
    finally:
        for host in made:
            lab.remove(podman, host)


def _open_stock(host: Host) -> None:
    """The distribution's configuration with only what it takes to relay for the load generator, without its brakes."""
    if host.mta == "postfix":
        host.run(
            f"postconf -e 'mynetworks = 127.0.0.0/8 {SOURCE}/32' inet_interfaces=all && systemctl restart postfix@-"
        )
        return
    lines = host.read("/etc/mail/sendmail.mc").decode().replace(", Addr=127.0.0.1", "").splitlines(True)
    # Debian's stock greeting pause of a second would make the comparison a joke: eight messages a second.
    lines = [line for line in lines if "Addr=::1" not in line and "greet_pause" not in line]
    after = next(number for number, line in enumerate(lines) if line.startswith("DOMAIN("))
    lines[after + 1 : after + 1] = NO_LOAD_BRAKES
    host.write("/etc/mail/sendmail.mc", "".join(lines).encode())
    host.run(
        f"cd /etc/mail && sed -i '/^Client/d' access && printf 'Connect:{SOURCE}\\tRELAY\\n' >> access && "
        "make >/dev/null 2>&1; systemctl restart sendmail; sleep 2"
    )


def _harden(host: Host, burden: t.Optional[t.Mapping[str, t.Any]] = None) -> None:
    policy = policy_of(HOSTS["pf12" if host.mta == "postfix" else "sm12"])
    policy["identity"] = {"hostname": f"{host.name}.lab.test"}
    policy["relay"] = {**policy["relay"], "networks": [f"{SOURCE}/32"]}
    if burden:
        policy = {**policy, **burden, "relay": {**policy["relay"], "clients": CLIENTS}}
    answer = host.apply(policy)
    assert not answer.get("failed"), answer


def _rate(host: Host) -> float:
    """Messages per second, from the first connection to the last message in the sink."""
    count = MESSAGES[host.mta]
    sink = f"timeout 120 smtp-sink -u nobody -M {count} {SINK}:25 500"
    source = f"smtp-source -s {SESSIONS} -m {count} -l 4096 -f load@ok.test -t {RECIPIENT} {host.address}:25"
    began, accepted, ended = WORLD.run(
        f"{sink} >/dev/null 2>&1 & sleep 0.5; date +%s.%N; {source} >/dev/null && date +%s.%N && wait $! && date +%s.%N",
        timeout=300,
    ).split()
    assert accepted
    return count / (float(ended) - float(began))


def _prepare_outside() -> None:
    """A domain whose only mail exchanger is the sink of the load; its address first: an exchanger without one is refused."""
    WORLD.run(f"ip -4 address show | grep -q '{SINK}/' || ip address add {SINK}/24 dev eth0")
    DNS.run(f"labdns set load-mx.ok.test A {SINK} && labdns set load.ok.test MX '0 load-mx.ok.test.'")
