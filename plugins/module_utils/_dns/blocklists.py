# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS blocklists: does one list an address, and does it answer us at all?

A list that refuses to answer says so with an address, too. Who takes that for a listing refuses all mail, or
asks for the removal of an address that nobody has listed. So an answer counts only if the list is known to mean it.

Private to the collection: it can change at any time.

Sources: RFC 5782, and the published return codes of the lists.
"""

import ipaddress
import typing as t

from .spf import Ask

LISTED, NOT_LISTED, REFUSED, BROKEN, UNANSWERED = "listed", "not listed", "refuses to answer", "broken", "no answer"
_ERRORS = ipaddress.ip_network("127.255.255.0/24")
_ANSWERS = ipaddress.ip_network("127.0.0.0/8")
_TEST_LISTED, _TEST_CLEAN = "2.0.0.127", "1.0.0.127"


class Listing(t.NamedTuple):
    """What one list says of one address.

    :param status: C(listed), C(not listed), C(refuses to answer), C(broken) or C(no answer).
    :param answers: the addresses that it answered with.
    :param text: what its TXT record says, usually where to ask for removal.
    """

    zone: str
    status: str
    answers: t.Tuple[str, ...]
    text: str
    why: str


def look(address: str, zone: str, answers: t.Sequence[str], ask: Ask) -> Listing:
    """Ask one list about one address.

    :param answers: the addresses by which this list means "listed"; any of 127.0.0.0/8 but the errors, where there are none.
    :raises ValueError: when the address is none.
    """
    health = _health(zone, ask)
    if health:
        return health
    name = f"{_reversed(address)}.{zone}"
    answer = ask(name, "A")
    if answer.failed:
        return Listing(zone, UNANSWERED, (), "", "the list gave no answer in time")
    if not answer.records:
        return Listing(zone, NOT_LISTED, (), "", "")
    records = tuple(sorted(answer.records))
    refusal = _refusal(zone, records)
    if refusal:
        return refusal
    meant = [record for record in records if record in answers] if answers else list(records)
    if not meant:
        return Listing(
            zone, NOT_LISTED, records, "", f"it answers {', '.join(records)}, which is none of the answers that count"
        )
    return Listing(zone, LISTED, records, " ".join(ask(name, "TXT").records)[:300], "")


def _health(zone: str, ask: Ask) -> t.Optional[Listing]:
    """Ask for the two test points (RFC 5782, 5): one is always listed, one never. A dead list fails one of them."""
    listed, clean = ask(f"{_TEST_LISTED}.{zone}", "A"), ask(f"{_TEST_CLEAN}.{zone}", "A")
    if listed.failed or clean.failed:
        return Listing(zone, UNANSWERED, (), "", "the list gave no answer in time")
    refusal = _refusal(zone, listed.records) or _refusal(zone, clean.records)
    if refusal:
        return refusal
    if clean.records:
        return Listing(
            zone,
            BROKEN,
            tuple(clean.records),
            "",
            "it lists everything, 127.0.0.1 too: it is closed or its name was sold",
        )
    if not listed.records:
        return Listing(
            zone, BROKEN, (), "", "it does not list its test point 127.0.0.2: it is closed, or the name is wrong"
        )
    return None


def _refusal(zone: str, records: t.Sequence[str]) -> t.Optional[Listing]:
    for record in records:
        try:
            address = ipaddress.ip_address(record)
        except ValueError:
            continue
        if address in _ERRORS:
            why = f"it answers {record}, an error: it does not serve this resolver; ask it by a resolver of your own"
            return Listing(zone, REFUSED, tuple(records), "", why)
        if address not in _ANSWERS:
            why = f"it answers {record}, which no list does: somebody redirects the names that do not exist"
            return Listing(zone, BROKEN, tuple(records), "", why)
    return None


def _reversed(address: str) -> str:
    pointer = ipaddress.ip_address(address).reverse_pointer
    return pointer.rsplit(".", 2)[0]


__all__ = ("BROKEN", "LISTED", "NOT_LISTED", "REFUSED", "UNANSWERED", "Listing", "look")
