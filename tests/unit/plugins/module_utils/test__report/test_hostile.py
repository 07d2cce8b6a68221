# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of a log that strangers wrote, through every form of a report: none is more than text."""

import csv
import datetime
import email
import email.policy
import html.parser
import io
import json
import os
import random
import re

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._kit import metrics, post
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info
from ansible_collections.postmaster.mta.plugins.module_utils._report import build, page, plain
from ansible_collections.postmaster.mta.plugins.module_utils._report.figures import Period
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner

#: The gate tries so many; the proof tries 1,000.
CASES = int(os.environ.get("HOSTILE_CASES", "60"))
NOW = datetime.datetime(2026, 11, 30, 4, tzinfo=datetime.timezone.utc)
#: Each is something else than text to one of those who read a report.
SEEDS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</td></table><h1>x", "&lt;b&gt;&#60;b>", "\" onload=\"x", "' style='x",
    "<!--", "]]>", "</title></style></script>", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "\u202egnp.exe", "\u200b\ufeff",
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "{{ 7*7 }}", "{% for x in y %}", "${jndi:x}", "#{x}",
    "\r\nBcc: x@evil.example", "\r\n\r\n<html>", "a\nb", "a\"} 1\npostmaster_x 1", "\\n", "\\", "\x00", "\xff\xfe", "%s%n", "$(id)", "`id`",
)  # fmt: skip
#: What a terminal, a spreadsheet or a mail reader obeys. A line feed ends a line of ours.
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\["\\n])*"'
METRIC = re.compile(r"postmaster_[a-z_]+(?:\{%s(?:,%s)*\})? \S+\Z" % (LABEL, LABEL))


def hostile(some):
    """A text of a few seeds with words around them."""
    return "".join(some.choice((*SEEDS, "abc", ".", "@")) for _part in range(some.randint(1, 4)))


def lines(count):
    """A log in which sender, recipient, client, next hop and reason are hostile, as much as a line allows."""
    some = random.Random(19)
    for number in range(count):
        sender, recipient, client, relay, why = (hostile(some).replace("\n", "?") for _field in range(5))
        head, queue_id = f"2026-11-30T03:{number // 60 % 60:02d}:{number % 60:02d}+00:00 mx1 postfix/", f"{number:07X}"
        status = some.choice(["sent", "deferred", "bounced"])
        yield f"{head}smtpd[1]: {queue_id}: client={client}[192.0.2.1]"
        yield f"{head}qmgr[2]: {queue_id}: from=<{sender}>, size=1, nrcpt=1 (queue active)"
        yield (
            f"{head}smtp[3]: {queue_id}: to=<{recipient}>, relay={relay}[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=4.0.0, "
            f"status={status} ({why})"
        )


@pytest.fixture(name="figures", scope="module")
def _figures(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "mail.log"
    path.write_bytes("".join(line + "\n" for line in lines(CASES)).encode("utf-8", "surrogateescape"))
    params = {name: spec.get("default") for name, spec in log_info.ARGUMENT_SPEC.items()}
    answer = log_info.run(dict(params, path=[str(path)], summary=True, tables=True), True, Runner(), NOW.timestamp())
    assert sum(answer["summary"]["totals"][word] for word in ("sent", "deferred", "bounced")) > CASES * 0.9
    some = random.Random(20)
    campaign = {"first_seen": NOW.isoformat(), "last_seen": NOW.isoformat(), "count": 1, "kind": "pattern"}
    campaigns = [dict(campaign, key=hostile(some), command=hostile(some)) for _number in range(50)]
    row = {"time": NOW.isoformat(), "module": "relay", "ended": "kept"}
    changes = [dict(row, by=hostile(some), ticket=hostile(some), files=[hostile(some)]) for _number in range(50)]
    asked = build.Asked(
        {"mx1": answer}, {}, {}, {"mx1": {"campaigns": campaigns}}, {"mx1": {"instances": [{"generations": changes}]}}
    )
    missing = {"mx2": hostile(some)}
    return build.build(asked, missing, hostile(some), Period(NOW - datetime.timedelta(hours=1), NOW), NOW, 2 * CASES)


class Elements(html.parser.HTMLParser):
    """The elements of a page with the names of their attributes, and its text."""

    def __init__(self):
        super().__init__()
        self.elements = set()
        self.text = []

    def handle_starttag(self, tag, attrs):
        self.elements.update((tag, name) for name, _value in [*attrs, ("", "")])

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        self.elements.add(("comment", data))


def elements(text):
    parser = Elements()
    parser.feed(text)
    parser.close()
    return parser


def test_html_has_no_element_that_strangers_wrote(figures):
    harmless = figures._replace(
        title="x", missing={"mx2": "x"}, campaigns=figures.campaigns[:0], changes=figures.changes[:0], notes=()
    )
    hostile_page, ours = elements(page.page(figures)), elements(page.page(harmless))
    allowed = ours.elements | {
        ("p", ""),
        ("p", "class"),
        ("tr", ""),
        ("td", ""),
        ("td", "class"),
        ("ul", ""),
        ("li", ""),
    }
    assert hostile_page.elements <= allowed
    for tag in ("script", "img", "iframe", "object", "a", "comment", "link"):
        assert not [element for element in hostile_page.elements if element[0] == tag]
    assert not [name for _tag, name in hostile_page.elements if name.startswith("on")]
    assert not CONTROL.search("".join(hostile_page.text))
    assert "<script>alert(1)</script>" in "".join(hostile_page.text)


def test_text_is_only_text(figures):
    shown = plain.text(figures)
    assert not CONTROL.search(shown)
    assert "{{ 7*7 }}" in shown


def test_no_cell_is_a_formula(figures):
    rows = list(csv.reader(io.StringIO(plain.table_csv(figures))))
    assert len(rows) > 3 * CASES
    assert {row[0] for row in rows} == {
        row[0] for row in csv.reader(io.StringIO(plain.table_csv(figures._replace(campaigns=()))))
    }
    for row in rows:
        for cell in row:
            assert not CONTROL.search(cell)
            assert not cell.startswith(("=", "+", "-", "@")) or re.match(r"-?[0-9.]*\Z", cell)


def test_json_is_json(figures):
    assert json.loads(plain.as_json(figures))["title"] == figures.title


def test_no_subject_or_address_begins_a_header_field(figures):
    some = random.Random(21)
    envelope = post.Envelope("postmaster@ok.test", ("anna@ok.test",))
    for _number in range(CASES):
        subject = post.filled("subject", "{title}", {"title": hostile(some)})
        attached = [post.Attachment("report.html", "html", hostile(some).replace("\x00", ""))]
        letter = email.message_from_bytes(
            post.message(envelope, subject, hostile(some), "1@ok.test", attached), policy=email.policy.default
        )
        names = [name for name in letter if not name.lower().startswith(("content-", "mime-"))]
        assert names == ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]
        assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
        assert not CONTROL.search(letter["Subject"])


def test_metrics_have_only_our_lines(figures):
    some = random.Random(22)
    values = [({"reason": hostile(some), "host": hostile(some)}, 1.0) for _number in range(CASES)]
    text = metrics.text([metrics.Metric("refusals_total", "counter", "What was refused.", values)])
    rows = text[:-1].split("\n")
    assert len(rows) == CASES + 2
    assert all(METRIC.match(row) for row in rows[2:])
