# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account on the lab's hosts: what the gate tries once and C(make proof) many times."""

from __future__ import annotations

import random
import time
import typing as t

import accesshosts
import capturehosts
from labhosts import Host, policy_of

#: The rule that must survive everything, and the stranger who asks.
LASTING = {"to": ["gone@served.test"], "text": "closed"}
STRANGER = "10.25.0.105"


def undo(host: Host, **params: t.Any) -> t.Dict[str, t.Any]:
    """Call the module undo; it must not fail."""
    return host.done("undo", **params)


def generations(host: Host) -> t.List[t.Dict[str, t.Any]]:
    """The records of the primary instance that are live, the newest first."""
    answer = host.done("history_info", limit=200)["instances"][0]
    return [record for record in answer["generations"] if record["ended"] != "rolled back"]


def contents(host: Host) -> t.Dict[str, str]:
    """The content of every file of the configuration directory; compiled tables follow from their sources."""
    return {name: facts[0] for name, facts in host.look().items() if not name.endswith((".db", ".lmdb"))}


def insist(answer: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """A call that must not fail."""
    assert not answer.get("failed"), answer
    return answer


# --- what people do on one day --------------------------------------------------------------------------------------


def _relay(host: Host, dice: random.Random, **natives: t.Any) -> None:
    policy = policy_of(host)
    limits = {**policy.get("limits", {}), "message_size": f"{dice.randrange(11, 40)}M"}
    routes = {**policy.get("routes", {}), **({"default": {"host": "mx1.ok.test"}} if dice.random() < 0.4 else {})}
    insist(host.apply({**policy, "limits": limits, "routes": routes}, **natives))


def natives(host: Host, dice: random.Random) -> t.Dict[str, t.Any]:
    """Return native settings of the kind that once unhooked every rule without a word."""
    if host.mta == "sendmail":
        features = dice.choice([{}, {"delay_checks": []}])
        return {"mc": {"defines": {"confMAX_NOOP_COMMANDS": dice.randrange(5, 20)}, "features": features}}
    lists = {
        "smtpd_recipient_restrictions": ["permit", "permit_mynetworks, reject_unlisted_recipient"],
        "smtpd_client_restrictions": ["permit_mynetworks", "reject_unknown_reverse_client_hostname"],
        "smtpd_sender_restrictions": ["permit", "reject_non_fqdn_sender"],
        "smtpd_relay_restrictions": ["permit_mynetworks, reject_unauth_destination"],
        "transport_maps": ["inline:{native.example=smtp:[10.25.0.60]}"],
        "mynetworks": ["127.0.0.0/8, 10.25.0.60"],
    }
    names = dice.sample(sorted(lists), 2)
    return {"main": {name: dice.choice(lists[name]) for name in names}}


def _natives(host: Host, dice: random.Random) -> None:
    _relay(host, dice, **natives(host, dice))


def _access(host: Host, dice: random.Random) -> None:
    state = dice.choice(["present", "present", "absent"])
    rule = {"to": [f"user{dice.randrange(4)}@served.test"]}
    insist(accesshosts.access(host, rules=[rule], state=state))


def _table(host: Host, dice: random.Random) -> None:
    name, value = (
        ("mailertable", "esmtp:[10.25.0.60]") if host.mta == "sendmail" else ("x_transport", "smtp:[10.25.0.60]")
    )
    entries = [{"key": f"d{dice.randrange(5)}.example", "value": value}]
    insist(
        accesshosts.call(host, "table", name=name, entries=entries, state=dice.choice(["present", "exact", "absent"]))
    )


def _undo(host: Host, dice: random.Random) -> None:
    """The last change, whatever it was, unless it is the one that made the rule."""
    known = generations(host)
    # Of more than twenty states the first ones are gone, and with them the one before the rule.
    made = next((record["number"] for record in known if record["ticket"] == "lasting"), 0)
    if known[0]["state"] > made:
        undo(host)


def _capture(host: Host, dice: random.Random) -> None:
    """Start to catch mail, or stop it."""
    if caught(host):
        release(host)
    else:
        insist(catch(host))


def catch(host: Host) -> t.Dict[str, t.Any]:
    """Start to catch mail to one recipient."""
    address = capturehosts.address_of(host)
    return capturehosts.capture(host, address=address, port=10025, to=["caught@served.test"])


def caught(host: Host) -> bool:
    """Whether mail is caught on the host."""
    return bool(insist(capturehosts.capture(host, "capture_info"))["exists"])


def release(host: Host) -> None:
    """Stop to catch mail."""
    insist(capturehosts.capture(host, state="stopped", mail="delete", max=1000, timeout=30))


STEPS: t.Sequence[t.Callable[[Host, random.Random], None]] = (_relay, _natives, _access, _table, _undo, _capture)


def make_lasting(host: Host) -> None:
    """Begin with the policy and the rule."""
    if caught(host):
        release(host)
    insist(host.apply(policy_of(host)))
    accesshosts.clear(host)
    insist(accesshosts.access(host, rules=[{**LASTING, "ticket": "lasting"}], ticket="lasting"))


def walk(host: Host, seed: int, steps: int) -> t.List[str]:
    """Do some steps at random; return their names, and what was refused: a change that is not made loses no rule."""
    dice = random.Random(seed)
    done = []
    for step in [dice.choice(STEPS) for _number in range(steps)]:
        try:
            step(host, dice)
            done.append(step.__name__)
        except AssertionError as refusal:
            done.append(f"{step.__name__}: {refusal}")
    return done


def is_refused(host: Host) -> bool:
    """Whether the rule is kept on the wire."""
    reply = accesshosts.rcpt(host, STRANGER, "a@stranger.test", "gone@served.test")
    return reply["code"] == 550


# --- pairs of policies ----------------------------------------------------------------------------------------------


def random_policy(host: Host, dice: random.Random) -> t.Dict[str, t.Any]:
    """Return the fleet's policy with some sections changed, such as a host really has them."""
    changes: t.Dict[str, t.Sequence[t.Dict[str, t.Any]]] = {
        "limits": [{"message_size": "12M"}, {"recipients_per_message": 150, "hops": 40}, {"header_size": "90k"}],
        "routes": [
            {"default": {"host": "mx1.ok.test"}},
            {"domains": [{"domain": "served.test", "host": "10.25.0.60", "mx": False}]},
            {"addresses": [{"address": "gone@served.test", "action": "reject", "text": "Moved away"}]},
        ],
        "session": [
            {"helo_required": False},
            {"vrfy": True},
            {"greeting_delay": "2s"},
            {"sender_domain_exists": False},
        ],
        "identity": [{"banner": "ready"}, {"send_from": [host.address]}],
        "queue": [{"lifetime": "3d"}, {"warning_time": "2h", "retry_maximum": "1h"}],
        "rewrite": [{"recipients": [{"match": "old@served.test", "to": "user@served.test"}]}],
        "aliases": [{"info": ["anna@served.test"]}],
        "log": [{"level": "verbose"}],
        "timeouts": [{"connect": "20s", "quit": "10s"}],
    }
    policy = policy_of(host)
    for name in dice.sample(sorted(changes), 4):
        policy[name] = {**policy.get(name, {}), **dice.choice(changes[name])}
    return policy


#: What both configurations are asked, each line as a client types it.
DIALOGUES = (
    ["EHLO client.stranger.test", "VRFY root", "MAIL FROM:<a@stranger.test>", "RCPT TO:<user@served.test>"],
    [
        "EHLO client.stranger.test",
        "MAIL FROM:<a@stranger.test>",
        "RCPT TO:<gone@served.test>",
        "RCPT TO:<a@third.test>",
    ],
    ["MAIL FROM:<a@stranger.test>", "HELO localhost", "MAIL FROM:<a@nosuch.example>", "RCPT TO:<old@served.test>"],
)


def on_the_wire(host: Host) -> t.List[t.List[t.Any]]:
    """Return the replies to all dialogues, without what is other each time."""
    said = [accesshosts.say(host, f"10.25.0.{110 + number}", lines) for number, lines in enumerate(DIALOGUES)]
    return [
        [(step["code"], step.get("enhanced"), sorted(step.get("extensions") or ())) for step in steps] for steps in said
    ]


def meaning(host: Host) -> str:
    """The lines of every file, whatever their order, without empty ones and the moment at which a rule was added."""
    names = [name for name, digest in contents(host).items() if digest]
    names = [name for name in names if not name.endswith(".before-postmaster") and ".m4" not in name]
    texts = {name: host.read(name).decode(errors="replace") for name in sorted(names) if "databases" not in name}
    said = {name: [line for line in text.splitlines() if line] for name, text in texts.items()}
    return str({name: sorted(line.partition(" added=")[0] for line in lines) for name, lines in said.items() if lines})


def pair(host: Host, dice: random.Random) -> bool:
    """Return whether B after A is B alone, in the files and on the wire."""
    first, second = random_policy(host, dice), random_policy(host, dice)
    both = [
        insist(host.apply(first, **natives(host, dice))),
        insist(host.apply(second)),
        meaning(host),
        on_the_wire(host),
    ]
    insist(host.apply(policy_of(host)))
    alone = [insist(host.apply(second)), meaning(host), on_the_wire(host)]
    return both[-2:] == alone[-2:]


# --- nobody confirms ------------------------------------------------------------------------------------------------

_END = """
real = relay.run
def run(*given):
    real(*given)
    os.kill(os.getpid(), signal.SIGKILL)
relay.run = run
"""
#: The terminal goes while the change is under way; the answer reaches nobody.
_HANGUP = """
activate = relay.RelayRun._activate
def hang_up(self, activation):
    for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGTERM):
        os.kill(os.getpid(), number)
    activate(self, activation)
relay.RelayRun._activate = hang_up
"""
ACCOUNT = "/var/lib/postmaster.mta"
_MOUNT = f"mount -t tmpfs -o size=24m,mode=0700 tmpfs {ACCOUNT}"
_SMALL_DISK = f"mkdir -p {ACCOUNT} && cp -a {ACCOUNT} /root/account && {_MOUNT} && cp -a /root/account/. {ACCOUNT}/"
_LARGE_DISK = (
    f"rm -rf {ACCOUNT}/filler /root/account; cp -a {ACCOUNT} /root/account; umount {ACCOUNT};"
    f" rm -rf {ACCOUNT}/*; cp -a /root/account/. {ACCOUNT}/; rm -rf /root/account"
)
UNITS = "/etc/systemd/system/postmaster-mta-confirm-*"
TROUBLES = ("killed controller", "lost network", "killed helper", "restarted host", "full disk")


def nobody_confirms(host: Host, trouble: str, wait: str = "10s") -> float:
    """Make a change that nobody confirms, in some trouble; return after how many seconds the old configuration was back."""
    policy = policy_of(host)
    insist(host.apply(policy))
    before = contents(host)
    if trouble == "full disk":
        host.run(_SMALL_DISK)
    try:
        patch = {"killed controller": _END, "lost network": _HANGUP + _END}.get(trouble, "")
        changed = {**policy, "limits": {**policy.get("limits", {}), "message_size": "12M"}}
        began = time.monotonic()
        answer = host.apply(changed, confirm=wait, patch=patch)
        assert answer.get("killed") if patch else answer["confirm_by"], answer
        assert contents(host) != before or time.monotonic() - began > 10
        _interfere(host, trouble)
        while contents(host) != before:
            assert time.monotonic() - began < 900, f"{host}: {trouble}: {generations(host)[:2]}"
            time.sleep(1)
        seconds = time.monotonic() - began
        let_watchers_end(host)
        assert host.master()[0]
    finally:
        if trouble == "full disk":
            host.run(_LARGE_DISK)
    return seconds


def let_watchers_end(host: Host) -> None:
    """Wait until nothing of ours rolls back any more: it asks the relay last, and would take along what the next test does meanwhile."""
    until = time.monotonic() + 600
    while host.run(f"ls {UNITS}", check=False).strip():
        assert time.monotonic() < until, f"{host}: {host.run('systemctl list-units postmaster-mta-confirm-*')}"
        time.sleep(1)


def _interfere(host: Host, trouble: str) -> None:
    if trouble == "restarted host":
        host.restart()
        while host.run("echo up", check=False).strip() != "up":
            time.sleep(0.5)
    elif trouble == "full disk":
        host.run(f"dd if=/dev/zero of={ACCOUNT}/filler bs=64k 2>/dev/null", check=False)
    elif trouble == "killed helper":
        unit = "'postmaster-mta-confirm-*.service'"
        # As soon as it runs; systemd starts it again.
        host.run(
            f"for n in $(seq 600); do pkill -9 -f '[k]it.pyz' && exit; sleep 0.05; done; systemctl list-units {unit}",
            check=False,
        )
