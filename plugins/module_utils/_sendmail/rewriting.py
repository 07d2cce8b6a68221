# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rewriting of addresses as sendmail does it: rulesets 1 and 2, which see every sender and every recipient.

The rules themselves are lines of our part of the access map. Checks at MAIL and RCPT see the addresses as they came, as on Postfix:
those go through ruleset 3 alone. Recipients are rewritten a second time, before their mailer is chosen.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model import rewriting as _rewriting
from . import mc
from .draft import Draft

if t.TYPE_CHECKING:
    from .read import Live

_SENDER, _RECIPIENT = "RewriteFrom", "RewriteTo"
_HIDDEN, _EXPOSED = "{PostmasterMasquerade}", "{PostmasterExposed}"
_ENVELOPE_ONLY = "R$*\t$: $&{addr_type} $| $1\nRh $* $| $*\t$@ $2\nR$* $| $*\t$: $2\n"

# One step: the address itself, masquerading, the address without its detail, the domain.
_STEP = """\
S{ruleset}Step
R$+ @ $+\t$: < $(access_policy {tag}:$1@$2 $: ? $) > $1 @ $2
{masquerade}R<?> $+ + $* @ $+\t$: < $(access_policy {tag}:$1@$3 $: ? $) > + $2 < $1 + $2 @ $3 >
R<?> + $* < $+ @ $+ >\t$: <?> $2 @ $3
R< $+ @ $+ > + $* < $+ >\t$@ $1 + $3 @ $2
R<?> $+ @ $+\t$: < $(access_policy {tag}:@$2 $: ? $) > $1 @ $2
R<?> $+\t$@ $1
R< @ $+ > $+ @ $+\t$@ $2 @ $1
R< $+ > $+\t$@ $1"""
# Masquerading gives a domain, which gives an address: three steps come to the end of every chain that the policy takes.
_ALL = """\
S{ruleset}
R$*\t$: $>{ruleset}Step $1
R$*\t$: $>{ruleset}Step $1
R$*\t$: $>{ruleset}Step $1"""
# At a hook the domain is in focus; the null sender, lists and names without a domain pass.
_HOOK = """\
R$+ < @ $+ . >\t$: $1 < @ $2 . > $| $>{ruleset} $1 @ $2
R$+ < @ $+ >\t$: $1 < @ $2 > $| $>{ruleset} $1 @ $2
R$* $| $+ @ $+\t{end}
R$* $| $*\t$: $1"""

# sendmail has rewritten the sender when it asks who he is. What is asked about him is asked about the address that came.
_AS_IT_CAME = """\
SPostmasterSenderAsItCame
R$*\t$: $(postmaster_sender {mail_from} $@ $1 $) $1
R$*\t$@ OK"""


def apply(draft: Draft) -> None:
    """Put the rules of the policy into the draft."""
    rules = _rewriting.rules_of(draft.policy)
    draft.access.extend((f"{_SENDER}:{key}", value) for key, value in sorted(rules.senders.items()))
    draft.access.extend((f"{_RECIPIENT}:{key}", value) for key, value in sorted(rules.recipients.items()))
    for how in (_rewriting.LOCAL, _rewriting.RELAYED):
        draft.access.extend((f"To:{name}", "RELAY") for name in _rewriting.implied_domains(draft.policy, rules, how))
    if rules.senders or rules.masquerade:
        _add_senders(draft, rules)
    if rules.recipients:
        _add_recipients(draft, rules)


def _add_senders(draft: Draft, rules: _rewriting.Rules) -> None:
    masquerade = ""
    if rules.masquerade:
        classes = [f"C{_HIDDEN}{name}" for name in rules.masquerade] + [f"C{_EXPOSED}{name}" for name in rules.exposed]
        draft.statements.append(mc.Raw("maps", "\n".join(["LOCAL_CONFIG", *classes, "divert(0)dnl"])))
        masquerade = _masquerade_lines(bool(rules.exposed))
    draft.statements.append(mc.Raw("maps", "LOCAL_CONFIG\nKpostmaster_sender macro\ndivert(0)dnl"))
    _add_rulesets(draft, "PostmasterSender", _SENDER, masquerade)
    draft.mail_check(_AS_IT_CAME)
    draft.ruleset("S1\n" + _hook("PostmasterSender", "$@ $2 < @ $3 . >", rules.headers))


def _masquerade_lines(exposed: bool) -> str:
    """Return the lines that hide a host, and leave the exposed users for the lines behind them."""
    lines = "R<?> $+ @ $+ . $=" + _HIDDEN + "\t$@ $1 @ $3\n"
    if exposed:
        lines = f"R<?> $={_EXPOSED} @ $+\t$: <!> $1 @ $2\n{lines}R<!> $+\t$: <?> $1\n"
    return lines


def _add_recipients(draft: Draft, rules: _rewriting.Rules) -> None:
    _add_rulesets(draft, "PostmasterRecipient", _RECIPIENT, "")
    draft.ruleset("S2\n" + _hook("PostmasterRecipient", "$@ $2 < @ $3 . >", rules.headers))
    draft.statements.append(
        mc.Raw("local_rule_0", _HOOK.format(ruleset="PostmasterRecipient", end="$: $>canonify $2 @ $3"))
    )


def _add_rulesets(draft: Draft, ruleset: str, tag: str, masquerade: str) -> None:
    draft.ruleset(_STEP.format(ruleset=ruleset, tag=tag, masquerade=masquerade))
    draft.ruleset(_ALL.format(ruleset=ruleset))


def _hook(ruleset: str, end: str, headers: bool) -> str:
    return ("" if headers else _ENVELOPE_ONLY) + _HOOK.format(ruleset=ruleset, end=end)


def read(live: "Live") -> t.Dict[str, t.Any]:
    """Return the live rules as options."""
    senders = {key: live.access[f"{_SENDER.lower()}:{key}"] for key in live.keys(_SENDER.lower())}
    recipients = {key: live.access[f"{_RECIPIENT.lower()}:{key}"] for key in live.keys(_RECIPIENT.lower())}
    hidden, exposed = live.cf.classes.get(_HIDDEN, ()), live.cf.classes.get(_EXPOSED, ())
    headers = _ENVELOPE_ONLY.partition("\n")[0] not in live.text
    return _rewriting.as_options(_rewriting.Rules(senders, recipients, hidden, exposed, headers))
