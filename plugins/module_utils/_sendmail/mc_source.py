# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail.mc as an administrator wrote it: its statements, its free text, and what cannot be read.

sendmail.cf says what the daemon does. sendmail.mc says what somebody meant: which feature a rule comes from, which file
a class, why. Whoever adopts or moves a relay needs both, and needs to know where they disagree.

This is not m4. It reads what cf/README tells administrators to write: macro calls with quoted arguments, C(dnl), comments,
C(divert), C(include), simple C(ifdef), and text under C(LOCAL_CONFIG) and the like. Everything else is listed as unread
with its line and the reason. Nothing is guessed, and no command of the file is run.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from . import cf

#: Words that open a section of free text (cf/README, "ADDING NEW MAILERS OR RULESETS").
SECTIONS = (
    "LOCAL_CONFIG",
    "LOCAL_NET_CONFIG",
    "LOCAL_RULESETS",
    "LOCAL_RULE_0",
    "LOCAL_RULE_1",
    "LOCAL_RULE_2",
    "LOCAL_RULE_3",
    "LOCAL_SRV_FEATURES",
    "LOCAL_TLS_CLIENT",
    "LOCAL_TLS_RCPT",
    "LOCAL_TLS_SERVER",
    "LOCAL_TRY_TLS",
    "MAILER_DEFINITIONS",
)
#: m4's own macros that are not evaluated here: their result depends on the machine that builds.
_NOT_EVALUATED = frozenset(
    "builtin changecom changeword debugmode decr defn esyscmd eval format ifelse incr index indir len m4wrap maketemp "
    "mkstemp patsubst popdef pushdef regexp shift substr syscmd sysval translit undivert".split()
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_INCLUDES = 20

#: Returns the text of a file that an include names; None where it cannot be read.
Include = t.Callable[[str], t.Optional[str]]


class Call(t.NamedTuple):
    """One statement, for instance C(define) with C(confMAX_HOP) and C(25), and the line on which it begins."""

    line: int
    macro: str
    arguments: t.Tuple[str, ...]


class Text(t.NamedTuple):
    """One line that goes into sendmail.cf as it stands.

    :param section: the word that opened its section; empty for text between the statements.
    """

    line: int
    section: str
    text: str


class Unread(t.NamedTuple):
    """Something that is not understood, and why."""

    line: int
    text: str
    why: str


class Source(t.NamedTuple):
    """A whole sendmail.mc."""

    calls: t.Tuple[Call, ...]
    texts: t.Tuple[Text, ...]
    unread: t.Tuple[Unread, ...]

    def defines(self) -> t.Dict[str, str]:
        """Return the options that are set in the end; C(undefine) takes one away."""
        values: t.Dict[str, str] = {}
        for call in self.calls:
            if call.macro == "define" and call.arguments:
                values[call.arguments[0]] = call.arguments[1] if len(call.arguments) > 1 else ""
            elif call.macro == "undefine":
                for name in call.arguments:
                    values.pop(name, None)
        return values

    def features(self) -> t.Dict[str, t.Tuple[str, ...]]:
        """Return the features with their arguments."""
        return {
            call.arguments[0]: call.arguments[1:] for call in self.calls if call.macro == "FEATURE" and call.arguments
        }

    def of(self, macro: str) -> t.Tuple[Call, ...]:
        """Return the statements of one kind, in order."""
        return tuple(call for call in self.calls if call.macro == macro)


def read(text: str, include: Include) -> Source:
    """Read a sendmail.mc.

    :param include: gives the text of a file that the source includes.
    """
    reader = _Reader(include)
    reader.read(text, 0)
    return Source(tuple(reader.calls), tuple(reader.texts), tuple(reader.unread))


def disagreements(source: Source, built: cf.Cf) -> t.List[str]:
    """Return where a sendmail.mc and the sendmail.cf that runs disagree, one sentence each.

    A cf that was edited, or was built from another mc, must not be judged by this one.
    """
    defects = [cf.defect(built, name, expanded(value)) for name, value in sorted(source.defines().items())]
    sentences = [defect for defect in defects if defect]
    return [*sentences, *_other_listeners(source, built), *_other_masquerade(source, built)]


def _other_listeners(source: Source, built: cf.Cf) -> t.Iterator[str]:
    """Yield the listeners and the source addresses of the mc that the cf does not have."""
    for macro, option in (("DAEMON_OPTIONS", "DaemonPortOptions"), ("CLIENT_OPTIONS", "ClientPortOptions")):
        present = [_plain(value) for value in built.values(option)]
        for call in source.of(macro):
            if call.arguments and _plain(call.arguments[0]) not in present:
                yield f"{macro}: sendmail.cf has no {option}={call.arguments[0]}"


def _other_masquerade(source: Source, built: cf.Cf) -> t.Iterator[str]:
    """Yield the last name of MASQUERADE_AS, where the cf has another one."""
    for call in source.of("MASQUERADE_AS")[-1:]:
        name = "".join(call.arguments[:1])
        if name != built.macros.get("M", ""):
            yield f"MASQUERADE_AS: $M is {built.macros.get('M')!r} in the cf, not {name!r}"


def expanded(value: str) -> str:
    """Return what a macro with this value becomes: m4 reads it again, and takes another level of quotes away."""
    quoted = value.startswith("`") and _end_of_quote(value, 0) == len(value)
    return value[1:-1] if quoted else value


def _plain(options: str) -> str:
    return re.sub(r"\s*,\s*", ",", options.strip())


class _Reader:
    """Goes through the text once and collects what it says."""

    def __init__(self, include: Include) -> None:
        self.calls: t.List[Call] = []
        self.texts: t.List[Text] = []
        self.unread: t.List[Unread] = []
        self._include = include
        self._defined: t.Dict[str, str] = {}
        self._section = ""
        self._discarded = False

    def read(self, text: str, depth: int, first_line: int = 1) -> None:
        """Read a text; I(depth) counts the includes around it."""
        position, line = 0, first_line
        output = ""
        while position < len(text):
            if text[position] == "\n":
                self._put(line, output)
                output, line, position = "", line + 1, position + 1
                continue
            end, piece = self._step(text, position, line, depth)
            line += text.count("\n", position, end)
            output, position = output + piece, end
        self._put(line, output)

    def _step(self, text: str, position: int, line: int, depth: int) -> t.Tuple[int, str]:
        """Take one thing; return where the next one begins, and what goes into the cf."""
        letter = text[position]
        if letter == "#":
            end = _end_of_line(text, position)
            return end, text[position:end]
        if letter == "`":
            end = _end_of_quote(text, position)
            return end, text[position + 1 : end - 1]
        word = _WORD.match(text, position)
        if not word:
            return position + 1, letter
        if word.group() == "dnl":
            return min(_end_of_line(text, position) + 1, len(text)), ""
        return self._word(text, word.group(), position, line, depth)

    def _word(self, text: str, word: str, position: int, line: int, depth: int) -> t.Tuple[int, str]:
        end = position + len(word)
        if word in SECTIONS:
            self._section = word
            return end, ""
        if text[end : end + 1] != "(":
            return end, self._defined.get(word, word)
        close = _end_of_call(text, end)
        if close is None:
            self.unread.append(Unread(line, text[position : position + 60], "its parenthesis is never closed"))
            return len(text), ""
        if not _is_macro(word, self._section, text, position):
            return end, word
        arguments = tuple(self._argument(argument) for argument in _split(text[end + 1 : close - 1]))
        self._called(Call(line, word, arguments), depth)
        return close, ""

    def _argument(self, text: str) -> str:
        """Return an argument without its quotes; what is not quoted is read again, as m4 does."""
        value, position = "", 0
        text = text.lstrip()
        while position < len(text):
            if text[position] == "`":
                end = _end_of_quote(text, position)
                value, position = value + text[position + 1 : end - 1], end
                continue
            word = _WORD.match(text, position)
            if word and word.group() == "dnl":
                position = min(_end_of_line(text, position) + 1, len(text))
            elif word:
                value, position = value + self._defined.get(word.group(), word.group()), word.end()
            else:
                value, position = value + text[position], position + 1
        return value

    def _called(self, call: Call, depth: int) -> None:
        handlers = {"divert": self._divert, "ifdef": self._ifdef, "include": self._included, "sinclude": self._included}
        if call.macro in handlers:
            handlers[call.macro](call, depth)
        elif call.macro == "changequote":
            self.unread.append(Unread(call.line, "changequote", "m4's quotes are changed: read what follows with care"))
        elif call.macro in _NOT_EVALUATED:
            self.unread.append(Unread(call.line, f"{call.macro}{call.arguments}", "this macro of m4 is not evaluated"))
        else:
            self._section = ""
            self._remember(call)
            self.calls.append(call)

    def _remember(self, call: Call) -> None:
        if call.macro == "define" and call.arguments:
            self._defined[call.arguments[0]] = call.arguments[1] if len(call.arguments) > 1 else ""
        elif call.macro == "undefine":
            for name in call.arguments:
                self._defined.pop(name, None)

    def _divert(self, call: Call, _depth: int) -> None:
        self._discarded = bool(call.arguments) and call.arguments[0].strip().startswith("-")

    def _ifdef(self, call: Call, depth: int) -> None:
        """Take the branch of a name that this file defines; of another one nothing is known here."""
        name, branches = call.arguments[0] if call.arguments else "", call.arguments[1:]
        if name in self._defined and branches:
            self.read(branches[0], depth, call.line)
        else:
            self.unread.append(Unread(call.line, f"ifdef({name})", "this file does not define the name"))

    def _included(self, call: Call, depth: int) -> None:
        path = call.arguments[0] if call.arguments else ""
        if path.endswith("/cf.m4"):
            return
        content = self._include(path) if depth < _MOST_INCLUDES else None
        if content is not None:
            self.read(content, depth + 1)
        elif call.macro == "include":
            self.unread.append(Unread(call.line, f"include({path})", "the file cannot be read"))

    def _put(self, line: int, output: str) -> None:
        if output.strip() and not output.startswith("#") and not self._discarded:
            self.texts.append(Text(line, self._section, output.rstrip()))


def _is_macro(word: str, section: str, text: str, position: int) -> bool:
    """Return whether a word before a parenthesis is a macro call and not text: rules of sendmail.cf have parentheses, too."""
    if word in ("define", "undefine", "divert", "include", "sinclude", "ifdef", "changequote"):
        return True
    if word in _NOT_EVALUATED:
        return not section
    begins_line = not text[text.rfind("\n", 0, position) + 1 : position].strip()
    return word.isupper() and (begins_line or not section)


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _end_of_quote(text: str, position: int) -> int:
    """Return the position behind the quote that closes the one here; quotes nest."""
    depth = 0
    for place in range(position, len(text)):
        if text[place] == "`":
            depth += 1
        elif text[place] == "'":
            depth -= 1
            if not depth:
                return place + 1
    return len(text) + 1


def _end_of_call(text: str, position: int) -> t.Optional[int]:
    """Return the position behind the parenthesis that closes the one here; None where it is never closed."""
    depth = 0
    place = position
    while place < len(text):
        letter = text[place]
        if letter == "`":
            place = _end_of_quote(text, place)
            continue
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
            if not depth:
                return place + 1
        place += 1
    return None


def _split(text: str) -> t.List[str]:
    """Split arguments at the commas that stand outside of quotes and parentheses."""
    arguments, start, depth, place = [], 0, 0, 0
    while place < len(text):
        letter = text[place]
        if letter == "`":
            place = _end_of_quote(text, place)
            continue
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            arguments.append(text[start:place])
            start = place + 1
        place += 1
    return [*arguments, text[start:]]


__all__ = ("SECTIONS", "Call", "Source", "Text", "Unread", "disagreements", "expanded", "read")
