# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipients of served domains, asked by a rule of our own at RCPT. Twin of C(_postfix.recipients).

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.policy_recipients import Known, known, row_of
from .._model.policy_record import Policy
from .._model.rewriting import rules_of
from . import mc, tables
from .compile import map_entries
from .draft import Draft

if t.TYPE_CHECKING:
    from .read import Live

#: The table of our own: a domain whose recipients are known, and each of these.
TABLE = tables.RECIPIENTS
MAP = "postmaster_recipients"
LISTED = "LISTED"
#: An address that a policy names, and one that C(rewrite) gives another: the rule asks before that happens.
_USER, _REWRITTEN = "OK", "REWRITTEN"
_NAME = "PostmasterRecipients"
_HEAD = f"""\
S{_NAME}
R$*\t$: $>canonify $1
R$+ < @ $+ . > $*\t$1 < @ $2 > $3
R$+ < @ $+ > $*\t$: < $({MAP} $2 $: ? $) > $1 < @ $2 >
R< {LISTED} > $+ < @ $+ >\t$: < $({MAP} $1@$2 $: ! $) > $1 < @ $2 >
"""
_TAIL = """\
R< ! > $+ < @ $+ >\t$#error $@ 5.1.1 $: "550 User unknown"
R$*\t$@ OK"""


def apply(draft: Draft) -> None:
    """Put the recipients into the draft."""
    wanted = known(draft.policy, lambda name: draft.current(name) is not None)
    if wanted is None:
        return
    draft.recipients = [(name, LISTED) for name in wanted.domains] + [(name, _USER) for name in wanted.addresses]
    draft.recipients += [(name, _REWRITTEN) for name in _rewritten(draft.policy, wanted)]
    kind = draft.host.capabilities.default_table_type
    maps = [f"K{MAP} {kind} {draft.path(TABLE)}"]
    rules = []
    for number, name in enumerate(wanted.tables, 1):
        maps.append(f"K{MAP}_{number} {kind} {draft.path(name)}")
        rules.append(f"R< ! > $+ < @ $+ >\t$: < $({MAP}_{number} $1@$2 $: ! $) > $1 < @ $2 >\n")
    draft.statements.append(mc.Raw("maps", "\n".join(["LOCAL_CONFIG", *maps, "divert(0)dnl"])))
    draft.rcpt_check(_HEAD + "".join(rules) + _TAIL)


def _rewritten(policy: Policy, wanted: Known) -> t.List[str]:
    """Return the addresses of the domains that become another address, as Postfix knows them by its canonical maps."""
    addresses = [key.rpartition("@") for key in rules_of(policy).recipients]
    names = [f"{user}@{domain}" for user, dummy, domain in addresses if user and domain in wanted.domains]
    return sorted(set(names).difference(wanted.addresses))


def read(live: "Live") -> t.Dict[str, t.Any]:
    """Return the recipients of the live configuration."""
    if MAP not in live.cf.maps:
        return {}
    entries = {key.lower(): value for dummy, key, value in map_entries(live.content(TABLE))}
    names = sorted(name for name in live.cf.maps if name.startswith(f"{MAP}_"))
    more = [live.cf.maps[name].split()[-1].rpartition("/")[2] for name in names]
    domains = sorted(key for key, value in entries.items() if value == LISTED)
    users = [key for key, value in entries.items() if value == _USER]
    return {"domains": [row_of(domain, users) for domain in domains], "tables": more or None}
