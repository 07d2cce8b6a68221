# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail of the kit: messages of ours, handed to an instance of this host over SMTP.

Private to the collection: it can change at any time.
"""

import email.message
import email.policy
import email.utils
import re
import socket
import typing as t

from .. import _addresses
from .._driver.daemon import daemon_of
from .._errors import OptionError, PostmasterError
from .._model.host import Host
from .._report.words import visible
from .._smtp.dialogue import Dialogue, Step
from .._smtp.message import on_the_wire

_PLACEHOLDER = re.compile(r"\{([a-z]*)\}")
_SUBJECT_LENGTH = 200


class NotSent(PostmasterError):
    """A message that nobody took; the answer that refused it is in the message."""


class Attachment(t.NamedTuple):
    """A text that goes with a message as a file."""

    name: str
    subtype: str
    text: str


class Envelope(t.NamedTuple):
    """Who a message is from, and whom it is for."""

    sender: str
    recipients: t.Tuple[str, ...]


def filled(option: str, template: str, values: t.Mapping[str, t.Any]) -> str:
    """Return a template with its placeholders filled in, on one line.

    :raises OptionError: a placeholder that nobody knows.
    """
    for name in _PLACEHOLDER.findall(template):
        if name not in values:
            known = ", ".join(f"{{{word}}}" for word in sorted(values))
            raise OptionError(option, template, f"{{{name}}} is not known; there are {known}")
    text = _PLACEHOLDER.sub(lambda match: str(values[match.group(1)]), template)
    return visible(text, _SUBJECT_LENGTH)


def message(
    envelope: Envelope, subject: str, text: str, message_id: str, attachments: t.Sequence[Attachment] = ()
) -> bytes:
    """Return a message as it goes on the wire, before dots are doubled. No value can begin a header field of its own."""
    letter = email.message.EmailMessage(policy=email.policy.SMTP.clone(max_line_length=78))
    letter["From"] = envelope.sender or "MAILER-DAEMON"
    letter["To"] = ", ".join(envelope.recipients)
    letter["Subject"] = visible(subject, _SUBJECT_LENGTH)
    letter["Date"] = email.utils.format_datetime(email.utils.localtime())
    letter["Message-ID"] = f"<{message_id}>"
    # RFC 3834: what answers by itself does not answer this.
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(text, cte="quoted-printable")
    for attachment in attachments:
        letter.add_attachment(attachment.text, subtype=attachment.subtype, filename=attachment.name, cte="base64")
    return letter.as_bytes()


def addresses(host: Host) -> t.List[t.Tuple[str, int]]:
    """Return where an instance can be reached from its own host, loopback first: it relays for that most probably.

    :raises NotSent: it does not listen.
    """
    listening = daemon_of(host.mta).running(host).listening
    reached = [(_ANY.get(address, address), port) for address, port in listening]
    if not reached:
        raise NotSent(f"{host.instance.name} does not listen, so it takes no mail")
    return sorted(set(reached), key=lambda pair: (not pair[0].startswith("127."), ":" in pair[0], pair))


_ANY = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}


def send(where: t.Tuple[str, int], envelope: Envelope, content: bytes, timeout: float = 60) -> str:
    """Hand a message over; return the answer that took it, which names its queue ID.

    :raises NotSent: a step was refused, or there was no answer.
    """
    with Dialogue(where[0], where[1], timeout=timeout) as session:
        _insist(session.connect(), where)
        _insist(session.command(f"EHLO {socket.getfqdn()}"), where)
        _insist(session.command(f"MAIL FROM:<{envelope.sender}>"), where)
        for recipient in envelope.recipients:
            _insist(session.command(f"RCPT TO:<{recipient}>"), where)
        _insist(session.command("DATA"), where, 3)
        taken = session.exchange(on_the_wire(content), "message")
        _insist(taken, where)
        session.quit()
    return visible(taken, 300)


def _insist(step: Step, where: t.Tuple[str, int], family: int = 2) -> None:
    if step.family != family:
        raise NotSent(f"{where[0]}:{where[1]}: {step.name}: {visible(step, 300)}")


def address(option: str, value: str) -> str:
    """Return an address that can stand in an envelope.

    :raises OptionError: it cannot.
    """
    try:
        return _addresses.mail_address(value)
    except ValueError as problem:
        raise OptionError(option, value, str(problem))


def endpoint(option: str, value: str) -> t.Tuple[str, int]:
    """Return host and port of C(host), C(host:port) or C([address]:port).

    :raises OptionError: it is none.
    """
    match = _ENDPOINT.match(value)
    port = int(match.group("port") or 25) if match else 0
    if match is None or not 0 < port < 65536:
        raise OptionError(option, value, "expected host, host:port or [address]:port")
    host = match.group("address") or match.group("host")
    try:
        return (str(_addresses.address(host)) if match.group("address") else _addresses.hostname(host)), port
    except ValueError as problem:
        raise OptionError(option, value, str(problem))


_ENDPOINT = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?\Z")

__all__ = ("Attachment", "Envelope", "NotSent", "address", "addresses", "endpoint", "filled", "message", "send")
