# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail.mc as a list of statements: the order that works, and strict quoting.

m4 has no escape character: a value is either safe between ` and ' or it is refused. Values are read by m4 a second
time when the macro that holds them is expanded, so quotes alone do not protect: C(syscmd(id)) as the value of a
define would run as root while the configuration is built. What m4 could act on is therefore refused by name.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .._errors import OptionError

#: The sections in the order that m4 needs; a wrong order loses settings without an error (cf/README, "ORDER").
SECTIONS = (
    "header",
    "ostype",
    "domain",
    "defines",
    "daemon_options",
    "client_options",
    "maps",
    "features",
    "masquerade",
    "before_mailers",
    "mailers",
    "mailer_definitions",
    "local_config",
    "local_rule_0",
    "local_rulesets",
)
_TITLES = {
    "header": "1 header",
    "ostype": "2 operating system",
    "domain": "3 domain",
    "defines": "4 options (after the domain file, which sets some of its own)",
    "daemon_options": "5 listeners",
    "client_options": "6 source addresses",
    "maps": "7 maps (a sequence of maps comes after its members)",
    "features": "8 features (access_db before what uses it)",
    "masquerade": "9 masquerading",
    "before_mailers": "10 before the mailers",
    "mailers": "11 mailers",
    "mailer_definitions": "12 mailers of our own",
    "local_config": "13 local configuration",
    "local_rule_0": "13 local rules, asked before all others where mail goes",
    "local_rulesets": "14 local rulesets",
}
#: Sections of free text and the m4 macro that opens each in sendmail.mc.
RAW_SECTIONS = {
    "before_mailers": "",
    "mailer_definitions": "MAILER_DEFINITIONS",
    "local_config": "LOCAL_CONFIG",
    "local_rule_0": "LOCAL_RULE_0",
    "local_rulesets": "LOCAL_RULESETS",
}

# GNU m4 acts on these words even without a parenthesis behind them ...
_BARE_BUILTINS = frozenset(
    "__file__ __gnu__ __line__ __os2__ __program__ __unix__ __windows__ changecom changequote debugfile debugmode "
    "divert divnum dnl dumpdef m4exit sysval traceoff traceon undivert".split()
)
# ... and on these only with one: index.example.org is a host name, index(`a', `b') is not.
_BUILTINS = _BARE_BUILTINS | frozenset(
    "builtin changeword decr define defn errprint esyscmd eval format ifdef ifelse include incr index indir len "
    "m4wrap maketemp mkstemp patsubst popdef pushdef regexp shift sinclude substr syscmd translit undefine".split()
)
# Macros of cf/m4 that are statements of their own; as the name of a define they would break the configuration.
_STATEMENTS = frozenset(
    "CANONIFY_DOMAIN CANONIFY_DOMAIN_FILE CLIENT_OPTIONS DAEMON_OPTIONS DECNET_RELAY_MAILER DIVERT DOL DOMAIN "
    "EXPOSED_USER EXPOSED_USER_FILE FEATURE GENERICS_DOMAIN GENERICS_DOMAIN_FILE HACK INPUT_MAIL_FILTER "
    "LOCAL_CONFIG LOCAL_DOMAIN LOCAL_DOMAIN_FILE LOCAL_NET_CONFIG LOCAL_RULESETS LOCAL_RULE_0 LOCAL_RULE_1 "
    "LOCAL_RULE_2 LOCAL_RULE_3 LOCAL_SRV_FEATURES LOCAL_TLS_CLIENT LOCAL_TLS_RCPT LOCAL_TLS_SERVER LOCAL_TRY_TLS "
    "LOCAL_USER LOCAL_USER_FILE MAILER MAILER_DEFINITIONS MAIL_FILTER MASQUERADE_AS MASQUERADE_DOMAIN "
    "MASQUERADE_DOMAIN_FILE MASQUERADE_EXCEPTION MASQUERADE_EXCEPTION_FILE MODIFY_MAILER_FLAGS OSTYPE "
    "QUEUE_GROUP RELAY_DOMAIN RELAY_DOMAIN_FILE SITE SITECONFIG TRUST_AUTH_MECH VERSIONID VIRTUSER_DOMAIN "
    "VIRTUSER_DOMAIN_FILE".split()
)
_ALLOWED_BEFORE_MAILERS = (_STATEMENTS - frozenset(("DIVERT", "DOMAIN", "HACK", "OSTYPE", "SITE", "SITECONFIG"))) | {
    "define"
}
_STATEMENT = re.compile(r"([A-Za-z_]+)\((`[^`']*'(?:, *`[^`']*')*)\)(?:dnl)?\s*\Z")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")
_FEATURE = re.compile(r"[a-z][a-z0-9_]{0,99}\Z")
_PARAMETER = re.compile(r"\$[0-9#*@]")


class Statement(t.NamedTuple):
    """One macro call, for instance C(define), C(('confMAX_HOP', '25'))."""

    section: str
    macro: str
    arguments: t.Tuple[str, ...]


class Raw(t.NamedTuple):
    """Lines of one of the free sections, as they go into the configuration."""

    section: str
    text: str


Item = t.Union[Statement, Raw]


def define(name: str, value: str) -> Statement:
    """Return C(define(`name', `value'))."""
    return Statement("defines", "define", (name, value))


def feature(name: str, *arguments: str) -> Statement:
    """Return C(FEATURE(`name', `argument'...))."""
    return Statement("features", "FEATURE", (name,) + arguments)


def generate(items: t.Iterable[Item], comments: t.Sequence[str] = ()) -> str:
    """Return the text of sendmail.mc: sections in their order, statements within a section in the order given.

    :param comments: lines for the head of the file; they are ours and never carry a value.
    """
    all_items = list(items)
    lines = ["divert(-1)dnl"] + [f"# {comment}".rstrip() for comment in comments] + ["divert(0)dnl"]
    for section in SECTIONS:
        inside = [item for item in all_items if item.section == section]
        if inside:
            lines.append(f"dnl --- {_TITLES[section]}")
            lines.extend(_section(section, inside))
    return "\n".join(lines) + "\n"


def _section(section: str, items: t.Sequence[Item]) -> t.Iterator[str]:
    opener = RAW_SECTIONS.get(section)
    if opener:
        yield opener
    for item in items:
        yield _call(item) if isinstance(item, Statement) else item.text.rstrip("\n")


def _call(statement: Statement) -> str:
    # An argument that is a lone number or empty is quoted like every other: nothing depends on its looks.
    return f"{statement.macro}({', '.join(f'`{argument}' + chr(39) for argument in statement.arguments)})dnl"


def safe(option: str, value: t.Any) -> str:
    """Return a value that m4 leaves alone, between quotes and when it is read again.

    :raises OptionError: for control characters, quotes, non-ASCII, blanks at the ends, a leading #, and words m4 acts on.
    """
    text = value if isinstance(value, str) else _plain(option, value)
    if len(text) > 1500:
        raise OptionError(option, value, "sendmail reads lines of at most 2048 bytes")
    if not all(32 <= ord(letter) < 127 for letter in text):
        raise OptionError(option, value, "expected printable ASCII on one line")
    if set(text) & set("`'"):
        raise OptionError(option, value, "the quotes ` and ' control m4 and are not allowed")
    if text != text.strip() or text.startswith("#"):
        raise OptionError(option, value, "blanks at the ends and a leading # are not allowed")
    if _PARAMETER.search(text):
        raise OptionError(option, value, "$ followed by a digit, #, * or @ is a parameter of m4")
    word = _active_word(text)
    if word:
        raise OptionError(option, value, f"m4 would act on the word {word}")
    return text


def _plain(option: str, value: t.Any) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(value)
    raise OptionError(option, value, "expected a string, a number or a boolean")


def _active_word(text: str) -> t.Optional[str]:
    for match in _WORD.finditer(text):
        word = match.group(0)
        called = text[match.end() : match.end() + 1] == "("
        if word in _BARE_BUILTINS or (called and word in _BUILTINS) or word in _STATEMENTS:
            return word
    return None


def define_name(option: str, name: t.Any) -> str:
    """Check the name of a user's define: an identifier, and neither a builtin of m4 nor a statement of cf."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise OptionError(option, name, "not the name of an m4 macro")
    if name in _BUILTINS or name in _STATEMENTS or (not name.startswith("conf") and name != name.upper()):
        raise OptionError(option, name, "only names of options, like confMAX_HOP or SMART_HOST, can be defined")
    return name


def feature_name(option: str, name: t.Any) -> str:
    """Check the name of a FEATURE. It is also the name of a file, so nothing in it may leave the directory."""
    if not isinstance(name, str) or not _FEATURE.match(name):
        raise OptionError(option, name, "not the name of a feature, like mailertable")
    return name


def raw(option: str, section: str, text: t.Any) -> Raw:
    """Return lines for a free section. TAB and newline are allowed, quotes and words that m4 acts on are not.

    :raises OptionError: naming the line.
    """
    if not isinstance(text, str):
        raise OptionError(option, text, "expected text")
    check = _check_statement if section == "before_mailers" else _check_raw_line
    for number, line in enumerate(text.split("\n"), 1):
        check(f"{option} (line {number})", line)
    return Raw(section, text)


def _check_raw_line(option: str, line: str) -> None:
    if not all(32 <= ord(letter) < 127 or letter == "\t" for letter in line):
        raise OptionError(option, line, "expected printable ASCII and TAB")
    if "`" in line:
        raise OptionError(option, line, "the quote ` controls m4 and is not allowed")
    word = _active_word(line)
    if word:
        raise OptionError(option, line, f"m4 would act on the word {word}")


def _check_statement(option: str, line: str) -> None:
    """Accept only whole statements with quoted arguments: text between them could become part of a hidden macro name."""
    if not line.strip() or line.startswith("dnl ") and "`" not in line:
        return
    match = _STATEMENT.match(line)
    if not match or match.group(1) not in _ALLOWED_BEFORE_MAILERS:
        raise OptionError(option, line, "expected one statement a line, like MODIFY_MAILER_FLAGS(`SMTP', `+2')dnl")
    arguments = re.findall(r"`([^`']*)'", match.group(2))
    for argument in arguments:
        safe(option, argument)
    if match.group(1) == "define":
        define_name(option, arguments[0])
