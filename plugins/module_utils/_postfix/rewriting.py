# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rewriting of addresses as Postfix does it: canonical maps of cleanup(8), for senders and for recipients apart.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .._model import rewriting as _rewriting
from .draft import Draft
from .parameters import split_list

if t.TYPE_CHECKING:
    from .read import Live

SENDERS, RECIPIENTS = "sender_canonical_maps", "recipient_canonical_maps"
#: Whose headers are rewritten: Postfix leaves those of other clients alone otherwise.
HEADERS = "local_header_rewrite_clients"
_EVERYBODY = "static:all"
_NAMES = ("rewrite_senders", "rewrite_masquerade", "rewrite_recipients", "rewrite_domains")
_TABLE = re.compile(r"([a-z]+:)\$config_directory/policy_(rewrite_[a-z]+)")
_HIDDEN = re.compile(r"/\^\(\.\+\)@\.\+\\\.(.+)\$/ ")
_EXPOSED = re.compile(r"if !/\^\((.+)\)@/")


def apply(draft: Draft) -> None:
    """Put the rules of the policy into the draft."""
    rules = _rewriting.rules_of(draft.policy)
    senders = _sender_tables(draft, rules)
    recipients = _recipient_tables(draft, rules)
    for parameter, tables in ((SENDERS, senders), (RECIPIENTS, recipients)):
        foreign = draft.foreign(parameter)
        if tables:
            draft.set(parameter, tables + foreign)
        elif foreign != list(split_list(draft.live.get(parameter, ""))):
            draft.set(parameter, foreign)
    if senders or recipients:
        _set_extent(draft, rules.headers)


def _set_extent(draft: Draft, headers: bool) -> None:
    """Set what is rewritten: the envelope always, headers as the policy says, and those of every client."""
    for side in ("sender", "recipient"):
        classes = [f"envelope_{side}"] + ([f"header_{side}"] if headers else [])
        draft.set(f"{side}_canonical_classes", classes)
    if headers:
        draft.set(HEADERS, _EVERYBODY)
    if not draft.live.get("recipient_delimiter"):
        # A rule for an address takes address+detail as well, as sendmail has it.
        draft.set("recipient_delimiter", "+")


def _sender_tables(draft: Draft, rules: _rewriting.Rules) -> t.List[str]:
    tables = [draft.table("rewrite_senders", _lines(rules.senders))] if rules.senders else []
    if rules.masquerade:
        if "regexp" not in draft.capabilities.table_types:
            draft.cannot("policy.rewrite.masquerade", list(rules.masquerade), "policy.rewrite.senders for each host")
            return tables
        tables.append(draft.table("rewrite_masquerade", _masquerade(rules), "regexp"))
    return tables


def _masquerade(rules: _rewriting.Rules) -> t.List[str]:
    patterns = [rf"/^(.+)@.+\.{re.escape(name)}$/ ${{1}}@{name}" for name in rules.masquerade]
    if not rules.exposed:
        return patterns
    names = "|".join(re.escape(name) for name in rules.exposed)
    return [f"if !/^({names})@/", *patterns, "endif"]


def _recipient_tables(draft: Draft, rules: _rewriting.Rules) -> t.List[str]:
    addresses = {key: value for key, value in rules.recipients.items() if not key.startswith("@")}
    domains = {key: value for key, value in rules.recipients.items() if key.startswith("@")}
    tables = [draft.table("rewrite_recipients", _lines(addresses))] if addresses else []
    if domains:
        # smtpd(8) takes every recipient that such a table knows for one that exists. So only cleanup(8) gets to see it.
        table = draft.table("rewrite_domains", _lines(domains))
        tables.append("${{$process_name} == {cleanup} ? {%s}}" % table)
    return tables


def _lines(rules: t.Mapping[str, str]) -> t.List[str]:
    return [f"{key} {value}" for key, value in sorted(rules.items())]


def read(live: "Live") -> t.Dict[str, t.Any]:
    """Return the live rules as options; tables of others are left to C(unexpressed)."""
    named = {
        name: f"{kind}{live.directory}/policy_{name}"
        for parameter in (SENDERS, RECIPIENTS)
        for kind, name in _TABLE.findall(live.raw.get(parameter, ""))
    }
    entries = {name: live.table(named[name]) or {} for name in _NAMES if name in named}
    recipients = dict(entries.get("rewrite_recipients", {}), **entries.get("rewrite_domains", {}))
    text = live.file("policy_rewrite_masquerade").decode() if "rewrite_masquerade" in named else ""
    hidden = tuple(name.replace("\\", "") for name in _HIDDEN.findall(text))
    exposed = tuple(name.replace("\\", "") for names in _EXPOSED.findall(text) for name in names.split("|"))
    headers = "header_sender" in live.words("sender_canonical_classes")
    rules = _rewriting.Rules(entries.get("rewrite_senders", {}), recipients, hidden, exposed, headers)
    return _rewriting.as_options(rules)


def is_ours(name: str, value: str) -> bool:
    """Return whether a parameter of rewriting has a value that the policy gives it, and no table of others."""
    if name in (SENDERS, RECIPIENTS):
        return not _TABLE.sub("", value).replace("${{$process_name} == {cleanup} ? {}}", "").strip(", ")
    extents = {"envelope_sender", "header_sender", "envelope_recipient", "header_recipient"}
    if name in ("sender_canonical_classes", "recipient_canonical_classes"):
        return set(split_list(value)) <= extents
    return name == HEADERS and value == _EVERYBODY
