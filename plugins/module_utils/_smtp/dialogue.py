# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One SMTP conversation, byte for byte: what was sent, what came back, and how long it took.

Private to the collection: it can change at any time.

The standard library's smtplib hides what an audit needs to see: it refuses odd arguments, rewrites line ends and raises on
a closed connection. A L(Dialogue) sends exactly the bytes it is given and never raises on network trouble: every step has a
named outcome instead. After a step that ended the conversation all further steps are C(not_sent).
"""

import errno
import socket
import ssl
import time
import typing as t

from .._errors import OptionError, PostmasterError, shorten
from .certificate import Certificate, read_certificate

CRLF = b"\r\n"
END_OF_DATA = b".\r\n"

# The outcomes of a step. Only the first leaves the conversation open.
ANSWERED = "answered"
SERVICE_CLOSING = "421"  # RFC 5321 section 3.8: the server says why it hangs up
REFUSED = "refused"  # nobody listens
NO_ANSWER = "no_answer"  # nobody answers the connection request: a firewall, or a host that is down
UNREACHABLE = "unreachable"  # no route, or the network says no
UNRESOLVED = "unresolved"  # the name of the relay has no address of the IP version
NO_SOURCE = "no_source"  # the source address is not one of this host
TIMEOUT = "timeout"  # connected, and no reply in time
CLOSED = "closed"  # the peer closed or reset the connection without a word
MALFORMED = "malformed"  # what came back is no SMTP reply
TLS_REFUSED = "tls_refused"  # the peer answered the handshake with an alert
TLS_FAILED = "tls_failed"  # the handshake failed otherwise
NOT_SENT = "not_sent"  # the conversation was over before this step

#: The outcomes of connecting that leave no connection.
NOT_CONNECTED = frozenset((REFUSED, NO_ANSWER, UNREACHABLE, UNRESOLVED, NO_SOURCE))

# A reply that is larger than this is an attack on the reader, not a reply (RFC 5321 section 4.5.3.1.5: 512 octets a line).
MAXIMUM_REPLY = 256 * 1024

# What the operating system's errors mean; any other error is a connection that went away.
_OUTCOMES: t.Dict[int, str] = {
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: TIMEOUT,
    errno.EHOSTUNREACH: UNREACHABLE,
    errno.ENETUNREACH: UNREACHABLE,
    errno.EACCES: UNREACHABLE,
    errno.EPERM: UNREACHABLE,
    errno.EADDRNOTAVAIL: NO_SOURCE,
}

TLS_VERSIONS = ("1.0", "1.1", "1.2", "1.3")


class MalformedReply(PostmasterError):
    """Bytes that are not an SMTP reply (RFC 5321 section 4.2)."""


class Reply(t.NamedTuple):
    """A reply of one or more lines (RFC 5321 section 4.2.1).

    C(enhanced) is the enhanced status code of the first line (RFC 3463), empty where there is none. C(lines) are the texts
    behind the reply code; bytes that are not UTF-8 are shown as C(\\xNN).
    """

    code: int
    enhanced: str
    lines: t.Tuple[str, ...]

    @property
    def text(self) -> str:
        """Join all lines, without the enhanced status code."""
        return " ".join(_without_status(line, self.enhanced) for line in self.lines).strip()

    @property
    def family(self) -> int:
        """Return the first digit: 2 accepted, 3 go on, 4 not now, 5 no."""
        return self.code // 100

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


class Step(t.NamedTuple):
    """One exchange: the bytes sent, the reply or why there is none, and the seconds from sending to the last byte of the reply."""

    name: str
    sent: bytes
    reply: t.Optional[Reply]
    outcome: str
    seconds: float
    detail: str = ""

    @property
    def code(self) -> int:
        """Return the reply code; 0 where there was no reply."""
        return self.reply.code if self.reply is not None else 0

    @property
    def family(self) -> int:
        """Return the first digit of the reply code; 0 where there was no reply."""
        return self.code // 100

    def __str__(self) -> str:
        return str(self.reply) if self.reply is not None else " ".join((self.outcome, self.detail)).strip()


class TlsFacts(t.NamedTuple):
    """What was agreed in the handshake; I(certificate) is None where the peer showed none that can be read."""

    version: str
    cipher: str
    bits: int
    certificate: t.Optional[Certificate]


# --- pure parts ---------------------------------------------------------------------------------------------------


def take_reply(buffer: bytes) -> t.Optional[t.Tuple[Reply, bytes]]:
    """Take the first complete reply from I(buffer); None while it is incomplete.

    :returns: the reply and the bytes behind it.
    :raises MalformedReply: a line is no reply line, or the lines of one reply carry different codes.
    """
    lines: t.List[bytes] = []
    start = 0
    while True:
        end = buffer.find(b"\n", start)
        if end < 0:
            return None
        line = buffer[start:end].rstrip(b"\r")
        start = end + 1
        _check_reply_line(line, lines)
        lines.append(line)
        if line[3:4] != b"-":
            return _make_reply(lines), buffer[start:]


def parse_reply(data: bytes) -> Reply:
    """Read I(data) as exactly one reply.

    :raises MalformedReply: it is none, or there is more.
    """
    taken = take_reply(data)
    if taken is None or taken[1]:
        raise MalformedReply(f"not exactly one SMTP reply: {shorten(printable(data))}")
    return taken[0]


def printable(data: bytes) -> str:
    """Show bytes as text: UTF-8 where they are, C(\\xNN) for other bytes and for control characters except line ends and tabs."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(char if char in "\r\n\t" or char.isprintable() else _escaped(char) for char in text)


def dot_stuffed(content: bytes) -> bytes:
    """Make I(content) ready for the wire: line ends CRLF, leading dots doubled, the end-of-data line added (RFC 5321 4.5.2)."""
    normalised = content.replace(CRLF, b"\n").replace(b"\r", b"\n")
    if normalised.endswith(b"\n"):
        normalised = normalised[:-1]
    lines = normalised.split(b"\n")
    return b"".join((b"." if line.startswith(b".") else b"") + line + CRLF for line in lines) + END_OF_DATA


def ehlo_keywords(reply: t.Optional[Reply]) -> t.Dict[str, str]:
    """Read the extensions that an EHLO reply offers: names in upper case, parameters as text (RFC 5321 section 4.1.1.1)."""
    if reply is None or reply.family != 2:
        return {}
    words = [line.split(None, 1) for line in reply.lines[1:]]
    return {word[0].upper(): word[1].strip() if len(word) > 1 else "" for word in words if word}


def tls_context(
    version: t.Optional[str] = None, ciphers: t.Optional[str] = None, ca_file: t.Optional[str] = None
) -> ssl.SSLContext:
    """Make a client context that accepts any certificate, unless I(ca_file) says whom to trust.

    :param version: offer this protocol version only: one of C(TLS_VERSIONS). Default: what the local library offers.
    :param ciphers: an OpenSSL cipher list, for TLS 1.2 and older.
    :raises OptionError: the local library cannot do it; then nothing can be said about the peer.
    """
    context = ssl.SSLContext(getattr(ssl, "PROTOCOL_TLS_CLIENT", ssl.PROTOCOL_TLS))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if ca_file is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ca_file)
    if version is not None:
        _pin_version(context, version)
    if ciphers is not None:
        try:
            context.set_ciphers(ciphers)
        except ssl.SSLError as error:
            raise OptionError("ciphers", ciphers, f"the local OpenSSL knows none of them: {error}") from error
    return context


def resolve(host: str, port: int, family: int = socket.AF_UNSPEC) -> t.List[str]:
    """Return the numeric addresses of I(host) in the resolver's order; empty where it has none of that family."""
    try:
        entries = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def step_facts(step: Step, limit: int = 400) -> t.Dict[str, t.Any]:
    """Return a step as the modules show it; long messages are cut to their first I(limit) characters."""
    sent = printable(step.sent)
    if sent.endswith("\r\n"):
        sent = sent[:-2]
    return {
        "step": step.name,
        "sent": sent if len(sent) <= limit else f"{sent[:limit]}... ({len(step.sent)} bytes)",
        "code": step.reply.code if step.reply else None,
        "enhanced": step.reply.enhanced if step.reply else "",
        "text": step.reply.text if step.reply else "",
        "lines": list(step.reply.lines) if step.reply else [],
        "outcome": step.outcome,
        "seconds": round(step.seconds, 3),
        "detail": step.detail,
    }


# --- the conversation ---------------------------------------------------------------------------------------------


class Dialogue:
    """A conversation with one SMTP server.

    :param address: the numeric address or the name of the server.
    :param source: the local address to connect from; it decides between IPv4 and IPv6.
    :param family: C(socket.AF_INET) or C(socket.AF_INET6), where neither I(address) nor I(source) decides it.
    :param timeout: seconds that a step may take altogether, from the first byte sent to the last byte received.
    :param timeouts: other limits for single steps by name: C(connect), C(ehlo), C(mail), C(rcpt), C(data), C(message), ...

    Everything said is kept in C(steps). C(keywords) are those of the last EHLO, C(tls) is set after STARTTLS.
    Use it as a context manager: leaving it closes the connection (without QUIT, which is a step like any other).
    """

    def __init__(
        self,
        address: str,
        port: int = 25,
        source: t.Optional[str] = None,
        family: int = socket.AF_UNSPEC,
        timeout: float = 60.0,
        timeouts: t.Optional[t.Mapping[str, float]] = None,
    ) -> None:
        self.address = address
        self.port = port
        self.source = source
        self.family = family
        self.timeout = timeout
        self.timeouts = dict(timeouts or {})
        self.steps: t.List[Step] = []
        self.keywords: t.Dict[str, str] = {}
        self.tls: t.Optional[TlsFacts] = None
        self._socket: t.Optional[socket.socket] = None
        self._buffer = b""

    def __enter__(self) -> "Dialogue":
        return self

    def __exit__(self, *dummy: t.Any) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Return whether a further step can be sent."""
        return self._socket is not None

    # The steps of RFC 5321, in the order in which they are usually taken.

    def connect(self, banner: bool = True) -> Step:
        """Connect and read the greeting; without I(banner) return as soon as the connection stands."""
        started = time.monotonic()
        trouble = self._open_socket(self._limit("connect"))
        if trouble is not None or not banner:
            outcome, detail = trouble or (ANSWERED, "")
            return self._note(Step("connect", b"", None, outcome, time.monotonic() - started, detail))
        return self._await_reply("connect", b"", started)

    def ehlo(self, name: str) -> Step:
        """Send EHLO; what it offers is kept in C(keywords)."""
        step = self.command(f"EHLO {name}", "ehlo")
        self.keywords = ehlo_keywords(step.reply)
        return step

    def helo(self, name: str) -> Step:
        """Send HELO."""
        return self.command(f"HELO {name}", "helo")

    def mail(self, sender: str, parameters: str = "") -> Step:
        """Send MAIL FROM; I(sender) is written between angle brackets, I(parameters) behind them."""
        return self.command(f"MAIL FROM:<{sender}> {parameters}".rstrip(), "mail")

    def rcpt(self, recipient: str, parameters: str = "") -> Step:
        """Send RCPT TO; I(recipient) is written between angle brackets, I(parameters) behind them."""
        return self.command(f"RCPT TO:<{recipient}> {parameters}".rstrip(), "rcpt")

    def data(self) -> Step:
        """Send DATA; 354 asks for the message."""
        return self.command("DATA", "data")

    def message(self, content: bytes) -> Step:
        """Send a message dot-stuffed, with CRLF line ends and the end-of-data line, and read the verdict."""
        return self.exchange(dot_stuffed(content), "message")

    def rset(self) -> Step:
        """Send RSET."""
        return self.command("RSET", "rset")

    def quit(self) -> Step:
        """Send QUIT, then close; a peer that hangs up without 221 is recorded and does no harm."""
        step = self.command("QUIT", "quit")
        self.close()
        return step

    def starttls(self, context: ssl.SSLContext, server_name: t.Optional[str] = None, stuffed: bytes = b"") -> Step:
        """Send STARTTLS and shake hands: steps C(starttls) and C(tls). The last one taken is returned.

        What the server said in clear text behind its 220 is thrown away, as RFC 3207 section 6 demands.

        :param stuffed: bytes to send in clear text together with STARTTLS; a good server throws them away likewise.
        """
        step = self.exchange(b"STARTTLS" + CRLF + stuffed, "starttls")
        if step.code != 220 or self._socket is None:
            return step
        self._buffer = b""
        self.keywords = {}
        return self._handshake(self._socket, context, server_name)

    # Anything else: exact bytes.

    def command(self, line: t.Union[str, bytes], name: str = "") -> Step:
        """Send one line, CRLF added, and read the reply; text goes out as UTF-8. Nothing in the line is checked."""
        raw = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line
        return self.exchange(raw + CRLF, name or _verb(raw))

    def exchange(self, data: bytes, name: str) -> Step:
        """Send bytes as they are and read one reply."""
        started = time.monotonic()
        if self._socket is None:
            return self._note(Step(name, data, None, NOT_SENT, 0.0))
        self._send(data, name)
        return self._await_reply(name, data, started)

    def pipeline(self, lines: t.Sequence[t.Union[str, bytes]]) -> t.List[Step]:
        """Send several lines in one write, CRLF added to each, then read one reply for each (RFC 2920)."""
        raws = [line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line for line in lines]
        started = time.monotonic()
        if self._socket is not None:
            self._send(b"".join(raw + CRLF for raw in raws), "pipeline")
        return [self._await_reply(_verb(raw), raw + CRLF, started) for raw in raws]

    def receive(self, name: str, timeout: t.Optional[float] = None) -> Step:
        """Read one more reply without sending anything, waiting I(timeout) seconds; a timeout here does not end the conversation."""
        return self._await_reply(name, b"", time.monotonic(), timeout)

    def close(self) -> None:
        """Close the connection; harmless when it is closed already."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # Below: sockets.

    def _limit(self, name: str) -> float:
        return self.timeouts.get(name, self.timeout)

    def _note(self, step: Step) -> Step:
        self.steps.append(step)
        return step

    def _open_socket(self, limit: float) -> t.Optional[t.Tuple[str, str]]:
        """Connect to the first address that answers; return the outcome and the detail of the trouble otherwise."""
        family = self.family
        if self.source is not None:
            family = socket.AF_INET6 if ":" in self.source else socket.AF_INET
        addresses = resolve(self.address, self.port, family)
        versions: t.Dict[int, str] = {socket.AF_INET: "IPv4 ", socket.AF_INET6: "IPv6 "}
        version = versions.get(family, "")
        trouble = (UNRESOLVED, f"{self.address} has no {version}address")
        for address in addresses:
            try:
                source = (self.source, 0) if self.source is not None else None
                self._socket = socket.create_connection((address, self.port), limit, source)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return None
            except OSError as error:
                outcome, detail = _named_trouble(error)
                trouble = (NO_ANSWER, "to the connection request") if outcome == TIMEOUT else (outcome, detail)
        return trouble

    def _send(self, data: bytes, name: str) -> None:
        """Write bytes; trouble is left to the reader, since the peer may have said why before it hung up."""
        if self._socket is None:
            return
        self._socket.settimeout(self._limit(name))
        try:
            self._socket.sendall(data)
        except OSError:
            pass

    def _await_reply(self, name: str, sent: bytes, started: float, patience: t.Optional[float] = None) -> Step:
        """Read one reply and note the step; trouble ends the conversation."""
        if self._socket is None:
            return self._note(Step(name, sent, None, NOT_SENT, 0.0))
        limit = self._limit(name) if patience is None else patience
        reply = None
        outcome, detail = ANSWERED, ""
        try:
            reply = self._read_reply(self._socket, started + limit)
            if reply.code == 421:
                outcome = SERVICE_CLOSING
        except MalformedReply as error:
            outcome, detail = MALFORMED, str(error)
        except (OSError, ssl.SSLError) as error:
            outcome, detail = _named_trouble(error)
            if outcome == TIMEOUT:
                detail = f"connected, but there is no reply after {limit:.0f} s"
        # A caller with a patience of its own goes on after silence.
        goes_on = outcome == ANSWERED or (outcome == TIMEOUT and patience is not None)
        if not goes_on:
            self.close()
        return self._note(Step(name, sent, reply, outcome, time.monotonic() - started, detail))

    def _read_reply(self, connection: socket.socket, deadline: float) -> Reply:
        while True:
            taken = take_reply(self._buffer)
            if taken is not None:
                self._buffer = taken[1]
                return taken[0]
            if len(self._buffer) > MAXIMUM_REPLY:
                raise MalformedReply(f"a reply of more than {MAXIMUM_REPLY} bytes")
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise socket.timeout("timed out")
            connection.settimeout(remaining)
            received = connection.recv(65536)
            if not received:
                raise ConnectionResetError(errno.ECONNRESET, "closed by the peer")
            self._buffer += received

    def _handshake(self, plain: socket.socket, context: ssl.SSLContext, server_name: t.Optional[str]) -> Step:
        started = time.monotonic()
        outcome, detail = ANSWERED, ""
        try:
            plain.settimeout(self._limit("tls"))
            secured = context.wrap_socket(plain, server_hostname=server_name)
            self._socket = secured
            self.tls = _tls_facts(secured)
            detail = f"{self.tls.version} {self.tls.cipher}"
        except (OSError, ssl.SSLError) as error:
            outcome, detail = _named_trouble(error)
            outcome = TLS_FAILED if outcome == CLOSED else outcome
            self.close()
        return self._note(Step("tls", b"", None, outcome, time.monotonic() - started, detail))


# --- helpers ------------------------------------------------------------------------------------------------------


def _check_reply_line(line: bytes, before: t.Sequence[bytes]) -> None:
    code = line[:3]
    if not (len(code) == 3 and code.isdigit() and code[:1] in b"2345" and line[3:4] in (b"", b" ", b"-")):
        raise MalformedReply(f"not an SMTP reply line: {shorten(printable(line))}")
    if before and before[0][:3] != code:
        raise MalformedReply(f"two codes in one reply: {shorten(printable(before[0] + b' / ' + line))}")


def _make_reply(lines: t.Sequence[bytes]) -> Reply:
    texts = tuple(printable(line[4:]) for line in lines)
    return Reply(int(lines[0][:3]), _enhanced_status(texts[0], lines[0][:1].decode("ascii")), texts)


def _enhanced_status(text: str, digit: str) -> str:
    """Read the enhanced status code of a text; its class must agree with the reply code (RFC 2034 section 4)."""
    word = text.split(" ", 1)[0]
    numbers = word.split(".")
    agrees = len(numbers) == 3 and numbers[0] == digit and all(n.isdigit() and len(n) <= 3 for n in numbers)
    return word if agrees else ""


def _without_status(line: str, status: str) -> str:
    return line[len(status) :].lstrip() if status and line.split(" ", 1)[0] == status else line


def _verb(line: bytes) -> str:
    """Name a step by its first word in lower case."""
    return line.split(b" ")[0].decode("ascii", "replace").lower()


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _pin_version(context: ssl.SSLContext, version: str) -> None:
    if version not in TLS_VERSIONS:
        raise OptionError("tls version", version, f"one of {', '.join(TLS_VERSIONS)}")
    names = {label: "TLSv1" if label == "1.0" else "TLSv" + label.replace(".", "_") for label in TLS_VERSIONS}
    if version in ("1.0", "1.1"):
        # OpenSSL 3 offers the old versions at security level 0 only: without it the test would test this side.
        context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        if hasattr(context, "minimum_version"):
            wanted = getattr(ssl.TLSVersion, names[version])
            context.minimum_version = wanted
            context.maximum_version = wanted
        else:
            _forbid_others(context, names, version)
    except (AttributeError, ValueError) as error:
        raise OptionError("tls version", version, f"the local OpenSSL cannot do it: {error}") from error


def _forbid_others(context: ssl.SSLContext, names: t.Mapping[str, str], version: str) -> None:
    """Switch off the other versions. Python 3.6 has no minimum_version, only such options."""
    if not getattr(ssl, f"HAS_{names[version]}", version != "1.3"):
        raise ValueError("not built in")
    for label, name in names.items():
        option = getattr(ssl, f"OP_NO_{name}", 0)
        context.options = (context.options & ~option) if label == version else (context.options | option)


def _named_trouble(error: OSError) -> t.Tuple[str, str]:
    """Return the outcome that an error of the operating system or OpenSSL means, and its text."""
    text = str(error.strerror or error)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return CLOSED, text
    if isinstance(error, ssl.SSLError):
        reason = str(getattr(error, "reason", None) or text)
        return (TLS_REFUSED, reason) if "_ALERT_" in reason else (TLS_FAILED, reason)
    if isinstance(error, socket.timeout):
        return TIMEOUT, text
    return _OUTCOMES.get(error.errno or 0, CLOSED), text


def _tls_facts(secured: ssl.SSLSocket) -> TlsFacts:
    name, version, bits = secured.cipher() or ("", secured.version() or "", 0)
    return TlsFacts(secured.version() or version, name, bits, read_certificate(secured.getpeercert(binary_form=True)))
