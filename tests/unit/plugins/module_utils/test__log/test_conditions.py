# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pathlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._log import conditions, deliveries, join
from ansible_collections.postmaster.mta.plugins.module_utils._log.stamps import Clock

CORPUS = pathlib.Path(__file__).parents[4] / "corpus" / "maillog"
NOW = 1795334400  # 2026-11-22T08:00:00Z
CLOCK = Clock(NOW)


def raws(*names):
    reader = join.Join()
    for name in names or ("postfix-3.7-iso.log", "sendmail-8.17-loglevel9-iso.log"):
        reader.feed((CORPUS / name).read_bytes().splitlines(True))
    reader.finish()
    return reader.take()


def chosen(given, **place):
    wanted = conditions.selection(given)._replace(**place)
    found = conditions.select(raws(), CLOCK, conditions.tests(wanted, NOW))
    return [deliveries.delivery(raw, CLOCK, None) for raw in found]


@pytest.mark.parametrize(
    "given, count",
    [
        ({}, 56 - 1 + 56 - 2),
        ({"sender": ["one@sender.test"]}, 2),
        ({"sender": ["ONE@*"]}, 2),
        ({"sender": ["<>"], "status": ["bounced"]}, 2),
        ({"recipient": ["u@tls.test"]}, 4),
        ({"domain": ["partial.test"], "status": ["expired"]}, 1),
        ({"domain": [".test"], "status": ["held"]}, 2),
        ({"domain": []}, 0),
        ({"client": ["client3.lab.test"]}, 2),
        ({"client": ["127.0.0.4"]}, 2),
        ({"client": ["127.0.0.0/30"], "status": ["rejected"]}, 11),
        ({"reason": ["banned"]}, 5),
        ({"status": ["unfinished", "forwarded"]}, 3),
        ({"regex": "relink|GREYLISTED", "status": ["deferred"]}, 9),
        ({"ids": ["6AM7IlFY021454"]}, 1),
        ({"larger_than": "900"}, 7),
        ({"message_id": ["<1311811168@sender.test>"]}, 1),
        ({"message_id": ["1311811168@*", "2615324196@sender.test"]}, 2),
        ({"newer_than": "21m"}, 55),
        ({"older_than": "21m"}, 54),
        ({"since": "2026-11-22T07:39:00Z", "until": "2026-11-22 07:39:26+00:00"}, 1),
    ],
)
def test_a_selection(given, count):
    assert len(chosen(given)) == count


def test_one_mta_and_one_instance():
    assert {one.mta for one in chosen({}, mta="sendmail")} == {"sendmail"}
    assert len(chosen({}, instance="postfix-EXT")) == 55
    assert chosen({}, instance="postfix-EXT", mta="sendmail") == []


@pytest.mark.parametrize(
    "given, option",
    [
        ({"since": "lately"}, "select.since"),
        ({"since": "30"}, "select.since"),
        ({"message_id": ["<>"]}, "select.message_id"),
        ({"until": "2026-13-01"}, "select.until"),
        ({"status": ["gone"]}, "select.status"),
        ({"sender": [""]}, "select.sender"),
        ({"client": [""]}, "select.client"),
        ({"client": []}, "select.client"),
        ({"message_id": [""]}, "select.message_id"),
        ({"message_id": []}, "select.message_id"),
        ({"regex": "("}, "select.regex"),
    ],
)
def test_a_selection_that_cannot_be_meant(given, option):
    with pytest.raises(OptionError, match=option):
        conditions.selection(given)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("today", "2026-11-30"),
        ("yesterday", "2026-11-29"),
        ("Yesterday ", "2026-11-29"),
        ("02:12", "2026-11-30 02:12"),
        ("02:12:30", "2026-11-30T02:12:30"),
        ("1h", "2026-11-30 11:00"),
        ("2d", "2026-11-28 12:00"),
        ("now", "2026-11-30 12:00"),
        ("2026-11-30t02:12z", "2026-11-30T02:12Z"),
    ],
)
def test_every_form_of_a_time_is_taken_whole(text, full):
    noon = conditions.moment_of("x", "2026-11-30 12:00")
    assert conditions.moment_of("x", text, noon) == conditions.moment_of("x", full)


@pytest.mark.parametrize("brackets", [True, False])
def test_the_deliveries_of_a_message_are_selected_by_its_message_id(brackets):
    known = next(row.message_id for row in chosen({}) if row.message_id)
    rows = chosen({"message_id": [known if brackets else known.strip("<>")]})
    assert rows and {row.message_id for row in rows} == {known}
    assert chosen({"message_id": ["nobody@has.this"]}) == []
