# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an address goes and why: the records of route_info, the same for both MTAs.

Private to the collection: it can change at any time.
"""

import typing as t

from .helper import Helper

REMOTE, LOCAL, ERROR, DISCARD, UNKNOWN = "remote", "local", "error", "discard", "unknown"
SMTP_PORT = 25


class Rewriting(t.NamedTuple):
    """One step of the rewriting: a rule set of sendmail, a table or a service of Postfix."""

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
    """A next hop: a name whose MX records are looked up, or a host."""

    name: str
    port: int = SMTP_PORT
    by_mx: bool = True


class Route(t.NamedTuple):
    """Where a message for an address goes.

    :param recipient: the address after all rewriting.
    :param verdict: C(remote), C(local), C(error), C(discard) or C(unknown).
    :param transport: a mailer of sendmail, a transport of Postfix.
    :param nexthop: as the MTA writes it.
    :param decided_by: the table entry that decided; None where no table did.
    :param because: one sentence.
    :param entries: every table entry that matched.
    :param answer: the reply that a client would get at RCPT, as far as it can be known.
    :param rules: the steps to that answer.
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
    """What to trace: a recipient, from this sender, for this client."""

    address: str
    sender: str = ""
    client: str = ""


class Settings(t.NamedTuple):
    """What the checks of a host need of its MTA's configuration.

    :param needed_bytes: free space in the queue's file system below which no mail is taken.
    :param certificate: the file of the server's certificate.
    :param queue_load: the load from which mail is only queued.
    :param refuse_load: the load from which connections are refused.
    :param closes_quotes: whether open quotes in MIME fields are closed over their last letter.
    :param read_at_start: the files that only a starting daemon reads.
    :param helpers: the milters and the other programs that it asks about messages.
    """

    needed_bytes: int = 0
    certificate: str = ""
    queue_load: t.Optional[float] = None
    refuse_load: t.Optional[float] = None
    closes_quotes: bool = False
    read_at_start: t.Tuple[str, ...] = ()
    helpers: t.Tuple[Helper, ...] = ()


def parents(domain: str) -> t.Tuple[str, ...]:
    """Return the domains above a domain, the nearest first: C(b.c), C(c) of C(a.b.c), with a dot at its end or without."""
    labels = [label for label in domain.split(".") if label]
    return tuple(".".join(labels[start:]) for start in range(1, len(labels)))


def find_line(text: str, key: str) -> int:
    """Return the line of a table's source with a key, 0 where there is none. Case does not count."""
    folded = key.lower()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(None, 1)
        if words and not line.startswith(("#", " ", "\t")) and words[0].strip('"').rstrip(":").lower() == folded:
            return number
    return 0


def as_facts(route: Route) -> t.Dict[str, t.Any]:
    """Return a route as the modules return it."""
    facts = dict(route._asdict())
    facts["hops"] = [dict(hop._asdict()) for hop in route.hops]
    facts["steps"] = [dict(step._asdict()) for step in route.steps]
    facts["rules"] = [dict(step._asdict()) for step in route.rules]
    facts["entries"] = [dict(entry._asdict()) for entry in route.entries]
    facts["decided_by"] = dict(route.decided_by._asdict()) if route.decided_by else None
    return facts
