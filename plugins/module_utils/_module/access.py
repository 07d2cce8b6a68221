# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring access rules to one instance, as one transaction.

The source of a table may have a million lines: it is edited while it is copied into the stage, and what a plan holds of it
is only the lines that change. What few runs need, such as the dialogue on the wire, is imported where they need it: Python compiles
at every run what a module imports.

Private to the collection: it can change at any time.
"""

import datetime
import functools
import itertools
import os
import typing as t

from .. import _change, _files, _mta
from .._driver.access import access_of
from .._driver.compile import compile_of
from .._driver.daemon import daemon_of
from .._driver.discover import discover_of
from .._errors import Busy, OptionError, PostmasterError, Refused, as_before
from .._model import access, block_edits, blocks
from .._model.host import NOTHING, RELOAD, Activation, Host, Rendering
from .._model.ledger import ADD, CHANGE, REMOVE, Ledger
from .._model.sources import Source
from .._runner import Runner
from . import exposed
from .guard import guard_of

if t.TYPE_CHECKING:
    from .._log.suffixes import Suffixes

PRESENT, ABSENT, EXACT = "present", "absent", "exact"
LOOKUP, WIRE = "lookup", "wire"
#: A source of at most so many bytes is compared with its compiled table line by line; of larger ones what changed is asked.
COMPARED = 2000000

ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    {
        "rules": {"type": "list", "elements": "dict", "options": access.RULE_SPEC},
        "content": {"type": "str"},
        "src": {"type": "path"},
        "format": {"type": "str", "choices": list(access.FORMATS), "default": "domains"},
        "place": {"type": "str", "choices": list(access.PLACES), "default": access.FROM},
        "state": {"type": "str", "choices": [PRESENT, ABSENT, EXACT], "default": PRESENT},
        "strict": {"type": "bool", "default": True},
        "anyway": {"type": "list", "elements": "str", "default": []},
        "purge_expired": {"type": "bool", "default": False},
        "verify": {"type": "str", "choices": [LOOKUP, WIRE, "none"], "default": LOOKUP},
        "legitimate": {
            "type": "list",
            "elements": "dict",
            "options": {"from": {"type": "str", "required": True}, "to": {"type": "str", "required": True}},
        },
        "confirm": {"type": "str"},
        "lock_timeout": {"type": "float", "default": 60},
    },
    **access.RULE_OPTIONS,
    **_mta.ARGUMENT_SPEC,
)


class NotKept(PostmasterError):
    """The running MTA does not answer as the rules say, though nothing was to be changed."""

    def __init__(self, findings: t.Sequence[str]) -> None:
        super().__init__("the running MTA does not keep to the rules: " + "; ".join(findings))
        self.findings = tuple(findings)


class Request(t.NamedTuple):
    """What the module's parameters ask for, whatever the host is.

    :param left_out: lines of a list that were left out, with the reason: the first ones.
    :param anyway: domains whose rules are meant though they stop much mail.
    """

    rules: access.Rules
    state: str
    purge: bool
    now: datetime.datetime
    left_out: t.Sequence[t.Dict[str, str]] = ()
    anyway: t.FrozenSet[str] = frozenset()
    left_out_total: int = 0

    def may_be_regretted(self) -> t.Iterator[access.Rule]:
        """Yield the rules that stop the mail of a whole domain and were not confirmed by its name."""
        # A rule about recipients is how the owner of a domain closes it, and no accident.
        if any(rule.where != access.TO and _stops_domain(rule) for rule in self.rules.alike()):
            rules = (rule for rule in self.rules if rule.where != access.TO and _stops_domain(rule))
            yield from (rule for rule in rules if rule.pattern not in self.anyway)


class TableWork(t.NamedTuple):
    """What is to be done to one table.

    :param mark: size, time stamp and inode of the source that was read, None where there is none.
    :param size: of the source afterwards; of a large one only that it is.
    """

    name: str
    mark: t.Optional[_change.Mark]
    edited: block_edits.Edited
    size: int


def _refuse_double(networks: t.Dict[t.Tuple[str, str], str], table: str, title: str, lines: t.Iterable[str]) -> None:
    """Remember the keys of a network; refuse one that another network has.

    :raises OptionError: naming both.
    """
    for key in map(blocks.key_of, lines):
        first = networks.setdefault((table, key), title)
        if first != title:
            raise OptionError("rules", title, f"it covers {key}, which {first} covers as well")


class AccessRun:
    """One run of the module: the host, the request, and the steps of the transaction."""

    def __init__(
        self, host: Host, request: Request, verify: str = LOOKUP, legitimate: t.Sequence[t.Tuple[str, str]] = ()
    ) -> None:
        self.host = host
        self.request = request
        self.wire = verify == WIRE
        self.lookup = verify != "none"
        self.legitimate = legitimate
        self.driver = access_of(host.mta)
        self.compile = compile_of(host.mta)
        self.directory = os.path.realpath(host.instance.config_directory)
        self.facts: t.Any = None
        self.works: t.Dict[str, TableWork] = {}
        self.files: t.Dict[str, t.Any] = {}
        self.judged: t.Dict[str, t.Tuple[int, ...]] = {}
        self.verified: t.List[str] = []
        self.author = _change.Author("access")
        self.accepted: t.Tuple[t.Any, ...] = ()
        self.inherited: t.List[str] = []

    def steps(self) -> _change.Steps:
        """Return the steps of this run, as the transaction takes them."""
        guard = guard_of(self.host)
        return _change.Steps(self.plan, self._build, self._check, self._activate, self._verify, self.author, guard)

    # -- plan

    def plan(self) -> _change.Plan:
        """Return what is to be done on the host as it is now."""
        # Of a plan before this one nothing is kept: with a hundred thousand rules each is worth its memory.
        self.works = {}
        self.facts = self.driver.facts(self.host)
        if self.request.state != ABSENT:
            self.driver.refuse_unfit(self.host, self.facts, self.request.rules)
            self._refuse_own_domains()
            self._refuse_the_internet()
        works = self._works()
        self.works = {work.name: work for work in works}
        filled = {work.name: work.size > 0 for work in works if work.mark is not None or work.edited.edits}
        self.files = self.driver.wire(self.host, self.facts, filled, self._places())
        return self._planned([work.name for work in works if work.edited.edits])

    def _planned(self, changed: t.Sequence[str]) -> _change.Plan:
        """Return the plan by which these tables change, and the files that name them."""
        gone = [name for name in changed if self.driver.REMOVE_EMPTY and not self.works[name].size]
        files = _change.difference(self.directory, self.files) + self._removals(gone)
        because = self.driver.reload_reasons(self.facts, changed) + tuple(sorted(self.files))
        activation = Activation(RELOAD, because) if because else Activation(NOTHING)
        return _change.Plan(self.directory, files, self._to_compile(changed, gone), activation)

    def _places(self) -> t.Set[str]:
        """Return the places that the rules are about; what a route says is asked for at a place of its own."""
        places = {rule.where for rule in self.request.rules.alike()}
        # Only what is said about recipients can be a route.
        asks = self.request.state != ABSENT and access.TO in places
        routed = asks and any(self.driver.is_routed(self.facts, rule) for rule in self.request.rules)
        return places | ({access.DROP} if routed else set())

    def _works(self) -> t.List[TableWork]:
        """Return what is to be done to each table, by name."""
        ledgers = self._ledgers()
        return [self._work(name, ledger) for name, ledger in sorted(ledgers.items())]

    def _to_compile(self, changed: t.Sequence[str], gone: t.Sequence[str]) -> t.Tuple[str, ...]:
        """Return the tables whose compiled form must be made: those that change, and those that are out of date."""
        present = [name for name in self.works if name not in gone]
        return tuple(name for name in present if name in changed or self._stale(name))

    def _refuse_own_domains(self) -> None:
        """Refuse rules that would stop the mail from a domain that this relay takes mail for."""
        covering: t.Dict[str, str] = {}
        findings = []
        own: t.Optional[t.FrozenSet[str]] = None
        for rule in self.request.may_be_regretted():
            if own is None:
                own = self.driver.own_domains(self.host, self.facts)
                covering = {above: name for name in own for above in access.parents(name)}
            name = _first_of(own, rule) or (covering.get(rule.pattern, "") if rule.subdomains else "")
            if name:
                why = f"this relay serves {name}, whose own mail would be stopped; anyway: [{rule.pattern}] allows that"
                findings.append(f"{rule.title}: {why}")
        if findings:
            raise Refused(findings)

    def _refuse_the_internet(self) -> None:
        """Refuse relay rules that are, with those of earlier runs, a large part of the Internet."""
        rules = self.request.rules.relaying()
        if rules and self.request.state != EXACT:
            from . import access_wide

            access_wide.refuse([rule.pattern for rule in rules], access_wide.standing_like(self, rules))

    def _ledgers(self) -> t.Dict[str, Ledger]:
        """Return by table the blocks that should stand in it, and those that should not."""
        places = {rule.where for rule in self.request.rules.alike()}
        names = {place: self.driver.names(self.facts, place) for place in places}
        ledgers = {name: Ledger() for place in places for name in names[place]}
        filled = {name for name in ledgers if os.path.exists(self.path(name))}
        networks: t.Dict[t.Tuple[str, str], str] = {}
        for title, rule in self.request.rules.items():
            lines = self.driver.place(self.facts, rule)
            for name in names[rule.where]:
                present = self.request.state != ABSENT and name in lines
                # Nothing is removed from a table that is not there.
                if present or name in filled:
                    ledgers[name].ask(blocks.Block(title, lines.get(name, ()), rule.note), present)
                # All others are their own keys, which no two have in common.
                if present and rule.kind == access.NETWORK:
                    _refuse_double(networks, name, title, lines[name])
        if self.request.state == EXACT or self.request.purge:
            self._leave_out(ledgers)
        return ledgers

    def _leave_out(self, ledgers: t.Dict[str, Ledger]) -> None:
        """Add the rules that are there and should not be: all others for exact, those whose last day is over for a purge."""
        names = {name for place in access.PLACES for name in self.driver.names(self.facts, place)}
        for name in sorted(names):
            for placed in blocks.walk(self.read(name)[1]):
                block = placed.block
                if access.is_rule(block.title) and not self._is_kept(block.title) and self._has_ended(block):
                    ledgers.setdefault(name, Ledger()).ask(block._replace(lines=()), False)

    def _is_kept(self, title: str) -> bool:
        return self.request.state != ABSENT and self.request.rules.has(title)

    def _has_ended(self, block: blocks.Block) -> bool:
        """Return whether a rule that was not asked for goes."""
        if self.request.state == EXACT:
            return True
        return self.request.purge and access.expired(block.note, self.request.now)

    def _work(self, name: str, ledger: Ledger) -> TableWork:
        mark, source = self.read(name)
        edited = block_edits.edit(source, ledger)
        return TableWork(name, mark, edited, block_edits.size_after(source, edited.edits, COMPARED))

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def read(self, name: str) -> t.Tuple[t.Optional[_change.Mark], Source]:
        """Return what tells the source of a table from another one, and the source."""
        # The mark first: what is written meanwhile is noticed before it is replaced.
        mark = _change.mark_of(self.path(name))
        return mark, Source.read(self.path(name))

    def _stale(self, name: str) -> bool:
        """Return whether a compiled file is missing or older than its source."""
        source = self.works[name].mark
        if source is None:
            return False
        compiled = [_change.mark_of(self.path(file)) for file in self.driver.compiled(self.facts, name)]
        return any(mark is None or mark.time < source.time for mark in compiled)

    def _removals(self, names: t.Sequence[str]) -> t.Tuple[_change.FileChange, ...]:
        files = [file for name in names for file in (name, *self.driver.compiled(self.facts, name))]
        marks = [(file, _change.mark_of(self.path(file))) for file in files]
        return tuple(_change.FileChange(file, mark, None, 0, False) for file, mark in marks if mark is not None)

    # -- the other steps

    def _build(self, stage: str, names: t.Sequence[str]) -> None:
        for name in names:
            work = self.works[name]
            path = os.path.join(stage, name)
            if work.edited.edits:
                if _content_of(_change.mark_of(path)) != _content_of(work.mark):
                    raise Busy(f"{self.path(name)}: somebody else wrote it while the change was planned; run again")
                pieces = block_edits.pieces(Source.read(path), work.edited.edits)
                _files.write_stream(path, pieces, self.driver.NEW_MODE, like=path)
            self.compile.make(self.host, stage, name, self.facts.type_of(name), self._compared(name))
        self.compile.finish(stage)

    def _check(self, stage: str) -> t.Sequence[str]:
        findings = self._asked(stage, [name for name in self.works if not self._compared(name)])
        self.judged = self._marks(stage)
        if self.files and not findings:
            findings += self._check_wiring(stage)
        if self.wire and not findings:
            from .._smtp import verify_rules

            self.accepted = verify_rules.accepted(self._listening(), self.legitimate)
        return findings

    def _check_wiring(self, stage: str) -> t.Sequence[str]:
        from .._driver.check import check_of
        from .._model.policy_record import SILENT

        return check_of(self.host.mta).check(self.host, stage, SILENT, Rendering(self.files, {}), self.inherited)

    def _listening(self) -> t.Sequence[t.Tuple[str, int]]:
        return daemon_of(self.host.mta).running(self.host).listening

    def _activate(self, activation: Activation) -> None:
        daemon_of(self.host.mta).activate(self.host, activation)

    def _verify(self) -> t.Sequence[str]:
        """Ask the MTA about the live tables, unless they are the very files that it was asked about in the stage."""
        moved = self._marks(self.directory) == self.judged
        findings = self._asked(self.directory, self.works) if self.lookup and not moved else []
        if self.lookup and not findings:
            count = sum(len(work.edited.changes) for work in self.works.values())
            self.verified.append(f"{count} changes asked of the MTA in {len(self.works)} tables")
        if self.wire and not findings:
            findings += self.on_the_wire()
        return findings

    def on_the_wire(self) -> t.List[str]:
        """Return the findings of the dialogues on loopback, up to RCPT."""
        from .._smtp import verify_rules

        refusing = self.request.state != ABSENT
        report = verify_rules.prove(self._listening(), self.request.rules, refusing, self.accepted)
        self.verified += report.verified
        return list(report.findings)

    def _marks(self, directory: str) -> t.Dict[str, t.Tuple[int, ...]]:
        """Return what tells the files that the MTA reads from all others, wherever they lie."""
        files = {file for name in self.works for file in self.driver.compiled(self.facts, name) or (name,)}
        marks = {name: _change.mark_of(os.path.join(directory, name)) for name in files}
        return {name: _content_of(mark) for name, mark in marks.items()}

    def _compared(self, name: str) -> bool:
        """Return whether a compiled table is compared with all of its source when it is made."""
        return self.works[name].size <= COMPARED and bool(self.driver.compiled(self.facts, name))

    def _asked(self, directory: str, names: t.Container[str]) -> t.List[str]:
        """Return where the MTA does not answer as the changes of these tables say."""
        works = [
            work for name, work in sorted(self.works.items()) if name in names and work.size and work.edited.changes
        ]
        if not works:
            return []
        from . import access_lookup

        return [
            finding
            for work in works
            for finding in access_lookup.findings(self, directory, work.name, work.edited.changes)
        ]


def _content_of(mark: t.Optional[_change.Mark]) -> t.Tuple[int, ...]:
    """Return size and time of a file, wherever it lies: a table that is written over in its place keeps its inode."""
    return (mark.size, mark.time) if mark else ()


# --- the doorway ----------------------------------------------------------------------------------------------------


def request_of(params: t.Mapping[str, t.Any], now: datetime.datetime) -> Request:
    """Return what the module's parameters ask for.

    :raises OptionError: naming the rule.
    :raises PostmasterError: naming every line of a list that is no rule.
    """
    state, purge = params["state"], params["purge_expired"]
    rules = access.Rules()
    for number, entry in enumerate(params["rules"] or ()):
        for rule in _parsed(f"rules[{number}]", entry, params, now):
            rules.add(rule)
    left_out: t.List[t.Dict[str, str]] = []
    total = 0
    if params.get("content") or params.get("src"):
        from . import access_files

        left_out, total = access_files.add_rules(
            rules, params, lambda option, entry: _parsed(option, entry, params, now)
        )
    may_be_empty = left_out or purge or state == EXACT
    if not rules and not may_be_empty:
        raise OptionError("rules", [], "no rule is given")
    relaying = [rule.pattern for rule in rules.relaying()]
    if relaying and state != ABSENT:
        from . import access_wide

        access_wide.refuse(relaying)
    return Request(rules, state, purge, now, left_out, _confirmed(params), total)


def _confirmed(params: t.Mapping[str, t.Any]) -> t.FrozenSet[str]:
    return frozenset(name.lower().rstrip(".") for name in params["anyway"])


def _parsed(
    option: str, entry: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any], now: datetime.datetime
) -> t.List[access.Rule]:
    if params["state"] == ABSENT:
        # Only the patterns count: a rule is removed whatever it says.
        return access.parse(option, {place: entry.get(place) for place in access.PLACES}, {}, now)
    rules = access.parse(option, entry, {name: params.get(name) for name in access.RULE_OPTIONS}, now)
    confirmed = _confirmed(params)
    for rule in rules:
        if rule.pattern not in confirmed:
            _refuse_public_suffix(option, rule)
    return rules


@functools.lru_cache(maxsize=None)
def _common_suffixes() -> "Suffixes":
    """Return the suffixes that are built in: a block has no time to read the system's list."""
    from .._log import suffixes

    return suffixes.load(())


def _refuse_public_suffix(option: str, rule: access.Rule) -> None:
    """Refuse a rule that would stop the mail of everybody below a public suffix: C(com) is hardly ever meant."""
    if not rule.subdomains or not _stops_domain(rule):
        return
    dots = rule.pattern.count(".")
    if not dots or dots == 1 and _common_suffixes().split(rule.pattern) is None:
        why = "this is a public suffix: the rule would stop the mail of every domain below it"
        why = f"{why}; anyway: [{rule.pattern}] allows that"
        raise OptionError(f"{option}.{rule.where}", rule.pattern, why)


#: The actions that stop mail.
_STOPPING = frozenset((access.REJECT, access.DEFER, access.DISCARD, access.DROP, access.HOLD))


def _first_of(own: t.Container[str], rule: access.Rule) -> str:
    """Return the domain of our own that a rule names, or that its senders lie below; empty if there is none.

    The name of a client below it is one machine, and no part of the domain.
    """
    names = access.parents(rule.pattern) if rule.where == access.FROM else (rule.pattern,)
    return next((name for name in names if name in own), "")


def _stops_domain(rule: access.Rule) -> bool:
    """Return whether a rule stops the mail of a whole domain."""
    return rule.kind == access.DOMAIN and rule.action in _STOPPING


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Do what the module's parameters ask for, and say what was done.

    :raises PostmasterError: with the host as it was before.
    """
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    request = request_of(params, now)
    hosts = exposed.chosen(runner or Runner(), params["mta"], params["instance"])
    if len(hosts) == 1:
        return _apply_to(hosts[0], request, params, check_mode)
    from . import access_together

    # What one instance refuses must not be done to another before.
    predicted = [_apply_to(host, request, params, True, trial=check_mode) for host in hosts]
    if check_mode:
        return access_together.merged(predicted)
    return access_together.merged(
        access_together.one_by_one(hosts, lambda host: _apply_to(host, request, params, False))
    )


def _apply_to(
    host: Host, request: Request, params: t.Mapping[str, t.Any], check_mode: bool, trial: bool = True
) -> t.Dict[str, t.Any]:
    pairs = [(pair["from"], pair["to"]) for pair in params["legitimate"] or ()]
    run = AccessRun(host, request, params["verify"], pairs)
    run.author = run.author._replace(by=params.get("by") or "", ticket=params.get("ticket") or "")
    if params.get("confirm"):
        from . import expire_table  # noqa: F401  # the watcher: named here, it is sent along
        from .watched import TABLES, watched

        run.author = watched(run.author, host, params["confirm"], TABLES)
    outcome = _change.transact(run.steps(), run.directory, check_mode, params["lock_timeout"], trial)
    if run.wire and not check_mode and not outcome.plan.changed:
        # Nothing was to do, but the question was whether the running MTA keeps to it.
        findings = run.on_the_wire()
        if findings:
            raise NotKept(findings)
    return _answer(run, outcome, check_mode)


def _answer(run: AccessRun, outcome: _change.Outcome, check_mode: bool) -> t.Dict[str, t.Any]:
    plan, instance = outcome.plan, run.host.instance
    verbs = _verbs(run)
    added, updated, removed = (_titles(verbs, verb) for verb in (ADD, CHANGE, REMOVE))
    by_hand = {f"{name}: {line.key} {line.value}" for name, work in run.works.items() for line in work.edited.kept}
    return {
        **outcome.facts(),
        "diff": _diff(run, plan),
        "mta": instance.mta,
        "instance": instance.name,
        "config_directory": instance.config_directory,
        "version": discover_of(run.host.mta).version(run.host.runner, instance),
        "added": added[: access.SHOWN],
        "updated": updated[: access.SHOWN],
        "removed": removed[: access.SHOWN],
        "by_hand": sorted(by_hand)[: access.SHOWN],
        "counts": {
            "added": len(added),
            "updated": len(updated),
            "removed": len(removed),
            "unchanged": sum(1 for title in run.request.rules.titles() if title not in verbs),
            "left_out": run.request.left_out_total,
        },
        "left_out": list(run.request.left_out),
        "verified": [] if check_mode else run.verified,
        "confirm_by": run.author.more.get("confirm_by") if outcome.generation else None,
        "warnings": list(outcome.warnings) + as_before(run.inherited),
    }


def _titles(verbs: t.Mapping[str, str], verb: str) -> t.List[str]:
    return [title for title, said in verbs.items() if said == verb]


def _verbs(run: AccessRun) -> t.Dict[str, str]:
    """Return what becomes of each rule that changes, though it may have lines in several tables. Adding and removing is changing."""
    verbs: t.Dict[str, str] = {}
    for dummy, work in sorted(run.works.items()):
        for title, verb in work.edited.changes.verbs():
            verbs[title] = verb if verbs.get(title, verb) == verb else CHANGE
    return verbs


def _diff(run: AccessRun, plan: _change.Plan) -> t.List[t.Dict[str, str]]:
    """Return the changed rules, table by table, and what else of the configuration changes."""
    diffs = []
    for name, work in sorted(run.works.items()):
        shown = list(itertools.islice(work.edited.changes, access.SHOWN))
        if shown:
            path = os.path.join(run.directory, name)
            before = _text_of(change.before for change in shown)
            after = _text_of(change.after for change in shown)
            diffs.append({"before_header": path, "after_header": path, "before": before, "after": after})
    wiring = tuple(change for change in plan.files if change.name in run.files)
    if wiring:
        from .. import _result

        diffs += _result.diff(plan._replace(files=wiring))
    return diffs


def _text_of(rules: t.Iterable[t.Optional[blocks.Block]]) -> str:
    return b"".join(blocks.text_of(rule) for rule in rules if rule).decode("utf-8", "replace")
