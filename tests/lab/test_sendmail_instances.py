# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second sendmail daemon beside the primary one: created, adopted, given a policy, stopped, removed, and never in the way of the other."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
import typing as t
import uuid

import accesshosts
import pytest
from instancehosts import extra, instance
from labhosts import WORLD, Host, conversation, of_each_kind, policy_of, some

NAME, DIRECTORY, QUEUE = "sendmail-ext", "/etc/sendmail-ext", "/var/spool/sendmail-ext"
UNIT = f"/etc/systemd/system/{NAME}.service"
HAND, HAND_QUEUE, HAND_PID = "/etc/mail-hand", "/var/spool/mq-hand", "/run/mail-hand.pid"
#: Runs on the host: one function of module_utils with a Runner and parameters.
CALL = """
import importlib, json, sys
base = "ansible_collections.postmaster.mta.plugins.module_utils."
call = json.load(sys.stdin)
module = importlib.import_module(base + call["module"])
params = {name: spec.get("default") for name, spec in module.ARGUMENT_SPEC.items()}
params.update(mta="sendmail", **call["params"])
json.dump(module.run(params, False), sys.stdout)
"""

HOSTS = some("sm12")
pytestmark = pytest.mark.parametrize("host", HOSTS, ids=str)
Answer = t.Dict[str, t.Any]


def call(host: Host, module: str, **params: t.Any) -> Answer:
    """Call what a module of the collection calls."""
    return host.ask(CALL, {"module": f"_module.{module}", "params": params})


def queue(host: Host, action: str, **params: t.Any) -> Answer:
    """The module queue."""
    return call(host, "queue", action=action, **params)


def waiting(host: Host, name: str) -> t.List[Answer]:
    """The messages in the queue of an instance."""
    return call(host, "queue_info", instance=name)["messages"]


def logged(host: Host, sender: str, **params: t.Any) -> t.List[Answer]:
    """What the log says about a sender's mail."""
    select = {"sender": [sender], "newer_than": "1h", "status": ["sent", "deferred"]}
    return call(host, "log_info", select=select, **params)["deliveries"]


def info(host: Host, name: t.Optional[str] = None) -> t.List[Answer]:
    """The module relay_info."""
    found: t.Any = call(host, "relay_info", instance=name)
    return found["instances"]


def policy_for(host: Host, **more: t.Any) -> Answer:
    """The fleet's policy, for the second instance."""
    identity = {"hostname": f"ext.{host.name}.lab.test", "listen": [extra(host)]}
    return {**policy_of(host), "identity": identity, **more}


def at(host: Host, number: int = 0) -> Host:
    """The second instance as a client sees it."""
    return Host(host.name, extra(host, number), host.python, host.mta)


def done(answer: Answer) -> Answer:
    """An answer that is none of an error."""
    assert not answer.get("failed"), answer
    return answer


def create(host: Host, **params: t.Any) -> Answer:
    """The second instance, running."""
    return done(instance(host, name=NAME, **{"listen": [extra(host)], **params}))


def primary(host: Host) -> t.Tuple[str, str, str]:
    """Process, start time and sockets of the primary daemon."""
    return daemon(host, "/run/sendmail/mta/sendmail.pid")


def daemon(host: Host, pid_file: str = f"/run/{NAME}/sendmail.pid") -> t.Tuple[str, str, str]:
    """Process, start time and listening sockets of a daemon: what changes when it is restarted, and the last also when reloaded."""
    pid = host.run(f"head -n 1 {pid_file}").strip()
    started = host.run(f"cut -d ')' -f 2- /proc/{pid}/stat | cut -d ' ' -f 21").strip()
    return pid, started, host.run(f"ss -ltnpeH | grep 'pid={pid},' | grep -o 'ino:[0-9]*' | sort")


def processes(host: Host, directory: str = QUEUE) -> str:
    """Every process that works in a queue directory, by number and name."""
    return host.run(
        f'for p in /proc/[0-9]*; do [ "$(readlink $p/cwd)" = {directory} ] && echo "$p $(cat $p/comm)"; done; true'
    ).strip()


def systemd(host: Host, name: str = NAME) -> t.Tuple[str, str]:
    """What systemd says: active and enabled."""
    said = host.run(f"systemctl is-active {name}; systemctl is-enabled {name} 2>/dev/null; true").split()
    return said[0], said[1] if len(said) > 1 else "not-found"


def state(host: Host) -> t.Dict[str, t.Any]:
    """Everything that could be left behind; time stamps of directories are not counted."""
    found = host.look("/etc", "/var/spool", "/var/lib/sendmail")
    litter = ("/var/spool/mqueue-client", "/var/spool/mqueue/", "/var/spool/rsyslog", "/etc/mail/")
    kept = {path: facts[:4] for path, facts in found.items() if not path.startswith(litter)}
    return {**kept, "addresses": host.run("ss -ltnH | awk '{print $4}' | sort")}


def arrived(sender: str) -> int:
    """How many messages of a sender the sinks have, waited for."""
    for _try in range(60):
        count = int(WORLD.run(f"grep -lrF {shlex.quote(sender)} --include='*.json' /var/spool/sink | wc -l"))
        if count:
            return count
        time.sleep(0.5)
    return 0


def send(relay: Host, sender: str, recipient: str, who: str = "trusted") -> t.List[int]:
    """One message; the codes of the answers to MAIL and RCPT and, where it was taken, to the text."""
    lines = ["EHLO client.test", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"]
    lines += ["Subject: one\r\n\r\ntext\r\n."]
    steps = conversation(WORLD, relay, who, lines)
    return [step["code"] for step in steps[2:]]


def some_sender() -> str:
    """A sender that nobody had before."""
    return f"inst-{uuid.uuid4().hex[:12]}@lab.test"


@pytest.fixture(scope="module", autouse=True, name="ground")
def _ground(relays: t.List[Host]) -> t.Iterator[None]:
    """The primary instances keep to their own address, so that there is room; afterwards they have the fleet's policy again."""
    for host in relays:
        policy = policy_of(host)
        policy["identity"] = {**policy["identity"], "listen": [host.address]}
        done(host.apply(policy))
        accesshosts.clear(host)
    yield
    for host in relays:
        done(host.apply(policy_of(host)))


@pytest.fixture(autouse=True, name="clean")
def _clean(host: Host) -> t.Iterator[None]:
    """Every test ends with the host as it was."""
    host.run("rm -f /run/test-primary-changed")
    _remove(host)
    before, running = state(host), primary(host)
    yield
    _remove(host)
    assert state(host) == before
    if not host.run("cat /run/test-primary-changed 2>/dev/null; true").strip():
        assert primary(host)[:2] == running[:2]


def _remove(host: Host) -> None:
    for directory, name in ((DIRECTORY, NAME), (HAND, "sendmail-hand")):
        done(instance(host, name=name, config_directory=directory, state="absent", mail="delete"))
    host.run(
        f"! [ -e {HAND_PID} ] || kill $(head -n 1 {HAND_PID}); rm -rf {HAND} {HAND_QUEUE} {HAND_PID} {QUEUE} {DIRECTORY}"
    )


# --- from nothing -----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_from_nothing_to_a_relay_of_its_own(host):
    answer = create(host)
    assert (answer["exists"], answer["enabled"], answer["running"]) == (True, True, True)
    assert systemd(host) == ("active", "enabled")
    done(host.apply(policy_for(host), instance=NAME))
    greeting = conversation(WORLD, at(host), "trusted", ["EHLO client.test"])[0]
    assert greeting["text"].split()[0] == f"ext.{host.name}.lab.test"
    sender = some_sender()
    assert send(at(host), sender, "one@ok.test", "stranger")[1] // 100 == 5
    assert send(at(host), sender, "two@ok.test") == [250, 250, 354, 250]
    assert arrived(sender) == 1
    (one,) = logged(host, sender, instance=NAME)
    assert (one["recipient"], one["status"], one["instance"]) == ("two@ok.test", "sent", NAME)
    (file,) = logged(host, sender, path=["/var/log/mail.log"], instance=NAME)
    (journal,) = logged(host, sender, path=["journald"], instance=DIRECTORY)
    assert file["queue_id"] == journal["queue_id"] == one["queue_id"]


@pytest.mark.long
def test_what_listens_is_the_address_and_no_other(host):
    create(host)
    done(host.apply(policy_for(host), instance=NAME))
    (found,) = info(host, DIRECTORY)
    assert found["listening"] == [{"address": extra(host), "port": 25}] and found["running"] and not found["primary"]
    assert found["policy"]["identity"]["listen"] == [extra(host)]
    assert [one["name"] for one in info(host)] == ["sendmail", NAME]


@pytest.mark.long
def test_the_second_run_changes_nothing(host):
    create(host)
    done(host.apply(policy_for(host), instance=NAME))
    before, running = host.look("/etc", QUEUE), daemon(host)
    again, policy = create(host), done(host.apply(policy_for(host), instance=NAME))
    assert (again["changed"], again["actions"], policy["changed"]) == (False, [], False)
    assert host.look("/etc", QUEUE) == before and daemon(host) == running


def test_check_mode_changes_nothing_at_all(host):
    before, units = (
        host.look("/etc", "/var/spool", "/run/systemd/system"),
        host.run("systemctl list-units --all --no-legend | sort"),
    )
    answer = done(instance(host, check_mode=True, name=NAME, listen=[extra(host)]))
    assert answer["changed"] and not answer["exists"]
    after, later = (
        host.look("/etc", "/var/spool", "/run/systemd/system"),
        host.run("systemctl list-units --all --no-legend | sort"),
    )
    assert after == before and later == units
    assert answer["actions"] == create(host)["actions"]


@pytest.mark.long
def test_the_same_policy_gives_an_equal_relay(host):
    create(host)
    policy = policy_for(host)
    done(host.apply(policy, instance=NAME))
    lines = ["VRFY root", "EHLO client.test", "MAIL FROM:<a@ok.test> SIZE=99999999", "MAIL FROM:<a@ok.test>"]
    lines += ["RCPT TO:<b@served.test>", "RCPT TO:<b@ok.test>", "EXPN root", "STARTTLS now"]
    one, other = (conversation(WORLD, relay, "stranger", lines) for relay in (host, at(host)))
    names = (f"{host.name}.lab.test", f"ext.{host.name}.lab.test")

    def said(steps: t.List[Answer], name: str) -> t.List[t.Any]:
        # Each stranger is greeted by the name that its address has.
        plain = [re.sub(r"stranger\d+\.stranger\.test", "CLIENT", step["text"].replace(name, "NAME")) for step in steps]
        return [(step["code"], re.sub(r"\[[0-9.]+\]", "[]", text)) for step, text in zip(steps, plain, strict=False)]

    assert said(one[1:], names[0]) == said(other[1:], names[1])
    assert said(one[5:7], names[0]) != said(one[6:8], names[0])


# --- one and not the other ----------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_policy_change_reloads_the_one_instance(host):
    create(host)
    done(host.apply(policy_for(host), instance=NAME))
    mine, theirs = daemon(host), primary(host)
    answer = done(host.apply(policy_for(host, timeouts={"command": "7m"}), instance=NAME))
    assert answer["activation"]["kind"] == "reload"
    after = daemon(host)
    # The same process with other sockets: systemd goes on to know it.
    assert after[:2] == mine[:2] and after[2] != mine[2] and systemd(host)[0] == "active"
    assert host.run(f"systemctl show -p MainPID --value {NAME}").strip() == after[0]
    assert primary(host)[:2] == theirs[:2]
    again = done(host.apply(policy_for(host, queue={"run_interval": "3m"}), instance=NAME))
    assert again["activation"]["kind"] == "restart" and daemon(host)[0] != after[0]
    assert "00:03:00" in host.run(f"journalctl -q -u {NAME} -n 20 | grep SMTP+queueing | tail -n 1")
    assert primary(host)[:2] == theirs[:2]


@pytest.mark.long
def test_the_primary_one_is_changed_without_the_other(host):
    create(host)
    mine, mine_files = daemon(host), host.look(DIRECTORY)
    policy = policy_of(host)
    policy["identity"] = {**policy["identity"], "listen": [host.address]}
    policy["timeouts"] = {"misc": "9m"}
    assert done(host.apply(policy))["activation"]["kind"] == "reload"
    assert daemon(host)[:2] == mine[:2] and host.look(DIRECTORY) == mine_files
    # The fixture wants the same daemon at the end as at the beginning.
    host.run(f"echo {primary(host)[0]} > /run/test-primary-changed")
    policy.pop("timeouts")
    done(host.apply(policy))


@pytest.mark.long
def test_the_init_script_of_the_primary_one_leaves_the_other_alone(host):
    create(host)
    mine = daemon(host)
    host.run(
        "systemctl restart sendmail; systemctl stop sendmail; systemctl start sendmail; /etc/init.d/sendmail reload"
    )
    assert daemon(host) == mine
    _until(lambda: processes(host, "/var/spool/mqueue"))
    host.run("echo restarted > /run/test-primary-changed")


@pytest.mark.long
def test_an_access_rule_is_the_instances_own(host):
    create(host)
    done(host.apply(policy_for(host), instance=NAME))
    sender = some_sender()
    theirs = primary(host)
    done(accesshosts.access(host, rules=[{"from": [sender], "action": "reject"}], instance=NAME))
    assert send(at(host), sender, "one@served.test")[1] == 550
    assert send(host, sender, "one@ok.test") == [250, 250, 354, 250]
    assert primary(host) == theirs
    assert done(accesshosts.call(host, "access_info", instance=NAME))["rules"]
    assert not done(accesshosts.call(host, "access_info"))["rules"]


@pytest.mark.long
def test_queue_actions_are_the_instances_own(host):
    create(host)
    done(host.apply(policy_for(host), instance=NAME))
    sender = some_sender()
    for relay in (host, at(host)):
        assert send(relay, sender, "one@defer.test") == [250, 250, 354, 250]
    _until(lambda: waiting(host, NAME) and waiting(host, "sendmail"))
    (mine,), theirs = waiting(host, NAME), waiting(host, "sendmail")
    assert mine["instance"] == NAME and mine["path"].startswith(QUEUE)
    assert queue(host, "hold", instance=NAME, select={"sender": [sender]})["changed"]
    assert [one["status"] for one in waiting(host, NAME)] == ["hold"]
    assert [one["id"] for one in waiting(host, "sendmail")] == [one["id"] for one in theirs]
    assert queue(host, "release", instance=NAME, select={"sender": [sender]})["changed"]
    attempts = host.run(f"grep -c '{NAME}.*{mine['id']}: to=' /var/log/mail.log; true")
    queue(host, "deliver", instance=NAME, select={"sender": [sender]})
    # What a queue action writes to the log stands under the instance's name too.
    assert int(host.run(f"grep -c '{NAME}.*{mine['id']}: to=' /var/log/mail.log; true")) > int(attempts)
    assert queue(host, "delete", instance=NAME, select={"sender": [sender]}, max=1)["changed"]
    assert waiting(host, NAME) == [] and sender in [one["sender"] for one in waiting(host, "sendmail")]
    queue(host, "delete", instance="sendmail", select={"sender": [sender]}, max=1)


@pytest.mark.long
def test_tables_and_routes_are_the_instances_own(host):
    create(host)
    done(host.apply(policy_for(host), instance=NAME))
    routed = {"name": "mailertable", "entries": [{"key": "elsewhere.test", "value": "esmtp:[10.25.0.51]"}]}
    done(accesshosts.call(host, "table", instance=NAME, **routed))
    assert b"elsewhere.test" in host.read(f"{DIRECTORY}/mailertable")
    mine, theirs = (call(host, "route_info", instance=name, address="a@elsewhere.test") for name in (NAME, "sendmail"))
    assert mine != theirs
    assert "10.25.0.51" in json.dumps(mine) and "10.25.0.51" not in json.dumps(theirs)


def test_the_listeners_change_and_nothing_else(host):
    create(host)
    done(host.apply(policy_for(host), instance=NAME, mc={"defines": {"confMAX_NOOP_COMMANDS": 7}}))
    before = host.read(f"{DIRECTORY}/sendmail.mc").decode()
    answer = create(host, listen=[extra(host, 1)], port=2525)
    assert answer["actions"] == [f"listen on {extra(host, 1)}:2525"]
    after = host.read(f"{DIRECTORY}/sendmail.mc").decode()
    changed = set(before.split("\n")) ^ set(after.split("\n"))
    assert len(changed) == 2 and all(line.startswith("DAEMON_OPTIONS(") for line in changed)
    (found,) = info(host, NAME)
    assert found["listening"] == [{"address": extra(host, 1), "port": 2525}]


# --- start, stop, boot ------------------------------------------------------------------------------------------------


def test_stopped_means_no_process_and_no_start_at_boot(host):
    create(host)
    assert processes(host)
    answer = done(instance(host, name=NAME, state="stopped"))
    assert answer["actions"] == [f"stop {NAME}", f"disable {NAME}"]
    assert processes(host) == "" and systemd(host) == ("inactive", "disabled")
    assert not instance(host, name=NAME, state="stopped")["changed"]
    assert not done(host.apply(policy_for(host), instance=NAME))["verified"][0].endswith("says")
    assert processes(host) == ""
    assert done(instance(host, name=NAME))["actions"] == [f"enable {NAME}", f"start {NAME}"]
    host.run(f"systemctl stop {NAME}")
    assert processes(host) == ""


@pytest.mark.long
def test_one_started_by_hand_is_stopped_or_comes_under_its_unit(host):
    create(host)
    by_hand = f"cd / && /usr/sbin/sendmail-mta -C {DIRECTORY}/sendmail.cf -bd -q10m"
    host.run(f"systemctl stop {NAME}; mkdir -p /run/{NAME}; {by_hand}; sleep 1")
    assert systemd(host)[0] == "inactive" and processes(host)
    assert done(instance(host, name=NAME))["actions"] == [f"stop {NAME}", f"start {NAME}"]
    assert systemd(host)[0] == "active" and len(processes(host).split("\n")) == 1
    host.run(f"systemctl stop {NAME}; mkdir -p /run/{NAME}; {by_hand}; sleep 1")
    assert done(instance(host, name=NAME, state="stopped"))["actions"][0] == f"stop {NAME}"
    assert processes(host) == ""


@pytest.mark.long
@pytest.mark.parametrize("wanted", ["started", "stopped"])
def test_the_next_boot_agrees(host, wanted):
    create(host)
    done(instance(host, name=NAME, state=wanted))
    host.restart()
    # The container has another hardware address now.
    WORLD.run("ip neigh flush dev eth0")
    _until(lambda: host.run("systemctl is-system-running --wait; true", check=False).strip() in ("running", "degraded"))
    _until(lambda: systemd(host, "sendmail")[0] == "active")
    host.run("echo yes > /run/test-primary-changed")
    expected = ("active", "enabled") if wanted == "started" else ("inactive", "disabled")
    _until(lambda: systemd(host) == expected)
    assert bool(processes(host)) is (wanted == "started")
    if wanted == "started":
        _until(lambda: conversation(WORLD, at(host), "trusted", [])[0]["code"] == 220)
    assert not done(instance(host, name=NAME, state=wanted))["changed"]


def _until(condition: t.Callable[[], t.Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (AssertionError, subprocess.TimeoutExpired, json.JSONDecodeError):
            pass
        time.sleep(0.5)
    assert condition()


# --- adopted ----------------------------------------------------------------------------------------------------------

_BY_HAND = rf"""
set -e
mkdir -p {HAND} {HAND_QUEUE}; chown root:root {HAND} {HAND_QUEUE}; chmod 755 {HAND}; chmod 700 {HAND_QUEUE}
: > {HAND}/local-host-names; : > {HAND}/relay-domains
cat > {HAND}/sendmail.mc <<'EOF'
divert(0)dnl
define(`_USE_ETC_MAIL_')dnl
define(`MAIL_SETTINGS_DIR', `{HAND}/')dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
undefine(`confCONTROL_SOCKET_NAME')dnl
define(`QUEUE_DIR', `{HAND_QUEUE}')dnl
define(`confPID_FILE', `{HAND_PID}')dnl
define(`ALIAS_FILE', `/etc/mail/aliases')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Name=hand, Family=inet, Addr=ADDRESS, Port=25')dnl
FEATURE(`use_cw_file')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
EOF
sed -i s/ADDRESS/$1/ {HAND}/sendmail.mc
m4 {HAND}/sendmail.mc > {HAND}/sendmail.cf
cd / && /usr/sbin/sendmail-mta -C {HAND}/sendmail.cf -bd -q10m
sleep 1
"""


def by_hand(host: Host) -> None:
    """A second daemon as somebody sets it up without us."""
    host.run(f"bash -s {extra(host)}", _BY_HAND)


@pytest.mark.long
def test_a_daemon_by_hand_is_adopted_as_it_is(host):
    by_hand(host)
    before = host.look(HAND)
    adopted = {"name": "sendmail-hand", "config_directory": HAND}
    answer = done(instance(host, **adopted))
    unit = "/etc/systemd/system/sendmail-hand.service"
    steps = [f"{verb} sendmail-hand" for verb in ("enable", "stop", "start")]
    assert answer["actions"] == [f"create {unit}", *steps]
    assert answer["queue_directories"] == [HAND_QUEUE] and host.look(HAND) == before
    assert systemd(host, "sendmail-hand") == ("active", "enabled")
    assert host.run("systemctl show -p MainPID --value sendmail-hand").strip() == daemon(host, HAND_PID)[0]
    assert not done(instance(host, **adopted))["changed"]
    assert not done(instance(host, **adopted, listen=[extra(host)]))["changed"]

    done(host.apply(policy_for(host), instance="sendmail-hand"))
    names = host.run(f"ls {HAND}").split()
    assert "sendmail.mc.before-postmaster" in names
    (found,) = info(host, "sendmail-hand")
    assert found["queue_directories"] == [HAND_QUEUE] and found["running"]
    assert found["listening"] == [{"address": extra(host), "port": 25}]
    sender = some_sender()
    assert send(at(host), sender, "two@ok.test") == [250, 250, 354, 250]
    assert arrived(sender) == 1


@pytest.mark.long
def test_other_addresses_for_one_by_hand_leave_the_rest(host):
    by_hand(host)
    done(instance(host, name="sendmail-hand", config_directory=HAND, listen=[extra(host, 1)]))
    text = host.read(f"{HAND}/sendmail.mc").decode()
    assert "MAILER(`smtp')dnl" in text and "confPID_FILE', `/run/mail-hand.pid'" in text
    (found,) = info(host, "sendmail-hand")
    assert found["listening"] == [{"address": extra(host, 1), "port": 25}]


# --- removed ----------------------------------------------------------------------------------------------------------


def test_mail_in_the_queue_is_refused_kept_or_deleted(host):
    create(host)
    done(host.apply(policy_for(host), instance=NAME))
    sender = some_sender()
    assert send(at(host), sender, "one@defer.test") == [250, 250, 354, 250]
    _until(lambda: waiting(host, NAME))
    running = daemon(host)
    refused = instance(host, name=NAME, state="absent")
    assert refused["kind"] == "Refused" and "1 messages" in refused["msg"] and daemon(host) == running
    kept = done(instance(host, name=NAME, state="absent", mail="keep"))
    assert kept["changed"] and processes(host) == "" and systemd(host) == ("inactive", "not-found")
    assert int(host.run(f"ls {QUEUE} | grep -c ^qf")) == 1 and host.run(f"ls {DIRECTORY}/sendmail.cf")
    assert not instance(host, name=NAME, state="absent", mail="keep")["changed"]
    # Taken up again: the mail is still there, and goes out when its destination takes it.
    again = done(instance(host, name=NAME))
    assert again["actions"] == [f"create {UNIT}", f"enable {NAME}", f"start {NAME}"]
    assert [one["sender"] for one in waiting(host, NAME)] == [sender]
    gone = done(instance(host, name=NAME, state="absent", mail="delete"))
    assert not gone["exists"] and host.run(f"ls -d {DIRECTORY} {QUEUE} {UNIT} 2>/dev/null; true") == ""
    assert not instance(host, name=NAME, state="absent")["changed"]


# --- refused before anything is changed ---------------------------------------------------------------------------------


def _errors(host: Host) -> t.Dict[str, t.Tuple[str, str, t.Dict[str, t.Any], str]]:
    """What is done before, what takes it back, the parameters, and what the error must say."""
    mine = {"listen": [extra(host)]}
    return {
        "taken port": (
            "nohup nc -lk -s {0} -p 25 >/dev/null 2>&1 & sleep 0.3".format(extra(host)),
            "pkill -x nc",
            mine,
            "nc (process",
        ),
        "overlap": ("", "", {"listen": [host.address]}, "the instance sendmail listens on"),
        "everywhere": ("", "", {"listen": ["all"]}, "the instance sendmail listens on"),
        "foreign address": ("", "", {"listen": ["192.0.2.77"]}, "no interface of this host has the address"),
        "no address": ("", "", {}, "needs addresses of its own"),
        "no parent": ("", "", {**mine, "config_directory": "/srv/none/ext"}, "/srv/none is not there"),
        "no queue parent": ("", "", {**mine, "queue_directory": "/srv/none/q"}, "/srv/none is not there"),
        "inside the primary": (
            "",
            "",
            {**mine, "config_directory": "/etc/mail/ext"},
            "the instance sendmail has /etc/mail",
        ),
        "its queue": (
            "",
            "",
            {**mine, "queue_directory": "/var/spool/mqueue"},
            "the instance sendmail uses /var/spool/mqueue",
        ),
        "in its queue": ("", "", {**mine, "queue_directory": "/var/spool/mqueue/e"}, "the instance sendmail uses"),
        "owner": (
            f"install -d -o nobody {DIRECTORY}",
            f"rmdir {DIRECTORY}",
            mine,
            "it belongs to nobody and not to root",
        ),
        "mode": (
            f"install -d -m 0777 {DIRECTORY}",
            f"rmdir {DIRECTORY}",
            mine,
            "others than its owner may write to it (mode 0777)",
        ),
        "queue owner": (f"install -d -o nobody {QUEUE}", f"rmdir {QUEUE}", mine, "queue_directory"),
        "not empty": (
            f"mkdir {DIRECTORY}; touch {DIRECTORY}/x",
            f"rm -r {DIRECTORY}",
            mine,
            "it is not empty and holds no sendmail.cf",
        ),
        "a unit of others": (f"echo '[Unit]' > {UNIT}", f"rm {UNIT}", mine, "is there and not ours"),
        "a name": ("", "", {**mine, "name": "mail-ext"}, "the name of an instance is sendmail-"),
        "the primary": ("", "", {**mine, "config_directory": "/etc/mail"}, "this is the primary instance"),
    }


#: A port, an address, a directory of others, its rights, its content, a unit, a name.
ERROR_KINDS = {"taken port", "overlap", "its queue", "mode", "not empty", "a unit of others", "a name"}


@pytest.mark.parametrize("what", of_each_kind(list(_errors(HOSTS[0])), ERROR_KINDS))
def test_a_clear_error_before_anything_is_changed(host, what):
    before, after, params, said = _errors(host)[what]
    host.run(before)
    try:
        looked, listening = host.look("/etc", "/var/spool"), host.run("ss -ltnH | sort")
        for check_mode in (True, False):
            answer = instance(host, check_mode=check_mode, **{"name": NAME, **params})
            assert answer.get("failed") and said in answer["msg"], answer
        assert host.look("/etc", "/var/spool") == looked and host.run("ss -ltnH | sort") == listening
    finally:
        host.run(after)


def _inside(host: Host, command: str) -> str:
    """Run in the network of a container, with the machine's own /proc: the container may not write its own."""
    named = ["podman", "inspect", "-f", "{{.State.Pid}}", f"postmaster-lab-{host.name}"]
    pid = subprocess.run(named, check=True, capture_output=True, text=True).stdout.strip()
    argv = ["nsenter", "-t", pid, "-n", "sh", "-c", command]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.mark.long
def test_no_ipv6_is_said(host):
    addresses = _inside(host, "ip -6 -o addr show dev eth0 scope global | awk '{print $4}'").split()
    switch = "for one in all default; do echo {} > /proc/sys/net/ipv6/conf/$one/disable_ipv6; done"
    _inside(host, switch.format(1))
    try:
        before = host.look("/etc", "/var/spool")
        answer = instance(host, name=NAME, listen=["fd00:25::77"])
        assert answer["kind"] == "Refused" and "fd00:25::77:25: this host has no IPv6" in answer["msg"]
        assert host.look("/etc", "/var/spool") == before
        assert create(host)["running"]
    finally:
        _inside(host, switch.format(0) + "".join(f"; ip -6 addr add {one} dev eth0 nodad" for one in addresses))


@pytest.mark.long
def test_an_adopted_instance_is_not_moved_and_shares_nothing(host):
    by_hand(host)
    adopted = {"name": "sendmail-hand", "config_directory": HAND}
    before = host.look("/etc", "/var/spool")
    moved = instance(host, **adopted, queue_directory="/var/spool/mq-other")
    assert moved["kind"] == "Refused" and "moving it is not done here" in moved["msg"]
    assert host.look("/etc", "/var/spool") == before
    host.run(f"sed -i 's|^O PidFile=.*|O PidFile=/var/run/sendmail/mta/sendmail.pid|' {HAND}/sendmail.cf")
    assert "its PidFile" in instance(host, **adopted)["msg"]
    host.run(f"sed -i 's|^O QueueDirectory=.*|O QueueDirectory=/var/spool/mqueue|' {HAND}/sendmail.cf")
    answer = instance(host, **adopted)
    assert "the instance sendmail uses /var/spool/mqueue" in answer["msg"]
    # Nobody is taken for the other: neither stopped nor removed.
    running = primary(host)
    assert "uses it too" in instance(host, **adopted, state="absent", mail="delete")["msg"]
    assert primary(host) == running
    host.run(f"sed -i 's|^O QueueDirectory=.*|O QueueDirectory={HAND_QUEUE}|' {HAND}/sendmail.cf")


# --- a step that fails ------------------------------------------------------------------------------------------------

_BASE = "from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import service\n"
_FAILING = """
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
def fail(*dummy):
    raise PostmasterError("pulled")
service.{} = fail
"""


@pytest.mark.parametrize("step", of_each_kind(["start", "set_at_boot"], {"start"}))
def test_a_step_that_fails_takes_back_those_before(host, step):
    before = state(host)
    answer = instance(host, patch=_BASE + _FAILING.format(step), name=NAME, listen=[extra(host)])
    assert (answer["kind"], "pulled" in answer["msg"]) == ("RolledBack", True)
    assert state(host) == before and processes(host) == "" and systemd(host) == ("inactive", "not-found")


def test_a_daemon_that_does_not_start_takes_everything_back(host):
    before = state(host)
    patch = _BASE + "service.daemon.WAIT_SECONDS = 3.0\n"
    patch += "service.units._TEXT = service.units._TEXT.replace('-bD', '-bD -O DaemonPortOptions=Addr=192.0.2.1')\n"
    answer = instance(host, patch=patch, name=NAME, listen=[extra(host)])
    assert (answer["kind"], answer["restored"]) == ("RolledBack", True)
    assert state(host) == before and processes(host) == ""
