# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads Postfix's log: what each of its daemons says about a message (twin of _sendmail/maillog.py).

Private to the collection: it can change at any time.

The formats are those of smtpd(8), cleanup(8), qmgr(8), the delivery agents, bounce(8) and postsuper(1), as recorded from
3.7 and 3.10 and as the sources of 3.7 to 3.12 write them. A queue ID lives from C(client=) to C(removed); short ones are
used again right after.
"""

import re
import typing as t

from .._model.log import (
    BOUNCED,
    CLIENT,
    DEFERRED,
    DISCARDED,
    EXPIRED,
    FORWARDED,
    HEAD,
    HELD,
    LINE,
    LINES,
    MESSAGE,
    MESSAGE_ID,
    NOBODY,
    NOTED,
    PROBED,
    QUEUE_ID,
    RECIPIENT,
    REFUSED,
    REJECTED,
    RELAY,
    SENDER,
    SENT,
    SIZE,
    STARTED,
    SUBJECT,
    TLS,
    TLS_IN,
    WAITING,
    WARNED,
    Attempt,
    Ledger,
    Message,
    Raw,
    address_end,
    bare,
    enhanced,
    expect_record,
    hold,
    is_held,
    new_message,
    remember,
    remember_session,
    unknown_message,
    wait,
    wait_no_more,
)

#: handler(line, head, process, queue_id, text)
Handler = t.Callable[[bytes, bytes, bytes, bytes, bytes], None]

#: What smtpd, cleanup and postscreen do to a recipient or a message: the word in the log to the status. Milters and the
#: checks of what milters add do the same: C(milter-reject), C(milter-header-reject).
ACTIONS = {
    b"reject": REJECTED,
    b"hangup": REJECTED,
    b"hold": HELD,
    b"discard": DISCARDED,
    b"reject_warning": WARNED,
    b"warning": WARNED,
    b"info": None,
    b"warn": None,
    b"redirect": None,
    b"filter": None,
    b"bcc": None,
    b"prepend": None,
    b"replace": None,
    b"strip": None,
    b"delay": None,
}
_DELIVERABLE, _UNDELIVERABLE = PROBED
_STATUSES = {status: status for status in (SENT, DEFERRED, BOUNCED, _DELIVERABLE, _UNDELIVERABLE)}
_STATUSES[b"SOFTBOUNCE"] = DEFERRED
_STATUSES[b"undeliverable-but-not-cached"] = _UNDELIVERABLE
#: What a word that no known version writes stands for: the class of the enhanced status code.
_CLASSES = {b"2": SENT, b"4": DEFERRED, b"5": BOUNCED}
#: Warnings of smtpd and cleanup after which the client is told that its message is refused: how they begin or end, and the
#: enhanced status code that the client gets (cleanup_strerror.c).
_REFUSALS_AFTER_DATA = (
    (re.compile(rb"message rejected: hopcount exceeded"), b"5.4.0"),
    (re.compile(rb"queue file size limit exceeded"), b"5.3.4"),
    (re.compile(rb"message rejected: "), b"5.1.0"),
    (re.compile(rb"(?:.* -- )?message not accepted, try again later"), b"4.7.1"),
    (re.compile(rb"write queue file: "), b"4.3.0"),
)
NOQUEUE = b"NOQUEUE"
_PROXY_REJECT = b"proxy-reject"
#: Where the log has no line about the TLS session, only C(tls=may).
_SOME_TLS = b"TLS"
#: The client of a message that was submitted on the host itself.
LOCAL = b"local"


def instance_of(tag: bytes, has_queue_manager: t.Callable[[bytes], bool]) -> t.Optional[bytes]:
    """Return the instance that writes under this tag, C(postfix-out/smtp), or None when it is no tag of Postfix's.

    A service can have a name within its instance, C(postfix/submission/smtpd), and an instance a name with a slash. The
    queue manager tells: every instance has one. Some syslog daemons cut the tag at its slash and leave C(postfix).

    :param has_queue_manager: returns whether a queue manager writes under this name.
    """
    name, slash, daemon = tag.rpartition(b"/")
    if not slash:
        return tag if tag == b"postfix" or tag[:8] == b"postfix-" else None
    while b"/" in name and not has_queue_manager(name):
        name = name.rpartition(b"/")[0]
    return name if name and daemon else None


def queue_of(host: bytes, instance: bytes) -> bytes:
    """Return the name of the queue of an instance: its queue IDs mean nothing elsewhere."""
    return b"postfix %b %b" % (host, instance)


def handler(ledger: Ledger, tag: bytes) -> t.Optional[Handler]:
    """Return what reads the lines of one daemon; None for daemons that say nothing about a delivery."""
    if b"/" not in tag:
        return _any_daemon(ledger)
    make = _DAEMONS.get(tag.rpartition(b"/")[2], _delivery_agent)
    return make(ledger) if make else None


def flush(ledger: Ledger) -> None:
    """Let go what waits for a line that will not come: mail that was to be held, and of which no more is said."""
    ledger.deliveries.extend(ledger.unqueued.values())
    ledger.unqueued.clear()


def closed(message: t.List[t.Any]) -> bool:
    """Return False: C(removed) has taken the closed ones away."""
    return False


def session(ledger: Ledger, head: bytes, process: bytes, text: bytes) -> None:
    """Read a line without a queue ID: the end of a connection is the end of its TLS session."""
    expect_record(text)
    if text.startswith((b"disconnect ", b"connect ")) and ledger.tls.get(process):
        del ledger.tls[process]


# --- coming in ------------------------------------------------------------------------------------------------------


def _smtpd(ledger: Ledger) -> Handler:
    messages, tls, started, keep = ledger.messages, ledger.tls, ledger.started.append, ledger.keep
    unqueued = ledger.unqueued

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        if text[:7] == b"client=":
            if not queue_id.isalnum():
                raise ValueError("no queue ID")
            if queue_id == NOQUEUE:
                _proxied(ledger, process, text[7:-1])
                return
            protocol = _tls_from(tls[process]) if process in tls else b""
            lines = [line] if keep else None
            messages[queue_id] = [head, text[7:-1], b"", None, None, 0, protocol, None, b"", lines, 0, 0]
            started(head)
            if process in unqueued:
                _held_from_the_start(ledger, process, queue_id)
        elif text[:3] == b"TLS":
            _tls_session(ledger, process, queue_id, text)
        elif _PROXY_REJECT in (queue_id, text[:12]):
            _proxy_refused(ledger, line, head, process, text)
        elif queue_id == NOQUEUE and text[:6] == b"hold: ":
            _to_be_held(ledger, line, head, process, text)
        else:
            if process in unqueued and text[:8] == b"reject: ":
                del unqueued[process]
            _action(ledger, line, head, queue_id, text)

    return handle


def _to_be_held(ledger: Ledger, line: bytes, head: bytes, process: bytes, text: bytes) -> None:
    """Read C(NOQUEUE: hold: RCPT from name[ip]: why; from=<a> to=<b> proto=ESMTP helo=<c>): the queue ID comes with the next line.

    Unless a later restriction refuses the same command.
    """
    reply = _reply(text[6:])
    message = new_message(head, reply.client, reply.sender)
    before = ledger.unqueued.pop(process, None)
    if before and before[RECIPIENT] != reply.recipient or len(ledger.unqueued) > 10000:
        flush(ledger)
        ledger.deliveries.extend([before] if before else [])
    code = enhanced(reply.why)
    ledger.unqueued[process] = ledger.outcome(head, NOQUEUE, message, reply.recipient, HELD, reply.why, code, line)


def _held_from_the_start(ledger: Ledger, process: bytes, queue_id: bytes) -> None:
    """Give what was to be held its queue ID, so that a later delivery of it is known as such."""
    raw = ledger.unqueued.pop(process)
    message = ledger.messages[queue_id]
    if raw[MESSAGE][CLIENT] != message[CLIENT]:
        ledger.deliveries.append(raw)
        return
    about = list(message)
    about[SENDER] = raw[MESSAGE][SENDER]
    ledger.deliveries.append(raw[:QUEUE_ID] + (queue_id, about) + raw[RECIPIENT:])
    if raw[RECIPIENT]:
        wait(message, (raw[RECIPIENT],), raw[LINE], b"")
    hold(ledger.outbox, ledger.place, queue_id)


def _proxied(ledger: Ledger, process: bytes, client: bytes) -> None:
    """Note the client of mail that goes through smtpd_proxy_filter: C(NOQUEUE: client=)."""
    if len(ledger.proxied) > 10000:
        ledger.proxied.clear()
    ledger.proxied[process] = client


def _proxy_refused(ledger: Ledger, line: bytes, head: bytes, process: bytes, text: bytes) -> None:
    """Read C(proxy-reject: END-OF-MESSAGE: 554 5.7.0 why; from=<a> to=<b> proto=ESMTP helo=<c>), also behind a queue ID."""
    where = text.partition(b": ")[2] if text.startswith(_PROXY_REJECT) else text
    reply = _reply(b" from : " + where.partition(b": ")[2])
    message = new_message(head, ledger.proxied.get(process), reply.sender)
    code = enhanced(reply.why)
    ledger.deliveries.append(ledger.outcome(head, NOQUEUE, message, reply.recipient, REJECTED, reply.why, code, line))


def _pickup(ledger: Ledger) -> Handler:
    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        if text[:4] == b"uid=" or text[:7] == b"sender=":
            message = new_message(head, LOCAL, None, b"")
            former_id = text.partition(b" orig_id=")[2][:-1]
            before = ledger.messages.pop(former_id, None)
            if before:
                message[CLIENT], message[TLS_IN], message[SUBJECT] = before[CLIENT], before[TLS_IN], before[SUBJECT]
                _end_waiting(ledger, before, line, head, former_id, FORWARDED, b"requeued as " + queue_id)
            ledger.messages[queue_id] = message
            ledger.started.append(head)
            if ledger.keep:
                message[LINES] = [line]
        else:
            expect_record(queue_id)

    return handle


def _cleanup(ledger: Ledger) -> Handler:
    messages, keep = ledger.messages, ledger.keep

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        if text[:11] == b"message-id=":
            message = messages.get(queue_id) or ledger.message(queue_id)
            message[MESSAGE_ID] = text[11:-1]
            if message[STARTED] is None:
                message[STARTED] = head
            if keep:
                remember(message, line)
        elif text[:4] == b"to=<":  # a bounce of mail that no client waits for
            deliver(line, head, process, queue_id, text)
        else:
            _action(ledger, line, head, queue_id, text)

    deliver = _delivery_agent(ledger)
    return handle


def _action(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    """Read C(reject: RCPT from name[ip]: 550 5.7.1 why; from=<a> to=<b> proto=ESMTP helo=<c>), access(5), header_checks(5)."""
    word, _colon, what = text.partition(b": ")
    if word[:7] == b"milter-":
        word = word.rpartition(b"-")[2]
    if word not in ACTIONS or queue_id == b"warning":
        _warning(ledger, line, head, queue_id, text)
        return
    status, message = ACTIONS[word], ledger.messages.get(queue_id)
    if message:
        if ledger.keep:
            remember(message, line)
        if what[:7] == b"header " and what[7:16].lower() == b"subject: ":
            message[SUBJECT] = _before(what[16:-1], b"; from=<").rpartition(b" from ")[0]
    if status is not None:
        is_content = what.startswith((b"header ", b"body ", b"content ", b"mime-error "))
        _decide(ledger, line, head, queue_id, status, _content(what) if is_content else _reply(what))


def _decide(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, status: bytes, reply: "_Reply") -> None:
    """Record what was decided about a recipient, or about a whole message."""
    message = ledger.messages.get(queue_id)
    about = message or new_message(head, reply.client, reply.sender)
    if about[SENDER] is None and reply.sender is not None:
        about = list(about)
        about[SENDER] = reply.sender
    code = enhanced(reply.why)
    ledger.deliveries.append(ledger.outcome(head, queue_id, about, reply.recipient, status, reply.why, code, line))
    if message and status is HELD and reply.recipient:
        wait(message, (reply.recipient,), line, b"")
    if status is HELD:
        hold(ledger.outbox, ledger.place, queue_id)


def _warning(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    """Read C(warning: QID: message rejected: hopcount exceeded), all that is said of a message that is refused after DATA."""
    if queue_id != b"warning":
        expect_record(queue_id)
        return
    queue_id, _colon, what = text[:-1].partition(b": ")
    code = next((code for pattern, code in _REFUSALS_AFTER_DATA if pattern.match(what)), b"")
    if not code or not queue_id.isalnum():
        return
    message = ledger.messages.get(queue_id) or new_message(head)
    # Mail that was submitted here is returned, which cleanup says in lines of its own.
    if message[CLIENT] == LOCAL or message[NOTED] & REFUSED:
        return
    message[NOTED] |= REFUSED
    if ledger.keep:
        remember(message, line)
    ledger.deliveries.append(ledger.outcome(head, queue_id, message, b"", REJECTED, what, code, line))


class _Reply(t.NamedTuple):
    """What a line says about a refusal. Without C(from=<) the sender is unknown."""

    client: bytes
    why: bytes
    sender: t.Optional[bytes]
    recipient: bytes


def _reply(what: bytes) -> _Reply:
    """Read C(RCPT from name[ip]: reply; from=<a> to=<b> proto=...); any of the fields at the end can be missing."""
    client, _colon, reply = what.partition(b" from ")[2].partition(b": ")
    # The reply may quote an address, and an address may quote anything.
    start = reply.find(b"<", 0, 12)
    end = address_end(reply, start) if start >= 0 else 0
    cut = reply.find(b"; from=<", end)
    if cut >= 0:
        return _Reply(client, reply[:cut], *_envelope(reply[cut + 7 :]))
    cut = reply.find(b"; to=<", end)
    if cut >= 0:
        return _Reply(client, reply[:cut], None, reply[cut + 6 : address_end(reply, cut + 5) - 1])
    return _Reply(client, _before(reply, b"; proto=").rstrip(b"\n;"), None, b"")


def _content(what: bytes) -> _Reply:
    """Read C(header Subject: text from name[ip]; from=<a> to=<b> proto=ESMTP helo=<c>: 5.7.1 why)."""
    before, cut, after = what.rpartition(b"; from=<")
    text, _from, client = before.rpartition(b" from ")
    if not cut:
        return _Reply(b"", what.rstrip(), None, b"")
    why = after.rpartition(b">: ")[2].rstrip() if b">: " in after else text
    if what[:11] == b"mime-error ":
        why = what[11:].partition(b": ")[0]
    return _Reply(client, why, *_envelope(b"<" + after))


def _envelope(text: bytes) -> t.Tuple[bytes, bytes]:
    """Return the sender and the recipient of C(<a> to=<b> proto=...)."""
    end = address_end(text, 0)
    start = text.find(b"to=<", end, end + 6) + 4
    return text[1 : end - 1], text[start : address_end(text, start - 1) - 1] if start >= 4 else b""


def _before(text: bytes, mark: bytes) -> bytes:
    return text.partition(mark)[0]


# --- in the queue ---------------------------------------------------------------------------------------------------


def _qmgr(ledger: Ledger) -> Handler:
    messages, accepted, keep = ledger.messages, ledger.accepted.append, ledger.keep

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        if text[:6] == b"from=<":
            message = messages.get(queue_id) or ledger.message(queue_id)
            if keep:
                remember(message, line)
            # C(from=<a>, size=1, nrcpt=1 (queue active)), again at each retry.
            sender, mark, rest = text.partition(b">, size=")
            if not mark:
                _ended(ledger, message, line, head, queue_id, text)
            elif message[SENDER] is None:
                message[SIZE], message[SENDER] = int(rest.partition(b",")[0]), sender[6:]
                if message[CLIENT] is not None:
                    accepted(message)
                else:
                    _from_elsewhere(ledger, message, line, head, queue_id)
        elif text == b"removed\n":
            done = messages.pop(queue_id, NOBODY)
            if keep and done is not NOBODY:
                remember(done, line)
        elif text[:4] == b"to=<":
            deliver(line, head, process, queue_id, text)
        else:
            expect_record(queue_id)

    deliver = _delivery_agent(ledger)
    return handle


def _from_elsewhere(ledger: Ledger, message: Message, line: bytes, head: bytes, queue_id: bytes) -> None:
    """Note where a message came from that no client and no user has brought: bounce(8), or the log does not say."""
    message[STARTED] = message[STARTED] or head
    if queue_id in ledger.notices:
        del ledger.notices[queue_id]
        message[CLIENT], message[TLS_IN] = LOCAL, b""
    ledger.unclaimed.append(line)


def _ended(ledger: Ledger, message: Message, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    """Read C(from=<a>, status=expired, returned to sender): whoever still waits has lost."""
    if b"expired" in text:
        message[SENDER] = text[6 : address_end(text, 5) - 1]
        _end_waiting(ledger, message, line, head, queue_id, EXPIRED, text.partition(b"status=")[2][:-1])


def _end_waiting(
    ledger: Ledger, message: Message, line: bytes, head: bytes, queue_id: bytes, status: bytes, why: bytes
) -> None:
    """Give the recipients that still wait their outcome; where the log names none, it is the message's."""
    waiting, message[WAITING] = message[WAITING], None
    if not waiting and status is not FORWARDED:
        ledger.deliveries.append(ledger.outcome(head, queue_id, message, b"", status, why, b"", line))
    for recipient, (last, tls) in (waiting or {}).items():
        text = last.split(b": ", 2)[2]
        if text[:4] != b"to=<":  # it was held before any attempt
            raw = ledger.outcome(head, queue_id, message, recipient, status, why, b"", line)
        else:
            to = _fields(text)
            attempt = Attempt(to.original, to.relay, to.delay, to.delays, to.code, to.reason, tls)
            raw = ledger.ended(head, queue_id, message, recipient, attempt, status, why, line)
        ledger.deliveries.append(raw)


def _postsuper(ledger: Ledger) -> Handler:
    """Record what an administrator does to the queue: delete, hold, release. Requeued messages come again by pickup(8)."""

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        what = text[:-1]
        if what not in (b"removed", b"placed on hold") or not queue_id.isalnum():
            return
        message = ledger.messages.get(queue_id) or new_message()
        if ledger.keep:
            remember(message, line)
        if what == b"removed":
            ledger.messages.pop(queue_id, None)
            _end_waiting(ledger, message, line, head, queue_id, DISCARDED, b"deleted by the administrator")
            return
        for recipient in message[WAITING] or (b"",):
            ledger.deliveries.append(ledger.outcome(head, queue_id, message, recipient, HELD, what, b"", line))

    return handle


# --- going out ------------------------------------------------------------------------------------------------------


def _delivery_agent(ledger: Ledger, sent: bytes = SENT) -> Handler:
    """Read the lines of a delivery agent. The usual delivery is read in place: most lines are one.

    :param sent: what C(status=sent) means.
    """
    messages, tls, place, keep, held = ledger.messages, ledger.tls, ledger.place, ledger.keep, ledger.outbox.held
    deliver = ledger.deliveries.append

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        if text[:4] != b"to=<":
            _no_delivery(ledger, process, queue_id, text)
            return
        fields = text.split(b", ", 5)
        if len(fields) == 6 and fields[5][:12] == b"status=sent " and fields[1][:6] == b"relay=":
            to, relay, delay, delays, code, reason = fields
            status, original, reused, feature = sent, b"", b"", b""
        else:
            to, original, relay, reused, delay, delays, feature, code, reason = _fields(text)
            status = _status(reason, code, sent)
        message = messages.get(queue_id) or unknown_message(queue_id)
        tls_out = _tls_of(tls.get(process), queue_id, relay[6:], reused) if process in tls or reused else b""
        if feature and not tls_out:
            tls_out = _tls_by_feature(feature)
        recipient = to[4:-1]
        if status is DEFERRED:
            messages.setdefault(queue_id, message)
            wait(message, (recipient,), line, tls_out)
        elif message[WAITING]:
            wait_no_more(message, (recipient,))
        if relay == b"relay=local" and status is SENT:
            status = _forwarded(messages, message, reason)
        elif held and status is SENT and is_held(held, place, reason):
            status = FORWARDED
        if keep:
            remember(message, line)
        raw = (
            head, place, queue_id, message, recipient, original, relay, delay, delays, code, status, reason, tls_out, line,
        )  # fmt: skip
        deliver(raw)

    return handle


def _no_delivery(ledger: Ledger, process: bytes, queue_id: bytes, text: bytes) -> None:
    if text[:3] == b"TLS":
        _tls_session(ledger, process, queue_id, text)
    else:
        expect_record(queue_id)


def _status(reason: bytes, code: bytes, sent: bytes) -> bytes:
    """Return the status that a delivery line says; of a word that no known version writes, by its enhanced status code."""
    status = _STATUSES.get(reason[7:].split(b" ", 1)[0]) or _CLASSES[code[4:5]]
    return sent if status is SENT else status


def _discard(ledger: Ledger) -> Handler:
    """Read the lines of discard(8), which calls mail sent that nobody receives."""
    return _delivery_agent(ledger, sent=DISCARDED)


def _forwarded(messages: t.Mapping[bytes, Message], message: Message, reason: bytes) -> bytes:
    """Return SENT, FORWARDED when an alias sends the message on under another queue ID, or DISCARDED into C(/dev/null)."""
    if reason[:26] != b"status=sent (forwarded as ":
        return DISCARDED if reason.endswith(b"file: /dev/null)\n") else SENT
    child = messages.get(reason[26:].rstrip(b"\n").rstrip(b")"))
    if child and child[CLIENT] is None:
        child[CLIENT], child[TLS_IN] = message[CLIENT], message[TLS_IN]
    return FORWARDED


class _Fields(t.NamedTuple):
    """The fields of a delivery line with their names, C(relay=...); those that are seldom there are empty without.

    :ivar original: the bare recipient before aliases, without its name.
    :ivar reused: the value of C(conn_use=).
    :ivar feature: the value of C(tls=), of 3.11 and newer.
    """

    to: bytes
    original: bytes
    relay: bytes
    reused: bytes
    delay: bytes
    delays: bytes
    feature: bytes
    code: bytes
    reason: bytes


def _fields(text: bytes) -> _Fields:
    """Read any delivery line. One of 3.11 has the usual six fields and C(tls=)."""
    fields = text.split(b", ", 5)
    if len(fields) != 6 or fields[1][:6] != b"relay=":
        return _unusual(text)
    to, relay, delay, delays, code, reason = fields
    if code[:4] == b"tls=" and reason[:4] == b"dsn=":
        feature = code[4:]
        code, _comma, reason = reason.partition(b", ")
    else:
        feature = b""
    if reason[:7] != b"status=" or to[-1:] != b">":
        return _unusual(text)
    return _Fields(to, b"", relay, b"", delay, delays, feature, code, reason)


def _unusual(text: bytes) -> _Fields:
    """Read a delivery line with fields that are seldom there, or with a comma in its address."""
    end = address_end(text, 3)
    to, rest = text[:end], text[end:]
    values: t.Dict[bytes, bytes] = {}
    while rest[:2] == b", " and rest[:9] != b", status=":
        name, _equals, _value = rest[2:].partition(b"=")
        start = 3 + len(name)
        end = address_end(rest, start) if name == b"orig_to" else rest.index(b", ", start)
        values[name], rest = rest[start:end], rest[end:]
    if rest[:9] != b", status=":
        raise ValueError("a delivery without its status")
    value = values.get
    return _Fields(
        to=to,
        original=bare(value(b"orig_to", b"")),
        relay=b"relay=" + value(b"relay", b""),
        reused=value(b"conn_use", b""),
        delay=b"delay=" + value(b"delay", b""),
        delays=b"delays=" + value(b"delays", b""),
        feature=value(b"tls", b""),
        code=b"dsn=" + value(b"dsn", b""),
        reason=rest[2:],
    )


def _tls_by_feature(feature: bytes) -> t.Optional[bytes]:
    """Return what C(tls=) says about a connection without a line of its own: b"" without TLS, None if it is open.

    The value is C(may), or C(dane:none) where the second is what was reached, or C(encrypt?) when the connection broke
    before that was decided.
    """
    level = feature.split(b"/", 1)[0]
    if level[-1:] == b"?":
        return None
    return b"" if level.rpartition(b":")[2].lstrip(b"!") == b"none" else _SOME_TLS


def _tls_session(ledger: Ledger, process: bytes, what: bytes, text: bytes) -> None:
    """Read C(Trusted TLS connection established to mx[ip]:25: TLSv1.3 with cipher ...), also C(from client[ip]) and C(reused)."""
    before, _tls, session_ = what.partition(b" TLS connection ")
    word, _blank, peer = session_.partition(b" ")
    if word in (b"established", b"reused") and b" " not in before:
        protocol = text.split(b" ", 1)[0]
        remember_session(ledger.tls, process, protocol if peer[:5] == b"from " else [peer[3:], protocol, None])


def session_line(raw: Raw) -> bytes:
    """Return the line about the TLS session of a delivery, as the process wrote it before."""
    return b"%b: Trusted TLS connection established to %b: %b with\n" % (raw[HEAD], raw[RELAY][6:], raw[TLS])


def _tls_from(session_: t.Any) -> t.Optional[bytes]:
    """Return the protocol of the connection that a process serves; None when its lines have no process ID."""
    if session_ is None:
        return None
    return session_ if isinstance(session_, bytes) else b""


def _tls_of(session_: t.Any, queue_id: bytes, relay: bytes, reused: bytes) -> t.Optional[bytes]:
    """Return the protocol of the connection that this process delivered over.

    The TLS line comes once, before the first delivery of a connection. A second message over it says C(conn_use=).
    When another process made that connection, nothing in the log tells, and None is the answer.
    """
    if session_ is None:
        return None
    if isinstance(session_, list) and session_[0] == relay and (reused or session_[2] in (None, queue_id)):
        session_[2] = queue_id
        return t.cast(bytes, session_[1])
    return None if reused else b""


def _bounce(ledger: Ledger) -> Handler:
    """Read C(QID: sender non-delivery notification: CHILD). From 3.11 on that comes before the lines of the child."""

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        if b"notification: " in text:
            _announced(ledger, text.rpartition(b" ")[2][:-1])
        else:
            expect_record(queue_id)
        message = ledger.messages.get(queue_id)
        if message and ledger.keep:
            remember(message, line)

    return handle


def _announced(ledger: Ledger, child_id: bytes) -> None:
    child = ledger.messages.get(child_id)
    if child is None or child[SENDER] is None:
        if len(ledger.notices) > 10000:
            ledger.notices.clear()
        ledger.notices[child_id] = None
    elif child[CLIENT] is None:
        child[CLIENT], child[TLS_IN] = LOCAL, b""


def _any_daemon(ledger: Ledger) -> Handler:
    """Read lines of which only the instance is known, because a syslog daemon has cut the tag at its slash."""
    readers = [(words, make(ledger)) for words, make in _BY_TEXT]
    otherwise = _smtpd(ledger)

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        reader = next((reader for words, reader in readers if text.startswith(words)), otherwise)
        if b" notification: " in text[:60]:
            reader = announced
        reader(line, head, process, queue_id, text)

    announced = _bounce(ledger)
    return handle


#: The daemons whose lines begin like this; where the tag does not tell.
_BY_TEXT: t.Tuple[t.Tuple[t.Tuple[bytes, ...], t.Callable[[Ledger], Handler]], ...] = (
    ((b"to=<",), _delivery_agent),
    ((b"from=<", b"removed"), _qmgr),
    ((b"message-id=",), _cleanup),
    ((b"uid=", b"sender="), _pickup),
    ((b"requeued", b"placed on hold"), _postsuper),
)
_DAEMONS: t.Dict[bytes, t.Optional[t.Callable[[Ledger], Handler]]] = {
    b"smtpd": _smtpd,
    b"postscreen": _smtpd,
    b"pickup": _pickup,
    b"cleanup": _cleanup,
    b"qmgr": _qmgr,
    b"oqmgr": _qmgr,
    b"bounce": _bounce,
    b"anvil": None,
    b"scache": None,
    b"master": None,
    b"postfix-script": None,
    b"tlsmgr": None,
    b"trivial-rewrite": None,
    b"verify": None,
    b"postsuper": _postsuper,
    b"discard": _discard,
}
