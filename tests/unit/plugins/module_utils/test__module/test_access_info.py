# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is refused, and by whose rule."""

import datetime
import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import blocks
from ansible_collections.postmaster.mta.plugins.module_utils._module import access_info

BLOCK = blocks.Block(
    "from spam.test", ("spam.test\t550 5.7.1 no", ".spam.test\t550 5.7.1 no"), blocks.Note(ticket="T1")
)
LATE = blocks.Block("to old.test", ("old.test\tREJECT",), blocks.Note(expires="2026-01-01"))


@pytest.fixture(name="driver", autouse=True)
def _driver(monkeypatch):
    """A driver with one table, which says 550 of everything."""
    driver = types.SimpleNamespace(
        facts=lambda host: None,
        names=lambda facts, place: ["access_to"],
        meaning=lambda value, place: ("reject", 550, "5.7.1", "no"),
        explain=lambda host, facts, place, subject: types.SimpleNamespace(
            value="550 no", table="access_to", key="spam.test"
        ),
    )
    monkeypatch.setattr(access_info, "access_of", lambda mta: driver)
    monkeypatch.setattr(access_info, "lookup_of", lambda mta: driver)
    return driver


def test_our_rules_stand_once_however_many_lines_they_have(host, live):
    (live / "access_to").write_bytes(b"hand.test REJECT\n" + blocks.text_of(BLOCK) + blocks.text_of(LATE))
    rules = access_info.rules_of(host, None, datetime.datetime(2026, 11, 30))
    assert [(rule["rule"], rule["ticket"], rule["expired"]) for rule in rules] == [
        ("from spam.test", "T1", False),
        ("to old.test", "", True),
    ]
    assert (rules[0]["action"], rules[0]["code"], rules[0]["table"]) == ("reject", 550, "access_to")


@pytest.mark.parametrize(
    "content, by_hand, rule", [(blocks.text_of(BLOCK), False, "from spam.test"), (b"spam.test 550 no\n", True, None)]
)
def test_an_answer_says_who_wrote_the_line(host, live, content, by_hand, rule):
    (live / "access_to").write_bytes(content)
    answer = access_info._answer(host, None, access_info._question("from", "spam.test"))
    assert (answer["refused"], answer["by_hand"], answer.get("rule")) == (True, by_hand, rule)


def test_nobody_is_refused_without_an_entry(host, driver):
    driver.explain = lambda *dummy: None
    answer = access_info._answer(host, None, access_info._question("from", "spam.test"))
    assert (answer["refused"], answer["action"]) == (False, "none")


@pytest.mark.parametrize("place, text", [("connect", "10.0.0.0/8"), ("from", "x y"), ("to", "user@")])
def test_a_subject_is_one_address_or_domain(place, text):
    with pytest.raises(OptionError, match=place):
        access_info._subject(place, text)


def test_a_domain_alone_stands_for_an_address_in_it():
    assert access_info._subject("from", "spam.test").endswith("@spam.test")
    assert access_info._subject("connect", "192.0.2.1") == "192.0.2.1"
