# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A message as bytes: made for a test, put on the wire unchanged, searched for defects, compared with what arrived.

Private to the collection: it can change at any time.
"""

import difflib
import time
import typing as t
import uuid

from .dialogue import CRLF, END_OF_DATA, dot_stuffed, printable

#: Finds a test message again where it arrived.
MARK = b"X-Postmaster-Test: "
#: Fields that every relay adds; that they are there is no change to the message.
_TRACE = (
    b"received:",
    b"return-path:",
    b"delivered-to:",
    b"x-original-to:",
    b"message-id:",
    b"date:",
    b"x-postmaster-test:",
)
_MIME = (b"content-type:", b"content-disposition:")
#: Longer messages are compared only so far.
_LINES = 20000


class Defect(t.NamedTuple):
    """A header field with an opening quote that nothing closes. I(line) is counted from 1."""

    line: int
    field: str
    text: str


class MessageChange(t.NamedTuple):
    """Lines of a message that are not as they were: C(added), C(removed) or C(altered)."""

    kind: str
    sent: str
    arrived: str


def generated(sender: str, recipient: str, subject: str, body: str, now: float) -> bytes:
    """Return a plain message in ASCII or UTF-8, with the fields that every message must or should have (RFC 5322 3.6)."""
    stamp = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(now))
    domain = sender.rpartition("@")[2] or recipient.rpartition("@")[2] or "localhost"
    lines = [
        f"From: <{sender}>" if sender else "From: MAILER-DAEMON",
        f"To: <{recipient}>",
        f"Subject: {subject}",
        f"Date: {stamp}",
        f"Message-ID: <{uuid.uuid4().hex}@{domain}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
    ]
    return "\r\n".join(lines + body.splitlines() + [""]).encode("utf-8", "surrogateescape")


def marked(content: bytes, token: str) -> bytes:
    """Put a field before all others by which the message is recognised later; its line ends are those of the message."""
    end = CRLF if CRLF in content else b"\n"
    return MARK + token.encode("ascii") + end + content


def on_the_wire(content: bytes) -> bytes:
    """Make a message ready to send. With CRLF in it, every other byte stays; otherwise line feeds become CRLF."""
    if CRLF not in content:
        return dot_stuffed(content)
    whole = content if content.endswith(CRLF) else content + CRLF
    stuffed = whole.replace(b"\r\n.", b"\r\n..")
    return (b"." if stuffed.startswith(b".") else b"") + stuffed + END_OF_DATA


def open_quotes(content: bytes) -> t.Tuple[Defect, ...]:
    """Find the MIME fields with a quote that is opened and not closed (RFC 2045 5.1, RFC 5322 3.2.4)."""
    defects = []
    for number, field in _mime_fields(content):
        if not _is_balanced(field):
            defects.append(Defect(number, field.split(b":")[0].decode("ascii", "replace"), printable(field.strip())))
    return tuple(defects)


def _mime_fields(content: bytes) -> t.Iterator[t.Tuple[int, bytes]]:
    """Yield each MIME field with its continuation lines joined, and the number of its first line."""
    in_header, field, start = True, b"", 0
    for number, line in enumerate(content.replace(CRLF, b"\n").split(b"\n") + [b""], 1):
        if field and not line.startswith((b" ", b"\t")):
            yield start, field
            field = b""
        if line.startswith(b"--"):
            in_header = True
        elif not line:
            in_header = False
        elif field:
            field += b" " + line.strip()
        elif in_header and line.lower().startswith(_MIME):
            field, start = line, number


def _is_balanced(field: bytes) -> bool:
    quoted = skip = False
    for byte in field:
        if skip:
            skip = False
        elif byte == 0x5C and quoted:
            skip = True
        elif byte == 0x22:
            quoted = not quoted
    return not quoted


def changes(sent: bytes, arrived: bytes) -> t.Tuple[MessageChange, ...]:
    """Compare a message with what arrived, without the trace that relays leave at its top."""
    before, after = _lines(sent), _lines(arrived)
    differences: t.List[MessageChange] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, low, high, start, end in matcher.get_opcodes():
        old, new = before[low:high], after[start:end]
        if kind == "replace" and len(old) == len(new):
            differences += [
                MessageChange("altered", printable(line), printable(other)) for line, other in zip(old, new)
            ]
        else:
            differences += [MessageChange("removed", printable(line), "") for line in old if kind != "equal"]
            differences += [MessageChange("added", "", printable(line)) for line in new if kind != "equal"]
    return tuple(differences)


def lost_letter(change: MessageChange) -> bool:
    """Return whether a line lost its last letter to a quote that sendmail closed in its place."""
    sent, arrived = change.sent.rstrip(), change.arrived.rstrip()
    return change.kind == "altered" and len(sent) > 0 and sent[-1] != '"' and arrived == sent[:-1] + '"'


def _lines(content: bytes) -> t.List[bytes]:
    head, gap, body = content.replace(CRLF, b"\n").partition(b"\n\n")
    kept: t.List[bytes] = []
    dropping = False
    for line in head.split(b"\n"):
        if not line.startswith((b" ", b"\t")):
            dropping = line.lower().startswith(_TRACE)
        if not dropping:
            kept.append(line)
    lines = kept + ([b""] + body.rstrip(b"\n").split(b"\n") if gap else [])
    return lines[:_LINES]
