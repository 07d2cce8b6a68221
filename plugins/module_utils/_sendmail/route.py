# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where sendmail sends an address: asked of sendmail itself in its address test mode (sendmail -bt), and read back.

Private to the collection: it can change at any time.

In test mode each line is a rule set's name, cut to 16 characters, and what goes in or comes out. Calls are nested and properly
bracketed. The prompt stands before the first line of each answer when the input is no terminal.
"""

import ipaddress
import os
import re
import typing as t

from .._errors import CommandError
from .._model import route as _route
from .._model.host import Host
from .._model.route import Hop, Rewriting, Route, RouteQuestion, TableEntry
from . import cf, discover
from . import helpers as _helpers
from .mailers import DISCARDING
from .networks import prefixes

_LINE = re.compile(r"(?P<rule>.{16}) (?P<what>  input|returns):(?: (?P<text>.*))?\Z")
_MAILER = re.compile(r"mailer (?P<mailer>[^,]+)(?:, host (?P<host>.*?))?(?:, user (?P<user>.*))?\Z")
_LOOKUP = re.compile(r"map_lookup: (?P<map>\S+) \((?P<key>.*)\) returns (?P<value>.*) \(\d+\)\Z")
_PROMPT = re.compile(r"\A(?:> )+")
#: Errors of the error mailer begin with the reply code, in quotes.
_REPLY = re.compile(r'"?(?P<code>\d{3}) (?P<text>[^"]*)"?')
_RELAYS = frozenset(("mailertable", "virtuser", "domaintable", "smarttable"))


#: What test mode says when it has read its configuration.
_STARTED = "ADDRESS TEST MODE"


class Map(t.NamedTuple):
    """A K line of the cf: name, class, file or members."""

    name: str
    kind: str
    path: str
    members: t.Tuple[str, ...]


class Transcript(t.NamedTuple):
    """What a session in test mode said.

    :param parsed: the steps of C(/parse); I(mailer), I(host), I(user) are its end.
    :param checked: the steps of C(check_rcpt); I(check) is what came out of it.
    :param lookups: map and key to value, only what was found.
    """

    parsed: t.Tuple[Rewriting, ...]
    mailer: str
    host: str
    user: str
    checked: t.Tuple[Rewriting, ...]
    check: str
    lookups: t.Mapping[t.Tuple[str, str], str]
    complaints: t.Tuple[str, ...]


def trace(host: Host, asked: RouteQuestion) -> Route:
    """Ask the installed sendmail where an address goes.

    :raises CommandError: sendmail does not even start with its configuration.
    """
    live = os.path.join(host.instance.config_directory, "sendmail.cf")
    configuration = cf.parse(_content(live))
    maps = parse_maps(configuration.maps)
    program = discover.the_layout().program
    script = "\n".join(session(asked, maps)) + "\n"
    argv = [program, "-bt", "-C", live]
    # It ends as the last address would: a refused one with the status of its refusal.
    answer = host.runner.run(argv, stdin=script, timeout=90, check=False)
    if answer.rc and _STARTED not in answer.out:
        raise CommandError(argv, answer.rc, answer.out, answer.err)
    return route_of(asked, read_transcript(answer.out), maps, configuration)


def session(asked: RouteQuestion, maps: t.Mapping[str, Map]) -> t.List[str]:
    """Return the lines to type. The address has been checked to be one, so that it is no command."""
    lines = []
    # Rules may route by sender ($f) and by client ($_), so both are known before the address is parsed.
    if asked.sender:
        lines += [f".Df{asked.sender}", f".D{{mail_from}}{asked.sender}"]
    if asked.client:
        lines.append(f".D_[{_as_sendmail_writes(asked.client)}]")
    lines.append(f"/parse {asked.address}")
    lines += [f"/map {name} {key}" for name, role in _leaves(maps) for key in _keys(role, asked.address)]
    if asked.client:
        lines += _check_lines(asked)
    return lines


def _check_lines(asked: RouteQuestion) -> t.List[str]:
    """Return the lines that make test mode check a recipient as for a client. A local user could relay."""
    sender = asked.sender or "<>"
    return [
        f".D{{client_addr}}{asked.client}",
        f".D{{client_name}}[{asked.client}]",
        ".D{client_resolve}OK",
        # What a client says in EHLO is its own business.
        f".Dsclient.{asked.address.rpartition('@')[2]}",
        f".D{{mail_from}}{sender}",
        f".Df{sender}",
        f"check_rcpt {asked.address}",
    ]


def _as_sendmail_writes(client: str) -> str:
    return prefixes(ipaddress.ip_network(client))[0] if ":" in client else client


def _leaves(maps: t.Mapping[str, Map]) -> t.List[t.Tuple[str, str]]:
    """Return each map that has a file, with the name that the rules use. A sequence is looked up in its parts."""
    leaves = []
    for name in ("mailertable", "virtuser", "domaintable", "access"):
        entry = maps.get(name)
        for leaf in (entry.members or (name,)) if entry else ():
            leaves.append((leaf, name))
    return leaves + [("aliases", "aliases")]


def _keys(role: str, address: str) -> t.Tuple[str, ...]:
    """Return the keys that the rules try, in their order (cf/README)."""
    user, dummy, domain = address.rpartition("@")
    above = tuple("." + parent for parent in _route.parents(domain))
    return {
        "mailertable": (domain, *above, "."),
        "virtuser": (address, f"@{domain}"),
        "domaintable": (domain,),
        "access": tuple(f"To:{key}" for key in (address, domain, *_route.parents(domain))),
        "aliases": (user,),
    }[role]


# --- pure: reading ------------------------------------------------------------------------------------------------


def read_transcript(text: str) -> Transcript:
    """Read what test mode said."""
    lines = [_PROMPT.sub("", line) for line in text.splitlines()]
    lines = [line for line in lines if not line.startswith(("ADDRESS TEST MODE", "Enter <ruleset>"))]
    end = _end_of_parse(lines)
    mailer, host, user = _destination(lines[:end])
    checked = read_steps(lines[end:])
    return Transcript(
        read_steps(lines[:end]),
        mailer,
        host,
        user,
        checked,
        next((step.result for step in checked if step.rule == "check_rcpt"), ""),
        _lookups(lines),
        tuple(line for line in lines if line.startswith("Map named")),
    )


def _destination(lines: t.Sequence[str]) -> t.Tuple[str, str, str]:
    """Return mailer, host and user, with which the answer to C(/parse) ends; empty where it has none."""
    match = _MAILER.match(lines[-1]) if lines else None
    if match is None:
        return "", "", ""
    return match.group("mailer"), match.group("host") or "", match.group("user") or ""


def _end_of_parse(lines: t.Sequence[str]) -> int:
    """Return the number of the first line behind the answer to C(/parse)."""
    for number, line in enumerate(lines, 1):
        if _MAILER.match(line) or line.startswith("check_rcpt "):
            return number
    return len(lines)


def _lookups(lines: t.Iterable[str]) -> t.Dict[t.Tuple[str, str], str]:
    matches = (_LOOKUP.match(line) for line in lines)
    return {(match.group("map"), match.group("key")): match.group("value") for match in matches if match}


def read_steps(lines: t.Iterable[str]) -> t.Tuple[Rewriting, ...]:
    """Return the calls of rule sets in the order in which they began, each with what went in and what came out."""
    steps: t.List[t.List[str]] = []
    waiting: t.List[t.List[str]] = []
    for line in lines:
        match = _LINE.match(line)
        if not match:
            continue
        rule, text = match.group("rule").strip(), joined(match.group("text") or "")
        if match.group("what").strip() == "input":
            step = [rule, text, ""]
            steps.append(step)
            waiting.append(step)
        elif any(step[0] == rule for step in waiting):
            # A call that was left without a word (an error) must not swallow the end of the others.
            while waiting[-1][0] != rule:
                waiting.pop()
            waiting.pop()[2] = text
    return tuple(Rewriting(rule, text, result) for rule, text, result in steps)


def joined(tokens: str) -> str:
    """Return tokens as test mode prints them, without the blanks between them; quoted ones stay as they are."""
    parts = tokens.split('"')
    outside = [re.sub(r" ?([@.<>:\[\]|!%+,;=-]) ?", r"\1", part) for part in parts[0::2]]
    mixed = [outside[number // 2] if number % 2 == 0 else f'"{part}"' for number, part in enumerate(parts)]
    return "".join(mixed).strip()


def parse_maps(definitions: t.Mapping[str, str]) -> t.Dict[str, Map]:
    """Return the K lines of a cf by name (op.me 5.12): class, then a file or the members of a sequence."""
    maps = {}
    for name, definition in definitions.items():
        words = [word for word in definition.split() if not word.startswith("-")]
        kind, rest = (words[0], words[1:]) if words else ("", [])
        members = tuple(rest) if kind == "sequence" else ()
        maps[name] = Map(name, kind, "" if members or not rest else rest[-1], members)
    return maps


def route_of(asked: RouteQuestion, transcript: Transcript, maps: t.Mapping[str, Map], configuration: cf.Cf) -> Route:
    """Return what a session means."""
    entries = _entries(transcript, maps)
    decided = next((entry for entry in entries if entry.role in _RELAYS), None)
    verdict, error = _verdict(transcript)
    host = transcript.host.rstrip(".")
    port = cf.mailer_port(configuration.mailers.get(transcript.mailer, ""))
    hops = _hops(host, port) if verdict == _route.REMOTE else ()
    if verdict == _route.LOCAL:
        decided = decided or next((entry for entry in entries if entry.role == "aliases"), None)
    return Route(
        asked.address,
        transcript.user or asked.address,
        verdict,
        transcript.mailer,
        error or host,
        hops,
        decided,
        _because(asked, verdict, decided, host, configuration.macros.get("S", ""), error),
        transcript.parsed,
        entries,
        _answer(transcript.check),
        transcript.checked,
    )


def _entries(transcript: Transcript, maps: t.Mapping[str, Map]) -> t.Tuple[TableEntry, ...]:
    roles = dict(_leaves(maps))
    entries = []
    for (name, key), value in transcript.lookups.items():
        path = maps[name].path if name in maps else ""
        kind = maps[name].kind if name in maps else name
        entries.append(
            TableEntry(roles.get(name, name), f"{kind}:{path}" if path else name, key, value, _source(path, key))
        )
    return tuple(entries)


def _source(path: str, key: str) -> str:
    line = _route.find_line(_content(path), key) if path else 0
    return f"{path}:{line}" if line else ""


def _verdict(transcript: Transcript) -> t.Tuple[str, str]:
    """Return what becomes of the message, and the error where there is one."""
    result = next((step.result for step in transcript.parsed if step.rule == "parse"), "")
    if not transcript.mailer and not result:
        return _route.UNKNOWN, ""
    if transcript.mailer in _ERROR_MAILERS or result.replace(" ", "").startswith("$#error"):
        return _route.ERROR, _answer(result) or transcript.host
    if transcript.mailer in DISCARDING:
        return _route.DISCARD, ""
    is_local = transcript.mailer == _LOCAL_MAILER or not transcript.host
    return (_route.LOCAL if is_local else _route.REMOTE), ""


#: A line of the mailertable gives it a host, too, which it does not need.
_LOCAL_MAILER = "local"
#: No mailer at all, and the ways in which test mode writes the error mailer.
_ERROR_MAILERS = ("", "*error*", "error")


def _hops(host: str, port: int) -> t.Tuple[Hop, ...]:
    """Return the next hops: C([a]:b) is two hosts, the first without MX, the second with. The port is the mailer's."""
    names = re.findall(r"\[[^\]]*\]|[^:]+", host)
    return tuple(Hop(name.strip("[]").replace("IPv6:", ""), port, not name.startswith("[")) for name in names)


def _because(
    asked: RouteQuestion, verdict: str, decided: t.Optional[TableEntry], host: str, smart_host: str, error: str
) -> str:
    if decided is not None:
        return str(decided)
    if verdict == _route.LOCAL:
        return "the domain is one of this host's own names (class w)"
    if verdict == _route.ERROR:
        return f"the rule sets refuse it: {error}"
    if smart_host and host.strip("[]") in smart_host:
        return f"SMART_HOST: {smart_host}"
    if verdict == _route.REMOTE and host.strip("[]").lower() != asked.address.rpartition("@")[2].lower():
        return f"no table has an entry: a rule of sendmail.cf sends it to {host}"
    return "no table has an entry: by the MX records of the domain"


def _answer(result: str) -> str:
    """Return the reply that the error mailer stands for, with its enhanced status code; C(accepted) for all else."""
    if not result:
        return ""
    if "$#error" not in result.replace(" ", ""):
        return "accepted"
    reply = _REPLY.search(result)
    status = re.search(r"\$@\s*(\d\.\d{1,3}\.\d{1,3})", result.replace(" ", ""))
    if not reply:
        return "refused"
    return " ".join(
        part for part in (reply.group("code"), status.group(1) if status else "", reply.group("text").strip()) if part
    )


def _content(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def settings(host: Host) -> _route.Settings:
    """Return what the live configuration says about the things that the checks of a host look at."""
    live = os.path.join(host.instance.config_directory, "sendmail.cf")
    configuration = cf.parse(_content(live))
    queue = host.instance.queue_directories[0].rstrip("*")
    blocks = configuration.value("MinFreeBlocks") or ""
    limit = configuration.value("MaxMimeHeaderLength")
    return _route.Settings(
        needed_bytes=int(blocks) * discover.block_size(queue) if blocks.isdigit() else 0,
        certificate=configuration.value("ServerCertFile") or "",
        queue_load=_number(configuration.value("QueueLA")),
        refuse_load=_number(configuration.value("RefuseLA")),
        # Built in are 2048/1024; only 0 leaves open quotes alone (op.me, MaxMimeHeaderLength).
        closes_quotes=(limit or "2048").split("/")[0].strip() != "0",
        read_at_start=(live,),
        helpers=_helpers.helpers(configuration),
    )


def _number(text: t.Optional[str]) -> t.Optional[float]:
    """Return a load limit; 0 switches it off (op.me, RefuseLA)."""
    return float(text) if text and text.isdigit() and int(text) else None
