# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules for sendmail: which lines of the access map, and how sendmail is made to ask it. Twin of C(_postfix.access).

Private to the collection: it can change at any time.
"""

import os
import re
import shutil
import tempfile
import typing as t

from .._errors import Refused
from .._model import access as _access
from .._model.access import CONNECT, DEFER, DISCARD, FROM, HOLD, REJECT, TO, Rule
from .._model.host import File, Host
from . import discover as instance
from . import tables

NAME = "access"
#: Whether a table without lines is removed; this one is the administrator's.
REMOVE_EMPTY = False
NEW_MODE = 0o640
#: Whether a line of a table that starts with a blank continues the one before; makemap refuses it.
CONTINUES = False
_TAGS = {FROM: "From", TO: "To", CONNECT: "Connect"}
_MAP = re.compile(r"^K(access\w*)[ \t]+(\w+)[ \t]+(.*)$", re.MULTILINE)

#: A recipient that no rule is about.
_NOBODY = "postmaster-mta-asks"
#: Bytes that makemap may keep in memory; with its own 1 MiB a large table takes five times as long.
LARGEST_CACHE = 128 << 20


class Facts(t.NamedTuple):
    """What the live configuration says about access.

    :param maps: the files behind the access map in the order in which they are asked: path relative to the directory, type.
    :param blocklist: whether To: is asked (FEATURE(blocklist_recipients)).
    :param skip: whether SKIP is known (the third argument of access_db).
    """

    kind: str
    maps: t.Tuple[t.Tuple[str, str], ...]
    blocklist: bool
    skip: bool

    def type_of(self, name: str) -> str:
        """The type of a table."""
        return dict(self.maps).get(name, self.kind)


def facts(host: Host) -> Facts:
    """Read sendmail.cf."""
    with open(
        os.path.join(host.instance.config_directory, "sendmail.cf"), encoding="utf-8", errors="surrogateescape"
    ) as stream:
        text = stream.read()
    own = host.instance.config_directory.rstrip("/") + "/"
    found = {name: (kind, words) for name, kind, words in _MAP.findall(text)}
    order = found.get(NAME, ("", ""))[1].split() if found.get(NAME, ("",))[0] == "sequence" else [NAME]
    maps = []
    for name in order:
        kind, words = found.get(name, ("", ""))
        path = next((word for word in words.split() if word.startswith(own)), "")
        if path:
            maps.append((path[len(own) :].rsplit(".db", 1)[0], kind))
    kind = dict(maps).get(NAME) or host.capabilities.default_table_type
    return Facts(kind, tuple(maps), "SearchList <+ To>" in text, "\nR<SKIP>" in text)


def names(known: Facts, where: str) -> t.Tuple[str, ...]:
    """The tables in which rules of a place can stand: one for all."""
    return (NAME,)


# --- rules to lines -------------------------------------------------------------------------------------------------


def place(known: Facts, rule: Rule) -> t.Dict[str, t.Tuple[str, ...]]:
    """The lines of a rule by table.

    :raises Unsupported: it cannot be done here.
    """
    if rule.kind == _access.DOMAIN and not rule.subdomains:
        raise instance.unsupported(
            "subdomains", f"false for {rule.title}", "the domain with its subdomains, or addresses in it"
        )
    keys = [f"{_TAGS[rule.where]}:{key}" for key in _keys(rule)]
    return {NAME: tuple(f"{key}\t{value_of(rule)}" for key in keys)}


def _keys(rule: Rule) -> t.Tuple[str, ...]:
    if rule.kind != _access.NETWORK:
        return (rule.pattern,)
    if rule.network.version == 4:
        return _access.octets(rule.network)
    try:
        return tables.prefixes(rule.network)
    except ValueError as why:
        raise instance.unsupported("connect", rule.pattern, str(why))


def value_of(rule: Rule) -> str:
    """The right side of a line."""
    if rule.action in (REJECT, DEFER):
        return f'ERROR:{rule.status}:"{rule.code} {rule.text}"'
    if rule.action == HOLD:
        return f"QUARANTINE:{rule.text}"
    return rule.action.upper()


# --- rules that are not taken ---------------------------------------------------------------------------------------


def refuse_unfit(host: Host, known: Facts, rules: t.Iterable[Rule]) -> None:
    """Recipients: what would take in mail that strangers send elsewhere, and what sendmail would never come to.

    :raises Unsupported: naming the rule.
    """
    about = [rule for rule in rules if rule.where == TO]
    _keep_closed(host, [rule for rule in about if rule.action in (DISCARD, HOLD)])
    _insist_on_being_asked(host, known, [rule for rule in about if rule.kind == _access.DOMAIN])


def _keep_closed(host: Host, taking: t.Sequence[Rule]) -> None:
    """sendmail asks To: before it controls who relays: what is taken in there, to be dropped or kept, is taken in from strangers too.

    So these actions are for single recipients, in domains that the relay takes mail in for from everybody.
    """
    ours = _served(host, {rule.pattern.rpartition("@")[2] for rule in taking if rule.kind == _access.ADDRESS})
    for rule in taking:
        if rule.pattern.rpartition("@")[2] not in ours or rule.kind != _access.ADDRESS:
            nearest = (
                "reject, or this action for an address in a domain that the relay takes in mail for from everybody"
            )
            raise instance.unsupported("action", f"{rule.action} for {rule.title}", nearest)


def _insist_on_being_asked(host: Host, known: Facts, about: t.Sequence[Rule]) -> None:
    """A domain that the policy serves stands in its own table, which is asked before the one that has the rules."""
    names = [name for name, dummy in known.maps]
    keys = {f"{_TAGS[TO]}:{rule.pattern}": rule for rule in about}
    for name, kind in known.maps[: names.index(NAME) if NAME in names else 0]:
        for key, value in ask(host, host.instance.config_directory, name, kind, list(keys)).items():
            nearest = f"single addresses; {name} has {key} {value}, which comes first (policy.relay.domains)"
            raise instance.unsupported("to", keys[key].title, nearest)


def _served(host: Host, domains: t.AbstractSet[str]) -> t.Set[str]:
    """The domains that a stranger may send to, asked of the rulesets about an address that no rule is about."""
    if not domains:
        return set()
    from . import rulesets

    directory = host.instance.config_directory
    asked = {f"{_NOBODY}@{domain}": domain for domain in domains}
    ruleset = rulesets.about_recipients(instance.live_cf(directory))
    verdicts = rulesets.ask(host, os.path.join(directory, "sendmail.cf"), ruleset, rulesets.STRANGERS[0], list(asked))
    answers = {domain: verdicts.get(address, "REJECT") for address, domain in asked.items()}
    return {domain for domain, said in answers.items() if not (rulesets.refused(said) or said.startswith("$# discard"))}


# --- wiring ---------------------------------------------------------------------------------------------------------


def wire(host: Host, known: Facts, filled: t.Mapping[str, bool], places: t.AbstractSet[str]) -> t.Dict[str, File]:
    """The files that make sendmail ask the access map; a sendmail.mc by hand gets the features that it lacks.

    :param places: where the rules look; only C(to) needs more than the map.
    :raises Refused: there is no place for them.
    """
    enough = NAME in dict(known.maps) and (known.blocklist or TO not in places)
    if enough or not any(filled.values()):
        return {}
    path = os.path.join(host.instance.config_directory, "sendmail.mc")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            lines = stream.read().split("\n")
    except OSError:
        raise Refused([f"{path}: it is not there, and the live sendmail.cf does not ask the table access"])
    from .build import build_cf

    text = "\n".join(_with_features(host, path, lines))
    built = build_cf(host, text)
    return {
        name: File(part.encode("utf-8", "surrogateescape"))
        for name, part in (("sendmail.mc", text), ("sendmail.cf", built))
    }


def _with_features(host: Host, path: str, lines: t.Sequence[str]) -> t.List[str]:
    """access_db comes before every feature that uses it, blocklist_recipients right behind it."""
    found = list(lines)
    first = next((number for number, line in enumerate(found) if line.startswith(("FEATURE(", "MAILER("))), None)
    if first is None:
        raise Refused([f"{path}: no MAILER() to put FEATURE(access_db) before"])
    there = next((number for number, line in enumerate(found) if line.startswith("FEATURE(`access_db'")), None)
    if there is None:
        table = f"{host.capabilities.default_table_type} -T<TMPF> -o {os.path.join(os.path.dirname(path), NAME)}"
        found.insert(first, f"FEATURE(`access_db', `{table}', `skip')dnl")
        there = first
    if not any(line.startswith(("FEATURE(`blocklist_rec", "FEATURE(`blacklist_rec")) for line in found):
        word = "blocklist" if host.capabilities.version >= (8, 16) else "blacklist"
        found.insert(there + 1, f"FEATURE(`{word}_recipients')dnl")
    return found


def reload_reasons(known: Facts, changed: t.Iterable[str]) -> t.Tuple[str, ...]:
    """sendmail looks at its tables at every connection."""
    return ()


# --- compiled tables ------------------------------------------------------------------------------------------------


def compiled(known: Facts, name: str) -> t.Tuple[str, ...]:
    """The compiled files of a table."""
    return (name + tables.SUFFIXES.get(known.type_of(name), ".db"),)


def compiled_names(kind: str, name: str) -> t.Tuple[str, ...]:
    """The compiled files of any table."""
    return (name + tables.SUFFIXES.get(kind, ".db"),)


def read_at_start(kind: str) -> t.Tuple[str, ...]:
    """sendmail looks at its tables at every connection."""
    return ()


def type_in_use(host: Host, name: str) -> str:
    """The type by which sendmail.cf refers to a table of the directory; empty where it does not."""
    path = os.path.join(host.instance.config_directory, name)
    with open(
        os.path.join(host.instance.config_directory, "sendmail.cf"), encoding="utf-8", errors="surrogateescape"
    ) as stream:
        for line in stream:
            words = line.split()
            if line.startswith("K") and len(words) > 2 and path in words[2:]:
                return words[1]
    return ""


def make(host: Host, stage: str, name: str, kind: str, compare: bool = True, aliases: bool = False) -> None:
    """Compile one table in the stage under a new name, and move it.

    :param compare: dump it and compare it with its source; the time this takes grows with the table.
    :raises Refused: what makemap(8) did not take; it writes the rest all the same.
    """
    if aliases:
        raise Refused([f"{name}: aliases are the policy's: policy.aliases"])
    source, fresh = os.path.join(stage, name), os.path.join(stage, f".{name}.new")
    suffix = tables.SUFFIXES.get(kind, ".db")
    try:
        # The source is made the standard input by the shell: it may be too large to be handed over piece by piece.
        script = 'exec makemap -c "$1" "$2" "$3" < "$4"'
        cache = str(min(max(2 * os.path.getsize(source), 1 << 20), LARGEST_CACHE))
        said = host.runner.run(["sh", "-c", script, "sh", cache, kind, fresh, source], check=False, timeout=600)
        if said.rc or said.err.strip():
            complaints = (said.err or said.out or "makemap failed").strip().split("\n")
            raise Refused([tables._blame(name, line) for line in complaints])
        if compare:
            with open(source, "rb") as stream:
                tables._compare(host, name, stream.read(), fresh + suffix)
        tables._settle(os.path.join(stage, name + suffix), fresh + suffix)
    finally:
        if os.path.exists(fresh + suffix):
            os.unlink(fresh + suffix)


def finish(stage: str) -> None:
    """What remains to be done when all files are in the stage."""


def ask(host: Host, directory: str, name: str, kind: str, keys: t.Sequence[str]) -> t.Dict[str, str]:
    """What a table answers to each of some keys, asked of sendmail itself; keys without an answer are missing.

    :raises Refused: sendmail does not answer as expected.
    """
    if not keys:
        return {}
    config = f"V10/Berkeley\n{_trust(host)}Kasked {kind} {os.path.join(directory, name)}\n"
    # Not beside the tables: looking must not change the directory that a transaction watches.
    scratch = tempfile.mkdtemp(prefix="postmaster-asked-", dir="/run" if os.access("/run", os.W_OK) else "/var/tmp")
    path = os.path.join(scratch, "sendmail.cf")
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(config)
        argv = [instance.the_layout().program, "-C", path, "-bt"]
        said = host.runner.run(argv, stdin="".join(f"/map asked {key}\n" for key in keys), check=False, timeout=120)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    answers = re.findall(
        r"map_lookup: asked \((.*?)\) (?:returns (.*) \(\d+\)|no match \(\d+\))$", said.out, re.MULTILINE
    )
    if len(answers) != len(keys):
        raise Refused(
            [f"{name}: sendmail answers {len(answers)} of {len(keys)} lookups: {(said.err or said.out)[-300:]}"]
        )
    return {key: value for key, (dummy, value) in zip(keys, answers) if value}


def _trust(host: Host) -> str:
    """The lines of the live configuration that say which owners and modes of a map are good enough."""
    path = os.path.join(host.instance.config_directory, "sendmail.cf")
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        return "".join(line for line in stream if line.startswith(("O DontBlameSendmail", "O TrustedUser")))
