# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shadow that is told who the client is; what it says is read back for each envelope."""

import contextlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model.replay import Envelope
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import replay, shadow
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.route import Resolved
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import make_host

PLAIN = Envelope("198.51.100.7", "", "a@from.test", "b@to.test")


class Spoken:
    """Stands for a Dialogue with a shadow that refuses what goes to bad.test, and does not know the sender none@x.test."""

    offers = {"XCLIENT": ""}
    said = []

    def __init__(self, address, port, timeout):
        self.keywords, self.steps = self.offers, ["250 hello"]

    def __enter__(self):
        return self

    def __exit__(self, *dummy):
        pass

    def _step(self, code, text=""):
        return type("Step", (), {"code": code, "family": code // 100, "__str__": lambda self: f"{code} {text}"})()

    def connect(self):
        return self._step(220)

    def ehlo(self, name):
        return self._step(250)

    def command(self, line, name):
        self.said.append(line)
        return self._step(554 if "192.0.2.66" in line else 220, "no")

    def quit(self):
        pass

    def pipeline(self, lines):
        return [self._step(550 if "none@x.test" in line or "@bad.test" in line else 250, "5.7.1 no") for line in lines]


@pytest.fixture(name="host")
def _host(monkeypatch, tmp_path):
    monkeypatch.setattr(replay, "Dialogue", Spoken)
    monkeypatch.setattr(Spoken, "said", [])

    @contextlib.contextmanager
    def running(host, values, extra, lifetime):
        yield shadow.Shadow(str(tmp_path), "/queue", "smtp/inet", 1, 2)

    monkeypatch.setattr(shadow, "running", running)
    routes = {"discard.test": Resolved("discard", "", "", 4096), "here.test": Resolved("local", "", "b@here.test", 256)}

    def resolved(queue, sender, recipient):
        domain = recipient.rpartition("@")[2]
        return routes.get(domain, Resolved("smtp", f"[mx.{domain}]:2525", recipient, 4096))

    monkeypatch.setattr(replay.tracing, "resolved_by", resolved)
    return make_host("3.10.13", tmp_path)


def answers_of(host, asked):
    with replay.asking(host) as mta:
        return mta.answers(asked)


def test_each_envelope_gets_its_own_answer(host):
    asked = [PLAIN._replace(recipient=f"b@{name}.test") for name in ("to", "bad", "discard", "here")]
    asked += [PLAIN._replace(sender="none@x.test"), PLAIN._replace(client="192.0.2.66"), PLAIN]
    answers = answers_of(host, asked)
    assert [answer.decision for answer in answers] == [
        "accepted", "refused", "discarded", "accepted", "refused", "refused", "accepted",
    ]  # fmt: skip
    assert answers[0].route == "mx.to.test (host):2525" and answers[0] == answers[6]
    assert answers[3].verdict == "local" and answers[1].reply == "550 5.7.1 no"


def test_the_shadow_is_told_address_and_name(host):
    answers_of(host, [PLAIN, PLAIN._replace(client="2001:db8::1", name="mx.test")])
    assert Spoken.said == ["XCLIENT ADDR=198.51.100.7 NAME=[UNAVAILABLE]", "XCLIENT ADDR=IPv6:2001:db8::1 NAME=mx.test"]


def test_addresses_are_followed_through_every_table(host, monkeypatch, tmp_path):
    (tmp_path / "main.cf").write_text(
        "recipient_canonical_maps = t:rc\nvirtual_alias_maps = t:v1, t:v2\nsender_canonical_maps = t:sc\n"
    )
    tables = {
        "recipient_canonical_maps": {"b@to.test": "c@to.test"},
        "virtual_alias_maps": {"c@to.test": "d@next.test, e@other.test", "@next.test": "@end.test"},
        "sender_canonical_maps": {"@from.test": "@new.test"},
    }

    def values(host, role, table, keys):
        known = tables[role] if not table.endswith("v2") else {}
        return {key: known[key] for key in keys if key in known}

    monkeypatch.setattr(replay.tracing, "values_in", values)
    (answer,) = answers_of(host, [PLAIN])
    assert (answer.recipient, answer.sender) == ("d@end.test", "a@new.test")


def test_headers_alone_leave_the_envelope_as_it_is(host, monkeypatch, tmp_path):
    (tmp_path / "main.cf").write_text("sender_canonical_maps = t:sc\nsender_canonical_classes = header_sender\n")
    monkeypatch.setattr(replay.tracing, "values_in", lambda *dummy: {"@from.test": "@new.test"})
    assert answers_of(host, [PLAIN])[0].sender == "a@from.test"


def test_a_shadow_that_does_not_believe_clients_is_no_answer(host, monkeypatch):
    monkeypatch.setattr(Spoken, "offers", {})
    with pytest.raises(PostmasterError, match="XCLIENT"):
        answers_of(host, [PLAIN])


def test_what_smtpd_throws_away_stands_in_its_log_alone(host, tmp_path):
    """The reply is the same as for mail that is taken."""
    line = (
        "Dec  1 05:00:00 h shadow/smtpd[1]: NOQUEUE: discard: RCPT from unknown[198.51.100.7]: <b@to.test>: Recipient"
        " address triggers DISCARD action; from=<a@from.test> to=<b@to.test> proto=ESMTP helo=<x>\n"
    )
    log = tmp_path.parent / "log"
    before = log.read_text() if log.exists() else None
    with replay.asking(host) as mta:
        first = mta.answers([PLAIN])
        log.write_text(line)
        try:
            assert replay._discarded(mta._running, 0) == {("198.51.100.7", "a@from.test", "b@to.test")}
        finally:
            log.unlink()
    assert before is None and first[0].decision == "accepted"
