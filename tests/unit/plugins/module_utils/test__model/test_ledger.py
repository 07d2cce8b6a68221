# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of blocks, remembered by their titles alone."""

from ansible_collections.postmaster.mta.plugins.module_utils._model.blocks import Block, BlockChange, Note
from ansible_collections.postmaster.mta.plugins.module_utils._model.ledger import (
    ADD,
    CHANGE,
    REMOVE,
    STAY,
    Changes,
    Ledger,
)

NOTE = Note("2026-11-23T14:14:02Z", ticket="SPAM-7")


def block(name, value="REJECT", note=NOTE):
    return Block("from " + name, (f"{name}\t{value} {name}", f".{name}\t{value}"), note)


def test_blocks_come_back_as_they_were_given():
    ledger = Ledger()
    for name in ("a.test", "example", "b.test"):
        ledger.ask(block(name), True)
    ledger.ask(Block("alone", ("x\ty",)), True)
    assert list(ledger.asked(ADD)) == [block("a.test"), block("example"), block("b.test"), Block("alone", ("x\ty",))]
    assert len(ledger) == 4 and "from a.test" in ledger and not ledger.goes("from a.test")


def test_what_many_say_is_kept_once():
    ledger = Ledger()
    for number in range(100):
        ledger.ask(block(f"n{number}.test"), True)
    assert len({id(fate) for dummy, fate in ledger.of(ADD)}) == 1


def test_what_stands_decides_what_becomes_of_it():
    ledger = Ledger()
    ledger.ask(block("same.test"), True)
    ledger.ask(block("other.test", "OK"), True)
    ledger.ask(block("new.test", note=Note(expires="+2026-12-24")), True)
    ledger.ask(block("gone.test"), False)
    ledger.ask(block("never.test"), False)
    assert ledger.met(block("same.test")) == STAY and ledger.met(block("other.test")) == CHANGE
    assert ledger.goes("from gone.test") and ledger.met(block("gone.test", "HOLD")) == REMOVE
    assert list(Changes(ledger)) == [
        BlockChange("from other.test", block("other.test"), block("other.test", "OK", NOTE._replace(added=NOTE.added))),
        BlockChange("from gone.test", block("gone.test", "HOLD"), None),
        BlockChange("from new.test", None, block("new.test", note=Note(expires="2026-12-24"))),
    ]
    assert len(Changes(ledger)) == 3 and [verb for dummy, verb in Changes(ledger).verbs()] == [CHANGE, REMOVE, ADD]
    ledger.spare("from new.test")
    assert len(Changes(ledger)) == 2 and ledger.after("from new.test") is None
