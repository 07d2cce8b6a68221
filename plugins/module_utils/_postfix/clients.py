# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may relay beyond networks, as tables in Postfix's relay control, and read back. Twin of C(_sendmail.clients).

Private to the collection: it can change at any time.

Each entry of the option has tables of its own, C(policy_clients_1_networks) for instance, which stand before
reject_unauth_destination. Where the sender counts too, the tables lead to a restriction class that asks for it. Names and senders
are tables of expressions: an indexed table would take in the subdomains as well.
"""

import re
import typing as t

from .._errors import OptionError
from .._model.host import Protocol
from .._model.policy_clients import MOST, Client, as_options, clients
from .access import escaped
from .draft import PREFIX, Draft
from .parameters import split_list

CLASSES = "smtpd_restriction_classes"
#: How our classes, and the tables of the entries, begin.
STEM = PREFIX + "clients_"
CHECKS = {
    "networks": "check_client_access",
    "names": "check_client_access",
    "certificates": "check_ccert_access",
    "senders": "check_sender_access",
}
_TABLE = re.compile(r"\$config_directory/" + STEM + r"([0-9]+)_([a-z]+)\Z")


class Reader(Protocol):
    """What is needed of a live configuration."""

    def written(self, name: str) -> str:
        """Return a parameter as it is written."""

    def file(self, name: str) -> bytes:
        """Return a file of the configuration directory."""


def elements(draft: Draft) -> t.Tuple[str, ...]:
    """Put the tables and classes of all entries into the draft; return what the relay control asks."""
    entries = clients(draft.policy)
    if any(client.certificates for client in entries):
        _ask_for_certificates(draft)
    _set_classes(draft, entries)
    return tuple(element for client in entries for element in _elements(draft, client))


def _elements(draft: Draft, client: Client) -> t.Iterator[str]:
    result = "OK"
    if client.senders or client.forgeable:
        senders = _element(draft, client, "senders", [f"{_sender(name)} OK" for name in client.senders])
        if client.forgeable:
            yield senders
        else:
            result = _class_of(client)
            draft.main[result] = senders
    lines = {
        "networks": [f"{name} {result}" for name in client.networks],
        "names": [f"/^{escaped(name)}$/ {result}" for name in client.names],
        "certificates": [f"{name} {result}" for name in client.certificates],
    }
    for who, of_table in lines.items():
        if of_table:
            yield _element(draft, client, who, of_table)


def _class_of(client: Client) -> str:
    """Return the restriction class of an entry; empty where it needs none."""
    return f"{STEM}{client.number}" if client.senders and not client.forgeable else ""


def _sender(name: str) -> str:
    return f"/^{escaped(name)}$/" if "@" in name else f"/@{escaped(name)}$/"


def _element(draft: Draft, client: Client, who: str, lines: t.Sequence[str]) -> str:
    kind = {"networks": "cidr", "certificates": ""}.get(who, "regexp")
    if kind and kind not in draft.capabilities.table_types:
        draft.cannot(f"policy.relay.clients[{client.number - 1}].{who}", lines, f"a Postfix with {kind} tables")
    return f"{CHECKS[who]} {draft.table(f'clients_{client.number}_{who}', lines, kind)}"


def _ask_for_certificates(draft: Draft) -> None:
    server = draft.policy.tls.server
    level = server.level or draft.live.get("smtpd_tls_security_level") or ("may" if server.certificate else "none")
    if level == "none":
        why = "a client shows its certificate in the TLS session only: policy.tls.server.certificate is needed"
        raise OptionError("policy.relay.clients", "certificates", why)
    draft.set("smtpd_tls_ask_ccert", True)
    draft.set("smtpd_tls_fingerprint_digest", "sha256")


def _set_classes(draft: Draft, entries: t.Sequence[Client]) -> None:
    """Set the list of restriction classes, and drop those of ours that no entry has any more."""
    ours = [name for name in map(_class_of, entries) if name]
    live = split_list(draft.live.get(CLASSES, ""))
    others = [word for word in live if not word.startswith(STEM)]
    if ours:
        draft.set(CLASSES, others + ours)
    elif len(others) < len(live):
        draft.main[CLASSES] = ", ".join(others) or None
    before = {name for name in draft.live if name.startswith(STEM)}
    draft.main.update(dict.fromkeys(sorted(before.difference(ours))))


def present(exists: t.Callable[[str], bool]) -> t.Iterator[str]:
    """Yield our tables that are there. The entries are numbered without a gap, and each has one table at least."""
    for number in range(1, MOST + 1):
        names = [name for name in (f"{STEM}{number}_{who}" for who in CHECKS) if exists(name)]
        if not names:
            return
        yield from names


def is_forgeable(element: str) -> bool:
    """Return whether an element of the relay control is one that the user has declared forgeable."""
    return element.startswith(CHECKS["senders"]) and f"/{STEM}" in element


def read(live: Reader) -> t.Optional[t.List[t.Dict[str, t.Any]]]:
    """Return the entries of the live configuration; None where there is none."""
    entries: t.Dict[int, t.Dict[str, t.Tuple[str, ...]]] = {}
    words = list(split_list(live.written("smtpd_relay_restrictions")))
    for name in split_list(live.written(CLASSES)):
        if name.startswith(STEM):
            words += split_list(live.written(name))
    for word in words:
        match = _TABLE.search(word)
        if match and match.group(2) in CHECKS:
            name = word.rpartition("/")[2]
            entries.setdefault(int(match.group(1)), {})[match.group(2)] = tuple(_keys(live.file(name)))
    order = ("networks", "names", "certificates", "senders")
    known = [Client(number, *(entries[number].get(who, ()) for who in order)) for number in sorted(entries)]
    return [as_options(client) for client in known] or None


def _keys(content: bytes) -> t.Iterator[str]:
    for line in content.decode("utf-8", "surrogateescape").splitlines():
        if line and not line.startswith("#"):
            key = line.split()[0]
            yield key.strip("/^$").replace("\\", "").lstrip("@") if key.startswith("/") else key
