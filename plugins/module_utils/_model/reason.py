# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reason classes: what a refusal or a deferral means, whose matter it is, and what to do now.

Postmasters do not ask for the text of a reply. They ask whether it is their address, their domain or this message, and
who can change it. A class answers that for hundreds of texts.

Private to the collection: it can change at any time.

Sources: RFC 3463 (enhanced status codes), and the published reply codes of the large receivers.
"""

import re
import typing as t

US, THEM, SENDER, RECIPIENT = "ours", "theirs", "the sender's", "the recipient's"


class ReasonClass(t.NamedTuple):
    """A kind of failure.

    :param name: one word, the same in every report.
    :param meaning: what happened.
    :param whose: whose matter it is.
    :param advice: what the postmaster does now.
    """

    name: str
    meaning: str
    whose: str
    advice: str


CLASSES: t.Tuple[ReasonClass, ...] = (
    ReasonClass(
        "slow_down",
        "The receiver wants fewer messages or connections for a time.",
        US,
        "Wait. Lower the rate to this receiver if it goes on.",
    ),
    ReasonClass(
        "reputation",
        "The receiver refuses the sending address because of what it sent before, or because a blocklist names it.",
        US,
        "Look for a compromised account or a campaign, then ask the receiver or the blocklist for removal.",
    ),
    ReasonClass(
        "authentication",
        "SPF, DKIM, DMARC or the reverse name of the sending address does not satisfy the receiver.",
        SENDER,
        "Check the DNS records of the sender's domain and the PTR record of the relay.",
    ),
    ReasonClass(
        "unknown_user",
        "The recipient does not exist at the receiver.",
        SENDER,
        "Tell the sender. Many of these from one sender are a sign of an old list or of spam.",
    ),
    ReasonClass(
        "mailbox_full",
        "The recipient's mailbox is full or switched off.",
        RECIPIENT,
        "Wait. Only the recipient can change it.",
    ),
    ReasonClass(
        "greylist",
        "The receiver defers the first attempt of a sender that it does not know.",
        THEM,
        "Wait. The next attempt is taken.",
    ),
    ReasonClass(
        "content",
        "The receiver takes the message for spam, for a virus, or for something that it does not allow.",
        SENDER,
        "Look at the message. Ask the receiver if it is legitimate.",
    ),
    ReasonClass(
        "size",
        "The message or its number of recipients is over a limit.",
        SENDER,
        "Tell the sender the limit.",
    ),
    ReasonClass(
        "relay_denied",
        "The server does not take mail for this recipient from this client.",
        US,
        "Check the route of the domain, and the networks that may relay.",
    ),
    ReasonClass(
        "tls",
        "The TLS handshake failed, or the TLS that is required was not offered.",
        US,
        "Check certificate, protocol and the TLS policy of this domain on both ends.",
    ),
    ReasonClass(
        "dns",
        "A name could not be resolved, or it has no mail exchanger.",
        THEM,
        "Ask the resolvers and the authoritative servers: playbook check_dns.",
    ),
    ReasonClass(
        "network",
        "The next hop could not be reached, or the connection broke.",
        THEM,
        "Check firewall and route. Ask the next hop: playbook diagnose.",
    ),
    ReasonClass(
        "loop",
        "The message came back to where it had been.",
        US,
        "Look at the routes and the MX records: one of them points to this relay.",
    ),
    ReasonClass(
        "local",
        "The relay itself could not do it: disk, memory, permissions or a service that does not answer.",
        US,
        "Look at the relay: playbook diagnose.",
    ),
    ReasonClass(
        "policy",
        "A rule of the receiver or of this relay refuses the sender, the client or the recipient.",
        SENDER,
        "Read the text. A block of ours is listed by playbook list_blocks.",
    ),
    ReasonClass("other", "The text says nothing that is known.", "unknown", "Read the text."),
)

BY_NAME: t.Dict[str, ReasonClass] = {entry.name: entry for entry in CLASSES}

#: Patterns in the order of their say: what names a cause exactly comes before what any refusal can contain.
_PATTERNS: t.Tuple[t.Tuple[str, t.Tuple[str, ...]], ...] = (
    # Codes of the large receivers.
    ("slow_down", (
        r"\b4\.7\.28\b", r"\b4\.7\.650\b", r"\bs775\b", r"\btss0[4-9]\b", r"\b\[?ts0[1-3]\]?\b", r"rfrl?tdns",
        r"\brp-00[12]\b",
    )),
    ("reputation", (
        r"\bs3150\b", r"\bs3140\b", r"\bs77719\b", r"\b4\.7\.65[1-9]\b", r"\b5\.7\.60[5-9]\b",
        r"\b5\.7\.511\b", r"\[ss0[0-9]\]",
    )),
    ("authentication", (
        r"\b5\.7\.515\b", r"\b[45]\.7\.(?:2[0-7]|30|31|40)\b", r"\b5\.7\.509\b",
    )),
    # What the words say.
    ("greylist", (
        r"gr[ae]y-?list", r"try again in [0-9]+ (?:sec|min)", r"postgrey", r"not yet authorized to deliver",
    )),
    ("loop", (
        r"loops? back to myself", r"too many hops", r"hop ?count", r"mail loop", r"routing loop",
        r"\b[45]\.4\.6\b",
    )),
    ("tls", (
        r"starttls", r"\btls\b", r"\bssl\b", r"certificate", r"handshake", r"encryption (?:needed|required)",
        r"\b[45]\.7\.(?:4|10|11)\b",
    )),
    ("mailbox_full", (
        r"mailbox (?:is )?(?:full|disabled|inactive)", r"over ?quota", r"quota exceeded",
        r"account (?:is )?(?:disabled|inactive)", r"\b[45]\.2\.[12]\b",
    )),
    ("slow_down", (
        r"too many (?:connections|messages|errors|recipients this)", r"rate ?limit", r"throttl", r"slow down",
        r"unusual rate", r"concurren", r"try fewer", r"\b4\.3\.2\b", r"temporarily deferred due to",
    )),
    ("authentication", (
        r"\bspf\b", r"\bdkim\b", r"\bdmarc\b", r"unauthenticated", r"reverse (?:dns|hostname|lookup)",
        r"\bptr\b", r"cannot find your (?:reverse )?hostname",
    )),
    ("reputation", (
        r"reputation", r"blacklist", r"block ?list", r"\bdnsbl\b", r"\brbl\b", r"spamhaus", r"spamcop",
        r"barracuda", r"poor (?:ip|sender)", r"listed (?:at|by|in|on)", r"bad sender ip",
        r"your (?:ip|network) .{0,40}block",
    )),
    ("unknown_user", (
        r"user unknown", r"unknown (?:user|recipient|mailbox|address)",
        r"no such (?:user|recipient|mailbox|address)", r"does ?n.t exist", r"does not exist",
        r"recipient (?:address )?(?:not found|rejected: (?:user|undeliverable))",
        r"invalid (?:recipient|mailbox)", r"mailbox (?:unavailable|not found)", r"\b5\.1\.[01236]\b",
    )),
    ("content", (
        r"\bspam\b", r"virus", r"malware", r"phish", r"content (?:rejected|filter)",
        r"message (?:content )?(?:rejected|refused)", r"attachment", r"\b[45]\.6\.[0-9]\b",
        r"\b5\.7\.[17]\b.{0,60}\bcontent",
    )),
    ("size", (
        r"too (?:large|big)", r"message size", r"size limit", r"exceeds (?:the )?(?:maximum|size)",
        r"too many recipients", r"\b[45]\.(?:3\.4|2\.3|5\.3)\b",
    )),
    ("relay_denied", (
        r"relay(?:ing)? (?:access )?(?:denied|not permitted|prohibited)", r"not permitted to relay",
        r"unable to relay", r"we do not relay", r"\brelaying\b",
    )),
    ("dns", (
        r"host (?:or domain name )?not found", r"name (?:service|server|lookup)", r"no mx", r"null ?mx",
        r"domain (?:of sender address )?(?:.{0,80})?not (?:found|exist|resolve)", r"unable to look up",
        r"does not accept mail", r"no mail (?:exchanger|host)", r"\b[45]\.4\.[34]\b", r"\b[45]\.1\.(?:8|10)\b",
        r"nxdomain", r"servfail",
    )),
    ("network", (
        r"timed? ?out", r"connection (?:refused|reset|lost|closed|broken)", r"lost connection",
        r"no route to host", r"network is unreachable", r"host is (?:down|unreachable)", r"connect to ",
        r"deferred: connection", r"conversation with", r"\b[45]\.4\.[127]\b",
    )),
    ("local", (
        r"insufficient (?:system storage|disk)", r"no space", r"queue file", r"out of memory",
        r"server configuration", r"service unavailable", r"milter", r"content filter",
        r"local (?:error|configuration)", r"i/o error", r"temporary (?:lookup|system) failure",
        r"\b[45]\.3\.[015]\b",
    )),
    ("policy", (
        r"access denied", r"not (?:allowed|accepted|authorized|welcome|wanted)", r"refused", r"rejected",
        r"prohibited", r"denied", r"administrative", r"\b[45]\.7\.[0-9]+\b", r"polic",
    )),
)  # fmt: skip
_COMPILED: t.Tuple[t.Tuple[str, t.Pattern[str]], ...] = tuple(
    (name, re.compile("|".join(texts))) for name, texts in _PATTERNS
)
_LONGEST = 1000


def classify(text: str, code: str = "") -> str:
    """Return the name of the class that a reply belongs to.

    :param text: what the server said, or what the MTA says of it.
    :param code: the enhanced status code where it does not stand in the text (RFC 3463).
    """
    subject = (code + " " + text[:_LONGEST]).lower()
    for name, pattern in _COMPILED:
        if pattern.search(subject):
            return name
    return "other"


def count(reasons: t.Iterable[t.Mapping[str, t.Any]]) -> t.List[t.Dict[str, t.Any]]:
    """Add reasons up by class, the most frequent class first.

    :param reasons: dictionaries with C(reason) and C(count), as a summary of the log has them.
    """
    totals: t.Dict[str, int] = {}
    examples: t.Dict[str, str] = {}
    for row in reasons:
        name = classify(str(row["reason"]))
        totals[name] = totals.get(name, 0) + int(row["count"])
        examples.setdefault(name, str(row["reason"]))
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return [dict(BY_NAME[name]._asdict(), count=number, example=examples[name]) for name, number in ranked]


__all__ = ("BY_NAME", "CLASSES", "ReasonClass", "classify", "count")
