# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the outside sees a source address of this host: through which address and name it leaves, and who refuses it.

Private to the collection: it can change at any time.

Only a host outside can say which address it sees. An SMTP server says it in its answer to EHLO (sendmail and others name
the client), an HTTP echo in its body. What neither says is not guessed.
"""

import http.client
import ipaddress
import re
import socket
import typing as t
import urllib.parse

from .._dns import blocklists, spf
from .._errors import OptionError
from .._model.finding import ERROR, NOTICE, WARNING, Finding, make_finding
from .._smtp.dialogue import Dialogue

#: More of an echo's body than this is not an address.
_BODY = 10000
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f.:]{3,45})\]")
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w.:])"
)


class Echo(t.NamedTuple):
    """What one host outside said.

    :param how: C(smtp) or C(http).
    :param address: the address that it sees; empty where it does not say.
    :param text: its reply, or why there is none.
    """

    how: str
    address: str
    text: str


class Egress(t.NamedTuple):
    """All that is known of one source address.

    :param name: its name by PTR; empty without one.
    :param confirmed: whether that name leads back to the address.
    """

    source: str
    echoes: t.Tuple[Echo, ...]
    outside: str
    name: str
    confirmed: bool
    spf: t.Tuple[t.Tuple[str, spf.Verdict], ...]
    listings: t.Tuple[blocklists.Listing, ...]


def by_smtp(source: str, host: str, port: int, hello: str, seconds: float) -> Echo:
    """Ask an SMTP server, in its answer to EHLO."""
    with Dialogue(host, port, source=source, timeout=seconds) as dialogue:
        step = dialogue.connect()
        if step.reply and step.reply.code == 220:
            step = dialogue.ehlo(hello)
        reply = step.reply.text if step.reply else step.detail or step.outcome
        lines = " ".join(step.reply.lines) if step.reply else ""
        if dialogue.is_open:
            dialogue.quit()
    return Echo("smtp", _first_address(_LITERAL.findall(lines)), reply)


def by_http(source: str, url: str, seconds: float) -> Echo:
    """Ask an HTTP echo, whose body names the client's address.

    :raises OptionError: when it is no web address.
    """
    place = urllib.parse.urlsplit(url)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise OptionError("http", url, "expected an address like https://echo.example.com/ip")
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname, place.port, timeout=seconds, source_address=(source, 0))
    try:
        connection.request("GET", place.path or "/", headers={"Accept": "text/plain", "User-Agent": "postmaster.mta"})
        response = connection.getresponse()
        body = response.read(_BODY).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, socket.timeout) as problem:
        return Echo("http", "", str(problem) or type(problem).__name__)
    finally:
        connection.close()
    if response.status != 200:
        return Echo("http", "", f"status {response.status}")
    return Echo("http", _first_address(_ADDRESS.findall(body)), body.strip()[:200])


def _first_address(texts: t.Iterable[str]) -> str:
    for text in texts:
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            continue
    return ""


def judge(egress: Egress, hello: str) -> t.List[Finding]:
    """Return what is wrong with a source address, as the outside sees it.

    :param hello: the name that the relay gives in EHLO.
    """
    return [*_address(egress), *_name(egress, hello), *_policies(egress), *_listings(egress)]


def _address(egress: Egress) -> t.List[Finding]:
    addresses = sorted({echo.address for echo in egress.echoes if echo.address})
    evidence = [f"{echo.how}: {echo.text}" for echo in egress.echoes]
    if len(addresses) > 1:
        what = (
            f"{egress.source} is seen as {' and '.join(addresses)}: mail and other traffic leave by different addresses"
        )
        return [make_finding("egress_differs", WARNING, egress.source, what, evidence)]
    if egress.echoes and not addresses:
        what = f"nobody outside says as which address {egress.source} is seen"
        return [make_finding("egress_unknown", NOTICE, egress.source, what, evidence)]
    if addresses and addresses[0] != egress.source and ipaddress.ip_address(egress.source).is_global:
        what = f"{egress.source} is seen as {addresses[0]}: something between here and there translates it"
        return [make_finding("egress_differs", WARNING, egress.source, what, evidence)]
    return []


def _name(egress: Egress, hello: str) -> t.List[Finding]:
    # From a private address nobody outside can see us; there it is only worth knowing.
    severity = WARNING if ipaddress.ip_address(egress.outside).is_global else NOTICE
    if not egress.name:
        what = f"{egress.outside} has no name (PTR): many servers refuse such clients"
        return [make_finding("missing_ptr", severity, egress.outside, what)]
    if not egress.confirmed:
        what = f"{egress.outside} is named {egress.name}, but that name does not lead back to it"
        return [make_finding("ptr_not_confirmed", severity, egress.outside, what)]
    if hello and egress.name.lower() != hello.lower():
        what = f"{egress.outside} is named {egress.name}, and the relay says EHLO {hello}: some servers compare the two"
        return [make_finding("ptr_is_not_hello", NOTICE, egress.outside, what)]
    return []


def _policies(egress: Egress) -> t.List[Finding]:
    findings = []
    for domain, verdict in egress.spf:
        if verdict.result == spf.PASS:
            continue
        severity = ERROR if verdict.result in (spf.FAIL, spf.PERMERROR) else WARNING
        what = f"the SPF record of {domain} does not let {egress.outside} send: {verdict.result}, {verdict.why}"
        if verdict.result == spf.NONE:
            what = f"{domain} has no SPF record: nothing says that {egress.outside} may send its mail"
        findings.append(make_finding("spf_does_not_cover", severity, domain, what))
    return findings


def _listings(egress: Egress) -> t.List[Finding]:
    findings = []
    for listing in egress.listings:
        if listing.status == blocklists.LISTED:
            what = f"{egress.outside} is listed by {listing.zone}: {', '.join(listing.answers)}"
            findings.append(make_finding("blocklisted", ERROR, egress.outside, what, [listing.text]))
        elif listing.status != blocklists.NOT_LISTED:
            what = f"{listing.zone} says nothing of {egress.outside}: {listing.why}"
            findings.append(make_finding("blocklist_unusable", NOTICE, listing.zone, what))
    return findings


__all__ = ("Echo", "Egress", "by_http", "by_smtp", "judge")
