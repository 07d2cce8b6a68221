# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mail exchangers of the lab's outside world: they accept, defer, reject or stall on request, and keep what they get.

Every sink has a domain, an IPv4 and an IPv6 address, and listens on the ports 25 and 2525. What it does is read from
/var/lib/sink/state.json whenever it matters, so a change by sinkctl holds from the next command on.

A message is two files in /var/spool/sink/<domain>/: NAME.eml has the raw bytes as received, dots unstuffed, line endings
untouched; NAME.json has its envelope. Both appear by rename, the envelope last.
"""

import asyncio
import datetime
import json
import os
import pathlib
import ssl
import typing as t

SPOOL = pathlib.Path("/var/spool/sink")
STATE = pathlib.Path("/var/lib/sink/state.json")
CERTIFICATES = pathlib.Path("/etc/ssl/lab")
PORTS = (25, 2525)
LONGEST_LINE = 65536
IDLE_SECONDS = 600
END_OF_DATA = b"\r\n.\r\n"

# domain: (last part of the addresses, name of the mail exchanger, what it does unless told otherwise)
SINKS = {
    "ok.test": (51, "mx1.ok.test", "accept"),
    "defer.test": (52, "mx2.defer.test", "defer"),
    "reject.test": (53, "mx3.reject.test", "reject"),
    "stall.test": (54, "mx4.stall.test", "stall"),
    "tls.test": (55, "mx5.tls.test", "tls"),
    "third.test": (56, "mx6.third.test", "accept"),
    "served.test": (57, "mx7.served.test", "accept"),
    "blackhole.test": (58, "mx8.blackhole.test", "discard"),
    "world.lab.test": (50, "world.lab.test", "accept"),
}
BEHAVIOURS = {
    "accept": "takes and keeps the message",
    "discard": "takes the message and only counts it",
    "defer": "451 4.7.1 at RCPT",
    "reject": "550 5.1.1 at RCPT",
    "stall": "accepts the connection and never greets",
    "stall-data": "never answers the end of the message",
    "defer-data": "451 4.3.0 after the message",
    "reject-data": "554 5.6.0 after the message",
    "busy": "421 4.3.2 instead of a greeting",
    "tls": "takes and keeps the message, after STARTTLS only",
    "plain": "takes and keeps the message, offers no STARTTLS",
}
RECIPIENT_REPLIES = {
    "accept": b"250 2.1.5 Ok\r\n",
    "defer": b"451 4.7.1 Try again later\r\n",
    "reject": b"550 5.1.1 User unknown\r\n",
}
DATA_REPLIES = {"defer-data": b"451 4.3.0 Try again later\r\n", "reject-data": b"554 5.6.0 Not wanted\r\n"}


class State:
    """What every sink is to do, as sinkctl wrote it: {domain: {"behaviour": ..., "recipients": {address: ...}}}."""

    def __init__(self) -> None:
        self._seen = -1
        self._content: t.Dict[str, t.Any] = {}
        self.count = {domain: 0 for domain in SINKS}

    def of(self, domain: str) -> t.Tuple[str, t.Dict[str, str]]:
        """The behaviour of a sink, and of single recipients there."""
        try:
            changed = STATE.stat().st_mtime_ns
        except FileNotFoundError:
            self._seen, self._content = -1, {}
            changed = -1
        if changed != self._seen:
            self._content, self._seen = json.loads(STATE.read_text()), changed
        own = self._content.get(domain, {})
        return own.get("behaviour", SINKS[domain][2]), own.get("recipients", {})


STATE_NOW = State()


class Session:
    """One SMTP connection to one sink."""

    def __init__(self, domain: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.domain = domain
        self.reader = reader
        self.writer = writer
        self.client = writer.get_extra_info("peername")[:2]
        self.server = writer.get_extra_info("sockname")[:2]
        self.helo = ""
        self.extended = False
        self.sender: t.Optional[str] = None
        self.sender_parameters = ""
        self.recipients: t.List[str] = []

    @property
    def name(self) -> str:
        return SINKS[self.domain][1]

    @property
    def behaviour(self) -> str:
        return STATE_NOW.of(self.domain)[0]

    @property
    def tls(self) -> t.Optional[t.Tuple[str, str]]:
        """TLS version and cipher, or None."""
        connection = self.writer.get_extra_info("ssl_object")
        return (connection.version(), connection.cipher()[0]) if connection else None

    async def reply(self, text: bytes) -> None:
        self.writer.write(text)
        await self.writer.drain()

    async def serve(self) -> None:
        """The dialogue, from the greeting to QUIT."""
        if self.behaviour == "stall":
            await asyncio.sleep(IDLE_SECONDS)
            return
        if self.behaviour == "busy":
            await self.reply(f"421 4.3.2 {self.name} too busy\r\n".encode())
            return
        await self.reply(f"220 {self.name} ESMTP sink\r\n".encode())
        while True:
            line = await asyncio.wait_for(self.reader.readuntil(b"\n"), IDLE_SECONDS)
            verb, _blank, rest = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape").partition(" ")
            handler = getattr(self, "smtp_" + verb.lower(), None)
            if handler is None:
                await self.reply(b"500 5.5.1 Unknown command\r\n")
            elif await handler(rest.strip()):
                return

    # -- commands: each returns True when the connection is to end -----------------------------------------------------
    async def smtp_helo(self, rest: str) -> None:
        self.helo, self.extended = rest, False
        self.reset()
        await self.reply(f"250 {self.name}\r\n".encode())

    async def smtp_ehlo(self, rest: str) -> None:
        self.helo, self.extended = rest, True
        self.reset()
        offers = ["PIPELINING", "SIZE 104857600", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN"]
        if not self.tls and self.behaviour != "plain":
            offers.append("STARTTLS")
        lines = [f"250-{self.name}", *(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"]
        await self.reply("".join(line + "\r\n" for line in lines).encode())

    async def smtp_starttls(self, _rest: str) -> t.Optional[bool]:
        if self.tls or self.behaviour == "plain":
            return await self.reply(b"502 5.5.1 Not offered\r\n")
        await self.reply(b"220 2.0.0 Go ahead\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "cert.pem", CERTIFICATES / "key.pem")
        await self.writer.start_tls(context)
        self.reset()
        return None

    async def smtp_mail(self, rest: str) -> None:
        if self.behaviour == "tls" and not self.tls:
            return await self.reply(b"530 5.7.0 Must issue a STARTTLS command first\r\n")
        self.reset()
        self.sender, self.sender_parameters = path_of(rest, "FROM:")
        return await self.reply(b"250 2.1.0 Ok\r\n")

    async def smtp_rcpt(self, rest: str) -> None:
        recipient, _parameters = path_of(rest, "TO:")
        behaviour, recipients = STATE_NOW.of(self.domain)
        answer = RECIPIENT_REPLIES.get(recipients.get(recipient.lower(), behaviour), RECIPIENT_REPLIES["accept"])
        if self.sender is None:
            answer = b"503 5.5.1 MAIL first\r\n"
        elif answer.startswith(b"2"):
            self.recipients.append(recipient)
        await self.reply(answer)

    async def smtp_data(self, _rest: str) -> t.Optional[bool]:
        if not self.recipients:
            return await self.reply(b"503 5.5.1 RCPT first\r\n")
        await self.reply(b"354 End with a dot\r\n")
        content = await self.read_content()
        behaviour = self.behaviour
        if behaviour == "stall-data":
            await asyncio.sleep(IDLE_SECONDS)
            return True
        if behaviour not in DATA_REPLIES:
            STATE_NOW.count[self.domain] += 1
            if behaviour != "discard":
                store(self.domain, self.envelope(), content)
        self.reset()
        return await self.reply(DATA_REPLIES.get(behaviour, b"250 2.0.0 Ok: kept\r\n"))

    async def smtp_rset(self, _rest: str) -> None:
        self.reset()
        await self.reply(b"250 2.0.0 Ok\r\n")

    async def smtp_noop(self, _rest: str) -> None:
        await self.reply(b"250 2.0.0 Ok\r\n")

    async def smtp_vrfy(self, _rest: str) -> None:
        await self.reply(b"252 2.0.0 Perhaps\r\n")

    async def smtp_quit(self, _rest: str) -> bool:
        await self.reply(b"221 2.0.0 Bye\r\n")
        return True

    # -- parts ---------------------------------------------------------------------------------------------------------
    def reset(self) -> None:
        self.sender, self.sender_parameters, self.recipients = None, "", []

    async def read_content(self) -> bytes:
        """The message up to <CR><LF>.<CR><LF> and nothing else: a bare line feed is content (RFC 5321 section 4.1.1.4)."""
        content = b"\r\n"
        while not content.endswith(END_OF_DATA):
            content += await asyncio.wait_for(self.reader.readuntil(b".\r\n"), IDLE_SECONDS)
        return content[: -len(b".\r\n")].replace(b"\r\n.", b"\r\n")[2:]

    def envelope(self) -> t.Dict[str, t.Any]:
        return {
            "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
            "sink": self.domain,
            "server": list(self.server),
            "client": list(self.client),
            "helo": self.helo,
            "esmtp": self.extended,
            "tls": list(self.tls) if self.tls else None,
            "mail_from": self.sender,
            "mail_parameters": self.sender_parameters,
            "rcpt_to": self.recipients,
        }


def path_of(rest: str, keyword: str) -> t.Tuple[str, str]:
    """The address and the ESMTP parameters of "FROM:<address> SIZE=1"; a quoted local part may contain ">"."""
    if rest[: len(keyword)].upper() == keyword:
        rest = rest[len(keyword) :].lstrip()
    if not rest.startswith("<"):
        address, _blank, parameters = rest.partition(" ")
        return address, parameters
    quoted = False
    for position, character in enumerate(rest):
        if character == '"' and rest[position - 1] != "\\":
            quoted = not quoted
        if character == ">" and not quoted:
            return rest[1:position], rest[position + 1 :].strip()
    return rest[1:], ""


def store(domain: str, envelope: t.Dict[str, t.Any], content: bytes) -> None:
    """Writes the message and then its envelope, each by rename."""
    directory = SPOOL / domain
    directory.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.datetime.now(datetime.timezone.utc):%Y%m%dT%H%M%S.%f}-{STATE_NOW.count[domain]:06d}"
    envelope = {"name": name, **envelope, "size": len(content)}
    encoded = json.dumps(envelope, indent=1).encode("utf-8", "surrogateescape") + b"\n"
    for suffix, data in ((".eml", content), (".json", encoded)):
        unfinished = directory / f".{name}{suffix}"
        unfinished.write_bytes(data)
        os.rename(unfinished, directory / f"{name}{suffix}")


async def converse(domain: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection; what the other side breaks off is not our error."""
    try:
        await Session(domain, reader, writer).serve()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def write_counts() -> None:
    """The counts every half second, for `sinkctl count`."""
    written: t.Dict[str, int] = {}
    target = STATE.parent / "count.json"
    while True:
        if written != STATE_NOW.count:
            written = dict(STATE_NOW.count)
            unfinished = target.with_suffix(".new")
            unfinished.write_text(json.dumps(written))
            os.rename(unfinished, target)
        await asyncio.sleep(0.5)


async def main() -> None:
    STATE.parent.mkdir(parents=True, exist_ok=True)
    servers = []
    for domain, (number, _name, _behaviour) in SINKS.items():
        for address in (f"10.25.0.{number}", f"fd00:25::{number}"):
            for port in PORTS:

                async def accept(
                    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, domain: str = domain
                ) -> None:
                    await converse(domain, reader, writer)

                servers.append(await asyncio.start_server(accept, address, port, limit=128 * 1024 * 1024, backlog=256))
    await write_counts()


if __name__ == "__main__":
    asyncio.run(main())
