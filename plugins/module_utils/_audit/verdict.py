# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the answers of a relay to the probes are judged: pure functions from the steps of a conversation to a verdict.

Private to the collection: it can change at any time.

The rule that everything here obeys: silence, a hang-up, a 421 or a 4xx never proves that a relay is closed.
"""

import typing as t

from .._smtp.dialogue import ANSWERED, NOT_SENT, TIMEOUT, TLS_FAILED, TLS_REFUSED, Reply, Step, ehlo_keywords
from .catalogue import PRODUCTS, UNWANTED_KEYWORDS

CLOSED = "closed"  # refused for good, 5xx
WEAK = "weak"  # refused for now, 4xx: passes an open-relay test, keeps spammers' queues busy for days
OPEN = "open"  # accepted
SUSPICIOUS = "suspicious"  # accepted but not seen at the third party, or an answer that tells too much
NOT_TESTED = "not_tested"  # no answer that says anything
PASSED = "passed"  # a check whose answer is the expected one
FAILED = "failed"  # a check whose answer is another one

JUDGEMENTS = (CLOSED, WEAK, OPEN, SUSPICIOUS, NOT_TESTED, PASSED, FAILED)
GOOD = (CLOSED, PASSED)

# Replies by which a server says that it does not do a command, without looking at the argument (RFC 5321 section 4.2.4).
_NOT_DONE = (500, 502, 503, 504, 530)

# Words of 4xx replies that speak of the client's haste and not of the mail.
_HASTE = ("too many", "too much", "rate limit", "rate control")


class ProbeVerdict(t.NamedTuple):
    """A judgement and the sentence that explains it."""

    judgement: str
    reason: str


def judge_relaying(steps: t.Sequence[Step], lines: int, helo_trick: bool = False) -> ProbeVerdict:
    """Judge a conversation that tried to relay.

    :param lines: how many lines the probe wanted to send after the greeting.
    :param helo_trick: the HELO name is the trick, so that its refusal is an answer.
    """
    unheard = _unheard(steps, helo_trick)
    if unheard is not None:
        return unheard
    step = deciding_step(steps)
    sent_all = sum(step.outcome != NOT_SENT for step in steps) > lines
    if step.code == 221:
        return ProbeVerdict(CLOSED, "the relay said goodbye")
    if step.family in (2, 3) and not sent_all:
        return ProbeVerdict(NOT_TESTED, "the conversation ended before the last line of the probe")
    return judge_reply(step)


def judge_reply(step: Step) -> ProbeVerdict:
    """Judge the step that decides."""
    if step.reply is None or step.outcome != ANSWERED:
        return ProbeVerdict(NOT_TESTED, f"{step.name}: {step}")
    judgement = {5: CLOSED, 4: WEAK}.get(step.family, OPEN)
    return ProbeVerdict(judgement, f"{step.name}: {step}")


def judge_user_query(steps: t.Sequence[Step], user: str) -> ProbeVerdict:
    """Judge VRFY or EXPN: a reply that depends on the user, or repeats the user, is a leak."""
    unheard = _unheard(steps, False)
    if unheard is not None:
        return unheard
    step = steps[-1]
    if step.reply is None or step.outcome != ANSWERED or step.family == 4:
        return judge_reply(step)
    if step.code in _NOT_DONE or step.reply.enhanced.startswith("5.7."):
        return ProbeVerdict(CLOSED, f"{step.name}: {step}")
    if step.code == 252 and user not in step.reply.text.lower():
        return ProbeVerdict(CLOSED, f"{step.name}: neutral: {step}")
    if step.family == 2:
        return ProbeVerdict(OPEN, f"{step.name}: tells of the user: {step}")
    return ProbeVerdict(SUSPICIOUS, f"{step.name}: tells which users exist: {step}")


def judge_same_answer(steps: t.Sequence[Step]) -> ProbeVerdict:
    """Compare the last two steps, for a user that exists and one that does not; their answers must not differ."""
    unheard = _unheard(steps, False)
    if unheard is not None:
        return unheard
    existing, unknown = steps[-2:]
    if existing.reply is None or unknown.reply is None:
        return ProbeVerdict(NOT_TESTED, f"{unknown.name}: {unknown}")
    if (existing.code, existing.reply.enhanced) == (unknown.code, unknown.reply.enhanced):
        return ProbeVerdict(PASSED, f"both: {existing.code}")
    return ProbeVerdict(FAILED, f"a known user: {existing}; an unknown one: {unknown}")


def judge_expected(steps: t.Sequence[Step], expected: t.Sequence[str]) -> ProbeVerdict:
    """Check that the last reply starts with one of I(expected), and that no earlier step failed unasked."""
    step = deciding_step(steps)
    if step.reply is not None and step is steps[-1] and str(step.code).startswith(tuple(expected)):
        return ProbeVerdict(PASSED, f"{step.name}: {step}")
    if step.reply is None or step.outcome != ANSWERED:
        return ProbeVerdict(NOT_TESTED, f"{step.name}: {step}")
    return ProbeVerdict(FAILED, f"{step.name}: {step}; expected {' or '.join(_shown(code) for code in expected)}")


def judge_recipient_limit(steps: t.Sequence[Step], limit: int) -> ProbeVerdict:
    """Check that exactly I(limit) recipients are accepted and the next gets 452 (RFC 5321 section 4.5.3.1.10)."""
    recipients = [step for step in steps if step.name == "rcpt"]
    unanswered = any(step.reply is None or step.outcome != ANSWERED for step in steps)
    if unanswered or not recipients:
        return ProbeVerdict(NOT_TESTED, f"{steps[-1].name}: {steps[-1]}")
    last, refused = recipients[-1], [step for step in recipients if step.family != 2]
    accepted = len(recipients) - len(refused)
    if accepted == limit and last.code == 452:
        return ProbeVerdict(PASSED, f"recipient {limit + 1}: {last}")
    first = refused[0] if refused else last
    return ProbeVerdict(FAILED, f"{accepted} recipients accepted, then {first}; expected {limit}, then 452")


def judge_greeting(steps: t.Sequence[Step], relay: str) -> ProbeVerdict:
    """Check that the greeting starts with the relay's name and tells no product or version (RFC 5321 section 4.2)."""
    step = steps[0]
    if step.reply is None or step.code != 220:
        return ProbeVerdict(NOT_TESTED, f"{step.name}: {step}")
    words = step.reply.text.split()
    rest = " ".join(words[1:])
    if not words or words[0].lower() != relay.lower():
        return ProbeVerdict(FAILED, f"does not start with {relay}: {step}")
    told = [product for product in PRODUCTS if product in rest.lower()]
    if told or _has_version(rest):
        return ProbeVerdict(FAILED, f"tells {' and '.join(told) or 'a version'}: {step}")
    return ProbeVerdict(PASSED, str(step))


def judge_keywords(steps: t.Sequence[Step]) -> ProbeVerdict:
    """Check that EHLO offers a stranger nothing that a relay should not."""
    step = steps[-1]
    if step.reply is None or step.family != 2:
        return ProbeVerdict(NOT_TESTED, f"{step.name}: {step}")
    # Old clients look for "AUTH=": servers that offer it so are caught as well.
    offered = sorted(keyword.partition("=")[0] for keyword in ehlo_keywords(step.reply))
    unwanted = [keyword for keyword in offered if keyword in UNWANTED_KEYWORDS]
    if unwanted:
        return ProbeVerdict(FAILED, f"offers {', '.join(unwanted)}")
    return ProbeVerdict(PASSED, f"offers {', '.join(offered) or 'nothing'}")


def judge_keyword(steps: t.Sequence[Step], keyword: str, wanted: bool) -> ProbeVerdict:
    """Check that EHLO, the last step, offers I(keyword) or does not, as I(wanted)."""
    step = steps[-1]
    if step.name != "ehlo" or step.reply is None or step.family != 2:
        return ProbeVerdict(NOT_TESTED, f"{step.name}: {step}")
    offered = keyword in ehlo_keywords(step.reply)
    return ProbeVerdict(PASSED if offered == wanted else FAILED, f"{keyword} is {'' if offered else 'not '}offered")


def judge_size_keyword(steps: t.Sequence[Step], size: int) -> ProbeVerdict:
    """Check that EHLO announces exactly the message size of the policy (RFC 1870)."""
    step = steps[-1]
    if step.reply is None or step.family != 2:
        return ProbeVerdict(NOT_TESTED, f"{step.name}: {step}")
    told = ehlo_keywords(step.reply).get("SIZE")
    if told == str(size):
        return ProbeVerdict(PASSED, f"SIZE {told}")
    return ProbeVerdict(FAILED, f"{'SIZE ' + told if told is not None else 'no SIZE'}; expected SIZE {size}")


def judge_stuffing(steps: t.Sequence[Step]) -> ProbeVerdict:
    """Check commands sent ahead of their turn: DATA must not get 354, and at least one reply must be 5xx."""
    if any(step.code == 354 for step in steps):
        return ProbeVerdict(FAILED, "DATA was accepted from a client that did not wait for its turn")
    for step in steps[1:]:
        if step.family == 5:
            return ProbeVerdict(PASSED, f"{step.name}: {step}")
    return ProbeVerdict(NOT_TESTED, f"{steps[-1].name}: {steps[-1]}")


def judge_early_talker(steps: t.Sequence[Step]) -> ProbeVerdict:
    """Check that a client that speaks before the greeting is refused with 5xx, by the greeting itself or later."""
    for step in steps:
        if step.family == 5:
            return ProbeVerdict(PASSED, f"{step.name}: {step}")
    last = steps[-1]
    if last.reply is None or last.outcome != ANSWERED:
        return ProbeVerdict(NOT_TESTED, f"{last.name}: {last}")
    return ProbeVerdict(FAILED, f"{last.name}: {last}")


def judge_sequence(steps: t.Sequence[Step]) -> ProbeVerdict:
    """Judge the replies that came after a message with an end-of-data trick: one reply is one message or none."""
    data = [place for place, step in enumerate(steps) if step.name == "data"]
    if not data or steps[data[-1]].code != 354:
        return ProbeVerdict(NOT_TESTED, f"the relay did not ask for the message: {deciding_step(steps)}")
    replies = [step for step in steps[data[-1] + 1 :] if step.reply is not None]
    if not replies:
        return ProbeVerdict(NOT_TESTED, f"no verdict on the message: {steps[-1]}")
    return _judge_replies(replies)


def _judge_replies(replies: t.Sequence[Step]) -> ProbeVerdict:
    """Judge what came after the end of the data: the first reply is that of the message."""
    first, later = replies[0], replies[1:]
    shown = ", ".join(str(step.code) for step in replies)
    if _took_a_second(replies):
        return ProbeVerdict(OPEN, f"a second transaction was taken from the message: {shown}")
    if first.family == 5 or (first.code == 421 and _names_the_line_end(first)):
        return ProbeVerdict(CLOSED, f"no message: {first}")
    if first.family == 4:
        return ProbeVerdict(NOT_TESTED if first.code == 421 else WEAK, f"message: {first}")
    if later:
        return ProbeVerdict(WEAK, f"the message was split, its second half refused: {shown}")
    return ProbeVerdict(CLOSED, f"one message: {first}")


def _took_a_second(replies: t.Sequence[Step]) -> bool:
    accepted = sum(step.family == 2 for step in replies)
    return accepted > 1 or any(step.code == 354 for step in replies[1:])


def judge_bare_newline(steps: t.Sequence[Step]) -> ProbeVerdict:
    """Check that a message with a line that ends in a bare LF is refused."""
    last = steps[-1]
    if last.name != "message":
        return ProbeVerdict(NOT_TESTED, f"{last.name}: {last}")
    if last.family == 5 or (last.code == 421 and _names_the_line_end(last)):
        return ProbeVerdict(PASSED, f"message: {last}")
    if last.reply is None or last.family == 4:
        return ProbeVerdict(NOT_TESTED, f"message: {last}")
    return ProbeVerdict(FAILED, f"message: {last}")


def judge_handshake(steps: t.Sequence[Step], accepted: bool) -> ProbeVerdict:
    """Judge a TLS handshake; only an alert of the peer is a refusal (RFC 8446 section 6)."""
    last = steps[-1]
    if last.name == "starttls":
        return ProbeVerdict(NOT_TESTED, f"STARTTLS: {last}")
    if last.name != "tls" or last.outcome not in (ANSWERED, TLS_REFUSED):
        return ProbeVerdict(NOT_TESTED, f"{last.name}: {last}")
    if (last.outcome == ANSWERED) == accepted:
        return ProbeVerdict(PASSED, f"{'agreed on' if accepted else 'refused with'} {last.detail}")
    return ProbeVerdict(FAILED, f"{'refused with' if accepted else 'agreed on'} {last.detail}")


def judge_injection(steps: t.Sequence[Step]) -> ProbeVerdict:
    """Check that a clear-text command behind STARTTLS is not obeyed after the handshake (CVE-2011-0411)."""
    last = steps[-1]
    if last.name == "injected" and last.reply is not None:
        return ProbeVerdict(FAILED, f"the relay obeyed a command from before the handshake: {last}")
    if last.name == "injected" and last.outcome == TIMEOUT:
        return ProbeVerdict(PASSED, "the command from before the handshake was thrown away")
    # A relay that refuses the stuffed command, or breaks the handshake over it, has not obeyed it either.
    broken = any(step.name == "tls" and step.outcome in (TLS_REFUSED, TLS_FAILED) for step in steps)
    refused = broken or any(step.name == "starttls" and step.family == 5 for step in steps)
    return ProbeVerdict(PASSED if refused else NOT_TESTED, f"{last.name}: {last}")


def worth_another_try(steps: t.Sequence[Step], verdict: ProbeVerdict) -> bool:
    """Return whether a later attempt from another address may tell more.

    That is so where the conversation broke, and where a 4xx speaks of this client's haste and not of the mail; a plain answer
    stays what it is.
    """
    if not steps or verdict.judgement in GOOD:
        return False
    step = deciding_step(steps)
    if verdict.judgement == NOT_TESTED and step.outcome != ANSWERED:
        return True
    return step.family == 4 and (step.name in ("connect", "ehlo", "helo") or _speaks_of_haste(step.reply))


def deciding_step(steps: t.Sequence[Step]) -> Step:
    """Return the step whose reply decides: the last MAIL if refused (the rest only echoes it), else the last step."""
    sent = [step for step in steps if step.outcome != NOT_SENT] or list(steps)
    mails = [step for step in sent if step.name == "mail"]
    if mails and mails[-1].family in (4, 5):
        return mails[-1]
    return sent[-1]


def _unheard(steps: t.Sequence[Step], helo_trick: bool) -> t.Optional[ProbeVerdict]:
    """Return the verdict on a relay that did not even listen: its later answers do not speak of relaying."""
    greeting = steps[0]
    if not _is_welcome(greeting):
        return ProbeVerdict(NOT_TESTED, f"greeting: {greeting}")
    hellos = [step for step in steps if step.name in ("ehlo", "helo")]
    if not hellos or _is_welcome(hellos[-1]):
        return None
    last = hellos[-1]
    if helo_trick and last.family == 5:
        return ProbeVerdict(CLOSED, f"{last.name}: {last}")
    return ProbeVerdict(NOT_TESTED, f"{last.name}: {last}") if last.outcome != NOT_SENT else None


def _is_welcome(step: Step) -> bool:
    return step.family == 2 and step.outcome == ANSWERED


def _names_the_line_end(step: Step) -> bool:
    text = step.reply.text.lower() if step.reply is not None else ""
    return "bare" in text or "<lf>" in text or "<cr>" in text or "linefeed" in text


def _speaks_of_haste(reply: t.Optional[Reply]) -> bool:
    return reply is not None and any(words in reply.text.lower() for words in _HASTE)


def _has_version(text: str) -> bool:
    """Return whether a word starts with a digit and holds a dot, like 8.17.1 or 3.7.11."""
    words = text.replace("/", " ").replace("(", " ").replace("-", " ").split()
    return any(word[:1].isdigit() and "." in word for word in words)


def _shown(code: str) -> str:
    return code + "xx" if len(code) == 1 else code
