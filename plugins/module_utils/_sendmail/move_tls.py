# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TLS demands of the access map as what Postfix demands: by next hop, by the server's address, and of clients.

Private to the collection: it can change at any time.

sendmail looks up the name and the address of the server (Try_TLS, TLS_Srv), or the recipient (TLS_Rcpt). Postfix looks up the next
hop as it stands in the route. Nothing is demanded of a host that no route names: mail for others would wait there.
"""

import re
import typing as t

from .. import _addresses
from .._model.adopted import value_at
from .._model.move import CONVERTED, DIFFERS, NOT_CONVERTED, Row
from .networks import network_of

TAGS = frozenset(("try_tls", "tls_srv", "tls_rcpt", "tls_clt"))
#: A demand: for how long a refusal counts, what it is about, how many bits, and what the certificate must say (cf/README, STARTTLS).
_DEMAND = re.compile(r"(?:(?:PERM|TEMP)\+)?(ENCR|VERIFY)(?::(\d+))?((?:\+.*)?)\Z", re.IGNORECASE)
_NAMED = re.compile(r"\+CN:([A-Za-z0-9.-]+)\Z")
#: What the cipher grade medium of Postfix has at least.
_MEDIUM = 112
_BY_SERVER = "sendmail looks up the name of the server, Postfix the next hop, and no route goes to this host; nearest: policy.tls.domains"
_BY_ADDRESS = "sendmail looks up the address of the server, Postfix the next hop; nearest: policy.tls.domains"
_OTHER = "this value demands what the policy table of Postfix has no word for; nearest: policy.tls.domains"


class Line(t.NamedTuple):
    """A line of the access file, without its tag."""

    key: str
    value: str
    where: str
    text: str

    def row(self, verdict: str, sentence: str, test: str = "") -> Row:
        """Return the row of the report about the line."""
        return Row(11, verdict, self.where, self.text, sentence, test)


class Demands:
    """What Postfix demands of servers and clients.

    :param policies: lines of C(smtp_tls_policy_maps), by next hop.
    :param silenced: lines of C(smtp_discard_ehlo_keyword_address_maps), which is a table of networks.
    :param clients: lines of C(check_client_access).
    :param level: of all servers; empty where no line is about all.
    """

    def __init__(self, policy: t.Mapping[str, t.Any]) -> None:
        self._policy = policy
        self.policies: t.Dict[str, str] = {}
        self.silenced: t.List[str] = []
        self.clients: t.List[str] = []
        self.level = ""
        self.of_clients = ""

    def read(self, tag: str, line: Line) -> Row:
        """Take one line; return its row of the report."""
        take = {"try_tls": self._try, "tls_srv": self._server, "tls_rcpt": self._recipient, "tls_clt": self._client}
        return take[tag](line)

    def _try(self, line: Line) -> Row:
        if line.value.upper() != "NO":
            return line.row(CONVERTED, "Postfix tries TLS by itself; nothing to say")
        if not line.key:
            self.level = "none"
            return line.row(CONVERTED, "policy.tls.client.level")
        network = network_of(line.key)
        if network:
            self.silenced.append(f"{network} starttls")
            return line.row(CONVERTED, "smtp_discard_ehlo_keyword_address_maps: STARTTLS is not seen there")
        return self._at_hops(line, "none")

    def _server(self, line: Line) -> Row:
        demand = _demanded(line.value)
        if not demand and line.value.upper() != "OK":
            return line.row(NOT_CONVERTED, _OTHER, f"a delivery to {line.key}")
        if not line.key:
            self.level = "encrypt" if demand else ""
            return line.row(DIFFERS, "policy.tls.client.level: of all servers, without more about the certificate")
        if network_of(line.key):
            return line.row(NOT_CONVERTED, _BY_ADDRESS, f"a delivery to {line.key}")
        return self._at_hops(line, demand or "may")

    def _at_hops(self, line: Line, value: str) -> Row:
        """Take a line about a server by name: where routes name it, in brackets, it is the next hop."""
        hops = [hop for name, hop in self._hops() if name == line.key or name.endswith(f".{line.key}")]
        if not hops:
            return line.row(NOT_CONVERTED, _BY_SERVER, f"a delivery to {line.key}")
        self.policies.update(dict.fromkeys(hops, value))
        where = ", ".join(dict.fromkeys(hops))
        return line.row(DIFFERS, f"smtp_tls_policy_maps: for {where}; a server of this name behind an MX is not meant")

    def _recipient(self, line: Line) -> Row:
        demand = _demanded(line.value)
        if not demand:
            return line.row(NOT_CONVERTED, _OTHER, f"a delivery to {line.key}")
        if not line.key:
            self.level = "encrypt"
            return line.row(DIFFERS, "policy.tls.client.level: of all servers, without more about the certificate")
        domain = _domain(line.key)
        if not domain:
            sentence = "a demand for some addresses of a domain; Postfix looks up the next hop, never the recipient"
            return line.row(NOT_CONVERTED, sentence, f"a delivery to {line.key}")
        return self._for_domain(line, domain, demand)

    def _for_domain(self, line: Line, domain: str, demand: str) -> Row:
        routed = [hop for name, hop in self._routes_of(domain)]
        if not routed and value_at(self._policy, ("routes", "default")):
            sentence = "its mail goes to the smart host, and the demand would hold for all mail there; nearest: a route of its own in policy.routes.domains"
            return line.row(NOT_CONVERTED, sentence, f"a delivery to {domain}")
        self.policies.update(dict.fromkeys(routed or (domain, f".{domain}"), demand))
        if routed:
            return line.row(DIFFERS, f"smtp_tls_policy_maps: for {', '.join(routed)}, whatever the recipient's domain")
        return line.row(*_said(line.value))

    def _client(self, line: Line) -> Row:
        demand = _DEMAND.match(line.value)
        if not demand or demand.group(1).upper() != "ENCR" or demand.group(3):
            sentence = "a certificate is demanded of the client; nearest: smtpd_tls_ask_ccert with permit_tls_all_clientcerts and reject"
            return line.row(NOT_CONVERTED, sentence, f"a client named {line.key}, with and without a certificate")
        if not line.key:
            self.of_clients = "encrypt"
            return line.row(DIFFERS, "policy.tls.server.level: of all clients")
        if line.key.lower().startswith("ipv6:"):
            return line.row(NOT_CONVERTED, "nearest: a cidr table in check_client_access", f"a client of {line.key}")
        self.clients.append(f"{line.key} reject_plaintext_session")
        return line.row(
            DIFFERS, "check_client_access with reject_plaintext_session; bits of the cipher have no counterpart"
        )

    # --- routes -----------------------------------------------------------------------------------------------------

    def _hops(self) -> t.Iterator[t.Tuple[str, str]]:
        """Yield the hosts that routes name, each with its next hop as Postfix writes it."""
        routes = self._policy.get("routes", {})
        for route in (*routes.get("domains", ()), routes.get("default") or {}):
            if not route.get("mx"):
                yield from _hop_words(route)

    def _routes_of(self, domain: str) -> t.Iterator[t.Tuple[str, str]]:
        for route in self._policy.get("routes", {}).get("domains", ()):
            if route["domain"] == domain:
                yield from _hop_words(route)


def _hop_words(route: t.Mapping[str, t.Any]) -> t.Iterator[t.Tuple[str, str]]:
    port = f":{route['port']}" if route.get("port") else ""
    for name in route.get("hosts") or ([route["host"]] if route.get("host") else []):
        yield name, f"{name}{port}" if route.get("mx") else f"[{name}]{port}"


def _demanded(value: str) -> str:
    """Return a demand as the policy table has it; empty where it has no word for it."""
    match = _DEMAND.match(value)
    if not match:
        return ""
    kind, bits, rest = match.group(1).upper(), int(match.group(2) or 0), match.group(3)
    name = _NAMED.match(rest)
    if rest and not (name or rest.upper() == "+CN"):
        return ""
    level = "encrypt" if kind == "ENCR" and not rest else "verify"
    return level + (" ciphers=high" if bits > _MEDIUM else "") + (f" match={name.group(1)}" if name else "")


def _said(value: str) -> t.Tuple[str, str]:
    """Return the verdict about a demand for a domain, and its sentence."""
    if "VERIFY" in value.upper():
        return (
            DIFFERS,
            "smtp_tls_policy_maps, for the domain as next hop; Postfix also compares the name in the certificate",
        )
    if ":" in value:
        return DIFFERS, "smtp_tls_policy_maps, for the domain as next hop; bits of the cipher become a grade"
    return CONVERTED, "smtp_tls_policy_maps, for the domain as next hop"


def _domain(key: str) -> str:
    try:
        return "" if "@" in key else _addresses.domain(key.lstrip("."))
    except ValueError:
        return ""
