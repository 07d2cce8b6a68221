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
