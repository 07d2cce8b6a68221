# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the running MTA for what a change is about, in both directions: what came is taken, what went is refused.

The questions go to every place where the host itself can ask, up to RCPT; no mail is sent.

Private to the collection: it can change at any time.
"""

import time
import typing as t

from .._model.policy_record import Policy
from .dialogue import Dialogue, Step

#: The name with which the dialogues say hello.
_NAME = "probe.example.org"
_PATIENCE = 30.0
#: Seconds that the processes of before may go on answering.
SETTLING = 8.0
_PAUSE = 0.2
#: More domains than this are not asked one by one: the first ones are.
MOST = 3
#: Questions of one connection: a relay slows down who is refused too often.
_AT_ONCE = 3
#: Domains that no relay serves (RFC 2606); each is asked of a client that may not relay.
FOREIGN = ("foreign.example", "foreign.example.com", "foreign.example.net")
TRUSTED, STRANGER = "trusted client", "stranger"
#: Where TLS comes before the greeting (RFC 8314), so that no dialogue begins in clear text.
_WRAPPED = (465,)


class Place(t.NamedTuple):
    """Where the host asks its own MTA.

    :param client: TRUSTED from loopback, which every relay trusts; STRANGER from another address of the host.
    """

    client: str
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


class Question(t.NamedTuple):
    """One envelope."""

    sender: str
    recipient: str


class Domains(t.NamedTuple):
    """The domains that a change is about: served before and after, since now, no longer."""

    kept: t.Tuple[str, ...]
    came: t.Tuple[str, ...]
    went: t.Tuple[str, ...]


#: What each envelope was answered.
Answers = t.Mapping[Question, Step]


def places(listening: t.Sequence[t.Tuple[str, int]], own: t.Sequence[str]) -> t.Tuple[Place, ...]:
    """Return every listener that can be asked from the host itself, as a trusted client and as a stranger of each family.

    :param own: the addresses of the host.
    """
    chosen: t.Dict[t.Tuple[str, int, bool], Place] = {}
    for address, port in sorted(listening, key=lambda listener: (listener[1] != 25, listener[1], listener[0])):
        if port in _WRAPPED:
            continue
        for mine in own:
            if address in (mine, "::") or (address == "0.0.0.0" and ":" not in mine):
                client = TRUSTED if mine in ("127.0.0.1", "::1") else STRANGER
                chosen.setdefault((client, port, ":" in mine), Place(client, mine, port))
    return tuple(chosen.values())


def served(policy: Policy) -> t.Tuple[str, ...]:
    """Return the domains that a relay takes mail for, those first to which it relays."""
    relayed, local = policy.relay.domains or (), policy.identity.local_domains or ()
    return tuple(dict.fromkeys([*relayed, *local]))


def changes(before: Policy, after: Policy, elsewhere: bool = False) -> Domains:
    """Return the domains that a change is about.

    :param elsewhere: whether something beside the policy can take a domain, so that one that went may be taken still.
    """
    old, new = served(before), served(after)
    whole = after.relay.domains is not None and not elsewhere
    went = [domain for domain in old if domain not in new and not _is_below(domain, after)] if whole else []
    came = [domain for domain in new if domain not in old and not _is_below(domain, before)]
    kept = [domain for domain in old[:MOST] if domain in new]
    return Domains(tuple(kept), tuple(came)[:MOST], tuple(went)[:MOST])


def _is_below(domain: str, policy: Policy) -> bool:
    """Return whether a domain is served because one above it is."""
    above = policy.relay.domains or () if policy.relay.subdomains else ()
    return any(domain.endswith(f".{parent}") for parent in above)


def legitimate(domain: str) -> Question:
    """Return mail to an address of a domain that can be expected to exist."""
    return Question("", f"postmaster@{domain}")


def foreign(domains: t.Sequence[str]) -> t.Tuple[Question, ...]:
    """Return mail to others: of nobody, and of somebody who says that he is of a domain of ours."""
    questions = [legitimate(domain) for domain in FOREIGN]
    questions += [Question(f"postmaster@{domain}", f"postmaster@{FOREIGN[0]}") for domain in domains[:1]]
    return tuple(questions)


def ask(place: Place, questions: t.Sequence[Question]) -> t.Dict[Question, Step]:
    """Return the reply to RCPT for each envelope, or to the command before it that was refused. Nothing is sent."""
    answers: t.Dict[Question, Step] = {}
    for number in range(0, len(questions), _AT_ONCE):
        answers.update(_session(place, questions[number : number + _AT_ONCE]))
    return answers


def _session(place: Place, questions: t.Sequence[Question]) -> t.Iterator[t.Tuple[Question, Step]]:
    with Dialogue(place.address, place.port, source=place.address, timeout=_PATIENCE) as dialogue:
        step = dialogue.connect()
        if step.code == 220:
            step = dialogue.ehlo(_NAME)
        greeted = step.family == 2
        for question in questions:
            if greeted and dialogue.is_open:
                step = dialogue.mail(question.sender)
                step = dialogue.rcpt(question.recipient) if step.family == 2 else step
            yield question, step
            if dialogue.is_open:
                dialogue.rset()
        if dialogue.is_open:
            dialogue.quit()


def is_denied(step: Step) -> bool:
    """Return whether a recipient is refused because its domain is not served, and not for another reason."""
    return step.family in (4, 5) and ("elay access denied" in str(step) or "elaying " in str(step))


def wrong(domains: Domains, before: Answers, now: Answers) -> t.List[str]:
    """Return where a place does not answer as it must after a change, one sentence each.

    :param before: the answers of the same place before the change.
    """
    taken = [domain for domain in domains.kept if before[legitimate(domain)].family == 2]
    lost = {domain: now[legitimate(domain)] for domain in taken if now[legitimate(domain)].family != 2}
    findings = [
        f"legitimate mail to {domain} was taken before and is refused now: {answer}" for domain, answer in lost.items()
    ]
    # A listener that takes mail of nobody, such as one for logins, is not concerned.
    if taken or not domains.kept:
        findings += [finding for domain in domains.came for finding in _not_taken(domain, now[legitimate(domain)])]
    if _is_closed(before):
        findings += _still_open(domains, before, now)
    return findings


def _not_taken(domain: str, answer: Step) -> t.List[str]:
    if not is_denied(answer) and answer.code:
        return []
    return [f"{domain} is served now, but postmaster@{domain} gets: {answer}"]


def _still_open(domains: Domains, before: Answers, now: Answers) -> t.List[str]:
    """Return what a client that may not relay is taken from all the same."""
    went = [domain for domain in domains.went if now[legitimate(domain)].family == 2]
    findings = [f"{domain} is not served any more, but postmaster@{domain} is taken" for domain in went]
    for question in before:
        if _is_foreign(question) and now[question].family == 2:
            findings.append(f"an open relay: from <{question.sender}> to {question.recipient} is taken now")
    return findings


def _is_foreign(question: Question) -> bool:
    return question.recipient.partition("@")[2] in FOREIGN


def _is_closed(before: Answers) -> bool:
    """Return whether a place refused what is not served before the change: the client may not relay there."""
    steps = [step for question, step in before.items() if _is_foreign(question)]
    return bool(steps) and all(step.family != 2 for step in steps)


def settled(place: Place, domains: Domains, before: Answers) -> t.Tuple[t.List[str], float]:
    """Return what is still wrong after SETTLING seconds, and the seconds until nothing was.

    A process that waited for a client when the configuration was reloaded serves one more client as before, and one that is just
    starting may refuse: both are over after a moment. So nothing counts as right before it is right twice.
    """
    began = time.monotonic()
    now = {question: step for question, step in before.items() if _is_foreign(question)}
    foreign = list(now)
    questions = [question for question in before if question not in now]
    questions += [legitimate(domain) for domain in (*domains.came, *domains.went)]
    right, passed = 0, 0.0
    while right < 2:
        now.update(ask(place, questions))
        findings = wrong(domains, before, now)
        right = 0 if findings else right + 1
        passed = time.monotonic() - began if right < 2 else passed
        if findings and passed > SETTLING:
            return findings, passed
        if findings:
            time.sleep(_PAUSE)
    now.update(ask(place, foreign))
    return wrong(domains, before, now), passed


def told(place: Place, domains: Domains, before: Answers, seconds: float) -> t.List[str]:
    """Return what was verified at a place, one sentence each."""
    where = f"{place} ({place.client}), {seconds:.1f} s after the change"
    sentences = [f"mail to {domain} is taken: {where}" for domain in domains.came]
    if _is_closed(before):
        sentences += [f"mail to {domain} is refused: {where}" for domain in domains.went]
    kept = [domain for domain in domains.kept if before[legitimate(domain)].family == 2]
    return sentences + [f"legitimate mail to {domain} is taken: {place} ({place.client})" for domain in kept]
