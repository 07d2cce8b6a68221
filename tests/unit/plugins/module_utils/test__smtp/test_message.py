# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _message.py, against the recorded messages that lost a letter on their way."""

import gzip
import pathlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.module_utils._smtp import message as _message

CORPUS = pathlib.Path(__file__).parents[4] / "corpus" / "mime"


def mail(name):
    return gzip.decompress((CORPUS / f"{name}.eml.gz").read_bytes())


class TestOpenQuotes:
    @pytest.mark.parametrize("name, field", [
        ("a-part-7bit", "Content-Disposition"), ("b-part-8bit", "Content-Disposition"), ("d-top-unbalanced", "Content-Disposition"),
    ])  # fmt: skip
    def test_the_message_of_the_story(self, name, field):
        defects = _message.open_quotes(mail(name))
        assert [defect.field for defect in defects] == [field]
        assert defects[0].line > 5
        assert 'filename="tower status' in defects[0].text

    def test_a_good_message_has_none(self):
        assert _message.open_quotes(mail("c-part-8bit-balanced")) == ()

    @pytest.mark.parametrize("field, wrong", [
        (b'Content-Type: text/plain; name="a"', False), (b'Content-Type: text/plain; name="a', True),
        (b'Content-Type: text/plain; name="a\\"b"', False), (b'Content-Type: text/plain; name="a\\', True),
        (b'Subject: "open', False), (b'content-disposition: attachment;\r\n\tfilename="a\r\n\tb"', False),
    ])  # fmt: skip
    def test_fields(self, field, wrong):
        assert bool(_message.open_quotes(field + b"\r\n\r\nbody\r\n")) is wrong

    def test_the_body_is_no_header(self):
        assert _message.open_quotes(b'Subject: x\n\nContent-Type: "open\n') == ()

    @given(st.binary(max_size=400))
    def test_any_bytes(self, content):
        _message.open_quotes(content)
        _message.changes(content, content[::-1])


class TestChanges:
    @pytest.mark.parametrize("name", ["a-part-7bit", "d-top-unbalanced"])
    @pytest.mark.parametrize("target", ["ok", "no8"])
    def test_sendmail_takes_the_last_letter(self, name, target):
        changes = _message.changes(mail(name), mail(f"sendmail-{name}-to-{target}.test"))
        lost = [change for change in changes if _message.lost_letter(change)]
        assert len(lost) == 1
        assert lost[0].sent.rstrip().endswith("25.00.htm")
        assert lost[0].arrived.rstrip().endswith('25.00.ht"')

    def test_a_name_of_one_letter_is_lost_whole(self):
        changes = _message.changes(mail("f-top-onechar"), mail("sendmail-f-top-onechar-to-ok.test"))
        assert any(_message.lost_letter(change) for change in changes)

    @pytest.mark.parametrize("name", ["a-part-7bit", "d-top-unbalanced"])
    def test_postfix_leaves_it_alone(self, name):
        assert _message.changes(mail(name), mail(f"postfix-{name}-to-ok.test")) == ()

    def test_a_closed_quote_is_left_alone_by_sendmail(self):
        changes = _message.changes(mail("c-part-8bit-balanced"), mail("sendmail-c-part-8bit-balanced-to-ok.test"))
        assert not any(_message.lost_letter(change) for change in changes)

    def test_what_is_added_and_removed(self):
        kinds = {change.kind for change in _message.changes(b"A: 1\n\nx\ny\n", b"A: 1\nB: 2\n\nx\n")}
        assert kinds == {"added", "removed"}

    def test_the_trace_of_relays_is_no_change(self):
        sent = b"Subject: x\r\n\r\nbody\r\n"
        arrived = b"Received: from a\n\tby b\nX-Postmaster-Test: t\nMessage-Id: <1@x>\nSubject: x\n\nbody\n"
        assert _message.changes(sent, arrived) == ()

    def test_a_changed_quote_elsewhere_is_no_lost_letter(self):
        assert not _message.lost_letter(_message.MessageChange("altered", 'a"', 'b"'))
        assert not _message.lost_letter(_message.MessageChange("altered", "abc", 'ab"c'))


class TestWire:
    def test_crlf_stays_byte_for_byte(self):
        content = b"A: b\r\n\r\n.dot\r\nbare\nlf\0\xff\r\n"
        assert _message.on_the_wire(content) == b"A: b\r\n\r\n..dot\r\nbare\nlf\0\xff\r\n.\r\n"

    def test_line_feeds_become_crlf(self):
        assert _message.on_the_wire(b"A: b\n\n.x") == b"A: b\r\n\r\n..x\r\n.\r\n"

    def test_the_first_line_may_be_a_dot(self):
        assert _message.on_the_wire(b".\r\n") == b"..\r\n.\r\n"

    @given(st.binary(max_size=200).map(lambda data: b"A: b\r\n\r\n" + data))
    def test_what_is_sent_comes_back_when_the_dots_are_taken_out(self, content):
        wire = _message.on_the_wire(content)
        assert wire.endswith(b"\r\n.\r\n")
        body = wire[: -len(b".\r\n")]
        assert b"\r\n.\r\n" not in body
        undone = body.replace(b"\r\n..", b"\r\n.")
        assert undone in (content, content + b"\r\n")

    def test_a_mark_takes_the_line_ends_of_the_message(self):
        assert _message.marked(b"A: b\r\n\r\n", "t") == b"X-Postmaster-Test: t\r\nA: b\r\n\r\n"
        assert _message.marked(b"A: b\n\n", "t") == b"X-Postmaster-Test: t\nA: b\n\n"

    def test_a_message_is_made(self):
        made = _message.generated("a@b.test", "c@d.test", "Hällo", "x\ny", 0)
        assert made.startswith(b"From: <a@b.test>\r\nTo: <c@d.test>\r\n")
        assert b"Thu, 01 Jan 1970 00:00:00 +0000" in made
        assert made.endswith(b"x\r\ny\r\n")


@pytest.mark.parametrize("sender, domain", [("postmaster@relay.test", "relay.test"), ("", "ok.test")])
def test_a_generated_message_has_an_id_of_its_own(sender, domain):
    pattern = re.compile(rb"^Message-ID: <[0-9a-f]{32}@(.+)>\r$", re.MULTILINE)
    first, second = (_message.generated(sender, "u@ok.test", "Test", "text", 0.0) for dummy in range(2))
    assert pattern.search(first).group(1) == domain.encode()
    assert pattern.search(first).group(0) != pattern.search(second).group(0)
