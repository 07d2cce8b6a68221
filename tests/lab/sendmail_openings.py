# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configurations of sendmail, made at random: half of them open or dead in some way, the others as odd and yet well.

Each says what a stranger would try, so that sendmail's own rules can show in test mode whether it is so. Twin of C(postfix_openings).
"""

from __future__ import annotations

import random
import typing as t

#: Client, its name, whether that is verified, HELO, sender, recipient.
Attempt = t.Tuple[str, str, bool, str, str, str]
FOREIGN = "x@foreign.example.com"
_REFUSE = '$#error $@ 5.7.1 $: "550 5.7.1 no"'


class Configuration(t.NamedTuple):
    """One configuration.

    :param kind: what was done to it; empty for one that should be well.
    :param lines: of its sendmail.mc, before the mailers, and of its rules behind them.
    :param access: the entries of its access map.
    """

    kind: str
    lines: t.List[str]
    config: t.List[str]
    rules: t.List[str]
    access: t.List[t.Tuple[str, str]]
    attempts: t.Tuple[Attempt, ...]


def attempt(recipient: str = FOREIGN, client: str = "203.0.113.9", **other: str) -> Attempt:
    name = other.get("name", f"[{client}]")
    helo, sender = other.get("helo", "mail.stranger.example"), other.get("sender", "a@stranger.example")
    return client, name, "name" in other, helo, sender, recipient


CLIENTS = ("203.0.113.9", "9.77.213.7", "62.141.5.80", "133.9.201.44")
GENERAL = tuple(attempt(client=client) for client in CLIENTS) + (
    attempt(sender=""),
    attempt(sender="postmaster@judged.example"),
    attempt("x%foreign.example.com@judged.example"),
)


class Maker:
    """What a configuration is put together from."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: t.List[str] = []
        self.config: t.List[str] = []
        self.rules: t.List[str] = []
        self.access: t.List[t.Tuple[str, str]] = []

    # -- what is well

    def well(self) -> None:
        """Put together a configuration that is closed: every part of it one of several that are."""
        some = self.random.sample
        self.lines += some(["FEATURE(`delay_checks')", "FEATURE(`relay_hosts_only')", "FEATURE(`use_cw_file')"], 1)
        self.config += [f"CR{network}" for network in some(["10", "192.168.4", "172.16.5", "198.18.7", "45.67.89"], 3)]
        self.config += some(["CRserved.example", "CRserved.example other.example", "Cwalso.judged.example"], 1)
        self.access += some(
            [
                ("From:spam.example", "REJECT"),
                ("From:x.example", "OK"),
                ("To:served2.example", "RELAY"),
                ("Connect:45.67.88", "RELAY"),
                ("Connect:bad.example", 'ERROR:5.7.1:"550 no"'),
                ("spamtrap@judged.example", "DISCARD"),
                ("Connect:81.2.69.142", "RELAY"),
            ],
            4,
        )
        self.rules += self.random.choice(
            [
                [],
                ["SLocal_check_mail", f"R<$* @ bad.example>\t{_REFUSE}"],
                ["SLocal_check_rcpt", f"R<trap @ $*>\t{_REFUSE}"],
                ["SLocal_check_rcpt", "R$*\t$: $1 $| $&f", f"R$* $| <$* @ bad.example>\t{_REFUSE}", "R$* $| $*\t$: $1"],
                ["SLocal_check_relay", f"Rbad.example $| $*\t{_REFUSE}"],
            ]
        )

    # -- what is open

    def open_promiscuous(self) -> t.Tuple[Attempt, ...]:
        self.lines.append("FEATURE(`promiscuous_relay')")
        return ()

    def open_networks(self) -> t.Tuple[Attempt, ...]:
        octets = self.random.choice(
            [range(1, 224), range(192, 224), range(60, 70), [200, 201, 202, 203, 204, 205, 206, 207], [203], [62, 133]]
        )
        if self.random.random() < 0.5:
            self.config.append("CR" + " ".join(map(str, octets)))
        else:
            tag = self.random.choice(["Connect:", ""])
            self.access += [(f"{tag}{octet}", "RELAY") for octet in octets]
        return tuple(attempt(client=f"{octet}.44.2.1") for octet in list(octets)[:4])

    def open_suffix(self) -> t.Tuple[Attempt, ...]:
        suffix = self.random.choice(["com", "co.uk", "test", "org", "com.au", "de"])
        place = self.random.choice(["class", "RELAY_DOMAIN", "To:", "Connect:", ""])
        if "FEATURE(`relay_hosts_only')" in self.lines:
            self.lines.remove("FEATURE(`relay_hosts_only')")
        if place == "class":
            self.config.append(f"CR{suffix}")
        elif place == "RELAY_DOMAIN":
            self.lines.append(f"RELAY_DOMAIN(`{suffix}')")
        else:
            self.access.append((f"{place}{suffix}", "RELAY"))
        return attempt(f"x@somebody.{suffix}"), attempt(name=f"mail.somebody.{suffix}")

    def open_domain(self) -> t.Tuple[Attempt, ...]:
        suffix = self.random.choice(["com", "net", "co.uk"])
        self.lines.append("FEATURE(`relay_entire_domain')")
        self.config.append(f"Cm{suffix}")
        return attempt(f"x@somebody.{suffix}"), attempt(name=f"mail.somebody.{suffix}")

    def open_routing(self) -> t.Tuple[Attempt, ...]:
        self.lines.append("FEATURE(`loose_relay_check')")
        return tuple(attempt(f"x%foreign.example.com@{name}.example") for name in ("judged", "served"))

    def open_local_from(self) -> t.Tuple[Attempt, ...]:
        self.lines.append("FEATURE(`relay_local_from')")
        return (attempt(sender="postmaster@judged.example"),)

    def open_mail_from(self) -> t.Tuple[Attempt, ...]:
        self.lines.append("FEATURE(`relay_mail_from', `domain')")
        key = self.random.choice(["From:partner.example", "partner.example"])
        self.access.append((key, "RELAY"))
        return (attempt(sender="z@partner.example"),)

    def open_claim(self) -> t.Tuple[Attempt, ...]:
        accepts, values = self.random.choice(
            [
                (["R$*\t$: $1 $| $&f", "R$* $| <$* @ partner.example>\t$# OK"], {"sender": "z@partner.example"}),
                (["R$*\t$: $1 $| $&f", "R$* $| <boss @ partner.example>\t$# OK"], {"sender": "boss@partner.example"}),
                (["R$*\t$: $1 $| $&s", "R$* $| gate.partner.example\t$# OK"], {"helo": "gate.partner.example"}),
                (["R$*\t$: $1 $| $&f", "R$* $| <$* @ $={Friends}>\t$# OK"], {"sender": "z@friend.example"}),
                (["R$*\t$: $1 $| $&f", "R$* $| <>\t$# OK"], {"sender": ""}),
            ]
        )
        if "Friends" in accepts[1]:
            self.config.append("C{Friends}friend.example pal.example")
        self.rules = ["SLocal_check_rcpt", *accepts, "R$* $| $*\t$: $1"]
        return (attempt(**values),)

    def open_everybody(self) -> t.Tuple[Attempt, ...]:
        self.rules = ["SLocal_check_rcpt", self.random.choice(["R$*\t$# OK", "R<$+>\t$# OK", "R$+ @ $+\t$# OK"])]
        return ()

    # -- what is dead

    def dead_refused(self) -> t.Tuple[Attempt, ...]:
        name = self.random.choice(["Local_check_mail", "Local_check_rcpt", "Local_check_relay"])
        verdict = self.random.choice([_REFUSE, '$#error $@ 4.7.1 $: "450 4.7.1 later"'])
        self.rules = [f"S{name}", f"R$*\t{verdict}"]
        return ()

    def dead_discarded(self) -> t.Tuple[Attempt, ...]:
        name = self.random.choice(["Local_check_mail", "Local_check_rcpt", "Local_check_relay"])
        self.rules = [f"S{name}", "R$*\t$#discard $: discard"]
        return ()


def make(seed: int) -> Configuration:
    """Return one configuration; the same for the same number."""
    maker = Maker(seed)
    maker.well()
    kind, attempts = "", t.cast(t.Tuple[Attempt, ...], ())
    if seed % 2 == 0:
        ways = [name for name in sorted(dir(maker)) if name.startswith(("open_", "dead_"))]
        kind = ways[seed // 2 % len(ways)]
        attempts = getattr(maker, kind)()
    return Configuration(kind, maker.lines, maker.config, maker.rules, maker.access, GENERAL + attempts)
