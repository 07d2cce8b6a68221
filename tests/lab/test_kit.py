# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kit on real relays: it comes, works by itself, and goes without a trace."""

from __future__ import annotations

import json
import uuid

import accesshosts
import kithosts
import pytest
from labhosts import HOSTS, WORLD, conversation

NEWEST = [HOSTS["pf13"], HOSTS["sm13"]]
LOG = "/var/log/mail.log"


@pytest.fixture(autouse=True)
def _no_kit(host):
    yield
    kithosts.kit(host, state="absent")


@pytest.mark.parametrize("host", NEWEST, ids=str)
def test_it_comes_once_and_goes_without_a_trace(host):
    predicted = kithosts.kit(host, check_mode=True, expiry={"on_calendar": "hourly"})
    assert kithosts.traces(host) == ""
    assert kithosts.kit(host, expiry={"on_calendar": "hourly"})["actions"] == predicted["actions"]
    timer = "postmaster-mta-kit-expiry.timer"
    assert host.run(f"systemctl is-active {timer}; systemctl is-enabled {timer}").split() == ["active", "enabled"]
    assert not kithosts.kit(host, expiry={"on_calendar": "hourly"})["changed"]
    assert not kithosts.kit(host)["changed"], "a part that is left out stays"
    assert kithosts.kit(host, state="absent")["changed"]
    assert kithosts.traces(host) == ""
    assert not kithosts.kit(host, state="absent")["changed"]


@pytest.mark.parametrize("host", NEWEST, ids=str)
def test_a_block_ends_by_itself(host):
    rules = [{"from": "late.test", "action": "reject", "expires": "1d"}, {"from": "stays.test", "action": "reject"}]
    accesshosts.access(host, rules=rules)
    kithosts.kit(host, expiry={})
    assert "nothing has expired" in kithosts.run(host, "expiry")
    # The day passes: the note of the rule says an earlier one.
    host.run(f"grep -rl 'expires' {host.directory} | xargs sed -i 's/expires=[0-9-]*/expires=2026-01-01/'")
    assert "removed from late.test" in kithosts.run(host, "expiry")
    rules = [rule["rule"] for rule in accesshosts.call(host, "access_info")["rules"]]
    assert rules == ["from stays.test"]
    accesshosts.clear(host)


@pytest.mark.parametrize("host", NEWEST, ids=str)
def test_a_schedule_that_systemd_does_not_know_changes_nothing(host):
    answer = kithosts.kit(host, expiry={"on_calendar": "tomorrowly"})
    assert answer["failed"] and "expiry.on_calendar: tomorrowly" in answer["msg"]
    assert kithosts.traces(host) == ""


STATUS = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils._module import status_info
defaults = {name: spec.get("default") for name, spec in status_info.ARGUMENT_SPEC.items()}
json.dump(status_info.run(dict(defaults, **json.load(sys.stdin)), False), sys.stdout)
"""


@pytest.mark.parametrize("host", NEWEST, ids=str)
def test_a_glance_at_a_relay(host):
    accesshosts.access(host, rules=[{"from": "late.test", "action": "reject", "expires": "1d"}])
    answer = host.ask(STATUS, {})
    (instance,) = answer["instances"]
    assert answer["trouble"] == []
    assert instance["running"] and instance["certificate"]["fits"] and instance["drift"] == 0
    assert instance["blocks"]["rules"] == 1 and instance["blocks"]["soon"][0].startswith("from late.test (20")
    assert instance["change"]["module"] == "access" and 0 < instance["disk"]["free"] <= 100
    host.run(f"sed -i '$ a #' {host.directory}/*.cf")
    assert any("differ" in trouble for trouble in host.ask(STATUS, {})["trouble"])
    host.run(f"sed -i '$ d' {host.directory}/*.cf")
    accesshosts.clear(host)


def told(host):
    """The totals of each report that was written, the oldest first."""
    text = host.run("cat $(ls /var/log/kit-reports/*.json)", check=False)
    decoder, at, totals = json.JSONDecoder(), 0, []
    while at < len(text.rstrip()):
        figures, at = decoder.raw_decode(text, at)
        at += 1
        totals.append(figures["log"]["totals"])
    return totals


def send(host, number, recipient):
    """Hand messages to a relay from a trusted client, and wait until it has done with them."""
    lines = ["EHLO trusted.lab.test"]
    for dummy in range(number):
        body = "Subject: <script>alert(1)</script>\r\n\r\nhello\r\n."
        lines += ["MAIL FROM:<anna@lab.test>", f"RCPT TO:<{recipient}>", "DATA", body]
    steps = conversation(WORLD, host, "trusted", [*lines, "QUIT"])
    assert [step["code"] for step in steps if step["step"] == "data"] == [354] * number
    host.run("for n in $(seq 60); do mailq | grep -qE 'is empty|Total requests: 0' && break; sleep 0.5; done; sleep 1")


@pytest.mark.parametrize("host", NEWEST, ids=str)
def test_a_report_tells_what_is_new_and_goes_by_mail(host):
    host.run("mkdir -p /var/log/kit-reports; rm -f /var/log/kit-reports/*")
    # Other groups wait for their mail in the same sink: nothing of it is cleared.
    reader = f"kit{uuid.uuid4().hex[:10]}@ok.test"
    report = {"name": "lab", "mail_to": [reader], "mail_from": "kit@lab.test"}
    report.update(directory="/var/log/kit-reports", formats=["json", "html"])
    assert not kithosts.kit(host, reports=[report]).get("failed")
    kithosts.run(host, "report-lab")
    send(host, 3, "user@ok.test")
    assert "delivered" in kithosts.run(host, "report-lab")
    host.run(f"mv {LOG} {LOG}.1; touch {LOG}; systemctl kill -s HUP rsyslog || true; sleep 1")
    send(host, 2, "user@ok.test")
    kithosts.run(host, "report-lab")
    first, second = told(host)[-2:]
    # The report before went by mail as well, and so do these.
    assert (first["sent"] - 1, second["sent"] - 1) == (3, 2)
    mails = WORLD.run(f"grep -l '{reader}' /var/spool/sink/ok.test/*.json | wc -l")
    assert int(mails) >= 1
    page = host.run("cat $(ls /var/log/kit-reports/*.html | tail -1)")
    assert "<script" not in page and "user@ok.test" in page
    host.run(f"rm -rf /var/log/kit-reports {LOG}.1")


@pytest.mark.parametrize("host", NEWEST, ids=str)
def test_a_canary_sings_and_its_silence_shows(host):
    canary = {"name": "lab", "recipient": "canary@ok.test", "sender": "kit@lab.test", "interval": "1h"}
    answer = kithosts.kit(host, canary=[canary], metrics={"directory": "/var/tmp", "interval": "1h"})
    assert not answer.get("failed"), answer
    kithosts.run(host, "canary-lab")
    host.run(
        "for n in $(seq 40); do grep -q 'to=<canary@ok.test>.*[sS]ent' /var/log/mail.log && break; sleep 0.5; done"
    )
    assert "the last message took" in kithosts.run(host, "canary-lab")
    host.run(f"systemctl stop {host.mta}")
    assert "1 rounds have failed: " in kithosts.run(host, "canary-lab")
    assert any("canary lab" in trouble for trouble in host.ask(STATUS, {})["trouble"])
    assert "wrote" in kithosts.run(host, "metrics")
    host.run(f"systemctl start {host.mta}")
    lines = host.run("cat /var/tmp/postmaster_mta.prom").splitlines()
    name = "postfix" if host.mta == "postfix" else "sendmail"
    assert 'postmaster_canary_failures{canary="lab"} 1' in lines
    assert any(line.startswith(f'postmaster_up{{mta="{host.mta}",mta_instance="{name}"}}') for line in lines)
    assert kithosts.kit(host, state="absent")["changed"]
    assert host.run("ls /var/tmp/postmaster_mta.prom || true") == "" and kithosts.traces(host) == ""
