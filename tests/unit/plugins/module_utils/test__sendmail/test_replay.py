# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What test mode says about many envelopes, read back in the order of the questions."""

import re

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model.replay import Envelope
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import replay
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

pytestmark = pytest.mark.usefixtures("debian")
CF = "O MaxHopCount=9\nScheck_rcpt\nR$*\t$@ OK\nMesmtp, P=[IPC], A=TCP $h\n"


class TestMode:
    """A sendmail -bt that refuses the domain bad.test, and sends everything else to its mail exchangers."""

    def run(self, argv, stdin="", **dummy):
        said = "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n"
        said += "".join(self._line(line) for line in stdin.splitlines())
        return Result(tuple(argv), 0, said, "")

    def _line(self, line):
        if line.startswith("check_rcpt"):
            verdict = '$# error $@ 5 . 7 . 1 $: "550 Relaying denied"' if "bad.test" in line else "$# OK"
            return f"> check_rcpt         input: x\ncheck_rcpt       returns: {verdict}\n"
        if line.startswith("/parse"):
            user, dummy, domain = line.split(" ")[1].partition("@")
            if domain == "here.test":
                return f"> parse            returns: $# local $: {user}\nmailer local, user {user}\n"
            return f"> parse            returns: x\nmailer esmtp, host {domain}., user {user}@{domain}\n"
        if line.startswith("/try "):
            return f"> Rcode = 0, addr = {line.split(' ')[2].replace('old.test', 'new.test')}\n"
        if line.startswith("/map aliases known"):
            return "> map_lookup: aliases (known) returns root (0)\n"
        if line.startswith("/map postmaster-fence"):
            return '> Map named "postmaster-fence" not found\n'
        return "> " if re.match(r"\.D|/", line) else "> odd\n"


@pytest.fixture(name="host")
def _host(tmp_path):
    (tmp_path / "sendmail.cf").write_text(CF)
    return given.make_host(directory=tmp_path)._replace(runner=TestMode())


def mail(recipient, sender="a@old.test"):
    return Envelope("198.51.100.7", "", sender, recipient)


def answers_of(host, asked):
    with replay.asking(host) as mta:
        return mta.answers(asked)


def test_each_envelope_gets_its_own_answer(host):
    asked = [
        mail("b@ok.test"),
        mail("b@bad.test"),
        mail("known@here.test"),
        mail("stranger-17@here.test"),
        mail("b@ok.test", ""),
    ]
    taken, refused, local, unknown, null = answers_of(host, asked)
    assert (taken.decision, taken.route, taken.recipient, taken.sender) == (
        "accepted",
        "ok.test:25",
        "b@ok.test",
        "a@new.test",
    )
    assert (refused.decision, refused.reply) == ("refused", "550 Relaying denied")
    assert (local.decision, local.verdict) == ("accepted", "local")
    assert (unknown.decision, unknown.reply) == ("refused", "550 5.1.1 User unknown")
    assert (null.decision, null.sender) == ("accepted", "")


def test_many_envelopes_are_asked_in_lots(host, monkeypatch):
    monkeypatch.setattr(replay, "_LOT", 2)
    asked = [mail(f"b@{name}.test") for name in ("a", "bad", "c", "bad", "d")]
    assert [answer.decision for answer in answers_of(host, asked)] == [
        "accepted", "refused", "accepted", "refused", "accepted",
    ]  # fmt: skip


def test_a_question_that_has_no_answer_does_not_spoil_the_others(host, monkeypatch):
    whole = replay.rulesets.ask_all

    def picky(host, path, ruleset, questions):
        return () if any("odd" in asked.recipient for asked in questions) else whole(host, path, ruleset, questions)

    monkeypatch.setattr(replay.rulesets, "ask_all", picky)
    asked = [mail("b@a.test"), mail("odd@b.test"), mail("b@bad.test")]
    assert [answer.decision for answer in answers_of(host, asked)] == ["accepted", "unknown", "refused"]


def test_without_a_configuration_nobody_can_be_asked(tmp_path):
    with pytest.raises(PostmasterError, match=r"sendmail\.cf: there is none"):
        answers_of(given.make_host(directory=tmp_path), [mail("b@ok.test")])
