# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the running MTA for what a change is about, in both directions: what came is taken, what went is refused.

The questions go to every place where the host itself can ask, up to RCPT; no mail is sent.

Private to the collection: it can change at any time.
"""

import time
import typing as t

from .._model import policy_routes
from .._model.policy_record import Policy
from .dialogue import Dialogue, Step, tls_context

#: The name with which the dialogues say hello.
_NAME = "probe.example.org"
_PATIENCE = 30.0
#: Seconds that the processes of before may go on answering.
SETTLING = 8.0
_PAUSE = 0.2
#: More domains than this are not asked one by one: the first ones are.
MOST = 3
#: Questions of one connection: a hardened relay lets who is refused a third time wait a second for each reply.
_AT_ONCE = 2
#: Domains that no relay serves (RFC 2606); each is asked of a client that may not relay.
FOREIGN = ("foreign.example", "foreign.example.com", "foreign.example.net")
TRUSTED, STRANGER = "trusted client", "stranger"
#: Where TLS comes before the greeting (RFC 8314), so that no dialogue begins in clear text.
_WRAPPED = (465,)


#: An address of loopback that is not the host's own name, so that an MTA takes it for a stranger.
_NOBODYS = "127.0.0.2"


class Place(t.NamedTuple):
    """Where the host asks its own MTA.

    :param client: TRUSTED from loopback, which every relay trusts; STRANGER from another address of the host.
    :param source: the address that the questions come from; empty for the one that is asked.
    """

    client: str
    address: str
    port: int
    source: str = ""

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


class Question(t.NamedTuple):
    """One envelope."""

    sender: str
    recipient: str


class Domains(t.NamedTuple):
    """What a change is about: domains that are served before and after, since now, no longer.

    :param trust: what became of the right of the place's own address to relay: CAME, WENT, TRUSTED or nothing.
    """

    kept: t.Tuple[str, ...]
    came: t.Tuple[str, ...]
    went: t.Tuple[str, ...]
    trust: str = ""


CAME, WENT = "came", "went"


#: What each envelope was answered.
Answers = t.Mapping[Question, Step]


def places(
    listening: t.Sequence[t.Tuple[str, int]], own: t.Sequence[str], relays_for_own: bool = False
) -> t.Tuple[Place, ...]:
    """Return every listener that can be asked from the host itself, as a trusted client and as a stranger of each family.

    :param own: the addresses of the host.
    :param relays_for_own: whether the host's own addresses may always relay. Then a stranger comes from _NOBODYS.
    """
    chosen: t.Dict[t.Tuple[str, int, bool], Place] = {}
    for address, port in sorted(listening, key=lambda listener: (listener[1] != 25, listener[1], listener[0])):
        if port in _WRAPPED:
            continue
        for mine in own:
            if address in (mine, "::") or (address == "0.0.0.0" and ":" not in mine):
                client = TRUSTED if mine in ("127.0.0.1", "::1") else STRANGER
                chosen.setdefault((client, port, ":" in mine), Place(client, mine, port))
    local = [place for place in chosen.values() if relays_for_own and place.address == "127.0.0.1"]
    return (*chosen.values(), *(place._replace(client=STRANGER, source=_NOBODYS) for place in local))


def served(policy: Policy) -> t.Tuple[str, ...]:
    """Return the domains that a relay takes mail for, those first to which it relays; not those that a route refuses."""
    return tuple(domain for domain in listed(policy) if not _is_refused(domain, policy))


def listed(policy: Policy) -> t.Tuple[str, ...]:
    """Return the domains of the policy's lists, those first to which the relay relays."""
    return tuple(dict.fromkeys([*(policy.relay.domains or ()), *(policy.identity.local_domains or ())]))


def _is_refused(domain: str, policy: Policy) -> bool:
    """Return whether a route of the policy refuses the address that is asked for a domain; its own route comes first."""
    own = legitimate(domain).recipient
    addresses = [route for route in policy.routes.addresses or () if route.address.lower() == own]
    routes = [route for route in policy.routes.domains or () if _is_of(domain, route)]
    nearest = addresses or sorted(routes, key=lambda route: -len(route.domain))
    return bool(nearest) and nearest[0].action == policy_routes.REJECT


def _is_of(domain: str, route: Policy) -> bool:
    """Return whether a route by domain is that of a domain."""
    return domain == route.domain or (bool(route.subdomains) and domain.endswith(f".{route.domain}"))


def changes(before: Policy, after: Policy, elsewhere: bool = False, short: str = "localhost") -> Domains:
    """Return the domains that a change is about.

    :param elsewhere: whether something beside the policy can take a domain, so that one that went may be taken still.
    :param short: the host's own name up to its first dot; an MTA takes mail for that without a word in any list.
    """
    old, new = served(before), served(after)
    whole = after.relay.domains is not None and not elsewhere
    own = ("localhost", short)
    gone = [domain for domain in old if domain not in new and domain.partition(".")[0] not in own]
    went = [domain for domain in gone if not _is_below(domain, after)] if whole else []
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
    with Dialogue(place.address, place.port, source=place.source or place.address, timeout=_PATIENCE) as dialogue:
        step = dialogue.connect()
        if step.code == 220:
            step = dialogue.ehlo(_NAME)
        greeted = step.family == 2
        for question in questions:
            if greeted and dialogue.is_open:
                step = _begun(dialogue, question.sender)
                step = dialogue.rcpt(question.recipient) if step.family == 2 else step
            yield question, step
            if dialogue.is_open:
                dialogue.rset()
        if dialogue.is_open:
            dialogue.quit()


def _begun(dialogue: Dialogue, sender: str) -> Step:
    """Begin a message, inside TLS where the relay demands that."""
    step = dialogue.mail(sender)
    if step.code == 530 and "STARTTLS" in dialogue.keywords:
        dialogue.starttls(tls_context())
        if dialogue.is_open and dialogue.ehlo(_NAME).family == 2:
            return dialogue.mail(sender)
    return step


def trust_of(place: Place, before: Policy, after: Policy, relays_for_own: bool = False) -> str:
    """Return what a change makes of the right of a place's own address to relay; TRUSTED where that never changes."""
    if place.client == TRUSTED:
        return TRUSTED
    if relays_for_own or place.source:
        return ""
    was, now = (_is_in(place.address, policy) for policy in (before, after))
    return "" if was == now else (CAME if now else WENT)


def networks(before: Policy, after: Policy, own: t.Sequence[str] = ()) -> t.List[t.Tuple[str, bool]]:
    """Return a client of each network that came or went, with whether it may relay now; the first ones of many.

    :param own: addresses that may relay whatever the policy says.
    """
    import ipaddress

    was, now = (
        {ipaddress.ip_network(network) for network in policy.relay.networks or ()} for policy in (before, after)
    )
    if before.relay.networks is None or after.relay.networks is None:
        return []
    clients = []
    for network in sorted(was ^ now, key=str)[:MOST]:
        client = network[1] if network.num_addresses > 2 else network[0]
        inside = any(client.version == other.version and client in other for other in now)
        clients += [(str(client), inside)] if str(client) not in own else []
    return clients


def _is_in(address: str, policy: Policy) -> bool:
    import ipaddress

    own = ipaddress.ip_address(address)
    return any(own in ipaddress.ip_network(network) for network in policy.relay.networks or ())


def is_denied(step: Step) -> bool:
    """Return whether a recipient is refused because its domain is not served, and not for another reason."""
    return step.family in (4, 5) and ("elay access denied" in str(step) or "elaying " in str(step))


def is_nameless(step: Step) -> bool:
    """Return whether a client is refused because its address has no name, as the policy can demand; ours need have none."""
    return any(words in str(step) for words in ("cannot find your reverse hostname", "its address has no name in DNS"))


def wrong(domains: Domains, before: Answers, now: Answers) -> t.List[str]:
    """Return where a place does not answer as it must after a change, one sentence each.

    :param before: the answers of the same place before the change.
    """
    taken = [domain for domain in domains.kept if before[legitimate(domain)].family == 2]
    answers = {domain: now[legitimate(domain)] for domain in taken}
    lost = {domain: step for domain, step in answers.items() if step.family != 2 and not is_nameless(step)}
    findings = [
        f"legitimate mail to {domain} was taken before and is refused now: {answer}" for domain, answer in lost.items()
    ]
    # A listener that takes mail of nobody, such as one for logins, is not concerned.
    if taken or not domains.kept:
        findings += [finding for domain in domains.came for finding in _not_taken(domain, now[legitimate(domain)])]
    findings += _silent(before, now)
    if domains.trust:
        return findings + _wrong_trust(domains.trust, now)
    return findings + (_still_open(domains, before, now) if _is_closed(before) else [])


def _not_taken(domain: str, answer: Step) -> t.List[str]:
    if not (is_denied(answer) or _is_broken(answer)):
        return []
    return [f"{domain} is served now, but postmaster@{domain} gets: {answer}"]


def _is_broken(step: Step) -> bool:
    """Return whether the MTA itself is at fault: no answer, or a refusal for now that is not about this mail (RFC 3463, x.3.x)."""
    return not step.code or step.code == 421 or (step.family == 4 and " 4.3." in f" {step}")


def _silent(before: Answers, now: Answers) -> t.List[str]:
    """Return that nobody gets as far as RCPT, where somebody did, or where nobody had asked yet."""
    reached = [question for question, step in before.items() if step.name == "rcpt"]
    # Where somebody waits for the greeting, Postfix refuses a client without a name before RCPT.
    if (before and not reached) or not now or any(step.name == "rcpt" or is_nameless(step) for step in now.values()):
        return []
    return [f"no mail is taken at all: {next(iter(now.values()))}"]


def _wrong_trust(trust: str, now: Answers) -> t.List[str]:
    """Return where the place's own address may relay and must not, or must and may not. The first foreign domain is asked each time."""
    question = legitimate(FOREIGN[0])
    step = now.get(question)
    if step and trust == CAME and is_denied(step):
        return [f"this client may relay now, but {question.recipient} gets: {step}"]
    if step and trust == WENT and step.family == 2:
        return [f"this client may not relay any more, but {question.recipient} is taken"]
    return []


def _still_open(domains: Domains, before: Answers, now: Answers) -> t.List[str]:
    """Return what a client that may not relay is taken from all the same."""
    went = [domain for domain in domains.went if now[legitimate(domain)].family == 2]
    findings = [f"mail to {domain} must be refused now, but postmaster@{domain} is taken" for domain in went]
    for question in before:
        if _is_foreign(question) and now[question].family == 2:
            findings.append(f"an open relay: from <{question.sender}> to {question.recipient} is taken now")
    return findings


def _is_foreign(question: Question) -> bool:
    return question.recipient.partition("@")[2] in FOREIGN


def _is_closed(before: Answers) -> bool:
    """Return whether a place refused what is not served before the change: the client may not relay there.

    A relay that takes nothing at all says nothing about that.
    """
    steps = [step for question, step in before.items() if _is_foreign(question)]
    # Who is refused for want of a name says nothing about who may relay either.
    return bool(steps) and all(step.name == "rcpt" and step.family == 5 and not is_nameless(step) for step in steps)


class Settled(t.NamedTuple):
    """What is still wrong after SETTLING seconds, the seconds until nothing was, and the last answers."""

    findings: t.List[str]
    seconds: float
    now: Answers


def settled(place: Place, domains: Domains, before: Answers) -> Settled:
    """Return what a place answers after a change, asked until it is right or SETTLING seconds are over.

    A process that waited for a client when the configuration was reloaded serves one more client as before, and one that is just
    starting may refuse: both are over after a moment. So nothing counts as right before it is right twice.
    """
    began = time.monotonic()
    changed = [legitimate(domain) for domain in (*domains.came, *domains.went)]
    strange = {question: step for question, step in before.items() if _is_foreign(question)}
    now = dict(strange)
    questions = [question for question in before if not _is_foreign(question)] + changed
    questions += list(strange)[:1] if domains.trust or not questions else []
    right, passed = 0, 0.0
    while right < 2:
        now.update(ask(place, questions))
        findings = wrong(domains, before, now)
        right = 0 if findings else right + 1
        passed = time.monotonic() - began if right < 2 else passed
        if findings and passed > SETTLING:
            return Settled(findings, passed, now)
        if findings:
            time.sleep(_PAUSE)
    now.update(ask(place, list(strange)))
    return Settled(wrong(domains, before, now), passed, now)


def told(place: Place, domains: Domains, before: Answers, answered: Settled) -> t.List[str]:
    """Return what was verified at a place, one sentence each."""
    where = f"{place} ({place.client}), {answered.seconds:.1f} s after the change"
    sentences = [f"{_fate(domain, answered.now)}: {where}" for domain in domains.came]
    if _is_closed(before) and not domains.trust:
        sentences += [f"mail to {domain} is refused: {where}" for domain in domains.went]
    if domains.trust in (CAME, WENT):
        sentences.append(f"the client may {'relay' if domains.trust == CAME else 'not relay any more'}: {where}")
    kept = [domain for domain in domains.kept if before[legitimate(domain)].family == 2]
    return sentences + [f"legitimate mail to {domain} is taken: {place} ({place.client})" for domain in kept]


def _fate(domain: str, now: Answers) -> str:
    """Return what became of the question for a domain that came."""
    step = now[legitimate(domain)]
    return f"mail to {domain} is taken" if step.family == 2 else f"{domain} is served, postmaster@{domain} gets {step}"
