# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes mail logs of any size whose contents are known: ordinary mail of a relay, in the format of either MTA.

The mix is that of a busy relay: a few recipients a message, some with many, 8 % deferred and retried, 5 % failed,
rejects, TLS on many connections, and the lines of several messages interleaved as concurrent processes write them.
In 200 MB there are about as many lines, messages, deliveries and rejects as in the logs on which the bounds were found.
"""

import collections
import heapq
import itertools
import random
import time
import typing as t
import zlib

START = 1795000000  # 2026-11-18T10:26:40Z
_HEX = "0123456789ABCDEF"
_CIPHER = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
_SENDMAIL_CIPHER = "version=TLSv1.3, verify=NO, cipher=TLS_AES_256_GCM_SHA384, bits=256/256"
_BASE60 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"


class World:
    """Who writes to whom; a few write much, most write little.

    :param tls: whether there are connections with TLS; both MTAs write a line about each of them. Without, other lines stand in
        their place that tell nothing of a delivery (of Postfix's only for what comes in).
    """

    def __init__(self, seed: int, tls: bool = True) -> None:
        self.random = random.Random(seed)
        self.tls = tls
        self._connections = itertools.count()
        self.domains = [f"customer{number}.example" for number in range(4000)]
        self.truth: "collections.Counter[str]" = collections.Counter()

    def smtpd(self) -> int:
        """The process of the next connection; one process has one connection at a time."""
        return 1000 + next(self._connections) % 101

    def is_told_of(self, name: str) -> bool:
        """Whether a daemon writes a line about its connection to a host: to every third, always."""
        return zlib.crc32(name.encode("ascii")) % 3 == 0

    def session(self, side: str, count: int, with_tls: str, without: str) -> str:
        """What a daemon writes about a connection over which I(count) recipients come or go."""
        self.truth[f"tls_{side}"] += count if self.tls else 0
        return with_tls if self.tls else without

    def address(self, domain: t.Optional[str] = None) -> str:
        some = self.random
        return f"user{int(some.random() ** 4 * 2000)}@{domain or self.domains[int(some.random() ** 3 * 4000)]}"

    def client(self) -> t.Tuple[str, str]:
        number = int(self.random.random() ** 2 * 3000)
        return f"host{number}.sender.example", f"198.51.{number // 250}.{number % 250 + 1}"

    def recipients(self) -> t.List[str]:
        """From one to 39, neighbours often of the same domain."""
        some = self.random.random()
        count = 1 if some < 0.66 else self.random.randint(2, 4) if some < 0.97 else self.random.randint(5, 39)
        found = [self.address()]
        while len(found) < count:
            domain = found[-1].partition("@")[2] if self.random.random() < 0.4 else None
            found.append(self.address(domain))
        return list(dict.fromkeys(found))


Event = t.Tuple[float, int, str]
_ORDER = itertools.count()


def _event(moment: float, text: str) -> Event:
    return moment, next(_ORDER), text


def postfix_message(world: World, moment: float, queue_id: str) -> t.List[Event]:
    """The lines of one message: C((seconds, order, tag and text))."""
    some, truth = world.random, world.truth
    name, ip = world.client()
    sender, size = "" if some.random() < 0.03 else world.address(), some.randint(800, 90000)
    smtpd, smtp = world.smtpd(), some.randint(2000, 2100)
    recipients = world.recipients()
    found = _postfix_refused(world, moment, recipients[0]) if some.random() < 0.23 else []
    found.append(_event(moment, f"postfix/smtpd[{smtpd}]: connect from {name}[{ip}]"))
    if some.random() < 0.4:
        with_tls = f"Anonymous TLS connection established from {name}[{ip}]: {_CIPHER}"
        without = f"warning: hostname {name} does not resolve to address {ip}: Name or service not known"
        found.append(_event(moment + 0.1, f"postfix/smtpd[{smtpd}]: {world.session('in', 1, with_tls, without)}"))
    active = f"postfix/qmgr[900]: {queue_id}: from=<{sender}>, size={size}, nrcpt={len(recipients)} (queue active)"
    truth["received"] += 1
    truth["bytes_received"] += size
    found += [
        _event(moment + 0.1, f"postfix/smtpd[{smtpd}]: {queue_id}: client={name}[{ip}]"),
        _event(moment + 0.2, f"postfix/cleanup[3001]: {queue_id}: message-id=<{some.getrandbits(64):x}@{name}>"),
        _event(moment + 0.3, active),
        _event(
            moment + 0.3,
            f"postfix/smtpd[{smtpd}]: disconnect from {name}[{ip}] ehlo=1 mail=1 rcpt={len(recipients)} data=1 quit=1 commands=5",
        ),
    ]
    last = moment + 0.5
    for recipient in recipients:
        events, last = _attempts(world, moment, last, f"postfix/smtp[{smtp}]: {queue_id}", recipient, active)
        found += events
        truth["bytes_sent"] += size * ("status=sent" in events[-1][2])
    found.append(_event(last + 0.1, f"postfix/qmgr[900]: {queue_id}: removed"))
    return found


def _postfix_refused(world: World, moment: float, recipient: str) -> t.List[Event]:
    """A client that is refused and goes."""
    name, ip = world.client()
    world.truth["rejected"] += 1
    head, peer = f"postfix/smtpd[{world.smtpd()}]: ", f"{name}[{ip}]"
    why = f"554 5.7.1 <{recipient}>: Relay access denied; from=<{world.address()}> to=<{recipient}> proto=ESMTP helo=<{name}>"
    return [
        _event(moment, f"{head}connect from {peer}"),
        _event(moment + 0.1, f"{head}NOQUEUE: reject: RCPT from {peer}: {why}"),
        _event(moment + 0.2, f"{head}disconnect from {peer} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"),
    ]


def _attempts(
    world: World, moment: float, last: float, head: str, recipient: str, active: str
) -> t.Tuple[t.List[Event], float]:
    """One recipient's delivery, perhaps after a deferral; and when it was."""
    some, truth, found = world.random, world.truth, []
    relay = f"mx1.{recipient.partition('@')[2]}"
    address = f"{relay}[203.0.113.{len(relay) % 200 + 1}]:25"
    delay, fate = some.randint(1, 400) / 100, some.random()
    head = f"{head}: to=<{recipient}>, relay={address}, delay="
    if fate < 0.08:
        truth["deferred"] += 1
        text = _said("4.7.1", "deferred", delay, address, "451 4.7.1 Greylisted, try again later")
        found.append(_event(last + delay, head + text))
        last += some.randint(300, 900)
        found.append(_event(last, active))
        delay = int(last - moment)
    if fate > 0.95:
        truth["bounced"] += 1
        why = f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"
        text = _said("5.1.1", "bounced", delay, address, why)
    else:
        truth["sent"] += 1
        if world.tls and world.is_told_of(relay):
            truth["tls_out"] += 1
            process = head.partition(": ")[0]
            found.append(_event(last + 0.3, f"{process}: Trusted TLS connection established to {address}: {_CIPHER}"))
        text = f"{delay:g}, delays=0.1/0/0.2/0.3, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {some.getrandbits(44):X})"
    found.append(_event(last + 0.3, head + text))
    return found, last + 0.3


def _said(code: str, status: str, delay: float, address: str, why: str) -> str:
    reason = f"host {address[:-3]} said: {why} (in reply to RCPT TO command)"
    return f"{delay:g}, delays=0.1/0/0.2/0.3, dsn={code}, status={status} ({reason})"


def sendmail_message(world: World, moment: float, number: int) -> t.List[Event]:
    """The lines of one message: C((seconds, order, tag and text))."""
    some, truth = world.random, world.truth
    name, ip = world.client()
    process = 10000 + 2 * number % 900000
    queue_id = "6AI" + "".join(_BASE60[(number // 60**place) % 60] for place in (2, 1, 0)) + f"Aa{process:06d}"
    sender, size = "" if some.random() < 0.03 else world.address(), some.randint(800, 90000)
    recipients = world.recipients()
    found = []
    if some.random() < 0.13:
        truth["rejected"] += 1
        why = f"ruleset=check_rcpt, arg1=<{recipients[0]}>, relay={name} [{ip}], reject=550 5.7.1 <{recipients[0]}>... Relaying denied"
        found.append(_event(moment - 0.1, f"sm-mta[{process}]: {queue_id}: {why}"))
    truth["received"] += 1
    truth["bytes_received"] += size
    protocol = "ESMTP"
    if some.random() < 0.6:
        with_tls = f"STARTTLS=server, relay={name} [{ip}], {_SENDMAIL_CIPHER}"
        without = f"AUTH=server, relay={name} [{ip}], authid={sender}, mech=PLAIN, bits=0"
        found.append(_event(moment - 0.2, f"sm-mta[{process}]: {world.session('in', 1, with_tls, without)}"))
        protocol = "ESMTPS" if world.tls else "ESMTPA"
    text = f"from=<{sender}>, size={size}, class=0, nrcpts={len(recipients)}, msgid=<{some.getrandbits(64):x}@{name}>, "
    text += f"proto={protocol}, daemon=sm-mta, relay={name} [{ip}]"
    found.append(_event(moment, f"sm-mta[{process}]: {queue_id}: {text}"))
    start = moment + 0.5
    for domain, group in itertools.groupby(sorted(recipients, key=_domain_of), _domain_of):
        there = list(group)
        events, is_sent = _sendmail_attempts(world, moment, start, process + 1, queue_id, domain, there)
        found += events
        truth["bytes_sent"] += size * len(there) * is_sent
        start += 0.2
    return found


def _domain_of(address: str) -> str:
    return address.partition("@")[2]


def _sendmail_attempts(
    world: World, moment: float, last: float, process: int, queue_id: str, domain: str, there: t.List[str]
) -> t.Tuple[t.List[Event], bool]:
    """The delivery to the recipients of one domain, perhaps after a deferral; and whether they got it."""
    some, truth, found = world.random, world.truth, []
    addresses, relay = ",".join(f"<{one}>" for one in there), f"mx1.{domain}. [203.0.113.{len(domain) % 200 + 1}]"
    fate = some.random()
    head = f"sm-mta[{process}]: {queue_id}: to={addresses}, delay=00:"
    usual = f"xdelay=00:00:01, mailer=esmtp, pri=30080, relay={relay}, dsn="
    if fate < 0.08:
        truth["deferred"] += len(there)
        text = f"{head}00:01, {usual}4.7.1, stat=Deferred: 451 4.7.1 Greylisted, try again later"
        found.append(_event(last, text))
        last += some.randint(300, 900)
    waited = int(last - moment) % 3600
    head += f"{waited // 60:02d}:{waited % 60:02d}, {usual}"
    if fate > 0.95:
        truth["bounced"] += len(there)
        found.append(_event(last, head + "5.1.1, stat=User unknown"))
        return found, False
    truth["sent"] += len(there)
    if world.is_told_of(domain):
        with_tls = f"STARTTLS=client, relay=mx1.{domain}., {_SENDMAIL_CIPHER}"
        without = f"AUTH=client, relay=mx1.{domain}., mech=PLAIN, bits=0"
        said = world.session("out", len(there), with_tls, without)
        found.append(_event(last, f"sm-mta[{process}]: {said}"))
    found.append(_event(last, head + f"2.0.0, stat=Sent (Ok: queued as {some.getrandbits(44):X})"))
    return found, True


def lines(world: World, mta: str, size: int, iso: bool = False, rate: float = 20.0) -> t.Iterator[bytes]:
    """Ordinary lines in order of time, about I(size) bytes of them; every message is there from beginning to end.

    :param rate: messages per second.
    """
    waiting: t.List[Event] = []
    made_bytes = 0
    for number in itertools.count():
        moment = START + number / rate
        if made_bytes >= size:
            moment = START + number / rate + 86400
        elif mta == "postfix":
            made = postfix_message(world, moment, f"{number * 7919 % 0xFFFFFFF:07X}{number % 4096:03X}")
        else:
            made = sendmail_message(world, moment, number)
        for event in made if made_bytes < size else ():
            made_bytes += len(event[2]) + (40 if iso else 24)
            heapq.heappush(waiting, event)
        while waiting and waiting[0][0] <= moment:
            when, _order, text = heapq.heappop(waiting)
            yield f"{stamp(when, iso)} relay1 {text}\n".encode("ascii")
        if not waiting:
            return


_STAMPS: t.Dict[t.Tuple[int, bool], str] = {}


def stamp(moment: float, iso: bool) -> str:
    """A time stamp in UTC."""
    key = int(moment), iso
    if key not in _STAMPS:
        _STAMPS.clear()
        parts = time.gmtime(moment)
        _STAMPS[key] = time.strftime("%Y-%m-%dT%H:%M:%S" if iso else "%b %d %H:%M:%S", parts)
    return _STAMPS[key] + (f".{int(moment % 1 * 1000000):06d}+00:00" if iso else "")


def write(path: str, mta: str, size: int, tls: bool = True) -> World:
    """A log of about I(size) bytes with traditional stamps; the truth about it is in the world's counts."""
    world = World(1, tls)
    with open(path, "wb", buffering=1 << 20) as stream:
        stream.writelines(lines(world, mta, size))
    return world
