# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The heavy goals of a change, each with its figure: R2, R3, R4, R5, R6, R8 of the reliability table, on real relays."""

from __future__ import annotations

import json
import random
import shlex
import threading
import time
import typing as t

import pytest
from bad_input import POSTFIX_BAD, POSTFIX_BROKEN, SENDMAIL_BAD
from labhosts import POSTFIX, RELAYS, SENDMAIL, WORLD, Host, policy_of

#: Kills the process at one of the calls that change the disk, counted from the start of the run.
KILL_AT = """
calls = [0]
def wrap(function):
    def wrapped(*arguments, **options):
        calls[0] += 1
        if calls[0] == {when}:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return wrapped
for name in ("link", "rename", "unlink", "mkdir", "rmdir", "fsync", "chmod", "chown", "utime"):
    setattr(os, name, wrap(getattr(os, name)))
_files.exchange = wrap(_files.exchange)
"""

#: Runs on world: a new connection every few milliseconds until the file appears; counts what was not answered with 220.
KNOCK = """
import json, os, socket, sys, time
address, source, stop = sys.argv[1:4]
answered, refused, down = 0, 0, 0.0
while not os.path.exists(stop):
    began = time.monotonic()
    try:
        with socket.create_connection((address, 25), 10, (source, 0)) as connection:
            connection.settimeout(10)
            answered += connection.recv(512).startswith(b"220")
    except OSError:
        refused += 1
        down += time.monotonic() - began + 0.005
    time.sleep(0.005)
json.dump({"answered": answered, "refused": refused, "down": down}, sys.stdout)
"""


def figure(goal: str, text: str) -> None:
    """One row of the table that C(make proof) prints."""
    print(f"\n{goal:<4} {text}", flush=True)


def with_limits(policy: t.Mapping[str, t.Any], **limits: t.Any) -> t.Dict[str, t.Any]:
    """The policy with other limits."""
    return {**policy, "limits": {**policy.get("limits", {}), **limits}}


def contents(host: Host) -> t.Dict[str, str]:
    """The digest of every file of the configuration."""
    return {name: facts[0] for name, facts in host.look().items() if not name.endswith(".postmaster-new")}


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_r2_connections_while_the_configuration_changes(host):
    """Postfix refuses none; sendmail's port is closed for less than two seconds in all."""
    policy = policy_of(host)
    host.apply(policy)
    stop = f"/tmp/stop-{host}"
    WORLD.run(f"rm -f {stop}")
    seen: t.List[t.Dict[str, t.Any]] = []
    command = f"python3 -c {shlex.quote(KNOCK)} {host.address} 10.25.0.60 {stop}"
    knocking = threading.Thread(target=lambda: seen.append(json.loads(WORLD.run(command, timeout=300))))
    knocking.start()
    time.sleep(1)
    for hops in (31, 32, 33, 34, 35):
        assert host.apply(with_limits(policy, hops=hops))["changed"]
    time.sleep(1)
    WORLD.run(f"touch {stop}")
    knocking.join()
    host.apply(policy)
    (count,) = seen
    figure(
        "R2",
        f"{host}: 5 changes, {count['answered']} greeted, {count['refused']} refused, port closed {count['down']:.2f} s",
    )
    assert count["answered"] > 100
    assert count["refused"] == 0 if host.mta == "postfix" else count["down"] < 2


@pytest.mark.parametrize("host", [POSTFIX[1], SENDMAIL[1]], ids=str)
def test_r3_killed_at_any_call_it_is_old_or_new_and_heals(host):
    """SIGKILL at every seventh call that touches the disk, with the real MTA and its real tools."""
    policy = policy_of(host)
    wish = with_limits(policy, hops=27, message_size="13M")
    host.apply(wish)
    new = contents(host)
    host.apply(policy)
    old = contents(host)
    points = 0
    for when in range(1, 2000, 7):
        answer = host.apply(wish, patch=KILL_AT.format(when=when))
        if not answer.get("killed"):
            break
        points += 1
        assert contents(host) in (old, new), f"half a configuration after a kill at call {when}"
        assert not host.apply(policy).get("failed")
        assert contents(host) == old, f"not healed after a kill at call {when}"
    figure("R3", f"{host}: {points} kill points, every one old or new, every one healed by the next run")
    assert points > 10


def test_r4_broken_starting_states():
    """Each is told by file or setting, and nothing is changed."""
    told = 0
    host = POSTFIX[1]
    policy = policy_of(host)
    host.apply(policy)
    host.run("rm -rf /root/keep && cp -a /etc/postfix /root/keep")
    for broken in POSTFIX_BROKEN:
        host.run(f"cd /etc/postfix && {broken.spoil}")
        before = host.look()
        answer = host.apply(with_limits(policy, hops=24))
        told += bool(answer.get("failed") and broken.named in answer["msg"] and host.look() == before)
        host.run("rm -rf /etc/postfix/* && cp -a /root/keep/. /etc/postfix/")
    host.run("rm -rf /root/keep")
    figure("R4", f"{told} of {len(POSTFIX_BROKEN)} broken starting states told and left alone")
    assert told == len(POSTFIX_BROKEN)


def test_r5_bad_candidates():
    """Each is refused by name on every relay, and the live service is not interrupted."""
    refused = tried = 0
    for host in RELAYS:
        policy_files, master = host.look(), host.master()
        for bad in POSTFIX_BAD if host.mta == "postfix" else SENDMAIL_BAD:
            answer = host.apply(**bad.params)
            tried += 1
            refused += bool(answer.get("failed") and bad.named in answer["msg"])
        assert host.look() == policy_files and host.master() == master
    figure("R5", f"{refused} of {tried} bad candidates refused by name, live files and process untouched")
    assert refused == tried


@pytest.mark.parametrize("host", [POSTFIX[0], SENDMAIL[0]], ids=str)
def test_r6_rollback(host):
    """Ten changes whose verification fails, each taken back to the byte within 30 seconds."""
    policy = policy_of(host)
    host.apply(policy)
    before = contents(host)
    slowest = 0.0
    for number in range(10):
        began = time.monotonic()
        patch = "verify_policy.observe = lambda *arguments, **options: verify_policy.RelayAnswers(trouble='no')"
        answer = host.apply(with_limits(policy, message_size=f"{number + 10}M"), patch=patch)
        slowest = max(slowest, time.monotonic() - began)
        assert answer["restored"] is True and contents(host) == before
    figure("R6", f"{host}: 10 of 10 taken back to the byte, the slowest in {slowest:.1f} s")
    assert slowest < 30


@pytest.mark.parametrize("host", [POSTFIX[0], SENDMAIL[0]], ids=str)
def test_r8_check_mode_tells_the_truth(host):
    """From random states to random goals: the prediction is what happens, byte for byte."""
    dice = random.Random(20261123)
    policy = policy_of(host)
    scenarios = 30
    for dummy in range(scenarios):
        wish = with_limits(
            policy,
            hops=dice.randint(10, 60),
            message_size=f"{dice.randint(5, 50)}M",
            recipients_per_message=dice.choice([100, 150, 200]),
        )
        if dice.random() < 0.5:
            wish["queue"] = {"lifetime": f"{dice.randint(1, 9)}d"}
        if dice.random() < 0.5:
            wish["routes"] = {"domains": [{"domain": f"d{dice.randint(1, 3)}.test", "host": "10.25.0.51"}]}
        predicted, done = host.apply(wish, check_mode=True), host.apply(wish)
        for key in ("changed", "diff", "settings", "actions", "activation"):
            assert predicted[key] == done[key]
    host.apply(policy)
    figure("R8", f"{host}: {scenarios} of {scenarios} predictions came true to the byte")
