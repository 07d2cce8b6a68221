# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a sendmail becomes on Postfix: each construct of its configuration is converted, differs, or is not converted.

Private to the collection: it can change at any time.

Nothing is guessed. What has no counterpart is listed with its line, what it seems to do, and the test that would show it.
"""

import glob
import os
import re
import socket
import typing as t

from .. import _files
from .._errors import PostmasterError
from .._model.adopted import Path, value_at, without
from .._model.host import Host
from .._model.move import CONVERTED, DIFFERS, NOT_CONVERTED, Moved, Row
from . import cf, mc_source, move_tls
from . import read as reader
from .compile import Entry, map_entries
from .move_others import about
from .move_routes import own_mailers, routes
from .move_tables import ACCESS_TAGS, Access, alias_rows, block_list, literal, milter, rewriting, virtual

#: Options of the policy that Postfix does not have.
_NOT_ON_POSTFIX: t.Tuple[t.Tuple[Path, str], ...] = (
    (("timeouts", "misc"), "nearest: the timeouts of the single commands"),
)
_FEATURES_NOT_CONVERTED = {
    "bcc": "nearest: recipient_bcc_maps or sender_bcc_maps",
    "redirect": "nearest: relocated_maps",
    "ldap_routing": "nearest: an ldap table in virtual_alias_maps and transport_maps",
    "compat_check": "pairs of sender and recipient need restriction classes of Postfix",
    "badmx": "nearest: reject_unknown_sender_domain with check_sender_mx_access",
    "use_client_ptr": "nearest: check_reverse_client_hostname_access",
}
_RELAYING = {
    "relay_entire_domain": "every host of the own domain may relay",
    "relay_based_on_MX": "everybody whose MX is this host may relay; permit_mx_backup is deprecated",
    "relay_local_from": "who claims a local sender may relay, and a sender can be forged",
    "relay_mail_from": "who claims a listed sender may relay, and a sender can be forged",
    "promiscuous_relay": "everybody may relay",
    "loose_relay_check": "addresses with a percent sign are relayed",
    "accept_unqualified_senders": "senders without a domain are taken",
}
_SCRIPTS = ("/etc/crontab", "/etc/cron.*/*", "/var/spool/cron/crontabs/*", "/usr/local/bin/*", "/usr/local/sbin/*")
_CALL = re.compile(r"\b(?:sendmail|mailq|newaliases)\b.*\s-(?:C|bv|bt|qR|qS|qI|q\d|O)|\bmailstats\b|\bmakemap\b")
_LARGEST_SCRIPT = 1 << 20


def move(host: Host) -> Moved:
    """Return what the instance becomes on Postfix."""
    return _Move(host).moved()


class _Move:
    """What has been read, and what has been made of it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.directory = host.instance.config_directory
        self.text = self.content("sendmail.mc")
        self.source = mc_source.read(self.text, _include)
        self.cf = cf.parse(self.content("sendmail.cf"))
        said = reader.read(host)
        self.policy: t.Dict[str, t.Any] = dict(said["policy"])
        self.unexpressed: t.Mapping[str, t.Any] = said["unexpressed"]
        self.rows: t.List[Row] = []
        self.rules: t.List[t.Dict[str, t.Any]] = []
        self.main: t.Dict[str, t.Any] = {}
        self.master: t.Dict[str, t.Any] = {}
        self.tables: t.Dict[str, t.List[str]] = {}
        self.hostname = self._hostname()
        self.demands = move_tls.Demands(self.policy)
        #: Parts of restriction lists of Postfix, by the name of the list.
        self.checks: t.Dict[str, t.List[str]] = {}

    def moved(self) -> Moved:
        """Go through every construct."""
        if not self.cf.options:
            raise PostmasterError(
                f"{self.directory}/sendmail.cf: there is none, or it says nothing; there is nothing to move"
            )
        for construct in (
            self._own_name,
            self._local_names,
            self._relayed_names,
            self._access,
            self._rewriting,
            self._virtual,
            self._routes,
            self._hubs,
            self._smart_table,
            self._aliases,
            self._milters,
            self._block_lists,
            self._listeners,
            self._queues,
            self._options,
            self._sizes,
            self._submission,
            self._features,
            self._delayed_checks,
            self._unknown_domains,
            self._free_text,
            self._queue,
            self._restrictions,
            self._others,
        ):
            construct()
        self._leave_what_postfix_has_not()
        rows = tuple(sorted(dict.fromkeys(self.rows), key=lambda row: row.number))
        return Moved(self.policy, {"main": self.main, "master": self.master}, self.tables, tuple(self.rules), rows)

    # --- reading ----------------------------------------------------------------------------------------------------

    def content(self, name: str) -> str:
        """Return a file of the configuration directory; empty where there is none."""
        content = _files.read(os.path.join(self.directory, name))
        return (content or b"").decode("utf-8", "surrogateescape")

    def entries(self, name: str) -> t.Tuple[Entry, ...]:
        """Return the entries of a table."""
        return map_entries(self.content(name))

    def _hostname(self) -> str:
        """Return the name that sendmail has: as its configuration says it, or as the host does."""
        name = value_at(self.policy, ("identity", "hostname")) or socket.getfqdn()
        return name if "." in name else ""

    def table(self, name: str, lines: t.Sequence[str], kind: str = "${default_database_type}") -> str:
        """Add a table of Postfix; return how main.cf names it."""
        self.tables[name] = [*self.tables.get(name, ()), *lines]
        return f"{kind}:$config_directory/{name}"

    def add_map(self, parameter: str, table: str) -> None:
        """Add a table to a parameter of main.cf that lists tables."""
        present = self.main.get(parameter, "")
        if table not in present.split(", "):
            self.main[parameter] = f"{present}, {table}" if present else table

    def feature(self, name: str) -> t.Optional[mc_source.Call]:
        """Return the statement of a feature; None where it is not used."""
        calls = [call for call in self.source.of("FEATURE") if call.arguments[:1] == (name,)]
        return calls[-1] if calls else None

    def add(self, number: int, verdict: str, where: str, text: str, sentence: str, test: str = "") -> None:
        """Add a row of the report."""
        self.rows.append(Row(number, verdict, where, " ".join(text.split()), sentence, test))

    def add_call(self, number: int, verdict: str, call: mc_source.Call, sentence: str, test: str = "") -> None:
        """Add a row about a statement of the mc."""
        self.add(
            number, verdict, f"sendmail.mc:{call.line}", f"{call.macro}({', '.join(call.arguments)})", sentence, test
        )

    def _own_name(self) -> None:
        """Say under which name Postfix speaks, and that a plus sign begins the detail of an address."""
        if self.hostname and value_at(self.policy, ("identity", "hostname")) is None:
            self.policy = dict(self.policy, identity=dict(self.policy.get("identity", {}), hostname=self.hostname))
            self.add(1, CONVERTED, "sendmail.cf", "$j", "policy.identity.hostname: the name that the host has")
        self.main["recipient_delimiter"] = "+"
        self.main["propagate_unmatched_extensions"] = ""
        self.add(21, CONVERTED, "sendmail.cf", "user+detail", "recipient_delimiter; aliases and tables drop the detail")

    # --- names and access -------------------------------------------------------------------------------------------

    def _local_names(self) -> None:
        domains = value_at(self.policy, ("identity", "local_domains")) or []
        for line in self.entries("local-host-names"):
            where = f"local-host-names:{line.line}"
            if line.key in domains or line.key == value_at(self.policy, ("identity", "hostname")):
                self.add(1, CONVERTED, where, line.key, "policy.identity.local_domains")
            else:
                self.add(
                    1,
                    DIFFERS,
                    where,
                    line.key,
                    "Postfix takes mail for the addresses on which it listens, and for proxy_interfaces",
                )
        for call in self.source.of("LOCAL_DOMAIN"):
            words = [word for argument in call.arguments for word in argument.split()]
            self.policy.setdefault("identity", {}).setdefault("local_domains", []).extend(words)
            self.add_call(1, CONVERTED, call, "policy.identity.local_domains")
        sentence = "sendmail also takes mail for the names of its own interfaces, which it looks up at the start; Postfix does not"
        self.add(1, DIFFERS, "sendmail.cf", "class w", sentence, "sendmail -bt: $=w")

    def _relayed_names(self) -> None:
        domains = value_at(self.policy, ("relay", "domains")) or []
        for where, word in self._relayed_words():
            if not any(letter.isalpha() for letter in word) or word.lower().startswith("ipv6:"):
                self.add(2, CONVERTED, where, word, "policy.relay.networks")
                continue
            if word not in domains:
                domains.append(word)
                self.policy.setdefault("relay", {})["domains"] = domains
            self._relaying_client(word, bool(self.feature("relay_hosts_only")))
            sentence = "policy.relay.domains, and in smtpd_relay_restrictions clients whose verified name lies in it"
            self.add(2, CONVERTED, where, word, sentence)

    def _relayed_words(self) -> t.Iterator[t.Tuple[str, str]]:
        """Yield the words of class R, each with where it stands."""
        for line in self.entries("relay-domains"):
            yield f"relay-domains:{line.line}", line.key
        for call in self.source.of("RELAY_DOMAIN"):
            for argument in call.arguments:
                for word in argument.split():
                    yield f"sendmail.mc:{call.line}", word
        # The class of virtual domains is part of class R.
        for call in self.source.of("VIRTUSER_DOMAIN"):
            for word in " ".join(call.arguments).split():
                yield f"sendmail.mc:{call.line}", word

    def _relaying_client(self, name: str, exact: bool = False) -> None:
        """Let clients relay whose verified name is this one, or lies below it."""
        plain = "move_relay_clients", f"{name.lower()} OK", "${default_database_type}"
        pattern = "move_relay_hosts", f"/^{literal(name.lower())}$/ OK", "regexp"
        table, line, kind = pattern if exact else plain
        if line not in self.tables.get(table, ()):
            self._check("smtpd_relay_restrictions", f"check_client_access {self.table(table, [line], kind)}")

    def _check(self, name: str, check: str) -> None:
        checks = self.checks.setdefault(name, [])
        if check not in checks:
            checks.append(check)

    def _restrictions(self) -> None:
        """Put the restriction lists together; none of them is set where nothing is in it."""
        ends = {"smtpd_relay_restrictions": ["reject_unauth_destination"]}
        for name, checks in self.checks.items():
            # A demand of TLS holds for everybody, those who may relay included.
            begin = [] if name == "smtpd_helo_restrictions" else ["permit_mynetworks"]
            self.main[name] = ", ".join([*begin, *checks, *ends.get(name, ())])

    def _access(self) -> None:
        full = any("relaytofulladdress" in call.arguments for call in self.source.of("FEATURE"))
        by_sender = bool(self.feature("relay_mail_from"))
        is_blocking = bool(self.feature("blocklist_recipients") or self.feature("blacklist_recipients"))
        access = Access(is_blocking, self.policy, full, by_sender, self._locals())
        for line in self.entries("access"):
            tag = line.key.partition(":")[0].lower() if ":" in line.key else ""
            tag = tag if tag in ACCESS_TAGS else ""
            if tag in move_tls.TAGS:
                key = line.key.partition(":")[2].lower()
                where, text = f"access:{line.line}", f"{line.key} {line.value}"
                self.rows.append(self.demands.read(tag, move_tls.Line(key, line.value, where, text)))
                continue
            for row, rules in access.read(line, tag):
                self.rows.append(row)
                self.rules += rules
        for name in access.clients:
            self._relaying_client(name)
        if access.recipients:
            table = self.table("move_relay_recipients", [f"{address} OK" for address in access.recipients])
            self._check("smtpd_relay_restrictions", f"check_recipient_access {table}")
        self._tls()

    def _tls(self) -> None:
        """Write the demands of the access map; those that the policy of a managed host made stay in the policy."""
        demands = self.demands
        kept = [
            item for item in value_at(self.policy, ("tls", "domains")) or () if not self._is_in_access(item["domain"])
        ]
        self.policy = without(self.policy, ("tls", "domains"))
        tls = dict(self.policy.get("tls", {}))
        if kept:
            tls["domains"] = kept
        for side, level in (("client", demands.level), ("server", demands.of_clients)):
            if level:
                tls[side] = dict(tls.get(side, {}), level=level)
        if tls:
            self.policy = dict(self.policy, tls=tls)
        if demands.policies:
            lines = [f"{hop} {value}" for hop, value in sorted(demands.policies.items())]
            self.main["smtp_tls_policy_maps"] = self.table("move_tls_policy", lines)
        if demands.silenced:
            table = self.table("move_tls_silenced", demands.silenced, "cidr")
            self.main["smtp_discard_ehlo_keyword_address_maps"] = table
        if demands.clients:
            table = self.table("move_tls_clients", demands.clients)
            self._check("smtpd_helo_restrictions", f"check_client_access {table}")

    def _is_in_access(self, domain: str) -> bool:
        """Return whether an unmanaged line of the access file is about a domain and TLS."""
        keys = {line.key.lower() for line in self.entries("access")}
        return not keys.isdisjoint({f"{tag}:{domain}" for tag in move_tls.TAGS})

    # --- addresses --------------------------------------------------------------------------------------------------

    def _rewriting(self) -> None:
        made = rewriting(self.source, self.entries("genericstable"), self._words_of("GENERICS_DOMAIN"), self._locals())
        self.rows += made.rows
        if made.lines:
            self.add_map("sender_canonical_maps", self.table("move_sender_canonical", made.lines))
        if made.patterns:
            self.add_map("sender_canonical_maps", self.table("move_sender_patterns", made.patterns, "regexp"))
        if made.lines or made.patterns:
            envelope = self.feature("masquerade_envelope")
            self.main["sender_canonical_classes"] = "envelope_sender, header_sender" if envelope else "header_sender"
        domains = [f"@{line.key} @{line.value}" for line in self.entries("domaintable")]
        for line in self.entries("domaintable"):
            sentence = "canonical_maps; a domain that is rewritten as a whole makes every user in it valid, and headers of strangers stay"
            self.add(
                14,
                DIFFERS,
                f"domaintable:{line.line}",
                f"{line.key} {line.value}",
                sentence,
                f"RCPT to nobody@{line.key}",
            )
        if domains:
            self.add_map("canonical_maps", self.table("move_canonical", domains))

    def _locals(self) -> t.List[str]:
        """Return the domains that are this host's own."""
        names = [self.hostname, *(value_at(self.policy, ("identity", "local_domains")) or ())]
        return [name for name in dict.fromkeys(names) if name]

    def _words_of(self, macro: str) -> t.List[str]:
        return [word for call in self.source.of(macro) for argument in call.arguments for word in argument.split()]

    def _virtual(self) -> None:
        result = virtual(self.entries("virtusertable"), self.hostname, self._virtual_domains())
        self.rows += result.rows
        self.rules += result.rules
        if result.lines:
            self.add_map("virtual_alias_maps", self.table("move_virtual", result.lines))
        if result.patterns:
            self.add_map("virtual_alias_maps", self.table("move_virtual_patterns", result.patterns, "regexp"))
        for call in self.source.of("VIRTUSER_DOMAIN_FILE"):
            sentence = "it also opens relaying to and from these domains and their subdomains; say which with policy.relay.domains"
            self.add_call(15, NOT_CONVERTED, call, sentence, "a stranger, RCPT to an address in the domain")

    def _virtual_domains(self) -> t.Optional[t.Set[str]]:
        """Return the domains about which the virtusertable is asked; None where a file or a feature adds to them."""
        if self.source.of("VIRTUSER_DOMAIN_FILE") or self.feature("virtuser_entire_domain") or not self.text.strip():
            return None
        return {name.lower() for name in (*self._locals(), *self._words_of("VIRTUSER_DOMAIN"))}

    def _routes(self) -> None:
        unread = set(self.unexpressed.get("routes", ()))
        others = []
        for line in self.entries("mailertable"):
            text = f"{line.key} {line.value}"
            if f"mailertable: {text}" in unread:
                others.append(line)
            else:
                self.add(16, CONVERTED, f"mailertable:{line.line}", text, "policy.routes.domains")
        made = routes(others, own_mailers(self.cf.mailers), self.cf.mailers, self.hostname)
        self.rows += made.rows
        if made.transports:
            self.add_map("transport_maps", self.table("move_transport", made.transports))
        if made.aliases:
            self.add_map("virtual_alias_maps", self.table("move_virtual", made.aliases))
        if self.entries("mailertable"):
            self.add(
                16,
                DIFFERS,
                "mailertable",
                "",
                "sendmail looks up the canonical name, with CNAMEs followed; Postfix the name as written",
            )

    def _hubs(self) -> None:
        defines = {call.arguments[0]: call for call in self.source.of("define") if call.arguments}
        if "SMART_HOST" in defines and value_at(self.policy, ("routes", "default")):
            self.add_call(18, CONVERTED, defines["SMART_HOST"], "policy.routes.default")
        elif self.cf.macros.get("S", "").strip():
            verdict = CONVERTED if value_at(self.policy, ("routes", "default")) else NOT_CONVERTED
            self.add(18, verdict, "sendmail.cf", f"DS{self.cf.macros['S']}", "policy.routes.default")
        if "MAIL_HUB" in defines:
            hub = defines["MAIL_HUB"].arguments[-1].rpartition(":")[2]
            self.main["local_transport"] = f"smtp:{hub}"
            self.add_call(
                18,
                DIFFERS,
                defines["MAIL_HUB"],
                "main.local_transport: aliases and .forward files are no longer looked at here",
            )
        for name, number, why in (
            ("LOCAL_RELAY", 18, "only names without a domain go there; nearest: relayhost with append_at_myorigin"),
            ("LUSER_RELAY", 19, "luser_relay needs local_recipient_maps empty, so every user would be accepted"),
        ):
            if name in defines:
                self.add_call(number, NOT_CONVERTED, defines[name], why, "RCPT to a user that does not exist")

    def _smart_table(self) -> None:
        """Take the table of a feature that many have, and that sendmail itself does not bring."""
        call = self.feature("smarttable")
        if not call:
            return
        lines = []
        for entry in self.entries("smarttable"):
            where, text = f"smarttable:{entry.line}", f"{entry.key} {entry.value}"
            mailer, colon, host = entry.value.rpartition(":")
            if mailer.lower() in ("", "smtp", "esmtp", "relay") and host:
                lines.append(f"{entry.key if '@' in entry.key else f'@{entry.key}'} smtp:{host}")
                sentence = "sender_dependent_default_transport_maps, for mail that no other route takes"
                self.add(20, DIFFERS, where, text, sentence, f"MAIL from {entry.key}")
            else:
                self.add(20, NOT_CONVERTED, where, text, "nearest: policy.routes.senders", f"MAIL from {entry.key}")
        if lines:
            table = self.table("move_sender_transport", lines)
            self.add_map("sender_dependent_default_transport_maps", table)
            return
        sentence = "its table is not known here; nearest: policy.routes.senders"
        self.add_call(20, NOT_CONVERTED, call, sentence, "the route of one recipient for two senders")

    def _aliases(self) -> None:
        for path in (self.cf.value("AliasFile") or "").split(","):
            place = path.strip().rpartition(":")[2]
            content = _files.read(place) if place.startswith("/") else None
            self.rows += alias_rows(place, (content or b"").decode("utf-8", "surrogateescape"))
        sentence = "Postfix takes mail for postmaster in every local domain; write an alias that says who reads it"
        self.add(21, DIFFERS, "postmaster:", "postmaster@", sentence, "mail to postmaster from outside")
        if self.cf.value("ForwardPath"):
            self.add(
                22,
                DIFFERS,
                "sendmail.cf",
                "O ForwardPath",
                "local(8) of Postfix reads forward_path, with $home and $user",
                "mail to a user with a .forward",
            )

    # --- sessions ---------------------------------------------------------------------------------------------------

    def _milters(self) -> None:
        milters = []
        for call in self.source.of("INPUT_MAIL_FILTER"):
            text, sentence = milter(call.arguments)
            if text:
                milters.append(text)
                self.add_call(
                    23, DIFFERS, call, sentence, "a message that the milter refuses, and one while it is down"
                )
            else:
                self.add_call(23, NOT_CONVERTED, call, sentence)
        if milters:
            self.main["smtpd_milters"] = self.main["non_smtpd_milters"] = ", ".join(milters)

    def _block_lists(self) -> None:
        for call in self.source.of("FEATURE"):
            name, arguments = call.arguments[0] if call.arguments else "", call.arguments[1:]
            if name not in ("dnsbl", "enhdnsbl", "rhsbl") or not arguments:
                continue
            check, rest = block_list(name, arguments)
            self._check("smtpd_recipient_restrictions", check)
            zone = arguments[0].rstrip(".")
            for sentence in rest:
                self.add_call(24, NOT_CONVERTED, call, sentence, f"a client that {zone} lists")
            sentence = "smtpd_recipient_restrictions; the words of the reply are those of rbl_reply_maps"
            self.add_call(24, DIFFERS, call, sentence, f"a client that {zone} lists")

    def _listeners(self) -> None:
        for number, call in enumerate(self.source.of("DAEMON_OPTIONS")):
            fields = _fields(call.arguments[0] if call.arguments else "")
            port = fields.get("P", "smtp")
            if number == 0 or port in ("25", "smtp"):
                self.add_call(25, CONVERTED, call, "policy.identity.listen and port")
            else:
                address = f"{fields['A']}:" if fields.get("A") else ""
                self.master[f"{address}{port}/inet"] = {"command": "smtpd", "private": False, "chroot": False}
                self.add_call(25, DIFFERS, call, f"master.{address}{port}/inet", f"connect to port {port}")
            if fields.get("M"):
                sentence = f"the flags M={fields['M']} have no counterpart of one setting (op.me, DaemonPortOptions)"
                self.add_call(25, NOT_CONVERTED, call, sentence, "EHLO at this port: AUTH, STARTTLS, ETRN")
        for call in self.source.of("CLIENT_OPTIONS"):
            self.add_call(25, CONVERTED, call, "policy.identity.send_from")

    def _queues(self) -> None:
        for call in (*self.source.of("QUEUE_GROUP"), *[call for call in [self.feature("queuegroup")] if call]):
            self.add_call(
                26, NOT_CONVERTED, call, "Postfix has one queue; nearest: a transport or an instance of its own"
            )
        directory = self.cf.value("QueueDirectory") or ""
        if "*" in directory:
            self.add(
                26,
                NOT_CONVERTED,
                "sendmail.cf",
                f"O QueueDirectory={directory}",
                "Postfix has one queue directory, with hashed levels",
            )

    def _options(self) -> None:
        for call in self.source.of("define"):
            name = call.arguments[0] if call.arguments else ""
            option = cf.OPTIONS.get(name)
            if option is None:
                continue
            if name in ("confDOUBLE_BOUNCE_ADDRESS", "confCOPY_ERRORS_TO"):
                self.main["2bounce_notice_recipient" if "DOUBLE" in name else "bounce_notice_recipient"] = (
                    call.arguments[-1]
                )
                self.add_call(
                    27, DIFFERS, call, "Postfix tells only of the classes in notify_classes", "a bounce that bounces"
                )
            elif name == "confMIN_QUEUE_AGE":
                self.add_call(
                    27, DIFFERS, call, "policy.queue.retry_minimum: the time of Postfix doubles with each attempt"
                )
            elif option[0] in reader.READ:
                self.add_call(27, CONVERTED, call, "an option of the policy")
            else:
                self.add_call(27, NOT_CONVERTED, call, f"sets {option[0]} of sendmail")

    def _sizes(self) -> None:
        """Say that there is no limit where sendmail has none: Postfix by itself refuses more than 10 MB."""
        if value_at(self.policy, ("limits", "message_size")) is None:
            self.policy = dict(self.policy, limits=dict(self.policy.get("limits", {}), message_size=0))
            sentence = "policy.limits.message_size 0; Postfix by itself refuses more than 10 MB"
            self.add(27, CONVERTED, "sendmail.cf", "no O MaxMessageSize", sentence)
        limits = self.policy["limits"]
        least, room = limits["message_size"] * 3 // 2, limits.get("free_space")
        if room is not None and room < least:
            self.policy = dict(self.policy, limits=dict(limits, free_space=least))
            sentence = "policy.limits.free_space: Postfix demands room for one and a half messages, sendmail adds the size of the message"
            self.add(
                27,
                DIFFERS,
                "sendmail.cf",
                f"O MinFreeBlocks: {room} bytes",
                sentence,
                "a message while the disk is almost full",
            )

    def _submission(self) -> None:
        if self.content("submit.cf"):
            self.add(
                28,
                DIFFERS,
                "submit.cf",
                "",
                "sendmail(1) of Postfix hands mail to postdrop; there is no client queue of its own",
                "echo test | sendmail root",
            )
        for pattern in _SCRIPTS:
            for path in sorted(glob.glob(pattern)):
                self.rows += _script_rows(path)

    # --- the rest ---------------------------------------------------------------------------------------------------

    def _features(self) -> None:
        for call in self.source.of("FEATURE"):
            name = call.arguments[0] if call.arguments else ""
            if name in _RELAYING:
                self.add_call(
                    29,
                    NOT_CONVERTED,
                    call,
                    f"{_RELAYING[name]}; say who may relay with policy.relay",
                    "a stranger, RCPT to another domain",
                )
            elif name == "authinfo":
                sentence = "a secret is not copied; smtp_sasl_password_maps needs the next hop as it is written in the route, brackets and port included"
                self.add_call(30, NOT_CONVERTED, call, sentence, "a delivery to that host")
            elif name == "require_rdns":
                self._check("smtpd_client_restrictions", "reject_unknown_client_hostname")
                self.add_call(
                    31,
                    DIFFERS,
                    call,
                    "reject_unknown_client_hostname also refuses where name and address do not match",
                    "a client without a name",
                )
            elif name == "block_bad_helo":
                self.add_call(31, CONVERTED, call, "policy.session.helo_checks")
            elif name in _FEATURES_NOT_CONVERTED:
                self.add_call(31, NOT_CONVERTED, call, _FEATURES_NOT_CONVERTED[name])
            elif name in ("msp", "nullclient"):
                self.add_call(
                    28, NOT_CONVERTED, call, "a null client: listen on loopback and set policy.routes.default"
                )

    def _delayed_checks(self) -> None:
        call = self.feature("delay_checks")
        if call:
            sentence = "of two reasons to refuse, sendmail tells the recipient's first, Postfix the client's, then the sender's"
            self.add_call(8, DIFFERS, call, sentence, "a stranger, MAIL from a refused sender, RCPT to another domain")

    def _unknown_domains(self) -> None:
        if value_at(self.policy, ("session", "sender_domain_exists")) and not self.feature(
            "accept_unresolvable_domains"
        ):
            sentence = "policy.session.sender_domain_exists; sendmail refuses such senders from clients that may relay, too, Postfix does not"
            test = "a client that may relay, MAIL from a domain that does not exist"
            self.add(31, DIFFERS, "sendmail.cf", "no accept_unresolvable_domains", sentence, test)

    def _free_text(self) -> None:
        ruleset = ""
        for text in self.source.texts:
            if not text.section:
                continue
            declared = re.match(r"S(\w+)", text.text)
            ruleset = declared.group(1) if declared else ruleset
            test = f"sendmail -bt: {ruleset} user@example.com" if ruleset else ""
            self.add(32, NOT_CONVERTED, f"sendmail.mc:{text.line}", text.text, _seems(text.text, ruleset), test)
        for item in self.source.unread:
            self.add(32, NOT_CONVERTED, f"sendmail.mc:{item.line}", item.text, item.why)
        for sentence in mc_source.disagreements(self.source, self.cf) if self.text.strip() else ():
            self.add(32, NOT_CONVERTED, "sendmail.cf", sentence, "the cf that runs was not built of this mc")
        if not self.text.strip():
            self.add(
                32,
                NOT_CONVERTED,
                "sendmail.mc",
                "",
                "there is none: only the cf and the tables were read, and rules in the cf are not known",
            )

    def _others(self) -> None:
        """Give every statement a row that has none."""
        places = {row.where for row in self.rows}
        for call in self.source.calls:
            said = about(call) if f"sendmail.mc:{call.line}" not in places else None
            if said:
                self.add_call(said.number, said.verdict, call, said.sentence)

    def _queue(self) -> None:
        for directory in self.host.instance.queue_directories:
            places = glob.glob(directory)
            waiting = [
                name for place in places for name in glob.glob(os.path.join(place, "**", "[qh]f*"), recursive=True)
            ]
            held = [name for name in waiting if os.path.basename(name).startswith("hf")]
            if len(waiting) > len(held):
                self.add(
                    33,
                    DIFFERS,
                    directory,
                    f"{len(waiting) - len(held)} messages",
                    "let sendmail drain them, listening nowhere",
                    "mailq",
                )
            if held:
                self.add(
                    33,
                    NOT_CONVERTED,
                    directory,
                    f"{len(held)} messages",
                    "they are quarantined and stay; look at each",
                    "mailq -qQ",
                )

    def _leave_what_postfix_has_not(self) -> None:
        for path, why in _NOT_ON_POSTFIX:
            value = value_at(self.policy, path)
            if value is not None:
                self.policy = without(self.policy, path)
                if value:
                    self.add(27, NOT_CONVERTED, "sendmail.cf", f"{'.'.join(path)} {value}", why)
        for path, kept in ((("timeouts", "ident"), 0), (("session", "expn"), False), (("log", "level"), "normal")):
            if value_at(self.policy, path) not in (None, kept):
                value = value_at(self.policy, path)
                self.add(27, NOT_CONVERTED, "sendmail.cf", f"{'.'.join(path)} {value}", f"Postfix has only {kept}")
                self.policy = without(self.policy, path)


def _include(path: str) -> t.Optional[str]:
    content = _files.read(path)
    return None if content is None else content.decode("utf-8", "surrogateescape")


def _fields(text: str) -> t.Dict[str, str]:
    """Return the fields of a listener; their names count by the first letter (op.me, 5.6)."""
    pairs = (part.strip().partition("=") for part in text.split(","))
    return {name[:1].upper(): value.strip() for name, dummy, value in pairs if name}


def _script_rows(path: str) -> t.List[Row]:
    """Return the lines of a script that call sendmail in a way that Postfix's sendmail(1) does not know."""
    try:
        if os.path.getsize(path) > _LARGEST_SCRIPT:
            return []
        text = (_files.read(path) or b"").decode("utf-8", "surrogateescape")
    except OSError:
        return []
    sentence = "sendmail(1) of Postfix ignores or does not know this option"
    return [
        Row(28, NOT_CONVERTED, f"{path}:{number}", line.strip()[:160], sentence, "run it beside a test message")
        for number, line in enumerate(text.split("\n"), 1)
        if _CALL.search(line) and not line.lstrip().startswith("#")
    ]


def _seems(line: str, ruleset: str) -> str:
    """Return what a line of free text seems to do."""
    kinds = {
        "K": "declares a lookup table",
        "S": "begins a ruleset",
        "R": f"a rule of {ruleset or 'a ruleset'}; nearest: a table of restrictions or a policy service",
        "M": "a mailer of its own; nearest: a service of master.cf with its transport",
        "H": "checks or adds a header; nearest: header_checks",
        "D": "sets a macro",
        "C": "adds to a class",
        "F": "reads a class from a file",
        "O": "sets an option",
    }
    return kinds.get(line[:1], "text of sendmail.cf")
