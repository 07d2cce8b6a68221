# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same envelopes asked of both: out of a log, and made up of the tables."""

import contextlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model.replay import Answer, Envelope
from ansible_collections.postmaster.mta.plugins.module_utils._module import move_compare
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.conftest import debian

assert debian
pytestmark = pytest.mark.usefixtures("debian")
PARAMS = {name: spec.get("default") for name, spec in move_compare.ARGUMENT_SPEC.items()}
_STAMP = "2026-11-30T20:00:0{}.000000+00:00 mx sm-mta[1{}]: "
LOG = "".join(
    _STAMP.format(number, number) + line + "\n"
    for number, line in enumerate(
        (
            "6AUK000A000010: from=<a@from.test>, size=10, nrcpts=2, msgid=<m@x>, relay=host.from.test [198.51.100.7]",
            "6AUK000A000010: to=<b@served.test>,<c@served.test>, delay=00:00:01, mailer=esmtp, dsn=2.0.0, stat=Sent (ok)",
            "6AUK000A000012: from=<>, size=10, nrcpts=1, msgid=<n@x>, relay=x.test [198.51.100.8] (may be forged)",
            "6AUK000A000012: to=<b@served.test>, delay=00:00:01, mailer=esmtp, dsn=2.0.0, stat=Sent (ok)",
        )
    )
)


class Asked:
    """Stands for both drivers: Postfix refuses whom sendmail lets pass, but for one domain."""

    def __init__(self, mta, mails):
        self.mta, self.mails = mta, mails

    @contextlib.contextmanager
    def asking(self, host):
        yield self

    def answers(self, envelopes):
        self.mails += envelopes
        refuses = self.mta == "postfix"
        return [
            Answer("refused", "554 5.7.1 no")
            if refuses and mail.recipient.endswith("@served.test")
            else Answer("accepted", "", "remote")
            for mail in envelopes
        ]

    def rules(self, asked):
        return [f"{self.mta} about {mail.recipient}" for mail, dummy in asked]


@pytest.fixture(name="mails")
def _mails(monkeypatch, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "sendmail.cf").write_text("O MaxHopCount=9\n")
    (tmp_path / "old" / "relay-domains").write_text("relayed.test\n")
    (tmp_path / "old" / "access").write_text(
        "From:spam.test REJECT\nConnect:10.9 REJECT\nboth.test OK\nClientRate:10.8 3\n"
    )
    (tmp_path / "maillog").write_text(LOG)
    mails = []
    hosts = {
        "sendmail": given.make_host(directory=tmp_path / "old"),
        "postfix": postfix_host.make_host("3.10.13", tmp_path),
    }
    monkeypatch.setattr(_mta, "find", lambda runner, mta, instance: hosts[mta])
    monkeypatch.setattr(move_compare, "replay_of", lambda mta: Asked(mta, mails))
    return mails


def run(tmp_path, **params):
    return move_compare.run(dict(PARAMS, path=[str(tmp_path / "maillog")], days=0, **params), False)


def test_each_envelope_of_the_log_is_asked_of_both_once(mails, tmp_path):
    answer = run(tmp_path, made_up=False)
    first = Envelope("198.51.100.7", "host.from.test", "a@from.test", "b@served.test")
    assert first in mails and Envelope("198.51.100.8", "", "", "b@served.test") in mails
    assert (answer["logged"], answer["asked"], answer["made_up"], len(mails)) == (3, 3, 0, 6)
    assert answer["unexplained"] == 3 and answer["explained"] == 0
    (difference,) = answer["differences"]
    assert difference["times"] == 3 and not difference["explained"]
    assert difference["old_rule"].startswith("sendmail about") and difference["new_rule"].startswith("postfix about")


def test_envelopes_are_made_up_of_the_tables(mails, tmp_path):
    answer = run(tmp_path)
    assert answer["made_up"] > 5 and answer["asked"] == answer["made_up"] + answer["logged"]
    assert {"postmaster@relayed.test", "postmaster@both.test"} <= {mail.recipient for mail in mails}
    assert {"postmaster@spam.test", "postmaster@both.test"} <= {mail.sender for mail in mails}
    assert {"10.9.0.1"} <= {mail.client for mail in mails} and not {"10.8.0.1"} & {mail.client for mail in mails}


def test_a_limit_is_told(mails, tmp_path):
    answer = run(tmp_path, made_up=False, limit=1)
    assert answer["logged"] == 1 and "more than 1 different envelopes" in answer["notes"][0]


def test_lots_give_the_same_answer(mails, tmp_path, monkeypatch):
    whole = run(tmp_path)
    monkeypatch.setattr(move_compare, "_LOT", 2)
    assert run(tmp_path) == whole


@pytest.mark.parametrize("name", ["days", "limit", "show"])
def test_a_negative_number_is_refused(mails, name):
    with pytest.raises(OptionError, match=name):
        move_compare.run(dict(PARAMS, **{name: -1}), False)
