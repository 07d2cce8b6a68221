# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A campaign runs through the relays: a person is told, confirms, and it is refused; by the playbook, and live under ansible-rulebook."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shlex
import subprocess
import time
import typing as t
import uuid

import accesshosts
import pytest
import yaml
from labhosts import DNS, RELAYS, REMOTE, ROOT, WORLD, Host, ansible_environment, conversation, policy_of

#: `make proof` makes it, with tests/proof/requirements-rulebook.txt, and installs Java.
RULEBOOK = ROOT / ".cache" / "venv-rulebook" / "bin" / "ansible-rulebook"
MESSAGES = 25
PATTERN = "emalsrv-[0-9a-f]+.{brand}"
FOLLOW = "journalctl -q -f -n 0 -a -o short-iso-precise SYSLOG_FACILITY=2"


#: Runs on a relay: campaign_info, which remembers nothing of it.
ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.postmaster.mta.plugins.module_utils._module import campaign_info
params = {name: spec.get("default") for name, spec in campaign_info.ARGUMENT_SPEC.items()}
params.update(json.load(sys.stdin))
json.dump(campaign_info.run(params, True), sys.stdout)
"""


@contextlib.contextmanager
def collected(directory: pathlib.Path) -> t.Iterator[list[str]]:
    """The relays' logs as they are written, each in a file here, as a log host has them."""
    with contextlib.ExitStack() as stack:
        files = []
        for relay in RELAYS:
            path = directory / f"{relay.name}.log"
            stream = stack.enter_context(path.open("wb"))
            process = subprocess.Popen([*relay._ssh(), FOLLOW], stdout=stream, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            files.append(str(path))
        yield files


@contextlib.contextmanager
def rulebook(directory: pathlib.Path, variables: dict[str, t.Any]) -> t.Iterator[t.Callable[[], str]]:
    """campaigns.yml, running; gives what it has printed so far."""
    given, output = directory / "vars.yml", directory / "output"
    given.write_text(yaml.safe_dump(variables))
    environment = {
        **os.environ,
        "PATH": f"{RULEBOOK.parent}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
    }
    command = [str(RULEBOOK), "-v", "-r", "postmaster.mta.campaigns", "-i", "molecule/inventory", "--vars", str(given)]
    with output.open("wb") as stream:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stream, stderr=subprocess.STDOUT)
    try:
        yield lambda: output.read_text(errors="replace")
    finally:
        process.terminate()
        process.wait(30)


def wait(what: str, seconds: float, holds: t.Callable[[], bool], output: t.Callable[[], str]) -> float:
    """Until something holds; how long it took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds, f"{what}: not after {seconds} s\n{output()[-6000:]}"
        time.sleep(0.5)
    return time.monotonic() - started


def send(relay: Host, sender: str) -> str:
    """What becomes of a message from the trusted client: taken, or the code of its refusal."""
    lines = [
        "EHLO trusted.lab.test",
        f"MAIL FROM:<{sender}>",
        "RCPT TO:<user@ok.test>",
        "DATA",
        "Subject: x\r\n\r\nx\r\n.",
        "QUIT",
    ]
    codes = [step.get("code") or 0 for step in conversation(WORLD, relay, "trusted", lines)]
    return next(
        (str(code) for code in codes if code >= 400), "taken" if codes.count(250) >= 4 else f"no answer: {codes}"
    )


def campaigns_of(relay: Host) -> list[str]:
    """What campaign_info proposes on a relay now."""
    relay.install()
    options = json.dumps({"path": ["journald"], "patterns": [PATTERN], "window": "20m", "reader": "proof"})
    answer = json.loads(relay.run(f"{relay.python} -c {shlex.quote(ASK)} {REMOTE}", options))
    return [one["key"] for one in answer["campaigns"]]


def on_all(what: t.Callable[[Host], t.Any]) -> list[t.Any]:
    """The same on every relay at once."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(what, RELAYS))


@pytest.fixture(name="domain")
def _domain() -> t.Iterator[str]:
    """The sender domain of a campaign that never ran before; no relay has a rule for it, neither before nor after."""
    WORLD.install()  # once, and not by every thread
    answers = on_all(lambda relay: relay.apply(policy_of(relay)))
    assert [answer["msg"] for answer in answers if answer.get("failed")] == []
    on_all(accesshosts.clear)
    name = f"emalsrv-{uuid.uuid4().hex[:10]}.third.test"
    DNS.run(f"labdns set {name} MX '10 mx1.ok.test.'")  # relays refuse senders of no domain
    try:
        yield name
    finally:
        on_all(accesshosts.clear)
        DNS.run(f"labdns delete {name}")


def test_a_campaign_is_told_confirmed_refused_and_not_proposed_again(domain, tmp_path, record_property):
    assert RULEBOOK.exists(), "there is no ansible-rulebook: make proof installs it, from PyPI, and Java with apt"
    assert subprocess.run(["java", "-version"], capture_output=True, check=False).returncode == 0, (
        "ansible-rulebook needs Java 17 or newer: apt-get install default-jre-headless"
    )
    told, confirm = tmp_path / "told", tmp_path / "confirm"
    with collected(tmp_path) as logs:
        variables = {
            "mail_log_path": logs,
            "mail_log_confirm": str(confirm),
            "campaign_path": ["journald"],
            "campaign_window": "20m",
            "campaign_patterns": [PATTERN],
            "campaign_command": ["tee", "-a", str(told)],
        }
        with rulebook(tmp_path, variables) as output:
            wait("ansible-rulebook is there", 120, lambda: "Waiting for events" in output(), output)
            for number in range(MESSAGES):
                relay = RELAYS[number % len(RELAYS)]
                assert send(relay, f"user{number}@lab.test") == "taken"
                assert send(relay, f"updates{number}@{domain}") == "taken"
            seen = wait("the campaign is seen", 60, lambda: domain in output(), output)
            wait("the postmaster is told", 120, lambda: told.exists() and domain in told.read_text(), output)
            assert f"ansible-playbook postmaster.mta.block_domains -e block_domain={domain}" in told.read_text()
            assert "user0@lab.test" not in told.read_text()
            assert [relay for relay, keys in zip(RELAYS, on_all(campaigns_of), strict=True) if domain not in keys] == []
            # Nobody has confirmed yet; and who confirms what was never told is not heard.
            assert set(on_all(lambda relay: send(relay, f"again@{domain}"))) == {"taken"}
            confirm.write_text(f"lab.test\n{domain}\n")
            blocked = wait(
                "every relay refuses it",
                300,
                lambda: set(on_all(lambda relay: send(relay, f"more@{domain}"))) == {"550"},
                output,
            )
            assert set(on_all(lambda relay: send(relay, "user@lab.test"))) == {"taken"}
            # What goes on is refused, and proposed no more, neither live nor by the module.
            before = told.read_text()
            assert set(on_all(lambda relay: send(relay, f"still@{domain}"))) == {"550"}
            time.sleep(12)  # two looks of the source
            assert told.read_text() == before
            assert [keys for keys in on_all(campaigns_of) if domain in keys] == []
    record_property(
        "rulebook", f"seen after {seen:.0f} s, refused by {len(RELAYS)} relays {blocked:.0f} s after confirmation"
    )


# --- without ansible-rulebook -----------------------------------------------------------------------------------------


def playbook(name: str, **variables: t.Any) -> str:
    """What a playbook prints."""
    environment = ansible_environment()
    command = ["ansible-playbook", f"playbooks/{name}.yml", "-e", json.dumps(variables)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout


def mailed(recipient: str) -> str:
    """What the sinks have for a recipient."""
    listed = f"grep -lrF {recipient} --include='*.json' /var/spool/sink"
    return WORLD.run(f"{listed} | while read -r f; do cat ${{f%json}}eml; done")


def test_the_playbook_tells_by_mail_and_blocks_only_when_told_so(domain, record_property):
    postmaster = f"postmaster-{uuid.uuid4().hex[:8]}@ok.test"
    assert set(on_all(lambda relay: send(relay, f"updates@{domain}"))) == {"taken"}
    options = {"campaign_path": ["journald"], "campaign_patterns": [PATTERN], "campaign_only_new": False}
    shown = playbook("detect_campaigns", campaign_mail_to=postmaster, **options)
    command = f"ansible-playbook postmaster.mta.block_domains -e block_domain={domain}"
    assert command in shown
    wait("the mail has come", 60, lambda: command in mailed(postmaster), lambda: mailed(postmaster))
    assert set(on_all(lambda relay: send(relay, f"again@{domain}"))) == {"taken"}
    started = time.monotonic()
    playbook("detect_campaigns", campaign_block=True, **options)
    seconds = time.monotonic() - started
    assert set(on_all(lambda relay: send(relay, f"more@{domain}"))) == {"550"}
    assert domain not in playbook("detect_campaigns", **options)
    record_property("detect_campaigns", f"found and blocked by itself on {len(RELAYS)} relays in {seconds:.0f} s")


def test_the_playbook_says_who_received_it(domain):
    sender = f"updates@{domain}"
    assert set(on_all(lambda relay: send(relay, sender))) == {"taken"}
    time.sleep(5)
    shown = playbook("mail_log", log_sender=sender, log_path=["journald"], log_format="lines")
    assert shown.count(f"|{sender}|user@ok.test|trusted.lab.test") == len(RELAYS)
