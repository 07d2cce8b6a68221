# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Are access rules kept on the wire? Dialogues with the running MTA, from the host itself, up to RCPT; no mail is sent.

Private to the collection: it can change at any time.
"""

import itertools
import time
import typing as t

from .._model import access as _access
from .dialogue import Dialogue, Step

_NAME = "localhost.localdomain"
_LOCAL = "postmaster-mta-probe"
#: Seconds in which an MTA may still answer with the old tables: postfix(1) ends before its master has read them, and a process that
#: waits for a client takes one more.
SETTLING = 2.0
#: More rules than this are not tried one by one: the first and the last ones are.
MOST = 20


class Pair(t.NamedTuple):
    """A sender and a recipient whose mail is legitimate."""

    sender: str
    recipient: str


class WireReport(t.NamedTuple):
    """What was seen."""

    verified: t.Tuple[str, ...]
    findings: t.Tuple[str, ...]


def accepted(listening: t.Sequence[t.Tuple[str, int]], pairs: t.Sequence[t.Tuple[str, str]]) -> t.Tuple[Pair, ...]:
    """Return the pairs that the MTA takes now."""
    where = place(listening)
    if where is None:
        return ()
    return tuple(pair for pair in map(Pair._make, pairs) if try_pair(where, pair)[0].family == 2)


def prove(
    listening: t.Sequence[t.Tuple[str, int]],
    rules: t.Collection[_access.Rule],
    refusing: bool,
    pairs: t.Sequence[Pair],
) -> WireReport:
    """Try the rules, and mail that was taken before.

    :param refusing: whether the rules should be kept; else that they are not kept any more.
    """
    where = place(listening)
    if where is None:
        return WireReport(("the MTA does not listen here, so it was not asked on the wire",), ())
    verified: t.List[str] = []
    findings: t.List[str] = []
    deadline = time.monotonic() + SETTLING
    for rule in chosen(rules):
        pair = example(rule)
        if pair is None:
            verified.append(f"{rule.title}: a client is not tried from the host itself")
            continue
        step, wrong = _try_rule(where, rule, pair, refusing)
        while wrong and time.monotonic() < deadline:
            time.sleep(0.1)
            step, wrong = _try_rule(where, rule, pair, refusing)
        (findings if wrong else verified).append(f"{rule.title}: {step}" + (f", {wrong}" if wrong else ""))
    for pair in pairs:
        step, dummy = try_pair(where, pair)
        if step.family != 2:
            findings.append(f"legitimate mail from {pair.sender} to {pair.recipient} is refused now: {step}")
        else:
            verified.append(f"legitimate mail from {pair.sender} to {pair.recipient} is taken")
    return WireReport(tuple(verified), tuple(findings))


def chosen(rules: t.Collection[_access.Rule]) -> t.Tuple[_access.Rule, ...]:
    """Choose the rules that are tried."""
    if len(rules) <= MOST:
        return tuple(rules)
    half = MOST // 2
    return tuple(itertools.islice(rules, half)) + tuple(itertools.islice(rules, len(rules) - half, None))


def place(listening: t.Sequence[t.Tuple[str, int]]) -> t.Optional[t.Tuple[str, int]]:
    """Choose where to ask the MTA from the host itself: on loopback and port 25 where it listens there."""
    places = [({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address), port) for address, port in listening]
    return min(places, key=_distance) if places else None


def _distance(place: t.Tuple[str, int]) -> t.Tuple[bool, bool, t.Tuple[str, int]]:
    """Return how far a place is from the usual one, port 25 on IPv4 loopback; the least is the best."""
    address, port = place
    return port != 25, address != "127.0.0.1", place


def example(rule: _access.Rule) -> t.Optional[Pair]:
    """Invent mail that a rule is about; None for rules about clients. Root of the host fills an empty side."""
    if rule.where == _access.CONNECT:
        return None
    address = {
        _access.ADDRESS: rule.pattern,
        _access.USER: f"{rule.pattern}{_LOCAL}.example",
        _access.DOMAIN: f"{_LOCAL}@{rule.pattern}",
    }[rule.kind]
    return Pair(address, "") if rule.where == _access.FROM else Pair("", address)


def try_pair(where: t.Tuple[str, int], pair: Pair, patience: float = 60) -> t.Tuple[Step, str]:
    """Return the reply to RCPT, or to the earlier command that was refused, and the name the MTA greets with."""
    address, port = where
    with Dialogue(address, port, timeout=patience) as dialogue:
        step = dialogue.connect()
        name = (step.reply.text.split() or [""])[0] if step.reply else ""
        if step.code == 220:
            step = dialogue.ehlo(_NAME)
        if step.family == 2:
            step = dialogue.mail(pair.sender or f"root@{name}")
        if step.family == 2 and step.name == "mail":
            step = dialogue.rcpt(pair.recipient or f"root@{name}")
        if dialogue.is_open:
            dialogue.quit()
        return step, name


def _try_rule(where: t.Tuple[str, int], rule: _access.Rule, pair: Pair, refusing: bool) -> t.Tuple[Step, str]:
    step, name = try_pair(where, pair)
    return step, judge(rule, step, name) if refusing else judge_gone(rule, step)


def judge(rule: _access.Rule, step: Step, name: str) -> str:
    """Say what is wrong with an answer; empty where it is as the rule says."""
    if rule.action in (_access.REJECT, _access.DEFER):
        if step.reply is None or (step.code, step.reply.enhanced) != (rule.code, rule.status):
            return f"not {rule.code} {rule.status}"
        return "" if rule.text in step.reply.text else f"without the text {rule.text!r}"
    if rule.action in (_access.DISCARD, _access.DROP, _access.HOLD, _access.OK) and step.family != 2:
        return "not accepted"
    return ""


def judge_gone(rule: _access.Rule, step: Step) -> str:
    """Say what is wrong with an answer when the rule is removed."""
    standard = step.code == _access._STANDARD[_access.REJECT][0] and _access.TEXT in str(step)
    return "still refused by an access rule" if standard else ""
