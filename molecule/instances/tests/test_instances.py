# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three instances on each relay: each is itself, each is changed alone, all stop and all come back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid

import pytest
from accesshosts import access, call, clear
from instancehosts import EXTRA, extra, masters, queue, say
from labhosts import ROOT, WORLD, policy_of

sys.path.insert(0, str(ROOT / "molecule"))

import lab  # noqa: E402

PATIENCE = 60
ADOPTED = ("pf13", "sm13")


def names(relay):
    """The additional instances of a relay, with the address that each listens on."""
    return {f"{relay.mta}-EXT": extra(relay, 0), f"{relay.mta}-two": extra(relay, 1)}


def greeting(relay, address):
    """What an address greets with, asked on the relay itself; empty where nobody listens."""
    return relay.run(f"timeout 10 bash -c 'exec 3<>/dev/tcp/{address}/25 && head -n 1 <&3' 2>/dev/null || true").strip()


def arrived(sink, subject, patience=PATIENCE):
    """Whether a message of that subject comes to the sink."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if WORLD.run(f"grep -rla {subject} /var/spool/sink/{sink} 2>/dev/null || true").strip():
            return True
        time.sleep(0.5)
    return False


def settings(relay, instance):
    """The policy of one instance as the scenario applies it."""
    policy = policy_of(relay)
    number = list(names(relay)).index(instance)
    host = f"{'ext' if number == 0 else 'two'}.{relay.name}.lab.test"
    policy["identity"] = {"hostname": host, "listen": [extra(relay, number)]}
    return policy


def test_each_instance_greets_with_its_own_name(relay):
    assert greeting(relay, "127.0.0.1").startswith(f"220 {relay.name}.lab.test ")
    for (name, address), word in zip(names(relay).items(), ("ext", "two"), strict=True):
        assert greeting(relay, address).startswith(f"220 {word}.{relay.name}.lab.test "), name
    assert not greeting(relay, relay.address), "the primary instance keeps to loopback"


@pytest.mark.parametrize("number", range(2))
def test_each_instance_relays_for_its_own_and_for_nobody_else(relay, number):
    subject = uuid.uuid4().hex
    codes = say(extra(relay, number), "trusted", "user@lab.test", "user@ok.test", subject)
    assert codes[-1] == 250 and arrived("ok.test", subject)
    assert say(extra(relay, number), "stranger", "x@stranger.test", "x@third.test", subject)[2] // 100 == 5


def test_what_was_made_by_hand_is_still_there(relay):
    if relay.name not in ADOPTED:
        pytest.skip("made from nothing here")
    kept = {"postfix": "/etc/postfixEXT/main.cf", "sendmail": "/etc/sendmailEXT/sendmail.mc.before-postmaster"}
    assert "by hand" in relay.read(kept[relay.mta]).decode()


def test_a_policy_changes_one_instance_alone(relay):
    one, other = names(relay)
    before = masters(relay)
    policy = settings(relay, one)
    policy["limits"]["message_size"] = "11M"
    answer = relay.apply(policy, instance=one)
    assert answer["changed"] and answer["activation"]["kind"] == "reload", answer
    after = masters(relay)
    changed = {name for name in before if before[name] != after.get(name)}
    assert len(before) == 3 and changed <= {one}
    assert f"SIZE {11 * 1024 * 1024}" in hello(relay, names(relay)[one])
    assert f"SIZE {25 * 1024 * 1024}" in hello(relay, names(relay)[other])
    assert relay.apply(settings(relay, one), instance=one)["changed"]


def hello(relay, address):
    """What EHLO is answered with."""
    talk = "import smtplib,sys; s=smtplib.SMTP(sys.argv[1],25,timeout=20); s.ehlo('localhost'); print(s.ehlo_resp.decode())"
    return relay.run(f'python3 -c "{talk}" {address}')


def test_a_block_counts_for_one_instance_alone(relay):
    one, other = names(relay)
    access(relay, rules=[{"from": ["v4only.test"]}], instance=one)
    try:
        refused = say(names(relay)[one], "stranger", "x@v4only.test", "user@served.test", "x")
        passed = say(names(relay)[other], "stranger", "x@v4only.test", "user@served.test", uuid.uuid4().hex)
        assert 550 in refused[1:3] and 550 not in passed
        asked = call(relay, "access_info", instance=other, **{"from": ["x@v4only.test"]})
        assert not asked["answers"][0]["refused"]
    finally:
        assert access(relay, state="exact", rules=[], instance=one)["changed"]
    clear(relay)


def test_the_queue_of_one_instance_alone(relay):
    one, other = names(relay)
    for address in names(relay).values():
        assert say(address, "trusted", "user@lab.test", "user@defer.test", uuid.uuid4().hex)[-1] == 250
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = queue(relay, "info", instance="all", select={"domain": ["defer.test"]})["messages"]
        if len([one for one in found if one["status"] == "deferred"]) >= 2:
            break
        time.sleep(0.5)
    assert {message["instance"] for message in found} == {one, other}
    held = queue(relay, "operate", action="hold", instance=one, select={"domain": ["defer.test"]})
    assert held["affected"] == 1
    state = {m["instance"]: m["status"] for m in queue(relay, "info", instance="all")["messages"]}
    assert state[one] == "hold" and state[other] != "hold"
    for name in (one, other):
        select = {"domain": ["defer.test"]}
        assert queue(relay, "operate", action="delete", instance=name, max=1, select=select)["affected"] == 1


def test_the_log_tells_the_instances_apart(relay):
    subjects = {}
    for name, address in names(relay).items():
        subjects[name] = f"{uuid.uuid4().hex}@lab.test"
        assert say(address, "trusted", subjects[name], "user@ok.test", "x")[-1] == 250
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        seen = {name: senders(relay, name) for name in subjects}
        if all(sender in seen[name] for name, sender in subjects.items()):
            break
        time.sleep(1)
    one, other = names(relay)
    assert subjects[one] in seen[one] and subjects[one] not in seen[other]
    assert subjects[other] in seen[other] and subjects[other] not in seen[one]


def senders(relay, instance):
    """The senders in the log of one instance, by the module log_info."""
    task = f"postmaster.mta.log_info instance={instance} limit=50"
    command = ["ansible", "-i", str(ROOT / "molecule" / "inventory"), relay.name, "-m", *task.split(" ", 1)[:1]]
    done = subprocess.run(
        [*command, "-a", task.split(" ", 1)[1]], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_stopping_leaves_no_process_and_starting_brings_all_back(relay):
    before = set(masters(relay))
    services = {"postfix": ["postfix"], "sendmail": ["sendmail", "sendmail-EXT", "sendmail-two"]}[relay.mta]
    relay.run(f"systemctl stop {' '.join(services)}")
    time.sleep(1)
    assert not masters(relay), "a process was left behind"
    relay.run(f"systemctl start {' '.join(services)}")
    wait_for(relay, before)


def test_after_a_restart_of_the_host_all_instances_run(relay):
    before = set(masters(relay))
    podman = lab.Podman()
    container = f"{lab.LABEL}-{relay.name}"
    relay.restart()
    assert podman("exec", container, "/usr/local/sbin/lab-ready", "180", check=False) == ""
    wait_for(relay, before)
    assert len(before) == 3 and len(EXTRA[relay.name]) == 2
    for address in ("127.0.0.1", *names(relay).values()):
        assert greeting(relay, address).startswith("220 "), json.dumps(masters(relay))


def wait_for(relay, wanted):
    """Until these instances run."""
    deadline = time.monotonic() + PATIENCE
    while set(masters(relay)) != wanted:
        assert time.monotonic() < deadline, f"{masters(relay)} instead of {wanted}"
        time.sleep(0.5)
