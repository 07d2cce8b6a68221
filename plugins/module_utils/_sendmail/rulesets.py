# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking the rulesets who may send where, in sendmail's address test mode (sendmail -bt). Nothing is sent.

Private to the collection: it can change at any time.
"""

import ipaddress
import re
import typing as t

from .._model.host import Host
from . import cf, discover, networks

#: Networks for documentation (RFC 5737, RFC 3849) and others that nobody connects from: one of them plays the stranger.
STRANGERS = ("203.0.113.9", "198.51.100.9", "192.0.2.9", "240.0.0.9", "100.64.0.9")
#: A name that does not lead back: no check that wants a name stops such a client, and none that trusts a name lets it pass.
_UNRESOLVED = ".D{client_resolve}FORGED"


def about_recipients(known: cf.Cf) -> str:
    """Return the ruleset that judges recipients alone. With delay_checks that is checkrcpt; check_rcpt then judges senders too, by DNS."""
    return "checkrcpt" if "checkrcpt" in known.rulesets else "check_rcpt"


def ask(host: Host, path: str, ruleset: str, client: str, recipients: t.Sequence[str]) -> t.Dict[str, str]:
    """Return what a ruleset makes of each recipient when I(client) sends (sendmail -bt)."""
    program = discover.the_layout().program
    lines = [f".D{{client_addr}}{client}", f".D{{client_name}}[{client}]", _UNRESOLVED, ".Df<>"]
    lines += [f"{ruleset} <{address}>" for address in recipients]
    result = host.runner.run([program, "-C", path, "-bt"], stdin="\n".join(lines) + "\n", timeout=60, check=False)
    verdicts = verdicts_in(result.out, ruleset)
    return dict(zip(recipients, verdicts)) if len(verdicts) == len(recipients) else {}


#: Many questions in one run wait for the DNS one after the other.
_PATIENCE = 300
_HELO = "mail.stranger.example"


#: Test mode takes C($|) for two characters, and no rule with the delimiter matches them: this ruleset makes it the delimiter.
DELIMITED = "PostmasterDelimited"


def with_delimiter(text: str) -> str:
    """Return a cf in which test mode can be asked C(PostmasterDelimited,check_relay NAME $| ADDRESS)."""
    return f"{text.rstrip()}\n\nS{DELIMITED}\nR$* $$| $*\t$: $1 $| $2\n"


class Question(t.NamedTuple):
    """What a client says.

    :param name: its name, in brackets where it has none.
    :param resolved: whether the name is verified.
    :param text: what the ruleset is given in the place of the recipient.
    :param helo: what it says in EHLO, where that matters.
    """

    client: str
    name: str
    sender: str
    recipient: str
    resolved: bool = False
    text: str = ""
    helo: str = ""


def ask_all(host: Host, path: str, ruleset: str, questions: t.Sequence[Question]) -> t.Tuple[str, ...]:
    """Return what a ruleset makes of each question, asked in one run of sendmail -bt; nothing where it cannot be asked.

    :param ruleset: its name, or several with commas between: the answers are those of the last one.
    """
    lines: t.List[str] = []
    claims = any(asked.helo for asked in questions)
    for asked in questions:
        if claims:
            lines += [f".Ds{asked.helo or _HELO}", f".D{{mail_from}}<{asked.sender}>"]
        lines += [f".D{{client_addr}}{_tagged(asked.client)}", f".D{{client_name}}{asked.name}"]
        # FEATURE(use_client_ptr) looks at the name before it is verified.
        lines.append(f".D{{client_ptr}}{asked.name}")
        lines += [".D{client_resolve}OK" if asked.resolved else _UNRESOLVED, f".Df<{asked.sender}>"]
        lines.append(f"{ruleset} {asked.text or f'<{asked.recipient}>'}")
    program = discover.the_layout().program
    argv = [program, "-C", path, "-bt"]
    result = host.runner.run(argv, stdin="\n".join(lines) + "\n", timeout=_PATIENCE, check=False)
    verdicts = verdicts_in(result.out, ruleset.rpartition(",")[2])
    return verdicts if len(verdicts) == len(questions) else ()


class Query(t.NamedTuple):
    """What rulesets are asked.

    :param names: the rulesets, one behind the other, with commas between; the answer is that of the last one.
    :param macros: the macros that are set before, with their values.
    """

    names: str
    text: str
    macros: t.Tuple[t.Tuple[str, str], ...] = ()


def ask_each(host: Host, path: str, queries: t.Sequence[Query]) -> t.Dict[Query, str]:
    """Return what rulesets make of each query, asked in one run of sendmail -bt; a query without an answer is left out."""
    lines: t.List[str] = []
    places = {}
    for query in queries:
        lines += [f".D{name}{value}" for name, value in query.macros]
        places[query] = len(lines)
        lines.append(f"{query.names} {query.text}")
    program = discover.the_layout().program
    result = host.runner.run([program, "-C", path, "-bt"], stdin="\n".join(lines) + "\n", timeout=120, check=False)
    chunks = _chunks(result.out)
    answers = {query: verdicts_in(chunks.get(place, ""), query.names.split(",")[-1]) for query, place in places.items()}
    return {query: verdicts[0] for query, verdicts in answers.items() if verdicts}


def _chunks(out: str) -> t.Dict[int, str]:
    """Return what test mode said to each line, by the number of the line: a prompt stands before each answer."""
    chunks: t.Dict[int, str] = {}
    number = -1
    for line in out.partition("Enter <ruleset> <address>\n")[2].splitlines(keepends=True):
        while line.startswith("> "):
            number, line = number + 1, line[2:]
        chunks[number] = chunks.get(number, "") + line
    return chunks


def _tagged(address: str) -> str:
    """Return an address as sendmail writes it in {client_addr}."""
    return networks.prefixes(ipaddress.ip_network(address))[0] if ":" in address else address


def members(host: Host, path: str, names: t.Sequence[str]) -> t.Dict[str, t.Tuple[str, ...]]:
    """Return the words of classes, those included that stand in files."""
    program = discover.the_layout().program
    stdin = "".join(f"$={name}\n" for name in names)
    result = host.runner.run([program, "-C", path, "-bt"], stdin=stdin, timeout=60, check=False)
    answers = result.out.partition("Enter <ruleset> <address>\n")[2].split("> ")[1:]
    return {name: tuple(answer.split()) for name, answer in zip(names, answers)}


def verdicts_in(out: str, ruleset: str) -> t.Tuple[str, ...]:
    """Return the outermost answers of a ruleset, whose name sendmail cuts to 16 characters."""
    verdicts, depth = [], 0
    for line in out.split("\n"):
        words = re.sub(r"\A(> )+", "", line)
        name, verb, rest = words[:16].strip(), words[16:25].strip(), words[25:].strip()
        if name == ruleset[:16] and verb == "input:":
            depth += 1
        elif name == ruleset[:16] and verb == "returns:":
            depth -= 1
            if depth == 0:
                verdicts.append(rest)
    return tuple(verdicts)


def refused(verdict: str) -> bool:
    """Return whether a verdict is an error, permanent or temporary. Mail that is quarantined comes in."""
    if verdict.startswith("$# error $@ quarantine"):
        return False
    return verdict.startswith(("$# error", "$# TEMP")) or verdict == "REJECT"


def taken(verdict: str) -> bool:
    """Return whether mail comes in with a verdict and is kept."""
    return not refused(verdict) and not verdict.startswith("$# discard")
