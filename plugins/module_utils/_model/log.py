# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A delivery while it is still bytes of the log, and the messages that are open: what both readers of logs share.

Private to the collection: it can change at any time.

A log of 200 MB has half a million deliveries. So a delivery stays a plain tuple of slices of the log's bytes until it
is shown: no decoding, no numbers, no dates. The positions are named here, once.
"""

import re
import typing as t

#: Where the syslog daemons of the platforms write mail lines (Debian, SLES, RHEL); the first that exists is taken.
SYSLOG_FILES = ("/var/log/mail.log", "/var/log/mail", "/var/log/maillog")

#: A delivery: one recipient, one outcome. All texts are bytes as they stand in the log. Its fields by position:
#:
#: HEAD: the line up to its text: time, host, tag and process ID.
#: ORIGINAL: the recipient before aliases, b"" if it is the same.
#: RELAY, DELAY, DELAYS and STATUS_CODE: with their names, as C(relay=mx.example[192.0.2.1]:25). Of Postfix DELAYS has four
#: parts with slashes; of sendmail it is xdelay.
#: MESSAGE: a list as below; NOBODY when the log does not show where the message came from.
#: REASON: the last field as it stands, C(status=sent (250 Ok)) or C(stat=Sent), or a text; see reason_of().
#: TLS: the protocol of the outgoing connection; None if the log does not say.
(HEAD, PLACE, QUEUE_ID, MESSAGE, RECIPIENT, ORIGINAL, RELAY, DELAY, DELAYS, STATUS_CODE, STATUS, REASON, TLS, LINE) = (
    range(14)
)
Raw = t.Tuple[t.Any, ...]

#: A message: a list, because its parts come one after the other. None is "the log has not said it".
Message = t.List[t.Any]
(STARTED, CLIENT, MESSAGE_ID, SENDER, SIZE, RECIPIENTS, TLS_IN, WAITING, SUBJECT, LINES, DONE, NOTED) = range(12)

SENT, DEFERRED, BOUNCED, EXPIRED = b"sent", b"deferred", b"bounced", b"expired"
REJECTED, DISCARDED, HELD = b"rejected", b"discarded", b"held"
#: Outcomes that are no delivery, shown only to who asks for them by name.
FORWARDED, WARNED, UNFINISHED = b"forwarded", b"warned", b"unfinished"
PROBED = (b"deliverable", b"undeliverable")
STATUSES = (SENT, DEFERRED, BOUNCED, EXPIRED, REJECTED, DISCARDED, HELD)
OTHER_STATUSES = (FORWARDED, WARNED, UNFINISHED) + PROBED
#: Outcomes after which an earlier one of the same recipient is history.
FINAL = frozenset((SENT, BOUNCED, EXPIRED, DISCARDED, FORWARDED))


#: Marks of NOTED, each set once: counted among the deferred messages, among the received ones, refused after DATA.
COUNTED_DEFERRED, COUNTED, REFUSED = 1, 2, 4


class Place(t.NamedTuple):
    """Where a line was written.

    :ivar instance: the name that the MTA gives itself in the tag of its lines.
    :ivar queue: names the queue in which a queue ID means one message. Postfix has one for each instance; what several
        programs of sendmail write on one host is about the same messages.
    """

    mta: str
    host: bytes
    instance: bytes
    queue: bytes


class Ledger:
    """The open messages of one queue, and the outboxes that all ledgers of a reading share.

    :ivar tls: protocol of the TLS session that a process has open, by C( host tag[pid]).
    :param keep: keep the lines of each message with it, for O(full).
    :param same_queue: the ledger of another place that writes about the same queue.
    """

    def __init__(self, place: Place, outbox: "Outbox", keep: bool, same_queue: t.Optional["Ledger"] = None) -> None:
        self.place = place
        self.outbox = outbox
        self.tls = outbox.tls
        self.deliveries = outbox.deliveries
        self.accepted = outbox.accepted
        self.started = outbox.started
        self.unclaimed = outbox.unclaimed
        self.keep = keep
        self.messages: t.Dict[bytes, Message] = same_queue.messages if same_queue else {}
        #: sendmail: refusals that wait for the sender, which the log names at the end of a transaction.
        self.waiting: t.Dict[bytes, t.List[Raw]] = same_queue.waiting if same_queue else {}
        #: sendmail: refusals after DATA, which wait for the recipients.
        self.refused: t.Dict[bytes, Raw] = same_queue.refused if same_queue else {}
        #: sendmail: the recipient that made a message be discarded.
        self.discarded: t.Dict[bytes, bytes] = same_queue.discarded if same_queue else {}
        #: Postfix: clients whose mail goes through smtpd_proxy_filter, by process; they have no queue ID.
        self.proxied: t.Dict[bytes, bytes] = {}
        #: Postfix: by process, mail that is to be held, of which the queue ID is not known yet.
        self.unqueued: t.Dict[bytes, Raw] = {}
        #: Postfix: queue IDs of notices that bounce(8) has announced.
        self.notices: t.Dict[bytes, None] = {}

    def message(self, queue_id: bytes) -> Message:
        """Return the open message, or a new one when the log has not shown its beginning."""
        message = self.messages.get(queue_id)
        if message is None:
            message = self.messages[queue_id] = unknown_message(queue_id)
        return message

    def outcome(
        self,
        head: bytes,
        queue_id: bytes,
        message: Message,
        recipient: bytes,
        status: bytes,
        why: bytes,
        code: bytes,
        line: bytes,
    ) -> Raw:
        """Return a delivery that no other host had a part in: refused, discarded, held, expired."""
        nothing = b""
        return (
            head, self.place, queue_id, message, recipient,
            nothing, nothing, nothing, nothing, b"dsn=" + code, status, why, None, line,
        )  # fmt: skip

    def ended(
        self,
        head: bytes,
        queue_id: bytes,
        message: Message,
        recipient: bytes,
        last: "Attempt",
        status: bytes,
        why: bytes,
        line: bytes,
    ) -> Raw:
        """Return the end of a recipient that has waited in the queue, with what was said at the last attempt."""
        reason = why + b"; last: " + said(last.reason)
        return (
            head, self.place, queue_id, message, recipient,
            last.original, last.relay, last.delay, last.delays, last.code, status, reason, last.tls, line,
        )  # fmt: skip


class Attempt(t.NamedTuple):
    """What a delivery line says of an attempt, as the fields of a delivery."""

    original: bytes
    relay: bytes
    delay: bytes
    delays: bytes
    code: bytes
    reason: bytes
    tls: t.Optional[bytes]


class Outbox:
    """What a reading has brought since it was emptied last."""

    def __init__(self) -> None:
        self.tls: t.Dict[bytes, t.Any] = {}  # of processes, and so it is not emptied
        self.deliveries: t.List[Raw] = []
        self.accepted: t.List[Message] = []
        self.started: t.List[bytes] = []
        #: Postfix: lines that make an accepted message of one whose beginning the log does not show.
        self.unclaimed: t.List[bytes] = []
        #: Messages that an instance holds, by C(host QID): what another instance of the host hands to it, nobody has received.
        self.held: t.Dict[bytes, None] = {}

    def clear(self) -> None:
        """Empty it. The lists stay the same objects, because the ledgers hold them too."""
        del self.deliveries[:], self.accepted[:], self.started[:], self.unclaimed[:]


def new_message(
    started: t.Optional[bytes] = None,
    client: t.Optional[bytes] = None,
    sender: t.Optional[bytes] = None,
    tls: t.Optional[bytes] = None,
) -> Message:
    """Return a message of which nothing more is known yet."""
    return [started, client, b"", sender, None, 0, tls, None, b"", None, 0, 0]


def unknown_message(queue_id: bytes) -> Message:
    """Return a message whose beginning the log does not show.

    :raises ValueError: when this is no queue ID.
    """
    if not queue_id.isalnum():
        raise ValueError("no queue ID: text that somebody made look like a log line")
    return new_message()


def expect_record(text: bytes) -> None:
    """Check what stands after a tag before it is ignored.

    :raises ValueError: when it holds a record that has to be unwrapped first (_log/syslog.py).
    """
    if text.startswith((b"message repeated ", b"[ID ", b"Last message '", b"last message ")):
        raise ValueError("holds another record")


def enhanced(why: bytes) -> bytes:
    """Return the enhanced status code in C(550 5.7.1 text) and C(5.7.1 text), b"" without one."""
    for word in why.split(b" ", 2)[:2]:
        if len(word) > 4 and word[1:2] == b"." and word[0] in b"245":
            return word
    return b""


#: Stands for the message of a line whose beginning the log does not show; nobody writes into it.
NOBODY: Message = new_message()


#: What the next hop says when it takes a message over: its queue ID, as Postfix and sendmail write it.
_TAKEN_AS = re.compile(rb"queued as (\w+)|(\w{14,}) Message accepted for delivery")


def hold(outbox: Outbox, place: Place, queue_id: bytes) -> None:
    """Note that an instance of this host holds a message. The oldest ones go when there are too many."""
    if len(outbox.held) > 20000:
        for old in list(outbox.held)[:10000]:
            del outbox.held[old]
    outbox.held[b"%b %b" % (place.host, queue_id)] = None


def is_held(held: t.Mapping[bytes, None], place: Place, reply: bytes) -> bool:
    """Return whether the next hop that said this is an instance of the same host, which holds the message."""
    queue_id = taken_as(reply)
    return bool(queue_id) and b"%b %b" % (place.host, queue_id) in held


def taken_as(reply: bytes) -> bytes:
    """Return the queue ID under which the next hop has taken a message over; empty where its reply does not say it."""
    taken = _TAKEN_AS.search(reply)
    return (taken.group(1) or taken.group(2)) if taken else b""


def value_of(field: bytes) -> bytes:
    """Return the value of C(name=value)."""
    return field.partition(b"=")[2]


def reason_of(raw: Raw) -> bytes:
    """Return what the other side said, or why it went wrong."""
    return said(raw[REASON])


def said(reason: bytes) -> bytes:
    """Return the text in a delivery's last field."""
    if reason[:7] == b"status=":
        text = reason.partition(b" (")[2].rstrip(b"\n")
        return text[:-1] if text[-1:] == b")" else text
    return reason[5:].rstrip(b"\n") if reason[:5] == b"stat=" else reason


def wait(message: Message, recipients: t.Iterable[bytes], line: bytes, tls: t.Optional[bytes]) -> None:
    """Note on a message that these recipients still wait.

    The line of the last attempt is kept, from which the outcome is made if the message expires. It takes a third of the
    memory of a delivery.
    """
    if message[WAITING] is None:
        message[WAITING] = {}
    for recipient in recipients:
        message[WAITING][recipient] = line, tls


def wait_no_more(message: Message, recipients: t.Iterable[bytes]) -> None:
    """Note that these recipients of a message on which others may wait have their outcome."""
    for recipient in recipients:
        message[WAITING].pop(recipient, None)


def remember(message: Message, line: bytes) -> None:
    """Keep a line with its message. A message that is retried for ever does not fill the memory."""
    if message[LINES] is None:
        message[LINES] = []
    if len(message[LINES]) < 10000:
        message[LINES].append(line)


def remember_session(tls: t.Dict[bytes, t.Any], process: bytes, session: t.Any) -> None:
    """Keep the TLS session of a process. The oldest ones go when there are too many.

    Lines without a process ID do not tell whose session it is.
    """
    if process[-1:] != b"]":
        return
    tls[process] = session
    if len(tls) > 20000:
        for old in list(tls)[:10000]:
            del tls[old]


def address_end(text: bytes, start: int) -> int:
    """Return the position after an address that begins at I(start): C(<...>) with quoted strings, or a bare word.

    :raises ValueError: when the address does not end.
    """
    if text[start : start + 1] != b"<":
        end = text.find(b", ", start)
        return len(text) if end < 0 else end
    close = text.find(b">", start)
    quote = text.find(b'"', start, close)
    while 0 <= quote < close:
        quote = _quoted_end(text, quote + 1)
        close, quote = text.find(b">", quote), text.find(b'"', quote)
    if close < 0:
        raise ValueError("an address without its end")
    return close + 1


def _quoted_end(text: bytes, position: int) -> int:
    end = text.index(b'"', position)
    while text[end - 1 : end] == b"\\" and text[end - 2 : end - 1] != b"\\":
        end = text.index(b'"', end + 1)
    return end + 1


def bare(address: bytes) -> bytes:
    """Return an address without the angle brackets around it."""
    return address[1:-1] if address[:1] == b"<" and address[-1:] == b">" else address
