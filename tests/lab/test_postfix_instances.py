# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second Postfix beside the primary one: created, stopped, removed, and refused before anything is changed.

What three instances do at once, and one that was made by hand, is the scenario C(molecule/instances).
"""

from __future__ import annotations

import subprocess
import time
import typing as t
import uuid

import accesshosts
import pytest
from instancehosts import extra, instance, masters, say
from labhosts import Facts, Host, of_each_kind, policy_of, some

NAME, DIRECTORY = "postfix-lab", "/etc/postfixLAB"
QUEUE, DATA = "/var/spool/postfixLAB", "/var/lib/postfixLAB"
ONE = {"name": NAME, "config_directory": DIRECTORY}

HOSTS = some("pf13")
everywhere = pytest.mark.parametrize("host", HOSTS, ids=str)
Answer = t.Dict[str, t.Any]


def done(answer: Answer) -> Answer:
    """An answer that is none of an error."""
    assert not answer.get("failed"), answer
    return answer


def look(host: Host) -> t.Tuple[Facts, str, str]:
    """Everything that must not change: the files of every configuration, the directories of every queue, what listens."""
    files = host.look("/etc")
    places = host.run("ls -lad --time-style=full-iso /var/spool/* /var/lib/postfix*")
    return files, places, host.run("ss -ltnH | awk '{print $4}' | sort")


@pytest.fixture(scope="module", autouse=True, name="ground")
def _ground(relays: t.List[Host]) -> t.Iterator[None]:
    """The primary instances keep to their own address; afterwards they have the fleet's policy again."""
    for host in relays:
        policy = policy_of(host)
        policy["identity"] = {**policy["identity"], "listen": ["loopback", host.address]}
        done(host.apply(policy))
        accesshosts.clear(host)
    yield
    for host in relays:
        done(host.apply(policy_of(host)))


@pytest.fixture(name="clean")
def _clean(host: Host, request: pytest.FixtureRequest) -> t.Iterator[None]:
    """Every test ends without the instance, and the primary one was never restarted."""
    _remove(host)
    before = masters(host)["postfix"]
    yield
    _remove(host)
    if request.function not in RESTARTING:
        assert masters(host) == {"postfix": before}
    assert not host.run(f"ls -d {DIRECTORY} {QUEUE} {DATA} /etc/systemd/system/{NAME}* 2>/dev/null || true").strip()


def _remove(host: Host) -> None:
    done(instance(host, **ONE, state="absent", mail="delete"))


def create(host: Host, **params: t.Any) -> Answer:
    """The second instance, running."""
    return done(instance(host, **{**ONE, "listen": [extra(host)], **params}))


@pytest.mark.long
@everywhere
def test_from_nothing_to_a_relay_and_a_second_run_changes_nothing(host, clean):
    assert create(host, group="relay")["running"]
    assert "relay" in host.run(f"postmulti -l | grep {NAME}")
    policy = policy_of(host)
    policy["identity"] = {"hostname": f"lab.{host.name}.lab.test", "listen": [extra(host)]}
    done(host.apply(policy, instance=NAME))
    assert say(extra(host), "trusted", "user@lab.test", "user@ok.test", uuid.uuid4().hex) == [250, 250, 250, 354, 250]
    assert say(extra(host), "stranger", "x@stranger.test", "x@third.test", "x")[2] // 100 == 5
    before, running = look(host), masters(host)
    assert not create(host, group="relay")["changed"]
    assert not done(host.apply(policy, instance=NAME))["changed"]
    assert (look(host), masters(host)) == (before, running)


@everywhere
def test_check_mode_says_what_would_be_done_and_does_nothing(host, clean):
    before = look(host)
    said = done(instance(host, check_mode=True, **ONE, listen=[extra(host)], group="relay"))
    assert said["changed"] and not said["exists"] and look(host) == before
    assert create(host, group="relay")["actions"] == said["actions"]
    before = look(host)
    for wish in ({"state": "stopped"}, {"state": "absent"}, {"listen": [extra(host, 1)]}, {"group": "other"}):
        assert instance(host, check_mode=True, **ONE, **wish)["changed"], wish
    assert look(host) == before


@pytest.mark.long
@everywhere
def test_other_addresses_restart_this_instance_alone(host, clean):
    create(host)
    before = masters(host)
    assert create(host, listen=[extra(host, 1)], port=2525)["actions"] == [f"listen on {extra(host, 1)}:2525"]
    after = masters(host)
    assert after["postfix"] == before["postfix"] and after[NAME] != before[NAME]
    assert f"{extra(host, 1)}:2525" in look(host)[2] and extra(host, 0) not in look(host)[2]


@everywhere
def test_stopped_means_no_process_also_for_one_that_postfix_would_leave_alone(host, clean):
    create(host)
    # postfix stop and postmulti -p stop pass by a running instance that is disabled.
    host.run(f"postmulti -i {NAME} -e disable")
    answer = done(instance(host, **ONE, state="stopped"))
    assert answer["changed"] and not answer["running"] and NAME not in masters(host)
    assert not instance(host, **ONE, state="stopped")["changed"]
    assert done(instance(host, **ONE))["actions"][-1] == f"start {NAME}" and NAME in masters(host)


@pytest.mark.long
@everywhere
def test_systemctl_stop_takes_one_that_was_started_by_hand(host, clean):
    create(host, state="present")
    host.run(f"postmulti -i {NAME} -e enable; postfix -c {DIRECTORY} start")
    done(instance(host, **ONE))
    host.run("systemctl stop postfix")
    try:
        assert not masters(host)
    finally:
        host.run("systemctl start postfix")
    deadline = time.monotonic() + 30
    while set(masters(host)) != {"postfix", NAME}:
        assert time.monotonic() < deadline, masters(host)
        time.sleep(0.5)


@everywhere
def test_mail_in_the_queue_is_refused_kept_or_deleted(host, clean):
    create(host)
    done(host.apply({"relay": {"networks": ["10.25.0.60"]}}, instance=NAME, baseline="none"))
    assert say(extra(host), "trusted", "user@lab.test", "user@defer.test", "x")[-1] == 250
    refused = instance(host, **ONE, state="absent")
    assert refused["kind"] == "Refused" and "1 messages are in its queue" in refused["msg"] and NAME in masters(host)
    done(instance(host, **ONE, state="absent", mail="keep"))
    assert NAME not in masters(host) and NAME not in host.run("postmulti -l")
    assert host.run(f"find {QUEUE}/deferred {QUEUE}/active {QUEUE}/incoming -type f | wc -l").strip() == "1"
    assert done(instance(host, **ONE))["running"]
    assert host.run(f"postqueue -c {DIRECTORY} -j | wc -l").strip() == "1"
    assert done(instance(host, **ONE, state="absent", mail="delete"))["changed"]
    assert host.run("postconf -h alternate_config_directories multi_instance_directories").split() == []


# --- refused before anything is changed -----------------------------------------------------------------------------

#: What is done before, what takes it back, the parameters, and what the error must say.
ERRORS: t.Dict[str, t.Tuple[str, str, Answer, str]] = {
    "taken port": (
        "nohup python3 -m http.server --bind {extra} 25 >/dev/null 2>&1 & sleep 1",
        "pkill -f http.server",
        {},
        "python3 (process",
    ),
    "overlap": ("", "", {"listen": ["{address}"]}, "the instance postfix listens on {address}:25"),
    "everywhere": ("", "", {"listen": ["all"]}, "the instance postfix listens on"),
    "foreign address": ("", "", {"listen": ["192.0.2.77"]}, "no interface of this host has the address"),
    "no parent": ("", "", {"config_directory": "/srv/none/x"}, "/srv/none is not there"),
    "no queue parent": ("", "", {"queue_directory": "/srv/none/q"}, "/srv/none is not there"),
    "its queue": ("", "", {"queue_directory": "/var/spool/postfix"}, "the instance in /etc/postfix uses"),
    "its data": ("", "", {"data_directory": "/var/lib/postfix"}, "the instance in /etc/postfix uses"),
    "inside the primary": ("", "", {"config_directory": "/etc/postfix/x"}, "the instance in /etc/postfix uses"),
    "owner": (f"install -d -o nobody {DIRECTORY}", f"rmdir {DIRECTORY}", {}, "it belongs to nobody and not to root"),
    "mode": (f"install -d -m 0777 {QUEUE}", f"rmdir {QUEUE}", {}, "others than root may write to it (mode 0777)"),
    "data owner": (f"install -d -o root {DATA}", f"rmdir {DATA}", {}, "it belongs to root and not to postfix"),
    "not empty": (f"mkdir {DIRECTORY}; touch {DIRECTORY}/x", f"rm -r {DIRECTORY}", {}, "holds no main.cf"),
    "a name": ("", "", {"name": "mail-x"}, "the name of an instance begins with postfix-"),
    "the primary": ("", "", {"config_directory": "/etc/postfix"}, "this is the primary instance"),
}
#: A port, an address, a directory of others, its rights, its content, a name.
ERROR_KINDS = {"taken port", "overlap", "its queue", "mode", "not empty", "a name"}


@pytest.mark.parametrize("what", of_each_kind(list(ERRORS), ERROR_KINDS))
@pytest.mark.parametrize("host", HOSTS[:1], ids=str)
def test_a_clear_error_before_anything_is_changed(host, what):
    before, after, params, said = ERRORS[what]
    names = {"extra": extra(host), "address": host.address}
    wish = {**ONE, "listen": [extra(host)], **params}
    wish["listen"] = [place.format(**names) for place in wish["listen"]]
    host.run(before.format(**names))
    try:
        looked = look(host)
        for check_mode in (True, False):
            answer = instance(host, check_mode=check_mode, **wish)
            assert answer.get("failed") and said.format(**names) in answer["msg"], answer
        assert look(host) == looked
    finally:
        host.run(after)


def _inside(host: Host, command: str) -> str:
    """Run in the network of a container, with the machine's own /proc: the container may not write its own."""
    named = ["podman", "inspect", "-f", "{{.State.Pid}}", f"postmaster-lab-{host.name}"]
    pid = subprocess.run(named, check=True, capture_output=True, text=True).stdout.strip()
    argv = ["nsenter", "-t", pid, "-n", "sh", "-c", command]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.mark.long
@everywhere
def test_no_ipv6_is_said_and_ipv4_works_without(host, clean):
    addresses = _inside(host, "ip -6 -o addr show dev eth0 scope global | awk '{print $4}'").split()
    switch = "for one in all default; do echo {} > /proc/sys/net/ipv6/conf/$one/disable_ipv6; done"
    _inside(host, switch.format(1))
    try:
        before = look(host)
        answer = instance(host, **ONE, listen=["fd00:25::77"])
        assert answer["kind"] == "Refused" and "fd00:25::77:25: this host has no IPv6" in answer["msg"]
        assert look(host) == before
        assert create(host)["running"]
        assert done(instance(host, **ONE, state="absent"))["changed"]
    finally:
        _inside(host, switch.format(0) + "".join(f"; ip -6 addr add {one} dev eth0 nodad" for one in addresses))


@pytest.mark.parametrize("step", of_each_kind(["start", "set_at_boot", "register"], {"start"}))
@pytest.mark.parametrize("host", HOSTS[:1], ids=str)
def test_a_step_that_fails_takes_back_those_before(host, clean, step):
    patch = f"""
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import service
def fail(*given):
    if given[-1] is not False:  # the way back of set_at_boot
        raise PostmasterError("pulled")
service.{step} = fail
"""
    host.run("postmulti -e init")
    before = look(host)
    answer = instance(host, patch=patch, **ONE, listen=[extra(host)])
    assert (answer["kind"], answer["restored"], "pulled" in answer["msg"]) == ("RolledBack", True, True), answer
    same = ("/etc/postfix/main.cf",)
    after = look(host)
    assert {path: facts[:4] for path, facts in after[0].items() if path not in same} == {
        path: facts[:4] for path, facts in before[0].items() if path not in same
    }
    assert after[0]["/etc/postfix/main.cf"][:4] == before[0]["/etc/postfix/main.cf"][:4] and after[2] == before[2]


#: Where the primary instance is restarted on purpose.
RESTARTING = (test_systemctl_stop_takes_one_that_was_started_by_hand,)
