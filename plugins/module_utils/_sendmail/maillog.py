# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads sendmail's log: what its processes say about a message (twin of _postfix/maillog.py).

Private to the collection: it can change at any time.

The formats are those of 8.17 and 8.18 at LogLevel 9 and higher, as recorded and as their sources write them. A queue ID
holds the time, a sequence and the process ID, and is not used again for 60 years, whatever the program is called that
writes about it. No line says that a message is done: it is when as many recipients have an outcome as C(nrcpts=)
announced, and even then an alias can have made more of them.
"""

import re
import typing as t

from .._model.log import (
    BOUNCED,
    DEFERRED,
    DISCARDED,
    DONE,
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
    RECIPIENTS,
    REFUSED,
    REJECTED,
    RELAY,
    SENDER,
    SENT,
    SIZE,
    STATUS_CODE,
    TLS,
    UNFINISHED,
    WAITING,
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
from .mailers import DROP

#: How the names of mailers end that throw mail away.
_THROWING_AWAY = (b"_discard", DROP.encode("ascii"))

#: handler(line, head, process, queue_id, text)
Handler = t.Callable[[bytes, bytes, bytes, bytes, bytes], None]

#: Outcome by the first word of C(stat=), where it says more than the class of the enhanced status.
_WORDS = {
    b"Sent": SENT,
    b"quarantined": HELD,
    b"discarded": DISCARDED,
    b"queued": DEFERRED,
    b"Deferred:": DEFERRED,
    b"Deferred": DEFERRED,
}
_CLASSES = {b"2": SENT, b"4": DEFERRED}
_AFTER_MESSAGE_ID = frozenset((b"bodytype", b"proto", b"daemon", b"tls_verify", b"auth"))
#: RFC 3848, RFC 6531.
_WITH_TLS = frozenset((b"proto=ESMTPS", b"proto=ESMTPSA", b"proto=SMTPS", b"proto=UTF8SMTPS", b"proto=UTF8SMTPSA"))
#: A number in bytes is found four times as fast as bytes.
_COMMA = ord(",")
#: Where the log has no STARTTLS= line of the session, only the protocol of the from= line.
_SOME_TLS = (b"", b"TLS")
#: Kinds of messages that sendmail makes itself: C(QID: CHILD: DSN: why).
NOTICES = frozenset((b"DSN", b"postmaster notify", b"sender notify", b"return to sender", b"return receipt"))
LOCAL = b"local"
#: Rulesets whose argument is a recipient; VRFY and EXPN name one as well.
_OF_RECIPIENTS = frozenset((b"check_rcpt", b"check_vrfy", b"check_expn"))
#: Rulesets that are asked after the recipients were accepted.
_OF_MESSAGES = frozenset((b"check_data", b"check_eom"))


def instance_of(tag: bytes, _has_queue_manager: t.Callable[[bytes], bool]) -> t.Optional[bytes]:
    """Return the instance that writes under this tag, which is the tag itself (C(sendmail -L)); None for a tag with a slash."""
    return tag if tag and b"/" not in tag else None


def queue_of(host: bytes, _instance: bytes) -> bytes:
    """Return the name of the queue of a host. sm-msp-queue goes on with the messages of sendmail, under the same queue IDs."""
    return b"sendmail %b" % host


def closed(message: Message) -> bool:
    """Return whether all recipients that were announced have their outcome."""
    return t.cast(bool, message[DONE] >= message[RECIPIENTS])


def handler(ledger: Ledger, tag: bytes) -> t.Optional[Handler]:
    """Return what reads the lines of one tag. The usual to= line is read in place: there are millions of them."""
    messages, tls, place, keep = ledger.messages, ledger.tls, ledger.place, ledger.keep
    deliver, received, held = ledger.deliveries.append, _receiver(ledger), ledger.outbox.held

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        if text[:3] != b"to=":
            if text[:5] == b"from=":
                received(line, head, process, queue_id, text)
            else:
                _no_message(ledger, line, head, process, queue_id, text)
            return
        fields = text.split(b", ", 7)
        if len(fields) == 8 and fields[7][:9] == b"stat=Sent" and fields[5][:6] == b"relay=":
            to, delay, xdelay, _mailer, _priority, relay, code, reason = fields
            status = FORWARDED if held and is_held(held, place, reason) else SENT
        else:
            to, delay, xdelay, relay, code, status, reason = _any_outcome(ledger, queue_id, text)
        message = messages.get(queue_id) or unknown_message(queue_id)
        protocol = _tls_of(tls[process], relay) if process in tls else b""
        recipients = [to[4:-1]] if _COMMA not in to and to[3:4] == b"<" else _recipients(to)
        for recipient in recipients:
            deliver(
                (
                    head,
                    place,
                    queue_id,
                    message,
                    recipient,
                    b"",
                    relay,
                    delay,
                    xdelay,
                    code,
                    status,
                    reason,
                    protocol,
                    line,
                )
            )
        if status is DEFERRED:
            messages.setdefault(queue_id, message)
            wait(message, recipients, line, protocol)
        else:
            message[DONE] += len(recipients)
            if message[WAITING]:
                wait_no_more(message, recipients)
        if keep:
            remember(message, line)

    return handle


def _any_outcome(ledger: Ledger, queue_id: bytes, text: bytes) -> t.Tuple[bytes, ...]:
    """Read a to= line in any form, with what other lines say about the message."""
    to, delay, xdelay, relay, code, status, reason = _fields(text)
    if queue_id in ledger.refused:
        status, code = _refused_after_data(ledger.refused, queue_id, status, code)
    if status is HELD:
        hold(ledger.outbox, ledger.place, queue_id)
    elif status is SENT and is_held(ledger.outbox.held, ledger.place, reason):
        status = FORWARDED
    return to, delay, xdelay, relay, code, status, reason


def _no_message(ledger: Ledger, line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
    if queue_id[:8] == b"ruleset=" or queue_id[:9] == b"STARTTLS=":
        session(ledger, head, process, queue_id + b": " + text)
    else:
        expect_record(queue_id)
        if ledger.keep and queue_id in ledger.messages:
            remember(ledger.messages[queue_id], line)
        _other(ledger, line, head, queue_id, text)


# --- coming in ------------------------------------------------------------------------------------------------------


def _receiver(ledger: Ledger) -> Handler:
    messages, waiting, keep = ledger.messages, ledger.waiting, ledger.keep
    accepted, started = ledger.accepted.append, ledger.started.append

    def handle(line: bytes, head: bytes, process: bytes, queue_id: bytes, text: bytes) -> None:
        fields = text.split(b", ")
        if len(fields) == 8 and fields[7][:6] == b"relay=" and fields[4][:6] == b"msgid=":
            sender, size, _class, count, message_id, protocol, _daemon, client = fields
        else:
            sender, size, count, message_id, protocol, client = _unusual_from(text)
        if not queue_id.isalnum():
            raise ValueError("no queue ID")
        # No <> and no daemon: submitted on this host.
        who = sender[6:-1] if sender[5:6] == b"<" else sender[5:]
        announced, octets = int(count[7:]), int(size[5:])
        tls = (ledger.tls.get(process) or _SOME_TLS)[1] if protocol in _WITH_TLS else b""
        lines = [line] if keep else None
        message = [head, client[6:-1], message_id[6:], who, octets, announced, tls, None, b"", lines, 0, 0]
        messages[queue_id] = message
        if queue_id in waiting or not announced or not (octets or message_id):
            _unusual_message(ledger, line, head, queue_id, message)
        else:
            accepted(message)
            started(head)

    return handle


def _unusual_message(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, message: Message) -> None:
    """Record that recipients or the message as a whole were refused, or that the client went away."""
    refused = ledger.waiting.pop(queue_id, ())
    for raw in refused:
        ledger.deliveries.append(raw[:MESSAGE] + (message,) + raw[MESSAGE + 1 :])
    if message[RECIPIENTS] and (message[SIZE] or message[MESSAGE_ID]) and not _refused_as_a_whole(refused):
        ledger.accepted.append(message)
        ledger.started.append(head)
    elif not refused:
        ledger.deliveries.append(ledger.outcome(head, queue_id, message, b"", UNFINISHED, b"", b"", line))


def _unusual_from(text: bytes) -> t.Tuple[bytes, ...]:
    """Read a from= line with other fields than the usual eight, or with a comma in an address or a message ID."""
    end = _written_end(text, 5, b", size=")
    size_end = text.index(b", ", end + 2)
    before, _relay, client = text[size_end:].rpartition(b", relay=")
    count, comma, rest = before[before.index(b", nrcpts=") + 2 :].partition(b", ")
    if text[end : end + 7] != b", size=" or not client:
        raise ValueError("a from= line without size= or relay=")
    rest, fields = comma + rest, {}
    while True:
        # From the right: the message ID is the only field with foreign text.
        before, mark, field = rest.rpartition(b", ")
        name, _equals, value = field.partition(b"=")
        if not mark or name not in _AFTER_MESSAGE_ID:
            break
        fields[name], rest = value, before
    message_id = rest[2:] if rest[:8] == b", msgid=" else b""
    return (
        text[:end],
        text[end + 2 : size_end],
        count,
        message_id,
        b"proto=" + fields.get(b"proto", b""),
        b"relay=" + client,
    )


def _refused_as_a_whole(refused: t.Iterable[Raw]) -> bool:
    """Return whether the message was refused after DATA: its recipients were not, and it counts them."""
    return any(b": collect: " in raw[LINE] for raw in refused)


def session(ledger: Ledger, head: bytes, process: bytes, text: bytes) -> None:
    """Read a line without a queue ID: C(STARTTLS=client, relay=mx., version=TLSv1.3, verify=OK, ...), rejected connections."""
    expect_record(text)
    if text[:9] == b"STARTTLS=":
        fields = text.split(b", ", 3)
        if len(fields) == 4 and fields[1][:6] == b"relay=" and fields[2][:8] == b"version=":
            relay = fields[1] if fields[0][9:] == b"client" else b""
            remember_session(ledger.tls, process, (relay, fields[2][8:]))
    elif text[:8] == b"ruleset=":
        _ruleset(ledger, text, head, b"", text)


def _ruleset(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    """Read C(ruleset=check_rcpt, arg1=<b>, relay=name [ip], reject=550 5.7.1 <b>... why); discard and quarantine follow later."""
    name, argument, client, mark, why = _judgement(text)
    if name[:6] != b"check_":
        return
    recipient = argument if name in _OF_RECIPIENTS else b""
    if not mark:
        if client.endswith(b", discard\n") and recipient and queue_id:
            _expect_discard(ledger, queue_id, recipient)
        return
    message = new_message(head, client.partition(b", discard\n")[0].partition(b", quarantine=")[0])
    if name == b"check_mail":
        message[SENDER] = argument
    raw = ledger.outcome(head, queue_id, message, recipient, REJECTED, why[:-1], enhanced(why), line)
    if not queue_id:
        ledger.deliveries.append(raw)
    elif name in _OF_MESSAGES:
        _refuse_message(ledger, queue_id, raw)
    else:
        _wait(ledger, queue_id, raw)


def _expect_discard(ledger: Ledger, queue_id: bytes, recipient: bytes) -> None:
    """Keep the recipient for the line that says that the message was discarded."""
    ledger.discarded[queue_id] = recipient
    if len(ledger.discarded) > 10000:
        ledger.discarded.clear()


def _judgement(text: bytes) -> t.Tuple[bytes, ...]:
    """Name, argument, client, C(reject=) and the reply; without a name what is no judgement of an address or a host."""
    fields = text.split(b", ", 3)
    if len(fields) == 4 and fields[2][:6] == b"relay=" and fields[3][:7] == b"reject=":
        argument = fields[1]
        if argument[:6] == b"arg1=<" and argument.find(b">") == len(argument) - 1 and b'"' not in argument:
            return fields[0][8:], argument[6:-1], fields[2][6:], b"reject=", fields[3][7:]
    end = text.index(b", ")
    name, rest = text[8:end], text[end:]
    if name[:6] != b"check_" or rest[:7] != b", arg1=":
        return b"", b"", b"", b"", b""
    end = address_end(rest, 7)
    told, mark, why = rest[end:].partition(b", reject=")
    return name, bare(rest[7:end]), told.partition(b", relay=")[2], mark, why


def _wait(ledger: Ledger, queue_id: bytes, raw: Raw) -> None:
    """Let a rejected recipient wait for its sender: the from= line comes at the end of the transaction."""
    ledger.waiting.setdefault(queue_id, []).append(raw)
    if len(ledger.waiting) > 10000:
        flush(ledger)


def _refuse_message(ledger: Ledger, queue_id: bytes, raw: Raw) -> None:
    """Keep the refusal of a message as a whole.

    After DATA the from= line stands in the log already. Then a to= line follows for each recipient, without the enhanced
    status code, which this line has. Before DATA the from= line is still to come, and no recipient is named.
    """
    message = ledger.messages.get(queue_id)
    if message is None or message[SENDER] is None:
        _wait(ledger, queue_id, raw)
        return
    if len(ledger.refused) > 10000:
        flush(ledger)
    ledger.refused[queue_id] = raw[:MESSAGE] + (message,) + raw[MESSAGE + 1 :]


def _refused_after_data(
    refused: t.Dict[bytes, Raw], queue_id: bytes, status: bytes, code: bytes
) -> t.Tuple[bytes, bytes]:
    """Return the status and the code of a recipient whose message was refused: what the client was told."""
    whole = refused[queue_id]
    if status not in (BOUNCED, REJECTED, DEFERRED):
        return status, code
    whole[MESSAGE][NOTED] |= REFUSED
    return REJECTED, code if code[4:] else whole[STATUS_CODE]


def flush(ledger: Ledger) -> None:
    """Let go what still waits for a line that will not come: the log has ended."""
    for refusals in ledger.waiting.values():
        ledger.deliveries.extend(refusals)
    ledger.waiting.clear()
    for raw in ledger.refused.values():
        if not raw[MESSAGE][NOTED] & REFUSED:
            ledger.deliveries.append(raw)
    ledger.refused.clear()


# --- going out ------------------------------------------------------------------------------------------------------


def _status(outcome: bytes, code: bytes) -> bytes:
    word = outcome.split(b" ", 1)[0]
    return _WORDS.get(word) or _CLASSES.get(code[:1], BOUNCED)


def _recipients(to: bytes) -> t.List[bytes]:
    """Return the addresses of C(to=<a>,<b>), C(to=a,b), C(to="Doe, Jo" <a>,Max <b>), in which quotes and comments can hold commas."""
    if b'"' not in to and b" " not in to:
        if to[3:4] == b"<" and to[-1:] == b">":
            return to[4:-1].split(b">,<")
        return [bare(address) for address in to[3:].split(b",")]
    recipients, start = [], 3
    while start < len(to):
        end = _written_end(to, start, b",")
        recipients.append(_address(to[start:end]))
        start = end + 1
    return recipients


def _address(text: bytes) -> bytes:
    """Return the address alone of C(Vera <vera@served.example>) and C(vera@served.example (Vera))."""
    text = text.strip()
    start = _unquoted(text, b"<", 0)
    if start >= 0 and text[-1:] == b">":
        return text[start + 1 : -1]
    comment = _unquoted(text, b" (", 0)
    return text[:comment] if comment > 0 and text[-1:] == b")" else text


def _written_end(text: bytes, start: int, mark: bytes) -> int:
    """Return where an address ends that may have a display name: at the first I(mark) outside quotes, comments and brackets."""
    end = _unquoted(text, mark, start)
    return len(text) if end < 0 else end


def _unquoted(text: bytes, mark: bytes, start: int) -> int:
    """Return the first position of I(mark) outside quotes, comments and brackets, or -1."""
    inside: t.List[bytes] = []
    position = start
    while position < len(text):
        if not inside and text[position : position + len(mark)] == mark:
            return position
        character = text[position : position + 1]
        within = inside[-1] if inside else b""
        if character == b"\\":
            position += 1
        elif character == within:
            inside.pop()
        elif character in _OPENS[within]:
            inside.append(_CLOSES[character])
        position += 1
    return -1


#: What ends that which a character begins; and what can begin within it.
_CLOSES = {b'"': b'"', b"(": b")", b"<": b">"}
_OPENS: t.Dict[bytes, t.Tuple[bytes, ...]] = {b"": (b'"', b"(", b"<"), b">": (b'"',), b")": (b"(",), b'"': ()}


def _fields(text: bytes) -> t.Tuple[bytes, ...]:
    """Read any to= line."""
    fields = text.split(b", ", 7)
    if len(fields) != 8 or fields[7][:5] != b"stat=" or fields[5][:6] != b"relay=":
        return _unusual_to(text)
    to, delay, xdelay, _mailer, _priority, relay, code, reason = fields
    return to, delay, xdelay, relay, code, _status(reason[5:-1], code[4:]), reason


def _unusual_to(text: bytes) -> t.Tuple[bytes, ...]:
    """Read a to= line with C([more]), C(ctladdr=), C(reply=), C(quarantine=), without relay=, or with commas in an address."""
    end = _list_end(text)
    to, rest = text[:end], text[end:]
    rest = rest[8:] if rest[:8] == b", [more]" else rest
    start = rest.find(b", delay=")
    if start < 0:
        raise ValueError("a to= line without delay=")
    before, stat, outcome = _stat(rest[start:])
    before, _reply, reply = before.partition(b", reply=")
    fields = dict(field.partition(b"=")[::2] for field in before.split(b", ")[1:])
    return (
        to,
        b"delay=" + fields.get(b"delay", b""),
        b"xdelay=" + fields.get(b"xdelay", b""),
        b"relay=" + fields.get(b"relay", b""),
        b"dsn=" + fields.get(b"dsn", b""),
        _unusual_status(to, fields, outcome[:-1]),
        reply or fields.get(b"quarantine", b"") or outcome[:-1],
    )


def _unusual_status(to: bytes, fields: t.Mapping[bytes, bytes], outcome: bytes) -> bytes:
    code = fields.get(b"dsn", b"")
    status = _status(outcome, code)
    if status is SENT and _is_nobody(to, fields.get(b"mailer", b"")):
        return DISCARDED
    if status is BOUNCED and not code and b"mailer" not in fields:
        return REJECTED  # after DATA: the client was told, and nobody tried to deliver it
    return status


def _is_nobody(to: bytes, mailer: bytes) -> bool:
    """Return whether sendmail calls sent what nobody receives: by a mailer that throws away, or into C(/dev/null)."""
    return mailer.endswith(_THROWING_AWAY) or mailer == b"*file*" and bare(to[3:]) == b"/dev/null"


def _stat(text: bytes) -> t.Tuple[bytes, bytes, bytes]:
    # stat= is the last field. What a server replied stands before it (reply=), and can hold any text.
    return text.rpartition(b", stat=") if b", reply=" in text else text.partition(b", stat=")


def _list_end(text: bytes) -> int:
    """Return the end of the recipients: the first C(, ) that a field follows, outside quotes, comments and brackets."""
    position = text.find(b", ", 3)
    if _FIELD.match(text, position + 2) and b'"' not in text[:position] and b"(" not in text[:position]:
        return position
    position = 3
    while True:
        position = _unquoted(text, b", ", position)
        if position < 0:
            raise ValueError("recipients without an end")
        if _FIELD.match(text, position + 2):
            return position
        position += 2


#: What follows the recipients of a to= line.
_FIELD = re.compile(rb"(?:\[more\]|ctladdr=|delay=)")


def session_line(raw: Raw) -> bytes:
    """Return the line about the TLS session of a delivery, as the process wrote it before."""
    return b"%b: STARTTLS=client, %b, version=%b, verify=\n" % (raw[HEAD], raw[RELAY], raw[TLS])


def _tls_of(session_: t.Optional[t.Tuple[bytes, bytes]], relay: bytes) -> t.Optional[bytes]:
    """Return the protocol of the connection to this relay; the session may be the one in which the message came."""
    if session_ is None:
        return None
    peer, protocol = session_
    return protocol if peer and relay.startswith(peer) else b""


# --- the rest -------------------------------------------------------------------------------------------------------


def _other(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    if text[:8] == b"ruleset=":
        _ruleset(ledger, line, head, queue_id, text)
    elif text == b"discarded\n":
        _discarded(ledger, line, head, queue_id)
    elif text[:8] == b"Milter: ":
        if b", reject=" in text:
            _milter(ledger, line, head, queue_id, text[8:])
    elif text[:28] == b"SYSERR(root): Too many hops ":
        _looped(ledger, line, head, queue_id, text)
    elif text.startswith((b"collect: ", b"<")):
        _complaint(ledger, line, head, queue_id, text)
    else:
        child, colon, what = text.partition(b": ")
        if colon and len(child) == len(queue_id) and child.isalnum():
            _child(ledger, line, head, queue_id, child, what)


def _complaint(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    """Read C(collect: ..., info=why, where=...) about a message, and C(<recipient>... why)."""
    recipient = why = code = b""
    if text[:1] == b"<":
        recipient, mark, why = text[1:-1].partition(b">... ")
        code = enhanced(why)
    else:
        mark, why = text.partition(b", info=")[1:]
        why = why.partition(b", where=")[0]
    if mark:
        _wait(ledger, queue_id, ledger.outcome(head, queue_id, NOBODY, recipient, REJECTED, why, code, line))


def _child(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, child: bytes, what: bytes) -> None:
    """Read C(CHILD: DSN: why): a notice that sendmail sends. C(CHILD: clone: owner=o): the same message, from the owner."""
    kind, _colon, why = what.partition(b": ")
    parent = ledger.messages.get(queue_id)
    if kind == b"clone":
        message = list(parent) if parent else new_message(head)
        message[SENDER], message[WAITING], message[DONE], message[LINES] = why[6:-1], None, 0, None
        ledger.messages[child] = message
    elif kind in NOTICES:
        message = ledger.messages[child] = new_message(head, LOCAL, b"", b"")
        if why[:20] == b"Cannot send message ":
            _expire(ledger, line, head, queue_id, parent, why[:-1])
    else:
        return
    if ledger.keep:
        message[LINES] = [line]


def _expire(
    ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, message: t.Optional[Message], why: bytes
) -> None:
    if message is None:
        # The log does not reach back, and nobody is named.
        message = ledger.message(queue_id)
        ledger.deliveries.append(ledger.outcome(head, queue_id, message, b"", EXPIRED, why, b"", line))
    if not message[WAITING]:
        return  # the second notice of the same end
    for recipient, (last, tls) in message[WAITING].items():
        _to, delay, xdelay, relay, _code, _status, reason = _fields(last.split(b": ", 2)[2])
        attempt = Attempt(b"", relay, delay, xdelay, b"", reason, tls)
        ledger.deliveries.append(ledger.ended(head, queue_id, message, recipient, attempt, EXPIRED, why, line))
    message[DONE] += len(message[WAITING])
    message[WAITING] = None


def _discarded(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes) -> None:
    """Read C(discarded), at LogLevel 9 one line for the whole message. A recipient is named only if that one was the cause."""
    message = ledger.messages.get(queue_id) or NOBODY
    recipient = ledger.discarded.pop(queue_id, b"")
    ledger.deliveries.append(ledger.outcome(head, queue_id, message, recipient, DISCARDED, b"discarded", b"", line))
    if message is not NOBODY:
        message[DONE] = message[RECIPIENTS]


def _milter(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    """Read C(Milter: to=<b>, reject=550 5.7.1 why), also C(from=<a>), C(helo=), C(connect), C(cmd=data), C(data)."""
    what, _reject, why = text.rpartition(b", reject=")
    recipient = _address(what[3:]) if what[:3] == b"to=" else b""
    message = ledger.messages.get(queue_id) or NOBODY
    if what[:5] == b"from=" and message is NOBODY:
        message = new_message(None, None, _address(what[5:]))
    raw = ledger.outcome(head, queue_id, message, recipient, REJECTED, why[:-1], enhanced(why), line)
    if recipient or what[:5] == b"from=":
        _wait(ledger, queue_id, raw)
    else:
        _refuse_message(ledger, queue_id, raw)


def _looped(ledger: Ledger, line: bytes, head: bytes, queue_id: bytes, text: bytes) -> None:
    """Read C(SYSERR(root): Too many hops 31 (25 max): from <a> via host, to <b>) is all that is said about a loop."""
    message = ledger.messages.get(queue_id)
    if message and message[DONE] < message[RECIPIENTS]:
        start = text.rindex(b", to ") + 5
        message[DONE] = message[RECIPIENTS]
        ledger.deliveries.append(
            ledger.outcome(head, queue_id, message, bare(text[start:-1]), BOUNCED, text[14:-1], b"5.4.6", line)
        )
