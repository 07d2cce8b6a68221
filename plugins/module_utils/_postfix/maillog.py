# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads Postfix's log: what each of its daemons says about a message (twin of _sendmail/maillog.py).

Private to the collection: it can change at any time.

The formats are those of smtpd(8), cleanup(8), qmgr(8), the delivery agents and bounce(8), as recorded from 3.7 and
3.10. A queue ID lives from C(client=) to C(removed); short ones are used again right after.
"""

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
    LINES,
    MESSAGE_ID,
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
    new_message,
    remember,
    remember_session,
    unknown_message,
    wait,
    wait_no_more,
)

#: handler(line, head, process, queue_id, text)
Handler = t.Callable[[bytes, bytes, bytes, bytes, bytes], None]

#: What smtpd, cleanup and postscreen do to a recipient or a message: the word in the log to the status.
ACTIONS = {
    b"reject": REJECTED,
    b"milter-reject": REJECTED,
    b"hold": HELD,
    b"milter-hold": HELD,
    b"discard": DISCARDED,
    b"milter-discard": DISCARDED,
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
}
_STATUSES = {status: status for status in (SENT, DEFERRED, BOUNCED, b"deliverable", b"undeliverable")}
_STATUSES[b"SOFTBOUNCE"] = DEFERRED
#: The client of a message that was submitted on the host itself.
LOCAL = b"local"


def instance_of(tag: bytes) -> t.Optional[bytes]:
    """The instance that writes under this tag, C(postfix-out/smtp), or None when it is no tag of Postfix's."""
    name, slash, daemon = tag.partition(b"/")
    return name if slash and name and daemon else None


def handler(ledger: Ledger, tag: bytes) -> t.Optional[Handler]:
    """What reads the lines of one daemon; None for daemons that say nothing about a delivery."""
    make = _DAEMONS.get(tag.rpartition(b"/")[2], _delivery_agent)
    return make(ledger) if make else None


def closed(message: t.List[t.Any]) -> bool:
    """Never true: C(removed) has taken the closed ones away."""
    return False


def session(ledger: Ledger, head: bytes, process: bytes, text: bytes) -> None:
    """Lines without a queue ID: the end of a connection is the end of its TLS session."""
    if text[:11] == b"disconnect " or text[:8] == b"connect ":
        ledger.tls.pop(process, None)


# --- coming in ------------------------------------------------------------------------------------------------------


def _smtpd(ledger: Ledger) -> Handler:
    messages, tls, started, keep = ledger.messages, ledger.tls, ledger.started.append, ledger.keep

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        if text[:7] == b"client=":
            if not queue_id.isalnum():
                raise ValueError("no queue ID")
            protocol = _tls_from(tls[process]) if process in tls else b""
            lines = [line] if keep else None
            messages[queue_id] = [head, text[7:-1], b"", None, None, 0, protocol, None, b"", lines, 0, 0]
            started(head)
        elif text[:3] == b"TLS":
            _tls_session(ledger, process, queue_id, text)
        else:
            _action(ledger, line, head, queue_id, text)

    return handle


def _pickup(ledger: Ledger) -> Handler:
    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        if text[:4] == b"uid=" or text[:7] == b"sender=":
            message = new_message(head, LOCAL, None, b"")
            before = ledger.messages.pop(text.partition(b" orig_id=")[2][:-1], None)
            if before:  # postsuper -r has put it into the queue again
                message[CLIENT], message[TLS_IN], message[SUBJECT] = before[CLIENT], before[TLS_IN], before[SUBJECT]
            ledger.messages[queue_id] = message
            ledger.started.append(head)
            if ledger.keep:
                message[LINES] = [line]

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
        else:
            _action(ledger, line, head, queue_id, text)

    return handle


def _action(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    """C(reject: RCPT from name[ip]: 550 5.7.1 why; from=<a> to=<b> proto=ESMTP helo=<c>), access(5), header_checks(5)."""
    word, _colon, what = text.partition(b": ")
    if word not in ACTIONS or queue_id == b"warning":
        return
    status, message = ACTIONS[word], ledger.messages.get(queue_id)
    if message and ledger.keep:
        remember(message, line)
    content = what.startswith((b"header ", b"body ", b"content "))
    if content and message and what[:16].lower() == b"header subject: ":
        message[SUBJECT] = _before(what[16:-1], b"; from=<").rpartition(b" from ")[0]
    if status is None:
        return
    client, why, sender, recipient = _content(what) if content else _reply(what)
    about = message or new_message(head, client, sender)
    if about[SENDER] is None and sender is not None:
        about = list(about)
        about[SENDER] = sender
    ledger.deliveries.append(ledger.outcome(head, queue_id, about, recipient, status, why, enhanced(why), line))


def _reply(what: bytes) -> t.Tuple[bytes, bytes, t.Optional[bytes], bytes]:
    """The client, the reply, the sender and the recipient of C(RCPT from name[ip]: reply; from=<a> to=<b> proto=...)."""
    client, _colon, said = what.partition(b" from ")[2].partition(b": ")
    # The reply may quote an address, and an address may quote anything.
    start = said.find(b"<", 0, 12)
    cut = said.find(b"; from=<", address_end(said, start) if start >= 0 else 0)
    if cut < 0:
        return client, _before(said, b"; proto=").rstrip(), None, b""
    return (client, said[:cut]) + _envelope(said[cut + 7 :])


def _content(what: bytes) -> t.Tuple[bytes, bytes, t.Optional[bytes], bytes]:
    """The same of C(header Subject: text from name[ip]; from=<a> to=<b> proto=ESMTP helo=<c>: 5.7.1 why)."""
    before, cut, after = what.rpartition(b"; from=<")
    text, _from, client = before.rpartition(b" from ")
    if not cut:
        return b"", what.rstrip(), None, b""
    why = after.rpartition(b">: ")[2].rstrip() if b">: " in after else text
    return (client, why) + _envelope(b"<" + after)


def _envelope(text: bytes) -> t.Tuple[bytes, bytes]:
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
                    message[STARTED] = message[STARTED] or head
                    ledger.unclaimed.append(line)
        elif text == b"removed\n":
            finished = messages.pop(queue_id, None)
            if keep and finished:
                remember(finished, line)
        elif text[:4] == b"to=<":
            deliver(line, head, process, queue_id, text)

    deliver = _delivery_agent(ledger)
    return handle


def _ended(ledger: Ledger, message: Message, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    """C(from=<a>, status=expired, returned to sender): whoever still waits has lost."""
    if b"expired" in text:
        message[SENDER] = text[6 : address_end(text, 5) - 1]
        _expire(ledger, message, line, head, queue_id, text)


def _expire(ledger: Ledger, message: Message, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    why = text.partition(b"status=")[2][:-1]
    waiting, message[WAITING] = message[WAITING], None
    if not waiting:
        ledger.deliveries.append(ledger.outcome(head, queue_id, message, b"", EXPIRED, why, b"", line))
        return
    for recipient, (last, tls) in waiting.items():
        _to, original, relay, _reused, delay, delays, code, reason = _fields(last.split(b": ", 2)[2])
        attempt = Attempt(original, relay, delay, delays, code, reason, tls)
        ledger.deliveries.append(ledger.expired(head, queue_id, message, recipient, attempt, why, line))


# --- going out ------------------------------------------------------------------------------------------------------


def _delivery_agent(ledger: Ledger) -> Handler:
    """The usual delivery is read in place: most lines are one."""
    messages, tls, place, keep = ledger.messages, ledger.tls, ledger.place, ledger.keep
    deliver = ledger.deliveries.append

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        if text[:4] != b"to=<":
            if text[:3] == b"TLS":
                _tls_session(ledger, process, queue_id, text)
            return
        fields = text.split(b", ", 5)
        if len(fields) == 6 and fields[5][:12] == b"status=sent " and fields[1][:6] == b"relay=":
            to, relay, delay, delays, code, reason = fields
            status, original, reused = SENT, b"", b""
        else:
            to, original, relay, reused, delay, delays, code, reason = _fields(text)
            status = _STATUSES[reason[7:].split(b" ", 1)[0]]
        message = messages.get(queue_id) or unknown_message(queue_id)
        tls_out = _tls_of(tls.get(process), queue_id, relay[6:], reused) if process in tls or reused else b""
        recipient = to[4:-1]
        if status is DEFERRED:
            messages.setdefault(queue_id, message)
            wait(message, (recipient,), line, tls_out)
        elif message[WAITING]:
            wait_no_more(message, (recipient,))
        if relay == b"relay=local" and status is SENT:
            status = _forwarded(messages, message, reason)
        if keep:
            remember(message, line)
        raw = (
            head, place, queue_id, message, recipient, original, relay, delay, delays, code, status, reason, tls_out, line,
        )  # fmt: skip
        deliver(raw)

    return handle


def _forwarded(messages: t.Mapping[bytes, Message], message: Message, reason: bytes) -> bytes:
    """SENT; or FORWARDED, when an alias sends the message on under another queue ID, which came from where this one came from."""
    if reason[:26] != b"status=sent (forwarded as ":
        return SENT
    child = messages.get(reason[26:].rstrip(b"\n").rstrip(b")"))
    if child and child[CLIENT] is None:
        child[CLIENT], child[TLS_IN] = message[CLIENT], message[TLS_IN]
    return FORWARDED


def _fields(text: bytes) -> t.Tuple[bytes, ...]:
    """Any delivery line."""
    fields = text.split(b", ", 5)
    if len(fields) != 6 or fields[5][:7] != b"status=" or fields[1][:6] != b"relay=":
        return _unusual(text)
    to, relay, delay, delays, code, reason = fields
    return to, b"", relay, b"", delay, delays, code, reason


def _unusual(text: bytes) -> t.Tuple[bytes, ...]:
    """A delivery line with other fields than the usual six, or with a comma in its address."""
    end = address_end(text, 3)
    found = {b"orig_to": b"", b"relay": b"", b"conn_use": b"", b"delay": b"", b"delays": b"", b"dsn": b""}
    rest = text[end:]
    while rest[:2] == b", " and rest[:9] != b", status=":
        name, _equals, _value = rest[2:].partition(b"=")
        start = 3 + len(name)
        end = address_end(rest, start) if name == b"orig_to" else rest.index(b", ", start)
        found[name], rest = rest[start:end], rest[end:]
    if rest[:9] != b", status=":
        raise ValueError("a delivery without its status")
    return (
        text[: address_end(text, 3)],
        bare(found[b"orig_to"]),
        b"relay=" + found[b"relay"],
        found[b"conn_use"],
        b"delay=" + found[b"delay"],
        b"delays=" + found[b"delays"],
        b"dsn=" + found[b"dsn"],
        rest[2:],
    )


def _tls_session(ledger: Ledger, process: bytes, what: bytes, text: bytes) -> None:
    """C(Trusted TLS connection established to mx[ip]:25: TLSv1.3 with cipher ...), also C(from client[ip])."""
    before, established, peer = what.partition(b" TLS connection established ")
    if established and b" " not in before:
        protocol = text.split(b" ", 1)[0]
        remember_session(ledger.tls, process, protocol if peer[:5] == b"from " else [peer[3:], protocol, None])


def session_line(raw: Raw) -> bytes:
    """The line about the TLS session of a delivery, as the process wrote it before."""
    return b"%b: Trusted TLS connection established to %b: %b with\n" % (raw[HEAD], raw[RELAY][6:], raw[TLS])


def _tls_from(session_: t.Any) -> bytes:
    return session_ if isinstance(session_, bytes) else b""


def _tls_of(session_: t.Any, queue_id: bytes, relay: bytes, reused: bytes) -> t.Optional[bytes]:
    """The protocol of the connection that this process delivered over.

    The TLS line comes once, before the first delivery of a connection. A second message over it says C(conn_use=);
    when another process made that connection, nothing in the log tells, and None is the answer.
    """
    if isinstance(session_, list) and session_[0] == relay and (reused or session_[2] in (None, queue_id)):
        session_[2] = queue_id
        return t.cast(bytes, session_[1])
    return None if reused else b""


def _bounce(ledger: Ledger) -> Handler:
    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        child = ledger.messages.get(text.rpartition(b" ")[2][:-1]) if b"notification: " in text else None
        if child and child[CLIENT] is None:
            child[CLIENT], child[TLS_IN] = LOCAL, b""
        message = ledger.messages.get(queue_id)
        if message and ledger.keep:
            remember(message, line)

    return handle


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
    b"postsuper": _qmgr,
}
