# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an address goes and why: one record for both MTAs.

Private to the collection: it can change at any time.
"""

import typing as t

REMOTE, LOCAL, ERROR, DISCARD, UNKNOWN = "remote", "local", "error", "discard", "unknown"
SMTP_PORT = 25


class Rewriting(t.NamedTuple):
    """One rewriting: a rule set of sendmail, a table or a service of Postfix."""

    rule: str
    given: str
    result: str


class TableEntry(t.NamedTuple):
    """An entry of a lookup table.

    :param role: what the table is for: C(mailertable), C(transport_maps), ...
    :param table: its type and path as the configuration names it.
    :param source: C(file:line) of the entry in its source; empty where it is not found there.
    """

    role: str
    table: str
    key: str
    value: str
    source: str = ""

    def __str__(self) -> str:
        place = f" ({self.source})" if self.source else ""
        return f"{self.role} {self.table}: {self.key} -> {self.value}{place}"


class Hop(t.NamedTuple):
    """A next hop: by the MX records of the name, or the host itself."""

    name: str
    port: int = SMTP_PORT
    by_mx: bool = True


class Route(t.NamedTuple):
    """Where a message for an address goes.

    :param recipient: the address at the end of all rewriting.
    :param verdict: C(remote), C(local), C(error), C(discard) or C(unknown).
    :param transport: the MTA's word: a mailer of sendmail, a transport of Postfix.
    :param nexthop: as the MTA writes it.
    :param decided_by: the table entry that decided; None where no table did.
    :param because: one sentence.
    :param entries: every entry that was found on the way.
    :param answer: what a client would be told at RCPT, as far as it can be said; I(rules) is how.
    """

    address: str
    recipient: str
    verdict: str
    transport: str = ""
    nexthop: str = ""
    hops: t.Tuple[Hop, ...] = ()
    decided_by: t.Optional[TableEntry] = None
    because: str = ""
    steps: t.Tuple[Rewriting, ...] = ()
    entries: t.Tuple[TableEntry, ...] = ()
    answer: str = ""
    rules: t.Tuple[Rewriting, ...] = ()


class RouteQuestion(t.NamedTuple):
    """The question: an address, from whom, and for which client."""

    address: str
    sender: str = ""
    client: str = ""


class Settings(t.NamedTuple):
    """What the checks of a host need to know of its MTA's configuration.

    :param needed_bytes: free space in the queue's file system below which mail is not taken.
    :param certificate: file of the server's certificate.
    :param queue_load: load from which mail is only queued; I(refuse_load): from which connections are refused.
    :param closes_quotes: whether open quotes in MIME fields are closed over their last letter.
    :param read_at_start: configuration that is read by a starting daemon only.
    """

    needed_bytes: int = 0
    certificate: str = ""
    queue_load: t.Optional[float] = None
    refuse_load: t.Optional[float] = None
    closes_quotes: bool = False
    read_at_start: t.Tuple[str, ...] = ()


def parents(domain: str) -> t.Tuple[str, ...]:
    """The domains above a domain, the nearest first: C(b.c), C(c) of C(a.b.c)."""
    labels = domain.split(".")
    return tuple(".".join(labels[start:]) for start in range(1, len(labels)))


def find_line(text: str, key: str) -> int:
    """The line of a table's source on which a key stands; 0 where it does not. Keys are compared without case."""
    wanted = key.lower()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(None, 1)
        if words and not line.startswith(("#", " ", "\t")) and words[0].strip('"').rstrip(":").lower() == wanted:
            return number
    return 0


def as_facts(route: Route) -> t.Dict[str, t.Any]:
    """A route as the modules return it."""
    facts = dict(route._asdict())
    facts["hops"] = [dict(hop._asdict()) for hop in route.hops]
    facts["steps"] = [dict(step._asdict()) for step in route.steps]
    facts["rules"] = [dict(step._asdict()) for step in route.rules]
    facts["entries"] = [dict(entry._asdict()) for entry in route.entries]
    facts["decided_by"] = dict(route.decided_by._asdict()) if route.decided_by else None
    return facts
