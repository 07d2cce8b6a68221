# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relay policy and native settings as the files of a sendmail instance: sendmail.mc and its cf, class files, tables, aliases.

The sections of the policy and the frame go into a draft. The draft then takes the native settings, which win, and becomes text.
m4 reads on standard input and writes on standard output: nothing is written here.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .._errors import Refused
from .._model.host import File, Host, Native, Rendering
from .._model.policy_record import Policy
from . import capture_map, cf, debian, drop_map, frame, mc, routes, ruleset_texts, settings, tables
from . import native as natives
from .build import build, build_cf
from .compile import compiled_names
from .defects import broken
from .draft import Current, Draft, text_of
from .ownership import MARK

KEPT_MC = "sendmail.mc.before-postmaster"
#: The first line of a sendmail.cf that says nothing but where an instance keeps its queue.
SEED = "# postmaster.mta: nothing is configured yet."

#: The order among features; those that are not named here follow in alphabetical order.
FEATURE_ORDER = (
    "no_default_msa",
    "use_cw_file",
    "nouucp",
    "nocanonify",
    "relay_hosts_only",
    "access_db",
    "blocklist_recipients",
    "blacklist_recipients",
    "delay_checks",
    "greet_pause",
    "conncontrol",
    "ratecontrol",
    "block_bad_helo",
    "accept_unresolvable_domains",
    "mailertable",
    "virtusertable",
    "genericstable",
    "domaintable",
)
_ONE_LISTENER = re.compile(r"DAEMON_OPTIONS\(`[^`']*'\)(dnl.*)?\s*\Z")


def render(host: Host, policy: Policy, native: Native, current: Current) -> Rendering:
    """Return all files that we manage, whole. The same input gives the same bytes.

    :raises OptionError: a value that sendmail or m4 cannot take, or a native setting of the other MTA.
    :raises Refused: the host is broken already, naming the file; or m4 rejects what was generated, naming the line.
    """
    natives.refuse_others(native)
    findings = broken(host)
    if findings:
        raise Refused(findings)
    composed = compose(host, policy, native, current)
    draft, items, text = composed.draft, composed.items, composed.text
    built = build(host, text)
    draft.notes.extend(built.warnings)
    _add_files(draft, text, built.cf)
    return Rendering(dict(draft.files), _settings(draft, items), tuple(draft.notes))


class Composed(t.NamedTuple):
    """A sendmail.mc that is put together and not built yet."""

    draft: Draft
    items: t.List[mc.Item]
    text: str


def compose(host: Host, policy: Policy, native: Native, current: Current) -> Composed:
    """Return the sendmail.mc of a policy and native settings, with what it is made of.

    :raises OptionError: a value that sendmail or m4 cannot take.
    """
    draft = Draft(host, policy, current)
    frame.apply(draft)
    settings.apply(draft)
    items = _items(draft, native)
    # What is captured is caught first.
    text = mc.generate(items, (MARK,)) + _blocks(draft, current)
    return Composed(draft, items, text)


def _blocks(draft: Draft, current: Current) -> str:
    """Return what stands at the end of sendmail.mc, in the order in which recipients are asked about."""
    captured = capture_map.block(draft.host, current(capture_map.NAME))
    return captured + drop_map.block(current("access")) + routes.block(draft)


def relistened(host: Host, policy: Policy, native: Native, current: Current) -> Rendering:
    """Return the live configuration with other listeners and nothing else changed; a new one is rendered whole.

    :raises Refused: it cannot be changed so that the rest stays what it is.
    """
    source, built = text_of(current("sendmail.mc")), text_of(current("sendmail.cf"))
    if not source and built.startswith(SEED):
        return render(host, policy, native, current)
    _refuse_unlike(host, source, built)
    listeners = settings.daemon_options(Draft(host, policy, current))
    text = _with_listeners(source, listeners)
    files = _mc_and_cf(text, build_cf(host, text))
    if current("local-host-names") is None and "/local-host-names" in built:
        # It is there because of us: what this author does not say again goes back to what stood there before.
        files["local-host-names"] = frame.word_list()
    return Rendering(
        files,
        {f"DAEMON_OPTIONS({listener.split(',')[0]})": listener for listener in listeners},
    )


def _refuse_unlike(host: Host, source: str, built: str) -> None:
    """Refuse a sendmail.mc whose listeners cannot be replaced, and a sendmail.cf that was not built from it."""
    statements = [line for line in source.split("\n") if line.startswith("DAEMON_OPTIONS(")]
    if not statements or not all(_ONE_LISTENER.match(line) for line in statements):
        raise Refused(
            ["sendmail.mc: not one DAEMON_OPTIONS(`...') a line; say with policy.identity.listen where to listen"]
        )
    if build_cf(host, source) != cf.neutralise(built):
        raise Refused(["sendmail.cf: it does not match its sendmail.mc, and would not stay as it is; rebuild it first"])


def _with_listeners(source: str, listeners: t.Sequence[str]) -> str:
    """Return a sendmail.mc with these listeners where the first one stood."""
    lines: t.List[str] = []
    replaced = False
    for line in source.split("\n"):
        if not line.startswith("DAEMON_OPTIONS("):
            lines.append(line)
        elif not replaced:
            replaced = True
            lines.extend(f"DAEMON_OPTIONS(`{listener}')dnl" for listener in listeners)
    return "\n".join(lines)


def _mc_and_cf(text: str, built: str) -> t.Dict[str, File]:
    pair = {"sendmail.mc": text, "sendmail.cf": built}
    return {name: File(content.encode("utf-8", "surrogateescape")) for name, content in pair.items()}


# --- statements -----------------------------------------------------------------------------------------------------


def _items(draft: Draft, native: Native) -> t.List[mc.Item]:
    """Return all statements and free sections, the native settings in the place of those of the policy."""
    natives.refuse_unknown(native)
    draft.defines.update(_with_our_aliases(draft, natives.defines(native)))
    if draft.access:
        _split_access(draft)
    draft.features.update(natives.features(native))
    natives.name_tables(draft)
    _answer_as_postfix(draft)
    items: t.List[mc.Item] = [_define_item(name, value) for name, value in draft.defines.items()]
    items += _feature_items(draft)
    items += draft.statements
    items += _ruleset_items(draft, str(natives.text_of(native, "local_rulesets") or ""))
    if draft.mailers:
        items.append(mc.Raw("mailer_definitions", routes.definitions(draft)))
    items += natives.sections(native)
    return items


def _with_our_aliases(draft: Draft, defines: t.Dict[str, t.Optional[str]]) -> t.Dict[str, t.Optional[str]]:
    """Return the native options; the aliases of the policy stand in front of files of aliases that they name."""
    files = defines.get("ALIAS_FILE")
    ours = draft.path(tables.ALIASES)
    if files and tables.ALIASES in draft.files and ours not in files.split(","):
        defines["ALIAS_FILE"] = f"{ours},{files}"
    return defines


def _split_access(draft: Draft) -> None:
    """Put two files behind one access map: ours, then the unmanaged one, whose lines may have the same keys.

    Without C(-o) our file must exist: an access map that is missing would let everybody in.
    """
    kind = draft.host.capabilities.default_table_type
    lines = (
        "LOCAL_CONFIG",
        f"Kaccess_policy {kind} -T<TMPF> {draft.path(tables.ACCESS)}",
        f"Kaccess_local {kind} -T<TMPF> -o {draft.path('access')}",
        "divert(0)dnl",
    )
    draft.statements.append(mc.Raw("maps", "\n".join(lines)))
    draft.feature("access_db", "sequence access_policy access_local", "skip")


def _answer_as_postfix(draft: Draft) -> None:
    """Add rules whose only purpose is the status of an answer, where the native settings leave them room."""
    if draft.features.get("accept_unqualified_senders") is not None:
        draft.rulesets.pop("Local_check_mail", None)
    limit = draft.defines.get("confMAX_MESSAGE_SIZE") or "0"
    # Without delay_checks the name check_mail is sendmail's own.
    if limit.isdigit() and int(limit) and draft.features.get("delay_checks") is not None:
        draft.mail_check(ruleset_texts.size_kept(int(limit)))
        draft.statements.append(mc.Raw("maps", ruleset_texts.SIZE_MAPS))


def _ruleset_items(draft: Draft, native_text: str) -> t.List[mc.Item]:
    """Return our rulesets, without those whose names the native ones have taken.

    With delay_checks sendmail has no check_mail of its own, so this name is free. A native check_mail replaces ours where
    nothing is lost by that. A demand for STARTTLS or what is checked at RCPT would be lost: sendmail then refuses two rulesets of one
    name.
    """
    if draft.mail_checks:
        draft.ruleset(ruleset_texts.check_mail(draft.mail_checks))
    if draft.rcpt_checks:
        draft.ruleset(ruleset_texts.check_rcpt(draft.rcpt_checks))
    taken = set(ruleset_texts.declared(native_text)) & set(draft.rulesets)
    if "StarttlsDemanded" in draft.rulesets:
        taken -= {"check_mail", "StarttlsDemanded"}
    if draft.rcpt_checks:
        taken -= {"Local_check_rcpt", *draft.rcpt_checks}
    for name in sorted(taken):
        draft.notes.append(f"mc.local_rulesets: the ruleset {name} takes the place of the one of the policy")
    return [mc.Raw("local_rulesets", text) for name, text in draft.rulesets.items() if name not in taken]


def _define_item(name: str, value: t.Optional[str]) -> mc.Item:
    if value is None:
        return mc.Statement("defines", "undefine", (name,))
    return mc.define(name, value)


def _feature_items(draft: Draft) -> t.List[mc.Item]:
    order = {name: number for number, name in enumerate(FEATURE_ORDER)}
    names = sorted(draft.features, key=lambda name: (order.get(name, len(order)), name))
    items: t.List[mc.Item] = []
    for name in names:
        arguments = draft.features[name]
        if arguments is not None:
            items.append(mc.feature(name, *arguments))
    return items


def _settings(draft: Draft, items: t.Sequence[mc.Item]) -> t.Dict[str, str]:
    """Return everything that is decided, native name to native value, for the summary."""
    decided = {name: "" if value is None else value for name, value in draft.defines.items()}
    for item in items:
        if isinstance(item, mc.Statement):
            decided.update(_decided(item))
    decided.update((f"access {key}", value) for key, value in draft.access)
    decided.update((f"mailertable {key}", value) for key, value in draft.mailertable)
    decided.update((f"{routes.TABLE} {key}", value) for key, value in draft.routes)
    decided.update((f"{tables.RECIPIENTS} {key}", value) for key, value in draft.recipients)
    return decided


def _decided(statement: mc.Statement) -> t.Dict[str, str]:
    first = statement.arguments[0]
    if statement.macro == "FEATURE":
        return {f"FEATURE({first})": ", ".join(statement.arguments[1:])}
    if statement.macro in ("DAEMON_OPTIONS", "CLIENT_OPTIONS"):
        return {f"{statement.macro}({first.split(',')[0]})": first}
    return {}


# --- files ----------------------------------------------------------------------------------------------------------


def _add_files(draft: Draft, text: str, built: str) -> None:
    old = draft.current("sendmail.mc")
    if old is not None and MARK.encode("ascii") not in old and draft.current(KEPT_MC) is None:
        draft.files[KEPT_MC] = File(old)
    draft.files.update(_mc_and_cf(text, built))
    if draft.access:
        draft.files[tables.ACCESS] = File(tables.access_text(draft.access), 0o640)
    for name, pairs in ((routes.TABLE, draft.routes), (tables.RECIPIENTS, draft.recipients)):
        if pairs:
            draft.files[name] = File(tables.own_text(pairs))
    _remove_unused(draft)
    _add_mailertable(draft)
    if draft.host.instance.primary:
        debian.keep_hands_off(draft)


def _remove_unused(draft: Draft) -> None:
    """Remove our own tables when nothing is in them any more, together with what was compiled from them."""
    for name in (tables.ACCESS, tables.ALIASES, tables.RECIPIENTS, routes.TABLE):
        if name in draft.files:
            continue
        for path in (name, *compiled_names(draft.host.capabilities.default_table_type, name)):
            if draft.current(path) is not None:
                draft.files[path] = File(None)


def _add_mailertable(draft: Draft) -> None:
    """Write our block of the mailertable, as soon as there is or was something in it."""
    current = draft.current("mailertable")
    unmanaged = tables.unmanaged(current)
    # A line that stands there already is not repeated: makemap refuses a key that comes twice.
    pairs = [pair for pair in draft.mailertable if unmanaged.get(pair[0]) != pair[1]]
    if pairs or (current is not None and tables.BEGIN.encode("ascii") in current):
        draft.files["mailertable"] = File(tables.with_block(current, pairs))
