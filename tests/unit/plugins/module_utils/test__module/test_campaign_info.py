# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import itertools
import json

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._clock import utc
from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError, OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import campaign_info as _campaign
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info as _logread
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result

START = 1795300000
NOW = START + 10000
NUMBERS = itertools.count(1)


class Silent:
    """A host without an MTA."""

    def which(self, name):
        return None

    def run(self, argv, stdin=None, timeout=60, check=True, env=None, cwd=None):
        if check:
            raise CommandError(argv, 127, "", "not found")
        return Result(tuple(argv), 127, "", "not found")


def message(second, sender, client="192.0.2.1", recipient="a@ok.test", status="sent", subject=""):
    """The lines of one message in Postfix's log."""
    queue_id = "{:010X}".format(next(NUMBERS))
    stamp = utc(START + second)

    def line(daemon, text):
        return "{} r postfix/{}[1]: {}: {}\n".format(stamp, daemon, queue_id, text)

    lines = line("smtpd", "client=x[{}]".format(client))
    if subject:
        lines += line(
            "cleanup",
            "info: header Subject: {} from x[{}]; from=<a@b> to=<b@b> proto=ESMTP helo=<a>".format(subject, client),
        )
    lines += line("qmgr", "from=<{}>, size=100, nrcpt=1 (queue active)".format(sender))
    lines += line(
        "smtp",
        "to=<{}>, relay=mx[192.0.2.9]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status={} (ok)".format(recipient, status),
    )
    return lines + line("qmgr", "removed")


def ordinary(count=2000):
    """A day of people who write to each other; every tenth domain is new."""
    return "".join(
        message(
            number * 4,
            "person{}@company{}.example".format(number % 7, number if number % 10 == 0 else number % 40),
            "198.51.{}.{}".format(number % 50, number % 200),
        )
        for number in range(count)
    )


@pytest.fixture
def look(tmp_path, monkeypatch):
    """campaign_info on a log of the given text."""
    monkeypatch.setattr(_logread, "STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setattr(_campaign._mta, "find_all", lambda runner, mta="auto": ())

    def answer(text, check_mode=False, **options):
        path = tmp_path / "mail.log"
        path.write_text(text)
        params = {name: spec.get("default") for name, spec in _campaign.ARGUMENT_SPEC.items()}
        params.update(options, path=[str(path)])
        return _campaign.run(params, check_mode, Silent(), NOW)

    return answer


def test_ordinary_mail_is_no_campaign(look):
    assert look(ordinary())["campaigns"] == []


def test_the_pattern_of_the_campaigns_is_seen_in_ordinary_mail(look):
    spam = message(8000, "updates@emalsrv.linkedbrand.co.uk", recipient="v@ok.test") + message(
        8001, "a.b-c@complains.mailbrand.com", status="deferred"
    )
    first, second = look(ordinary() + spam)["campaigns"]
    assert (second["key"], second["brand"], second["count"], second["delivered"]) == (
        "emalsrv.linkedbrand.co.uk",
        "linkedbrand.co.uk",
        1,
        1,
    )
    assert (first["key"], first["delivered"]) == ("complains.mailbrand.com", 0)
    assert second["recipients"] == ["v@ok.test"]
    assert second["rules"][0]["from"] == "emalsrv.linkedbrand.co.uk"
    assert second["command"].endswith("block_domains -e block_domain=emalsrv.linkedbrand.co.uk")
    assert second["sample"].endswith("|updates@emalsrv.linkedbrand.co.uk|v@ok.test|x")


def test_a_rejected_sender_is_seen_too(look):
    reject = (
        "{} r postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 550 5.7.1 <u@emalsrv.brand.com>: Sender address "
        "rejected: no; from=<u@emalsrv.brand.com> to=<a@ok.test> proto=SMTP helo=<x>\n".format(utc(START))
    )
    (found,) = look(reject)["campaigns"]
    assert (found["key"], found["refused"], found["delivered"]) == ("emalsrv.brand.com", 1, 0)


@pytest.mark.parametrize(
    "kind, key, spam",
    [
        ("client", "203.0.113.0/24", lambda n: ("p{0}@word{0}.test{0}".format(n), "203.0.113.{}".format(n), "")),
        (
            "shape",
            "*@promo.{brand}.test",
            lambda n: ("x{}@promo.brand{}.test".format("abcdefghijkl"[n % 12], n % 6), "203.{}.113.7".format(n), ""),
        ),
        (
            "subject",
            "your invoice",
            lambda n: ("p{0}@word{0}.test{0}".format(n), "203.{}.113.7".format(n), "Your Invoice"),
        ),
    ],
)
def test_a_burst_of_new_domains_with_one_thing_in_common(look, kind, key, spam):
    lines = "".join(message(8600 + n, *spam(n)[:2], subject=spam(n)[2]) for n in range(25))
    (found,) = look(ordinary() + lines)["campaigns"]
    assert (found["kind"], found["key"], found["count"]) == (kind, key, 25)
    assert found["domain_count"] >= 5 and len(found["rules"]) == found["domain_count"]


def test_one_busy_newcomer_is_no_burst(look):
    lines = "".join(message(8600 + n, "news{}@newcomer.example".format(n), "203.0.113.7") for n in range(50))
    assert look(ordinary() + lines)["campaigns"] == []


def test_a_provider_that_is_known_here_may_bring_new_customers(look):
    known = "".join(message(10 + n, "x@old{}.example".format(n), "203.0.113.7") for n in range(5))
    new = "".join(message(8600 + n, "someone@new{}.example".format(n), "203.0.113.7") for n in range(20))
    found = look(known + ordinary() + new)["campaigns"]
    assert [one for one in found if one["kind"] == "client"] == []


def test_a_young_log_is_not_judged_for_bursts(look):
    lines = "".join(message(n, "p@word{}.example".format(n), "203.0.113.7") for n in range(20))
    found = look(lines)
    assert found["campaigns"] == []
    assert "only 0 messages before the window" in found["notes"][0]


def test_what_was_reported_is_not_new_again(look):
    spam = message(8000, "updates@emalsrv.brand.com")
    assert [one["new"] for one in look(spam, check_mode=True, only_new=True)["campaigns"]] == [True]
    assert [one["new"] for one in look(spam, only_new=True)["campaigns"]] == [True]
    assert look(spam, only_new=True)["campaigns"] == []
    assert [one["new"] for one in look(spam)["campaigns"]] == [False]
    assert [one["new"] for one in look(spam, reader="another")["campaigns"]] == [True]


def test_the_last_lines_only(look):
    spam = message(8000, "updates@emalsrv.brand.com")
    assert look(spam + ordinary(10), lines=40)["campaigns"] == []
    assert look(spam + ordinary(10), lines=44)["campaigns"] != []
    assert look(spam + ordinary(10), lines=0)["read"]["lines"] == 44


def test_a_campaign_that_every_instance_refuses_is_not_proposed(look, monkeypatch):
    instance = type("Instance", (), {"mta": "postfix", "config_directory": "/etc/postfix", "enabled": True})
    monkeypatch.setattr(_campaign._mta, "find_all", lambda runner, mta="auto": (instance,))
    every_sender = type(
        "Refusals", (), {"refused_senders": lambda self, runner, directory, senders: frozenset(senders)}
    )()
    monkeypatch.setattr(_campaign, "refusals_of", lambda mta: every_sender)
    spam = message(8000, "updates@emalsrv.brand.com")
    assert look(spam)["campaigns"] == []
    assert [one["covered"] for one in look(spam, covered=True)["campaigns"]] == [True]


def test_a_hostile_domain_never_gets_into_the_command():
    rules = [{"from": "a.example"}, {"from": "x.com -e @/etc/passwd"}, {"from": "$(id).com"}, {"from": "-x"}]
    assert _campaign.command(rules) == "ansible-playbook postmaster.mta.block_domains -e block_domain=a.example"


@pytest.mark.parametrize("pattern", ["emalsrv.brand.com", "(emalsrv.{brand}"])
def test_a_pattern_that_cannot_be_meant(pattern):
    with pytest.raises(OptionError, match="patterns"):
        _campaign.compiled([pattern])


@pytest.mark.parametrize(
    "address, network",
    [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2::7", "2001:db8:1:2::/64"), ("fd00:25::11", "fd00:25:0:0::/64")],
)
def test_the_network_of_a_client(address, network):
    assert _campaign.network_of(address) == network


def test_the_answer_is_json(look):
    assert json.dumps(look(ordinary(5) + message(8000, "updates@emalsrv.brand.com")))
