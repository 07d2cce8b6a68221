# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import selection as _select
from ansible_collections.postmaster.mta.plugins.module_utils._model.selection import DeliveryRecipient, SelectableRecord

NOW = 1000000
STATUSES = {"deferred": "deferred", "hold": "hold", "quarantined": "hold"}


def subject(**changes):
    fields = {
        "id": "856C3284032",
        "sender": "J1@Sender.test",
        "arrival": NOW - 3600,
        "size": 1000,
        "status": "deferred",
        "recipients": (
            DeliveryRecipient("u1@yahoo.test", "connect to mx.yahoo.test: Connection timed out"),
            DeliveryRecipient("u2@ok.test", "451 4.7.1 Greylisted"),
        ),
        "reason": "",
    }
    return SelectableRecord(**dict(fields, **changes))


def selects(given, record=None):
    return _select.predicate(_select.parse(given, STATUSES), NOW)(record or subject())


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {"ids": ["856C3284032"]},
        {"ids": ["XXXXXXXXXX", "856C3284032"]},
        {"sender": ["j1@sender.test"]},
        {"sender": ["*@sender.test"]},
        {"sender": ["j?@sender.test"]},
        {"recipient": ["U2@OK.test"]},
        {"recipient": ["nobody@nowhere.test", "u1@*"]},
        {"domain": ["yahoo.test"]},
        {"domain": ["YAHOO.test."]},
        {"domain": [".test"]},
        {"older_than": "1h"},
        {"newer_than": "1h"},
        {"larger_than": "999"},
        {"reason": ["timed OUT"]},
        {"status": ["deferred"]},
        {"regex": r"mx\.[a-z]+\.test"},
        {"regex": r"^j\d@"},
        {"domain": ["yahoo.test"], "reason": ["timed out"], "older_than": "30m", "sender": None},
    ],
)
def test_selected(given):
    assert selects(given)


@pytest.mark.parametrize(
    "given",
    [
        {"ids": ["856C3284033"]},
        {"ids": []},
        {"domain": []},
        {"sender": ["sender.test"]},
        {"sender": ["<>"]},
        {"recipient": ["u1@ok.test"]},
        {"domain": [".yahoo.test"]},
        {"domain": ["test"]},
        {"older_than": "61m"},
        {"newer_than": "59m"},
        {"larger_than": "1000"},
        {"status": ["hold"]},
        {"regex": "^sender"},
        # each holds for a recipient, but not both for one
        {"domain": ["ok.test"], "reason": ["timed out"]},
        {"recipient": ["u2@ok.test"], "domain": ["yahoo.test"]},
    ],
)
def test_not_selected(given):
    assert not selects(given)


def test_null_sender():
    assert selects({"sender": ["<>"]}, subject(sender="<>"))
    assert not selects({"sender": ["*@*"]}, subject(sender="<>"))


def test_the_reason_of_the_message_holds_for_recipients_without_one():
    record = subject(
        recipients=(DeliveryRecipient("u@a.test"), DeliveryRecipient("u@b.test", "other")), reason="Connection refused"
    )
    assert selects({"domain": ["a.test"], "reason": ["refused"]}, record)
    assert not selects({"domain": ["b.test"], "reason": ["refused"]}, record)


@pytest.mark.parametrize("address", ["u@b\u00fccher.test", "u@xn--bcher-kva.test"])
@pytest.mark.parametrize("name", ["sender", "recipient"])
@pytest.mark.parametrize("pattern", ["u@B\u00dcCHER.test", "*@b\u00fccher.test", "u@b\u00fccher.*"])
def test_a_domain_in_letters_of_its_own_is_selected_as_both_are_written(name, pattern, address):
    record = subject(sender=address, recipients=(DeliveryRecipient(address),))
    assert selects({name: [pattern]}, record)
    assert selects({"domain": ["B\u00fccher.test."]}, record)
    assert not selects({name: ["u@cher.test"]}, record)


def test_brackets_are_no_pattern():
    record = subject(recipients=(DeliveryRecipient("u@[192.0.2.1]"),))
    assert selects({"recipient": ["u@[192.0.2.1]"]}, record)
    assert selects({"recipient": ["*@[192.0.2.?]"]}, record)


def test_a_native_word_means_the_common_status():
    assert _select.parse({"status": ["quarantined"]}, STATUSES).status == {"hold"}


@pytest.mark.parametrize(
    "given, said",
    [
        ({"ids": ["ALL"]}, "select.ids: ALL: not a queue ID, which has 6 to 32 letters and digits"),
        ({"ids": ["-856C32840"]}, "select.ids: -856C32840: not a queue ID, which has 6 to 32 letters and digits"),
        (
            {"ids": ["856C3284032\nALL"]},
            r"select.ids: 856C3284032\nALL: not a queue ID, which has 6 to 32 letters and digits",
        ),
        ({"sender": [""]}, "select.sender: : an empty value; the null sender is written <>"),
        ({"recipient": ["a@b.test", " "]}, "select.recipient:  : an empty value; the null sender is written <>"),
        ({"reason": ["a\x07"]}, "select.reason: a\\x07: control characters are not allowed"),
        ({"domain": ["a b.test"]}, "select.domain: a b.test: blanks and control characters are not allowed"),
        ({"older_than": "soon"}, "select.older_than: soon: not a time, like 30s, 5m, 4h, 5d"),
        ({"larger_than": "big"}, "select.larger_than: big: not a size in bytes, like 26214400, 25M, 1G"),
        ({"status": ["defered"]}, "select.status: defered: must be one of deferred, hold, quarantined"),
        ({"regex": ""}, "select.regex: : an empty expression matches everything"),
    ],
)
def test_refused(given, said):
    with pytest.raises(OptionError) as caught:
        _select.parse(given, STATUSES)
    assert str(caught.value) == said


def test_a_broken_expression_is_refused():
    with pytest.raises(OptionError, match=r"select.regex: \(: not a regular expression"):
        _select.parse({"regex": "("}, STATUSES)


def test_nothing_given_is_everything():
    assert _select.parse({"ids": None, "sender": None}, STATUSES) == _select.EVERYTHING
    assert _select.parse({"ids": []}, STATUSES) != _select.EVERYTHING
