# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may relay beyond networks, as classes and a ruleset of sendmail, and read back. Twin of C(_postfix.clients).

Private to the collection: it can change at any time.

A ruleset that answers OK at RCPT ends all checks there, those of the sender and of the client included. So ours lets sendmail's
own check speak first. Where that refuses the relaying alone, all checks are made again for a recipient of the host itself.
"""

import typing as t

from .._errors import OptionError
from .._model.policy_clients import Client, as_options, clients
from .._model.policy_record import server_level
from . import cf, mc
from .draft import Draft
from .networks import keys_of, networks

#: How our classes begin; the number of the entry follows.
CLASSES = {
    "networks": "PostmasterNetworks",
    "names": "PostmasterNames",
    "certificates": "PostmasterCertificates",
    "senders": "PostmasterSenders",
}
#: A recipient that the host takes mail for, and that no rule is about.
_OWN = "postmaster-clients@$j"
_RELAYING = f"""\
SPostmasterRelaying
R$*\t$: $1 $| $>PostmasterClients
R$* $| NO\t$@ OK
R$* $| $*\t$: $1 $| $>Basic_check_rcpt $1
R$* $| $#error $* "550 Relaying denied"\t$: <RELAY>
R$* $| $#error $* "550 Relaying denied. IP name possibly forged " $*\t$: <RELAY>
R$* $| $#error $* "550 Relaying denied. IP name lookup failed " $*\t$: <RELAY>
R$* $| $#error $* "450 Relaying temporarily denied. Cannot resolve PTR record for " $*\t$: <RELAY>
R$* $| $*\t$@ OK
R<RELAY>\t$: <RELAY> $>check_rcpt <{_OWN}>
R<RELAY> $#error $*\t$#error $1
R<RELAY> $#discard $*\t$#discard $1
R$*\t$# OK"""
_WHO = {
    "networks": "R?\t$: ? $&{{client_addr}}\nR? $={{{name}}} $*\t$: YES\nR? $*\t$: ?",
    "names": "R?\t$: ? $&{{client_resolve}} $| $&{{client_name}}\nR? OK $| $={{{name}}}\t$: YES\nR? $*\t$: ?",
    "certificates": "R?\t$: ? $&{{cert_fp}}\nR? $={{{name}}}\t$: YES\nR? $*\t$: ?",
}
_SENDERS = """\
R?\t$@ NO
RYES\t$: ? $&f
R? <$*>\t$: ? $1
R? $+ .\t$: ? $1
R? $={{{name}}}\t$: YES
R? $* @ $={{{name}}}\t$: YES
R? $*\t$: ?"""


def apply(draft: Draft) -> None:
    """Put the entries into the draft; their ruleset is the last that is called at RCPT."""
    entries = clients(draft.policy)
    if not entries:
        return
    if any(client.certificates for client in entries):
        _ask_for_certificates(draft)
    words = [line for client in entries for line in _class_lines(client)]
    draft.statements.append(mc.Raw("maps", "\n".join(["LOCAL_CONFIG", *words, "divert(0)dnl"])))
    for client in entries:
        draft.ruleset(_rules(client))
    calls = [f"R?\t$: $>PostmasterClient{client.number} ?" for client in entries]
    draft.ruleset("\n".join(["SPostmasterClients", "R$*\t$: ?", *calls, "RYES\t$@ YES", "R$*\t$@ NO"]))
    draft.rcpt_check(_RELAYING)


def _ask_for_certificates(draft: Draft) -> None:
    if server_level(draft.policy) == "none":
        why = "a client shows its certificate in the TLS session only: policy.tls.server.certificate is needed"
        raise OptionError("policy.relay.clients", "certificates", why)
    draft.define("confCERT_FINGERPRINT_ALGORITHM", "sha256")
    # Without the option V the server asks each client for a certificate.
    draft.defines.pop("confTLS_SRV_OPTIONS", None)


def _class_lines(client: Client) -> t.Iterator[str]:
    for who, stem in CLASSES.items():
        for word in _words(client, who):
            yield f"C{{{stem}{client.number}}}`{word}'"


def _words(client: Client, who: str) -> t.Tuple[str, ...]:
    if who != "networks":
        return tuple(getattr(client, who))
    path = f"policy.relay.clients[{client.number - 1}].networks"
    return tuple(dict.fromkeys(key for network in client.networks for key in keys_of(path, network)))


def _rules(client: Client) -> str:
    """Return the ruleset of one entry: what it is given where the client is another one, else YES."""
    parts = [f"SPostmasterClient{client.number}"]
    for who, rules in _WHO.items():
        if getattr(client, who):
            parts.append(rules.format(name=f"{CLASSES[who]}{client.number}"))
    if client.forgeable:
        parts.append("R?\t$: YES")
    if client.senders:
        parts.append(_SENDERS.format(name=f"{CLASSES['senders']}{client.number}").replace("$@ NO", "$@ ?"))
    return "\n".join(parts)


def read(known: cf.Cf) -> t.Optional[t.List[t.Dict[str, t.Any]]]:
    """Return the entries of a configuration; None where there is none."""
    return [as_options(client) for client in entries_of(known)] or None


def entries_of(known: cf.Cf) -> t.List[Client]:
    """Return the entries of a configuration."""
    entries: t.Dict[int, t.Dict[str, t.Tuple[str, ...]]] = {}
    for name, words in known.classes.items():
        plain = name.strip("{}")
        for who, stem in CLASSES.items():
            if plain.startswith(stem) and plain[len(stem) :].isdigit():
                entries.setdefault(int(plain[len(stem) :]), {})[who] = words
    return [_client(number, entries[number]) for number in sorted(entries)]


def _client(number: int, words: t.Mapping[str, t.Tuple[str, ...]]) -> Client:
    addresses = tuple(str(network) for network in networks(words.get("networks", ())))
    return Client(number, addresses, words.get("names", ()), words.get("certificates", ()), words.get("senders", ()))
