# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipients of served domains as relay_recipient_maps. Twin of C(_sendmail.recipients).

With relay_recipient_maps Postfix refuses every recipient in relay_domains that no table has. A domain that takes everybody therefore
stands there too, as C(@domain).

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.policy_recipients import known, row_of
from .._model.rewriting import RELAYED, implied_domains, rules_of
from .draft import Draft, is_ours

if t.TYPE_CHECKING:
    from .read import Live

PARAMETER = "relay_recipient_maps"
_TABLE, _PATTERNS = "recipients", "recipient_domains"


def apply(draft: Draft) -> None:
    """Put the recipients into the draft. The list is the policy's alone: with another table in it nobody could say who exists."""
    wanted = known(draft.policy, draft.present)
    if wanted is None:
        if is_ours(draft.live.get(PARAMETER, "")):
            draft.set(PARAMETER, "")
        return
    implied = implied_domains(draft.policy, rules_of(draft.policy), RELAYED)
    everybody = sorted({*draft.policy.relay.domains, *implied} - set(wanted.domains))
    lines = [f"{name} known" for name in wanted.addresses] + [f"@{name} everybody" for name in everybody]
    tables = [draft.table(_TABLE, lines)]
    if draft.policy.relay.subdomains:
        tables.append(draft.table(_PATTERNS, map(_below, sorted(draft.policy.relay.domains)), "regexp"))
    kind = draft.capabilities.default_table_type
    tables += [f"{kind}:$config_directory/{name}" for name in wanted.tables]
    gone = [word for word in draft.foreign(PARAMETER) if word not in tables]
    draft.notes += [f"{PARAMETER}: {word} is gone: the policy alone decides which recipients exist" for word in gone]
    draft.set(PARAMETER, tables)
    draft.set("unknown_relay_recipient_reject_code", 550)


def _below(domain: str) -> str:
    """Return the line for the subdomains of a domain: which recipients they have is not known."""
    return f"/\\.{domain.replace('.', chr(92) + '.')}$/ everybody"


def read(live: "Live") -> t.Dict[str, t.Any]:
    """Return the recipients of the live configuration; a list that is not the policy's is noted."""
    words = live.words(PARAMETER)
    if not words:
        return {}
    entries: t.Mapping[str, str] = {}
    tables = []
    for word in words:
        directory, dummy, name = word.partition(":")[2].rpartition("/")
        if name == f"policy_{_TABLE}":
            entries = live.table(word) or {}
        elif directory != live.directory:
            live.leave(PARAMETER)
            return {}
        elif name != f"policy_{_PATTERNS}":
            tables.append(name)
    if not entries:
        live.leave(PARAMETER)
        return {}
    return {"domains": _rows(live, entries), "tables": tables or None}


def _rows(live: "Live", entries: t.Mapping[str, str]) -> t.List[t.Dict[str, t.Any]]:
    """Return the served domains whose recipients are known, each with its users."""
    served = sorted(live.patterns("relay_domains") or ())
    return [row_of(domain, entries) for domain in served if f"@{domain}" not in entries]
