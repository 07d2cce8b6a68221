# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second reader of logs, made of regular expressions that the first knows nothing of, and lines with every outcome of both MTAs."""

import collections
import os
import random
import re

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._log.join import Join

#: The gate reads so many lines of each MTA; the proof sets more.
LINES = int(os.environ.get("LOG_READER_LINES", "10000"))

HEAD = r"^\w{3} [ \d]\d \d\d:\d\d:\d\d mx1 "
WORDS = {"sent": "sent", "deferred": "deferred", "SOFTBOUNCE": "deferred", "bounced": "bounced", "reject": "rejected"}
WORDS.update({"hold": "held", "discard": "discarded", "reject_warning": "warned", "deliverable": "deliverable"})
WORDS.update({"undeliverable": "undeliverable", "undeliverable-but-not-cached": "undeliverable"})
PATTERNS = {
    "postfix": (
        re.compile(HEAD + r"postfix/[\w-]+\[\d+\]: \w+: to=<(?P<to>[^>]*)>.* dsn=\S+, status=(?P<word>\S+) \("),
        re.compile(
            HEAD + r"postfix/\w+\[\d+\]: \w+: (?:milter-)?(?:header-)?(?P<word>reject|hold|discard|reject_warning): "
            r".*?from=<[^>]*> to=<(?P<to>[^>]*)> proto"
        ),
        re.compile(HEAD + r"postfix/\w+\[\d+\]: (?:NOQUEUE: )?proxy-(?P<word>reject): .* to=<(?P<to>[^>]*)> proto"),
        re.compile(HEAD + r"postfix/\w+\[\d+\]: \w+: (?P<word>reject): VRFY from .*; to=<(?P<to>[^>]*)> proto"),
        re.compile(
            HEAD + r"postfix/\w+\[\d+\]: \w+: (?P<word>reject): (?:HELO|CONNECT|ETRN|MAIL) from (?P<to>(?!.*from=<))"
        ),
        re.compile(
            HEAD
            + r"postfix/\w+\[\d+\]: warning: \w+: (?P<to>)(?P<word>message rejected|queue file size limit exceeded)"
        ),
    ),
    "sendmail": (
        re.compile(HEAD + r"sm-[\w-]+\[\d+\]: \w+: to=(?P<to>.*?), (?:ctladdr|delay)=.*stat=(?P<stat>.*)$"),
        re.compile(
            HEAD + r"sm-mta\[\d+\]: \w+: (?:ruleset=check_rcpt, arg1|Milter: to)=<(?P<to>[^>]*)>, .*reject=(?P<stat>55)"
        ),
    ),
}
STATS = (
    ("Sent", "sent"),
    ("Deferred", "deferred"),
    ("queued", "deferred"),
    ("quarantined", "held"),
    ("virus", "rejected"),
)
STATS += (("User unknown", "bounced"), ("55", "rejected"))
AFTER_DATA = ("message rejected", "queue file size limit exceeded")
REPEATED = re.compile(r"(.*: )message repeated (\d+) times: \[ (.*)\]$")


def independent(mta, lines):
    """The outcomes by recipient that the regular expressions find."""
    outcomes = collections.Counter()
    for line in lines:
        repeated = REPEATED.match(line)
        times, line = (int(repeated.group(2)), repeated.group(1) + repeated.group(3)) if repeated else (1, line)
        found = next(filter(None, (pattern.match(line) for pattern in PATTERNS[mta])), None)
        if found and mta == "postfix":
            word = found.group("word")
            outcomes[found.group("to"), "rejected" if word in AFTER_DATA else WORDS[word]] += times
        elif found:
            word = next(word for stat, word in STATS if found.group("stat").startswith(stat))
            for recipient in re.split(r",(?=[<A-Z])", found.group("to")):
                outcomes[re.sub(r".*<|>$", "", recipient), word] += times
    return outcomes


def postfix_lines(some, number):
    """One message of Postfix with some outcome, and what is said around it."""
    queue_id, to, peer = f"{number:07X}", f"user{number}@served.example", "c.foreign.example[192.0.2.9]"
    head, envelope = "Nov 22 07:39:01 mx1 postfix/", f"from=<s@foreign.example> to=<{to}> proto=ESMTP helo=<c>"
    word = some.choice([word for word in WORDS if word not in ("reject", "hold", "discard", "reject_warning")])
    tls = some.choice(["", "tls=may, ", "tls=dane:none, "])
    alias = some.choice(["", f", orig_to=<alias{number}@served.example>"])
    usual = f"relay=mx[192.0.2.3]:25, delay=1, delays=1/0/0/0, {tls}dsn={some.choice('245')}.0.0, status={word} (250 a, b: c)"
    yield f"{head}smtpd[1]: {queue_id}: client={peer}"
    yield f"{head}cleanup[2]: {queue_id}: message-id=<{number}@x>"
    action = some.choice(["reject", "hold", "discard", "reject_warning"])
    kind = some.randrange(9)
    if kind == 0:
        yield f"{head}smtpd[1]: NOQUEUE: {action}: RCPT from {peer}: 554 5.7.1 <{to}>: no; {envelope}"
    elif kind == 5:
        said = f"NOQUEUE: reject: RCPT from {peer}: 450 4.7.1 <{to}>: greylisted: see x; {envelope}"
        yield f"{head}smtpd[1]: {said}"
        yield f"{head}smtpd[1]: message repeated {some.randrange(1, 30)} times: [ {said}]"
    elif kind == 6:
        yield f"{head}smtpd[1]: NOQUEUE: reject: VRFY from {peer}: 550 5.1.1 <{to}>: no; to=<{to}> proto=SMTP helo=<c>"
    elif kind == 7:
        verb = some.choice(["HELO", "CONNECT", "ETRN", "MAIL"])
        yield f"{head}smtpd[1]: NOQUEUE: reject: {verb} from {peer}: 554 5.7.1 <x>: no; proto=SMTP helo=<c>"
    elif kind == 8:
        why = some.choice(["message rejected: hopcount exceeded", "queue file size limit exceeded"])
        yield f"{head}{some.choice(['cleanup[2]', 'smtpd[1]'])}: warning: {queue_id}: {why}"
    elif kind == 1:
        yield f"{head}cleanup[2]: {queue_id}: {some.choice(['', 'milter-header-'])}{action}: header X: y from {peer}; {envelope}: 5.7.1 no"
    elif kind == 2:
        yield f"{head}smtpd[1]: {some.choice(['', 'NOQUEUE: '])}proxy-{some.choice(['reject', 'accept'])}: END-OF-MESSAGE: 554 5.7.0 no; {envelope}"
    else:
        yield f"{head}qmgr[3]: {queue_id}: from=<s@foreign.example>, size=1, nrcpt=1 (queue active)"
        yield f"{head}{some.choice(['smtp[4]', 'cleanup[2]', 'local[5]', 'error[6]'])}: {queue_id}: to=<{to}>{alias}, {usual}"
        yield f"{head}qmgr[3]: {queue_id}: removed"


def sendmail_lines(some, number):
    """One message of sendmail with some outcome."""
    queue_id, to = f"6AM7dK{number:08d}", f"user{number}@served.example"
    head, client = "Nov 22 07:39:01 mx1 sm-", "c.foreign.example [192.0.2.9]"
    sender = f"from=<s@foreign.example>, size=9, class=0, nrcpts=1, msgid=<{number}@x>, proto=ESMTP, daemon=MTA, relay={client}"
    kind = some.randrange(10)
    if kind < 2:
        why = [
            "ruleset=check_rcpt, arg1=<{}>, relay={}, reject=550 5.7.1 <{}>... no",
            "Milter: to=<{}>, reject=550 5.7.1 no",
        ][kind]
        yield f"{head}mta[7]: {queue_id}: {why.format(to, client, to)}"
    yield f"{head}mta[7]: {queue_id}: {sender.replace('nrcpts=1', 'nrcpts=0') if kind < 2 else sender}"
    yield from (f"{head}{tag}: {queue_id}: {text}" for tag, text in sendmail_outcome(kind, to, number))


def sendmail_outcome(kind, to, number):
    """Program and text of the lines that say what became of a message."""
    done = f"to=<{to}>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=3, relay=mx. [192.0.2.3], "
    other = f"second{number}@served.example"
    names = f'"Doe, Jo" <{to}>,Max <max{number}@served.example>,<{other}>'
    refused = "to=<{}>, delay=00:00:02, pri=3, stat=virus found"
    return {
        2: (("mta[7]", "Milter: data, reject=554 5.7.1 virus found"), ("mta[7]", refused.format(to))),
        3: (
            ("mta[8]", f"{done}dsn=4.4.1, stat=Deferred: 451 later, a, b"),
            ("msp-queue[9]", f"{done}dsn=2.0.0, stat=Sent (ok)"),
        ),
        4: (("mta[8]", f"{done}dsn=5.1.1, stat=User unknown"),),
        5: (("mta[8]", f"to=<{to}>, delay=00:00:01, mailer=esmtp, pri=3, quarantine=why, stat=quarantined"),),
        6: (("mta[8]", f"{done}dsn=2.0.0, stat=Sent (ok: a, b)"),),
        7: (("mta[8]", f"{done.replace(f'<{to}>', names)}dsn=2.0.0, stat=Sent (ok)"),),
        8: (
            ("mta[7]", "milter=x, action=eom, reject=550 5.7.1 no"),
            ("mta[7]", "Milter: data, reject=550 5.7.1 no"),
            ("mta[7]", refused.format(to)),
            ("mta[7]", refused.format(other)),
        ),
        9: (
            ("msp-queue[9]", f"{done}dsn=4.0.0, stat=Deferred: Connection refused by x."),
            ("msp-queue[9]", f"{done}dsn=5.1.1, stat=User unknown"),
        ),
    }.get(kind, ())


@pytest.mark.parametrize("mta, make", [("postfix", postfix_lines), ("sendmail", sendmail_lines)])
def test_no_outcome_is_missing_none_is_invented_none_comes_twice(mta, make):
    some, lines = random.Random(7), []
    while len(lines) < LINES:
        lines.extend(make(some, len(lines) + 1))
    join = Join()
    for start in range(0, len(lines), 1000):
        join.feed([line.encode() + b"\n" for line in lines[start : start + 1000]])
    join.finish()
    ours = collections.Counter((raw[4].decode(), raw[10].decode()) for raw in join.take())
    expected = independent(mta, lines)
    assert ours - expected == collections.Counter()  # none invented, none twice
    assert expected - ours == collections.Counter()  # none missing
    assert join.counts().skipped == 0
    assert len({status for _recipient, status in expected}) >= 5
