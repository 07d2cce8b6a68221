# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from ansible_collections.postmaster.mta.plugins.plugin_utils import _move_report


def row(verdict, text, test=""):
    return {
        "number": 16, "construct": "mailertable: routes", "verdict": verdict, "where": "mailertable:3", "text": text,
        "sentence": "It goes somewhere else.", "test": test,
    }  # fmt: skip


def answer(*rows):
    counts = {
        verdict: sum(item["verdict"] == verdict for item in rows)
        for verdict in ("converted", "differs", "not converted")
    }
    return {"instance": "sendmail", "constructs": list(rows), "counts": counts}


def test_what_needs_a_person_comes_first():
    shown = _move_report.move(
        {"mx1": answer(row("converted", "a esmtp:[b]"), row("not converted", "c slow:d", "RCPT to c"))}
    )
    text = "\n".join(shown.lines)
    assert shown.lines[0] == "mx1 sendmail: 1 converted, 0 differs, 1 not converted"
    assert text.index("Not converted: decide about each:") < text.index("c slow:d") < text.index("Converted:\n")
    assert "It goes somewhere else. [test: RCPT to c]" in text
    assert shown.wrong == {"mx1": "1 constructs are not converted"}


def test_a_relay_that_is_converted_as_a_whole_is_ready():
    assert _move_report.move({"mx1": answer(row("converted", "a esmtp:[b]"))}).wrong == {}


def difference(explained, times=1):
    return {
        "kind": "decision", "old": "accepted", "new": "refused 554 5.7.1", "old_rule": "access: a RELAY", "new_rule": "", "times": times,
        "because": "3 access: clients" if explained else "", "explained": explained,
        "example": {"client": "198.51.100.7", "name": "", "sender": "", "recipient": "b@to.test"},
    }  # fmt: skip


def compared(*differences, **more):
    unexplained = sum(item["times"] for item in differences if not item["explained"])
    return {
        "asked": 9, "logged": 7, "made_up": 2, "alike": 5, "explained": 1, "unexplained": unexplained, "not_shown": 0,
        "differences": list(differences), "notes": [], **more,
    }  # fmt: skip


def test_a_difference_without_an_explanation_fails_the_move():
    shown = _move_report.compare({"mx1": compared(difference(False, 3), difference(True), notes=["x"], not_shown=2)})
    text = "\n".join(shown.lines)
    assert shown.lines[0].startswith("mx1: 9 envelopes asked of both (7 of the log, 2 made up): 5 alike, 1 differences")
    assert text.index("Not explained") < text.index("Explained:\n") < text.index("2 more kinds")
    assert (
        "sendmail: accepted [access: a RELAY]; Postfix: refused 554 5.7.1" in text and "explained by 3 access" in text
    )
    assert shown.wrong == {"mx1": "3 envelopes get another answer, unexplained"} and shown.lines[-1] == "note: x"


def test_explained_differences_are_no_reason_to_stay():
    assert _move_report.compare({"mx1": compared(difference(True)), "mx2": {"failed": True}}).wrong == {}


def switched(listens="postfix", **more):
    return dict(
        {"listens": listens, "drains": "sendmail", "left": 2, "notes": ["2 are left"], "confirm_by": None}, **more
    )


def test_who_has_the_ports_is_shown_with_what_is_left():
    shown = _move_report.switch(
        {"mx1": switched(confirm_by=9), "mx2": switched("sendmail", drains="", left=0, notes=[])}
    )
    assert shown.lines[1].split() == ["mx1", "postfix", "sendmail", "2"] and "mx1: 2 are left" in shown.lines
    assert any("unless you confirm" in line for line in shown.lines) and shown.wrong == {}
    assert _move_report.switch({"mx1": switched("")}).wrong == {"mx1": "neither MTA alone has the ports"}
