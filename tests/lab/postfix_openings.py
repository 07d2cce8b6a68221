# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configurations of Postfix, made at random: half of them open or dead in some way, the others as odd and yet well.

Each says what a stranger would try, or what must be looked at, so that the MTA itself can show whether it is so. The judgement is not
told: it sees the files alone.
"""

from __future__ import annotations

import random
import typing as t

#: Client, its verified name, HELO, sender, recipient.
Attempt = t.Tuple[str, str, str, str, str]
STRANGERS = ("203.0.113.9", "9.77.213.7", "62.141.5.80", "133.9.201.44")
REFUSED = (("spam.example", "REJECT"), ("a@b.example", "550 no"))
WATCHED = (("/^root@/", "REJECT"), ("/@bad/", "DUNNO"))
FOREIGN = ("foreign.example", "foreign.example.com")


#: Networks that are nobody's but the relay's own clients'.
NARROW = (
    "10.0.0.0/8",
    "192.168.4.0/22",
    "198.18.7.0/24",
    "172.16.0.0/12",
    "[fd00::]/8",
    "45.67.89.0/24",
    "81.2.69.142",
)


class Configuration(t.NamedTuple):
    """One configuration.

    :param kind: what was done to it; empty for one that should be well.
    :param files: the files that its tables are made of, by name; C(%D) in values stands for their directory.
    :param attempts: what strangers try.
    """

    kind: str
    main: t.Dict[str, str]
    files: t.Dict[str, str]
    attempts: t.Tuple[Attempt, ...]


def attempt(recipient: str = f"x@{FOREIGN[0]}", client: str = "203.0.113.9", **other: str) -> Attempt:
    return (
        client,
        other.get("name", "[UNAVAILABLE]"),
        other.get("helo", "mail.stranger.example"),
        other.get("sender", "a@stranger.example"),
        recipient,
    )


GENERAL = tuple(attempt(f"x@{domain}", client) for client in STRANGERS for domain in FOREIGN) + (
    attempt(sender=""),
    attempt(sender="postmaster@served.example"),
    attempt("x%foreign.example@served.example"),
)


class Maker:
    """What a configuration is put together from."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        #: A restriction class has one name in a whole instance.
        self.ours, self.theirs = f"ours{seed}", f"theirs{seed}"
        self.files: t.Dict[str, str] = {}

    def table(self, entries: t.Sequence[t.Tuple[str, str]]) -> str:
        """Return a table with keys, of any type that has them."""
        kind = self.random.choice(["inline", "texthash", "texthash", "braced", "unionmap", "proxy"])
        if kind == "inline" and not any(" " in value or "," in value for dummy, value in entries):
            return "inline:{" + ", ".join(f"{key}={value}" for key, value in entries) + "}"
        if kind == "braced":
            return "inline:{" + " ".join(f"{{{key} = {value}}}" for key, value in entries) + "}"
        name = self.file("".join(f"{key}  {value}\n" for key, value in entries))
        if kind == "unionmap":
            return f"unionmap:{{texthash:{name}, inline:{{nobody.example=x}}}}"
        return f"proxy:texthash:{name}" if kind == "proxy" else f"texthash:{name}"

    def patterns(self, lines: t.Sequence[t.Tuple[str, str]]) -> str:
        """Return a table of expressions."""
        name = self.file("".join(f"{pattern}  {value}\n" for pattern, value in lines))
        return f"{self.random.choice(['regexp', 'pcre'])}:{name}"

    def cidr(self, lines: t.Sequence[t.Tuple[str, str]]) -> str:
        return f"cidr:{self.file(''.join(f'{network}  {value}' + chr(10) for network, value in lines))}"

    def file(self, content: str) -> str:
        name = f"table{len(self.files)}"
        self.files[name] = content
        return f"%D/{name}"

    def everything(self, value: str = "x") -> str:
        """Return a table in which everything stands."""
        return self.random.choice(
            [
                f"static:{value}",
                f"static:{{{value}}}",
                f"regexp:{self.file(f'/./ {value}' + chr(10))}",
                f"pcre:{self.file(f'/^/ {value}' + chr(10))}",
                f"pcre:{self.file(f'/.*/i  {value}' + chr(10))}",
                f"unionmap:{{inline:{{a.example={value}}}, static:{value}}}",
                f"randmap:{{{value}}}",
                f"regexp:{self.file(f'!/^nobody$/ {value}' + chr(10))}",
            ]
        )

    # -- what is well

    def well(self) -> t.Dict[str, str]:
        """Return a configuration that is closed: every part of it one of several that are."""
        return {**self._destinations(), **self._closed_lists()}

    def _destinations(self) -> t.Dict[str, str]:
        pick = self.random.choice
        relayed = ["served.example", "served.example, other.example", self.table([("served.example", "x")])]
        return {
            "mynetworks": pick([", ", " "]).join(["127.0.0.0/8", *self.random.sample(NARROW, 3)]),
            "mydestination": pick(["", "localhost", "$myhostname, localhost", self.table([("here.example", "x")])]),
            "relay_domains": pick([*relayed, self.file("served.example\n")]),
            "parent_domain_matches_subdomains": pick(["", "relay_domains", "smtpd_access_maps, relay_domains"]),
            "virtual_alias_maps": pick(["", self.table([("a@served.example", "b@served.example")])]),
        }

    def _closed_lists(self) -> t.Dict[str, str]:
        pick = self.random.choice
        trap = self.table([("spamtrap@served.example", "REJECT")])
        known = self.table([("x.example", "OK")])
        anybody = self.cidr([("0.0.0.0/0", "DUNNO")])
        return {
            "smtpd_relay_restrictions": self._relay_control(),
            "smtpd_recipient_restrictions": pick(["", "reject_non_fqdn_recipient", f"check_recipient_access {trap}"]),
            "smtpd_sender_restrictions": pick(["", "permit_mynetworks", f"check_sender_access {known}"]),
            "smtpd_client_restrictions": pick(["", f"check_client_access {anybody}", "permit"]),
        }

    def _relay_control(self) -> str:
        narrow = self.cidr([("45.67.88.0/24", "OK"), ("46.1.0.0/16", "OK")])
        return self.random.choice(
            [
                "permit_mynetworks, reject_unauth_destination",
                "permit_mynetworks permit_sasl_authenticated defer_unauth_destination",
                f"check_client_access {narrow}, permit_mynetworks, reject_unauth_destination",
                f"permit_mynetworks, check_sender_access {self.table(REFUSED)}, reject_unauth_destination",
                f"permit_mynetworks, reject_unauth_destination, check_helo_access {self.table([('x.example', 'OK')])}",
                f"permit_mynetworks, reject_unauth_destination, check_sender_access {self.everything('OK')}",
                f"check_sender_access {self.patterns(WATCHED)} permit_mynetworks reject_unauth_destination",
                "permit_mynetworks, permit_auth_destination, reject",
            ]
        )

    # -- what is open

    def openings(self) -> t.List[t.Tuple[str, t.Callable[[t.Dict[str, str]], t.Tuple[Attempt, ...]]]]:
        return [
            (name[5:], getattr(self, name))
            for name in sorted(dir(self))
            if name.startswith("open_") or name.startswith("dead_")
        ]

    def open_networks(self, main: t.Dict[str, str]) -> t.Tuple[Attempt, ...]:
        pick = self.random.choice
        wide = pick(
            [
                "0.0.0.0/0",
                "0.0.0.0/1 128.0.0.0/1",
                "200.0.0.0/5, 192.0.0.0/5",
                " ".join(f"{number}.0.0.0/8" for number in range(1, 224) if number not in (10, 127)),
                self.everything(),
                self.cidr([("0.0.0.0/0", "x")]),
                self.cidr([("10.0.0.0/8", "x"), ("128.0.0.0/2", "x"), ("192.0.0.0/3", "y")]),
                self.file("10.0.0.0/8\n# more\n192.0.0.0/3\n128.0.0.0/3\n"),
                "!45.0.0.0/8, 0.0.0.0/0",
                "10.0.0.0/8 !203.0.113.0/24 0.0.0.0/0",
                self.patterns([("/^[0-9]/", "x")]),
            ]
        )
        main["mynetworks"] = pick([f"127.0.0.0/8, {wide}", f"{wide} 127.0.0.1"])
        return tuple(attempt(client=client) for client in ("203.0.113.9", "200.44.2.1", "130.1.1.1", "62.141.5.80"))

    def open_served(self, main: t.Dict[str, str]) -> t.Tuple[Attempt, ...]:
        name = self.random.choice(
            ["relay_domains", "mydestination", "virtual_alias_domains", "virtual_mailbox_domains"]
        )
        if self.random.random() < 0.4:
            word, recipient = self.everything(), f"x@{FOREIGN[0]}"
        else:
            suffix = self.random.choice(["com", "co.uk", "test", "org", "com.au", "example"])
            dotted = self.random.random() < 0.5
            if not dotted:
                main["parent_domain_matches_subdomains"] = (
                    "relay_domains, mydestination, virtual_alias_domains, virtual_mailbox_domains"
                )
            key = f".{suffix}" if dotted else suffix
            word = self.random.choice(
                [
                    key,
                    self.table([(key, "x")]),
                    self.patterns([(f"/\\.{suffix.replace('.', chr(92) + '.')}$/", "x")]),
                    self.file(f"{key}\n"),
                ]
            )
            if name.startswith("virtual_alias"):
                word = word if not word.startswith("/") else key
            recipient = f"x@somebody.{suffix}"
        main[name] = f"{word}, ours.example" if self.random.random() < 0.5 else word
        return (attempt(recipient),)

    def open_alias_maps(self, main: t.Dict[str, str]) -> t.Tuple[Attempt, ...]:
        name = self.random.choice(["virtual_alias_maps", "virtual_mailbox_maps"])
        main[name] = self.everything("a@served.example")
        return (attempt(),)

    def open_claim(self, main: t.Dict[str, str]) -> t.Tuple[Attempt, ...]:
        subject, key, pattern, values = self.random.choice(
            [
                ("sender", "partner.example", "/@partner\\.example$/", {"sender": "z@partner.example"}),
                ("sender", "boss@partner.example", "/^boss@partner\\.example$/", {"sender": "boss@partner.example"}),
                ("sender", "boss@", "/^boss@/", {"sender": "boss@somewhere.example"}),
                ("sender", "<>", "/^<>$/", {"sender": ""}),
                ("helo", "gate.partner.example", "/^gate\\.partner\\.example$/", {"helo": "gate.partner.example"}),
                ("helo", "partner.example", "/(^|\\.)partner\\.example$/", {"helo": "partner.example"}),
            ]
        )
        value = self.random.choice(["OK", "ok", "RELAY", "permit", "250 fine", "permit_mynetworks, permit"])
        table = self.random.choice(
            [self.table([(key, value)]), self.patterns([(pattern, value)]), self.patterns([(pattern, value)])]
        )
        element = f"check_{subject}_access {table}"
        if self.random.random() < 0.25:
            main["smtpd_restriction_classes"] = self.ours
            main[self.ours] = element
            element = self.ours
        main[self._list(main)] = f"permit_mynetworks, {element}, reject_unauth_destination"
        return (attempt(**values),)

    def _list(self, main: t.Dict[str, str]) -> str:
        """Return the list in which the control stands; the other one has none then."""
        if self.random.random() < 0.6:
            return "smtpd_relay_restrictions"
        main["smtpd_relay_restrictions"] = ""
        return "smtpd_recipient_restrictions"

    def open_everybody(self, main: t.Dict[str, str]) -> t.Tuple[Attempt, ...]:
        element = self.random.choice(
            [
                "permit",
                f"check_sender_access {self.everything('OK')}",
                f"check_client_access {self.everything('OK')}",
                f"check_helo_access {self.everything('OK')}",
                f"check_recipient_access {self.everything('OK')}",
                f"check_client_access {self.cidr([('0.0.0.0/0', 'OK')])}",
                f"check_client_access {self.table([(str(number), 'OK') for number in range(1, 224)])}",
                self.everything("OK"),
                self.ours,
            ]
        )
        if element == self.ours:
            main["smtpd_restriction_classes"] = f"{self.ours}, {self.theirs}"
            main[self.ours] = f"reject_non_fqdn_sender, {self.random.choice(['permit', self.theirs])}"
            main[self.theirs] = "permit"
        if self.random.random() < 0.2:
            main[self._list(main)] = (
                "permit_mynetworks, warn_if_reject reject_unauth_destination, reject_non_fqdn_sender, permit"
            )
        else:
            main[self._list(main)] = f"permit_mynetworks, {element}, reject_unauth_destination"
        return (attempt(),)

    def open_routing(self, main: t.Dict[str, str]) -> t.Tuple[Attempt, ...]:
        main["allow_untrusted_routing"] = "yes"
        main["relay_domains"] = "served.example"
        return (attempt("x%foreign.example@served.example"), attempt("foreign.example!x@served.example"))

    # -- what is dead

    def dead_refused(self, main: t.Dict[str, str]) -> t.Tuple[Attempt, ...]:
        name = self.random.choice(
            [
                "smtpd_client_restrictions",
                "smtpd_helo_restrictions",
                "smtpd_sender_restrictions",
                "smtpd_recipient_restrictions",
                "smtpd_relay_restrictions",
            ]
        )
        main[name] = self.random.choice(
            [
                "reject",
                "defer",
                f"check_client_access {self.everything('REJECT')}",
                f"check_sender_access {self.everything('550 no')}",
                f"check_helo_access {self.everything('DEFER')}",
                f"check_client_access {self.cidr([('0.0.0.0/0', 'REJECT')])}",
                "reject_unauth_destination, reject",
            ]
        )
        return ()

    def dead_policy_service(self, main: t.Dict[str, str]) -> t.Tuple[Attempt, ...]:
        where = self.random.choice(
            ["inet:127.0.0.1:9", "unix:private/gone", "inet:localhost:11", "{inet:127.0.0.1:9, timeout=2s}"]
        )
        main["smtpd_recipient_restrictions"] = f"check_policy_service {where}"
        return ()

    def dead_milter(self, main: t.Dict[str, str]) -> t.Tuple[Attempt, ...]:
        main["smtpd_milters"] = self.random.choice(
            [
                "inet:127.0.0.1:9",
                "unix:/run/gone.sock",
                "inet:localhost:11",
                "{ inet:127.0.0.1:9, default_action=tempfail }",
            ]
        )
        return ()


def make(seed: int) -> Configuration:
    """Return one configuration; the same for the same number."""
    maker = Maker(seed)
    main = maker.well()
    if seed % 2:
        return Configuration("", main, maker.files, GENERAL)
    ways = maker.openings()
    kind, change = ways[seed // 2 % len(ways)]
    attempts = change(main)
    return Configuration(kind, main, maker.files, GENERAL + attempts)
