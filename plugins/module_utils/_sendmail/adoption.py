# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The native settings that, together with the policy that was read, reproduce a live configuration.

Private to the collection: it can change at any time.

sendmail.cf says what runs, sendmail.mc says what somebody meant. The statements of the mc that the policy does not make become
native settings. Then both are built, and the new cf is compared with the one that runs: what would be another relay is named.
"""

import os
import re
import typing as t

from .. import _files
from .._errors import OptionError, PostmasterError
from .._model import policy as _policy
from .._model.adopted import Adopted, Path, beyond, path_of, value_at, without
from .._model.host import Host, Native
from .._result import looks_secret
from . import cf, mc, mc_source, tables
from . import native as natives_of
from .build import build_cf
from .networks import network_of
from .ownership import MARK
from .read import initial
from .render import Composed, compose

_MOST_ROUNDS = 40
#: Statements that the frame of every sendmail.mc of ours has.
_OF_THE_FRAME = frozenset(("VERSIONID", "OSTYPE", "DOMAIN", "define", "undefine", "FEATURE"))
#: Statements about listeners and sources, with the options of the section identity that say the same.
_LISTENERS = {"DAEMON_OPTIONS": ("listen", "port", "protocols"), "CLIENT_OPTIONS": ("send_from", "send_protocols")}
#: Features that an mc may have more than once, each with other arguments.
_REPEATED = ("dnsbl", "enhdnsbl", "rhsbl")
#: Features that name a table, and its file.
_TABLES = {
    "access_db": "access",
    "mailertable": "mailertable",
    "virtusertable": "virtusertable",
    "genericstable": "genericstable",
    "domaintable": "domaintable",
}
#: The option of the policy that a ruleset of ours belongs to.
_RULESETS = {
    "check_vrfy": ("session", "vrfy"),
    "Local_check_mail": ("session", "sender_domain_exists"),
    "check_mail": ("limits", "message_size"),
}
#: Options of the policy that are read of the access file, which stays as it is: written again they would mean more.
_OF_ACCESS: t.Tuple[t.Tuple[str, Path], ...] = (
    ("clientconn", ("limits", "connections_per_client")),
    ("clientrate", ("limits", "connection_rate")),
    ("clientrate", ("limits", "trusted")),
    ("greetpause", ("session", "greeting_delays")),
    ("try_tls", ("tls", "domains")),
    ("tls_rcpt", ("tls", "domains")),
    ("tls_srv", ("tls", "client", "level")),
    ("try_tls", ("tls", "client", "level")),
)
#: m4 name of each option of the cf; the first of two counts.
_DEFINE = {option.lower(): name for name, (option, dummy) in reversed(list(cf.OPTIONS.items()))}
_SECTIONS = {
    "MAILER_DEFINITIONS": "mailer_definitions",
    "LOCAL_CONFIG": "local_config",
    "LOCAL_RULE_0": "local_rule_0",
    "LOCAL_RULESETS": "local_rulesets",
}
#: The option of the policy that a define stands for, where there is one.
_OPTION: t.Dict[str, Path] = {
    "SMART_HOST": ("routes", "default"),
    "confDOMAIN_NAME": ("identity", "hostname"),
    "confPRIVACY_FLAGS": ("session", "helo_required"),
    "confSMTP_LOGIN_MSG": ("identity", "banner"),
}


def adopt(host: Host, live: t.Mapping[str, t.Any], defaults: bool) -> Adopted:
    """Return policy and natives that reproduce the instance, and what neither says."""
    policy = dict(live["policy"])
    work = _Work(host, policy if defaults else beyond(policy, initial(host)), live["unexpressed"])
    try:
        work.run()
    except PostmasterError as problem:
        work.unread(str(problem))
    natives = {"mc": {name: values for name, values in sorted(work.natives.items()) if values}}
    return Adopted(
        work.policy,
        {name: values for name, values in natives.items() if values},
        {name: values for name, values in sorted(work.unexpressed.items()) if values or name == "maps"},
        work.shadowed(),
    )


class _Work:
    """What is being put together: the policy, the native sections, and the rest."""

    def __init__(self, host: Host, policy: t.Dict[str, t.Any], unexpressed: t.Mapping[str, t.Any]) -> None:
        self.host = host
        self.directory = host.instance.config_directory
        self.policy = policy
        self.unexpressed: t.Dict[str, t.Any] = dict(unexpressed)
        self.natives: t.Dict[str, t.Any] = {"defines": {}, "features": {}}
        self.text = _text(self._current("sendmail.mc"))
        self.running = _text(self._current("sendmail.cf"))
        self.cf = cf.parse(self.running)
        self.source = mc_source.read(self.text, _include)

    def unread(self, sentence: str) -> None:
        """Note a sentence about the mc."""
        self.unexpressed.setdefault("sendmail.mc", []).append(sentence)

    def run(self) -> None:
        """Take over the statements of the mc, then whatever the cf that runs has besides."""
        if not self.text.strip():
            self.unread("there is none: the sendmail.cf that runs cannot be built again")
            return
        self._disagreements()
        self._leave_what_access_says()
        base = self._settled()
        self._take_defines(base)
        self._take_features(base)
        self._take_statements(base)
        self._take_texts(base)
        self._take_classes()
        for item in self.source.unread:
            self.unread(f"line {item.line}: {item.text}: {item.why}")
        self._drop_refused()
        self._compare()

    def shadowed(self) -> t.Dict[str, str]:
        """Return the options of the policy that a native setting wins over."""
        return {
            ".".join(path): f"mc.defines.{name}"
            for name, path in sorted(_OPTION.items())
            if name in self.natives["defines"] and value_at(self.policy, path) is not None
        }

    # --- the policy alone -------------------------------------------------------------------------------------------

    def _disagreements(self) -> None:
        sentences = mc_source.disagreements(self.source, self.cf)
        if sentences:
            self.unexpressed["disagreements"] = sentences

    def _leave_what_access_says(self) -> None:
        """Leave out options that the access file says already, where that file is not ours."""
        if "access_policy" in self.cf.maps:
            return
        # With a delay of the policy the host's own addresses would be exempt.
        self.policy = without(self.policy, ("session", "greeting_delay"))
        entries = tables.unmanaged(self._current("access"))
        for tag, path in _OF_ACCESS:
            lines = [f"{key} {value}" for key, value in entries.items() if key.startswith(f"{tag}:")]
            if lines and value_at(self.policy, path) not in (None, [], {}):
                self.policy = without(self.policy, path)
                kept = self.unexpressed.setdefault("access", [])
                kept += [line for line in lines if line not in kept]

    def _settled(self) -> Composed:
        """Compose the policy alone; leave out what cannot be written, or would add a ruleset or another route."""
        for dummy in range(_MOST_ROUNDS):
            try:
                base = self._composed({})
            except OptionError as problem:
                if not self._drop(path_of(problem.option), f"{problem.value}: {problem.why}"):
                    raise
                continue
            if not (self._drop_rulesets(base) or self._drop_routes(base)):
                return base
        raise PostmasterError("the policy cannot be settled")

    def _composed(self, natives: t.Mapping[str, t.Any]) -> Composed:
        return compose(self.host, _policy.parse(self.policy, "none"), Native(mc=natives), self._current)

    def _drop(self, path: Path, why: str) -> bool:
        if value_at(self.policy, path) is None:
            path = (*path[:-1], "level")
        smaller = without(self.policy, path)
        dropped = smaller != self.policy
        self.policy = smaller
        if why:
            self.unexpressed["policy." + ".".join(path)] = why
        return dropped

    def _drop_rulesets(self, base: Composed) -> bool:
        """Leave out the option of a ruleset that does not run today."""
        if MARK in self.text:
            # They are ours, perhaps of an earlier version.
            return False
        running = set(self.running.split("\n"))
        added = [
            name for name, text in base.draft.rulesets.items() if not running.issuperset(text.rstrip().split("\n"))
        ]
        if "delay_checks" not in self.source.features():
            # Without it the name is sendmail's own, and the native settings keep it so.
            added = [name for name in added if name != "check_mail"]
        before = self.policy
        for name in set(added) & set(_RULESETS):
            self._drop(_RULESETS[name], "")
        return self.policy != before

    def _drop_routes(self, base: Composed) -> bool:
        """Leave out the routes whose lines stand in an unmanaged mailertable in other words: the lines stay."""
        unmanaged = tables.unmanaged(self._current("mailertable"))
        kept = {key for key, value in base.draft.mailertable if key in unmanaged and unmanaged[key] != value}
        if not kept:
            return False
        routes = dict(self.policy["routes"])
        names = {key.lstrip(".") for key in kept}
        routes["domains"] = [route for route in routes["domains"] if route["domain"] not in names]
        self.policy = dict(self.policy, routes=routes)
        lines = [f"mailertable: {key} {unmanaged[key]}" for key in sorted(kept)]
        self.unexpressed["routes"] = [*self.unexpressed.get("routes", ()), *lines]
        return True

    # --- the statements of the mc -----------------------------------------------------------------------------------

    def _take_defines(self, base: Composed) -> None:
        given = {name: mc_source.expanded(value) for name, value in self.source.defines().items()}
        for name, value in given.items():
            if base.draft.defines.get(name, "") != value and not _is_internal(name):
                self._define(name, value)
        for name, of_policy in base.draft.defines.items():
            if name in given or cf.defect(self.cf, name, of_policy or "") is None:
                continue
            option = cf.OPTIONS.get(name)
            self._define(name, self.cf.value(option[0]) if option else None)

    def _define(self, name: str, value: t.Optional[str]) -> None:
        if value and looks_secret(name, value):
            self.unread(f"define {name}: (a secret, not shown)")
        else:
            self.natives["defines"][name] = value

    def _take_features(self, base: Composed) -> None:
        given = self.source.features()
        features = self.natives["features"]
        for name, arguments in given.items():
            ours = base.draft.features.get(name)
            same = ours == arguments or (ours is not None and self._is_same_table(name, arguments))
            if name not in _REPEATED and not same:
                features[name] = list(arguments) or True
        for name in _without_use(base, given):
            features[name] = None
        if "blacklist_recipients" in features and "blocklist_recipients" in base.draft.features:
            del features["blacklist_recipients"]

    def _is_same_table(self, name: str, arguments: t.Sequence[str]) -> bool:
        """Return whether a feature names the table that the frame names."""
        words = [word for word in (arguments[0].split() if arguments else ()) if word.startswith("/")]
        place = f"{self.directory}/{_TABLES.get(name)}"
        others = [word for word in arguments[1:] if word.strip() not in ("", "skip")]
        return name in _TABLES and (not words or words[-1] in (place, f"{place}.db")) and not others

    def _take_statements(self, base: Composed) -> None:
        lines: t.List[str] = []
        for call in self.source.calls:
            if call.macro in _LISTENERS or (call.macro in _OF_THE_FRAME and call.arguments[:1] not in _REPEATED_NAMES):
                continue
            if call.macro == "MAILER" and call.arguments[:1] in (("local",), ("smtp",)):
                continue
            self._take_line(call, lines)
        for macro in _LISTENERS:
            lines += self._listeners(base, macro)
        if lines:
            self.natives["before_mailers"] = lines
        self._note_frame(base)

    def _take_line(self, call: mc_source.Call, lines: t.List[str]) -> None:
        """Take over a statement as it stands."""
        arguments = ", ".join(f"`{mc_source.expanded(argument)}'" for argument in call.arguments)
        line = f"{call.macro}({arguments})dnl"
        try:
            mc.raw("mc.before_mailers", "before_mailers", line)
            lines.append(line)
        except OptionError as problem:
            self.unread(f"line {call.line}: {call.macro}({', '.join(call.arguments)}): {problem.why}")

    def _listeners(self, base: Composed, macro: str) -> t.List[str]:
        """Return the statements about listeners that the policy does not make; its own options go then."""
        ours = [item.arguments[0] for item in base.items if isinstance(item, mc.Statement) and item.macro == macro]
        calls = [call for call in self.source.of(macro) if call.arguments]
        if sorted(ours) == sorted(call.arguments[0] for call in calls):
            return []
        lines: t.List[str] = []
        for call in calls:
            self._take_line(call, lines)
        for name in _LISTENERS[macro]:
            self.policy = without(self.policy, ("identity", name))
        return lines

    def _note_frame(self, base: Composed) -> None:
        """Note the parts of the frame that every mc of ours has otherwise."""
        layout = base.draft.layout
        for macro, ours in (("OSTYPE", layout.ostype), ("DOMAIN", layout.domain)):
            for call in self.source.of(macro):
                if call.arguments[:1] != (ours,):
                    self.unread(
                        f"line {call.line}: {macro}({', '.join(call.arguments)}): it becomes {ours or 'nothing'}"
                    )

    def _take_texts(self, base: Composed) -> None:
        ours = {line.rstrip() for line in base.text.split("\n")}
        ruleset = ""
        for text in self.source.texts:
            ruleset = _declared(text) or ruleset
            is_earlier = MARK in self.text and text.section == "LOCAL_RULESETS" and ruleset in base.draft.rulesets
            if text.text not in ours and not is_earlier:
                self._take_text(text)

    def _take_text(self, text: mc_source.Text) -> None:
        section = _SECTIONS.get(text.section)
        if section and _stays_text(section, text.text):
            self.natives.setdefault(section, []).append(text.text)
        elif text.section:
            self.unread(f"line {text.line}: {text.section}: {text.text}")

    def _take_classes(self) -> None:
        """Keep the words of the class files that the policy writes anew and cannot say."""
        lines: t.List[str] = []
        relayed = _words(_text(self._current("relay-domains")))
        lines += [f"RELAY_DOMAIN(`{word}')dnl" for word in relayed if not network_of(word)]
        names = value_at(self.policy, ("identity", "local_domains")) or []
        own = value_at(self.policy, ("identity", "hostname"))
        local = _words(_text(self._current("local-host-names")))
        lines += [f"LOCAL_DOMAIN(`{word}')dnl" for word in local if word not in names and word != own]
        for line in lines:
            try:
                mc.raw("mc.before_mailers", "before_mailers", line)
                self.natives.setdefault("before_mailers", []).append(line)
            except OptionError as problem:
                self.unread(f"{line}: {problem.why}")

    def _drop_refused(self) -> None:
        """Leave out what the module relay would refuse, and note why."""
        for section, check in (("defines", natives_of.defines), ("features", natives_of.features)):
            for name, value in list(self.natives[section].items()):
                try:
                    check(Native(mc={section: {name: value}}))
                except OptionError as problem:
                    del self.natives[section][name]
                    self.unread(f"{section} {name}: {value}: {problem.why}")

    # --- the proof --------------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        """Build policy and natives, and name what would differ from the cf that runs; an option becomes a native first."""
        if self._take_options(self._built()):
            self._drop_refused()
        differences = _differences(self.cf, self._built(), self._class_files())
        if differences:
            self.unexpressed["would_change"] = differences

    def _built(self) -> cf.Cf:
        return cf.parse(build_cf(self.host, self._composed(self.natives).text))

    def _class_files(self) -> t.Set[str]:
        """Return the words of the class files: in a statement they say the same."""
        return {word for name in ("relay-domains", "local-host-names") for word in _words(_text(self._current(name)))}

    def _take_options(self, built: cf.Cf) -> bool:
        """Make native what an option of the cf says otherwise; return whether there was any."""
        names = {option.lower(): option for option, dummy in (*self.cf.options, *built.options)}
        taken = False
        for lower, option in names.items():
            define = _DEFINE.get(lower)
            if define and self.cf.value(option) != built.value(option):
                taken = True
                self._define(define, self.cf.value(option))
        return taken

    def _current(self, name: str) -> t.Optional[bytes]:
        return _files.read(os.path.join(self.directory, name))


_REPEATED_NAMES = tuple((name,) for name in _REPEATED)


def _text(content: t.Optional[bytes]) -> str:
    return (content or b"").decode("utf-8", "surrogateescape")


def _include(path: str) -> t.Optional[str]:
    """Return a file that the mc includes."""
    try:
        content = _files.read(path)
    except OSError:
        return None
    return None if content is None else _text(content)


def _words(text: str) -> t.List[str]:
    return [line.split()[0] for line in text.split("\n") if line.strip() and not line.startswith("#")]


def _is_internal(name: str) -> bool:
    """Return whether a define is a name of cf's own or of the administrator, and sets no option."""
    return not name.startswith("conf") and name != name.upper() or name.startswith("_")


def _stays_text(section: str, line: str) -> bool:
    try:
        mc.raw(f"mc.{section}", section, line)
    except OptionError:
        return False
    return True


def _declared(text: mc_source.Text) -> str:
    """Return the ruleset that begins with a line of LOCAL_RULESETS; empty where none does."""
    match = re.match(r"S(\w+)", text.text)
    return match.group(1) if match and text.section == "LOCAL_RULESETS" else ""


def _without_use(base: Composed, given: t.Mapping[str, t.Any]) -> t.List[str]:
    """Return the features of the policy that the host does not have, but for those of tables that the policy fills."""
    filled = {"access_db": base.draft.access, "mailertable": base.draft.mailertable}
    older = {"blocklist_recipients": "blacklist_recipients"}
    unused = [name for name in base.draft.features if not filled.get(name)]
    return [name for name in unused if name not in given and older.get(name, name) not in given]


def _differences(live: cf.Cf, built: cf.Cf, in_files: t.AbstractSet[str]) -> t.List[str]:
    """Return a sentence for each part of the cf that would be another one.

    :param in_files: words of classes that stand in a file.
    """
    sentences = []
    for option in sorted({option for option, dummy in (*live.options, *built.options)}):
        old, new = live.values(option), built.values(option)
        if sorted(map(_plain, old)) != sorted(map(_plain, new)):
            sentences.append(f"O {option}: {_shown(old)} would become {_shown(new)}")
    for kind, old_names, new_names in (
        ("D", _macros(live), _macros(built)),
        ("C", _classes(live, in_files), _classes(built, in_files)),
        ("K", _maps(live), _maps(built)),
        ("M", live.mailers, built.mailers),
    ):
        for name in sorted({*old_names, *new_names}):
            if old_names.get(name) != new_names.get(name):
                sentences.append(f"{kind}{name}: {old_names.get(name)} would become {new_names.get(name)}")
    sentences += [f"S{name}: the ruleset would be gone" for name in sorted(live.rulesets - built.rulesets)]
    return sentences + [f"S{name}: the ruleset would be added" for name in sorted(built.rulesets - live.rulesets)]


def _shown(values: t.Sequence[str]) -> str:
    return " and ".join(values) or "not set"


def _plain(value: str) -> str:
    return re.sub(r"\s+", "", value)


def _macros(parsed: cf.Cf) -> t.Dict[str, str]:
    """Return the macros, without the version of the configuration."""
    return {name: value for name, value in parsed.macros.items() if name != "Z"}


def _classes(parsed: cf.Cf, in_files: t.AbstractSet[str]) -> t.Dict[str, t.List[str]]:
    words: t.Dict[str, t.Set[str]] = {}
    for name, values in parsed.classes.items():
        words.setdefault(name.strip("{}"), set()).update(values)
    return {name: sorted(values - in_files) for name, values in words.items() if values - in_files}


def _maps(parsed: cf.Cf) -> t.Dict[str, str]:
    """Return the maps that matter: those of the access map are asked in the same order, whether one file or two."""
    return {
        name: _plain(definition.replace(" -o", "").replace("-T<TMPF>", ""))
        for name, definition in parsed.maps.items()
        if not name.startswith("access") and name not in ("postmaster_arith", "postmaster_macro")
    }
