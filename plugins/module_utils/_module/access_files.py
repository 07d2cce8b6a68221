# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules in files: one pattern a line, CSV, and access files of sendmail and Postfix.

Every reader yields entries as the option C(rules) has them, each with the line it came from. Whether a value is right is decided
there, once for all. Lists are taken as people write them: with comments behind a pattern, C(@x), C(.x), C(*.x), any case, any line
ends, a byte order mark.

Private to the collection: it can change at any time.
"""

import csv
import io
import itertools
import re
import typing as t

from .._driver.lookup import lookup_of
from .._errors import OptionError, PostmasterError
from .._model import access

RuleOptions = t.Tuple[str, t.Dict[str, t.Any]]
_TAGS = {"from": access.FROM, "to": access.TO, "connect": access.CONNECT}
#: Tags of sendmail's access file that are no access rules (cf/README): delays, rates, TLS, spam friends.
_OTHER_TAGS = frozenset(
    "greetpause clientrate clientconn spam srv_features clt_features tls_clt tls_srv tls_rcpt try_tls tls_clt_features "
    "tls_srv_features authinfo certissuer certsubject badrcptthrottle".split()
)
_COMMENT = re.compile(r"(?:^|\s)(?:[#;]|//).*")
_BYTE_ORDER_MARK = "\ufeff"


_Item = t.TypeVar("_Item")


class Some(t.List[_Item]):
    """The first of many items, and how many there are: every line of a large list can be wrong."""

    total = 0

    def append(self, item: _Item) -> None:
        """Count an item, and keep it if it can be shown."""
        self.total += 1
        if len(self) < access.SHOWN:
            super().append(item)


class BadLines(PostmasterError):
    """Lines of a list that are no rules. They are named together, so that the list can be corrected at once."""

    def __init__(self, problems: Some[OptionError]) -> None:
        shown = [str(problem) for problem in problems[:_LINES_SHOWN]]
        more = f"; and {problems.total - len(shown)} more" if problems.total > len(shown) else ""
        lines = "1 line is no rule" if problems.total == 1 else f"{problems.total} lines are no rules"
        super().__init__(f"{lines}, nothing was changed (strict: false leaves them out): {'; '.join(shown)}{more}")
        self.findings = tuple(str(problem) for problem in problems)


#: So many bad lines are in the message; the answer has more of them.
_LINES_SHOWN = 20


class LeftOut(t.NamedTuple):
    """A line that is left out, and why."""

    line: str
    value: str
    why: str


class RuleFiles:
    """The rules of the options C(content) and C(src).

    :param left_out: filled while the entries are read: lines of an access file that are not rules of ours.
    :param bad: filled while the entries are read: lines that cannot be read, each an error that names the line.
    """

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        self._params = params
        self.left_out: Some[LeftOut] = Some()
        self.bad: Some[OptionError] = Some()

    def entries(self) -> t.Iterator[RuleOptions]:
        """Yield the entries one by one: a list can have a million lines.

        :raises OptionError: there is no such file, or it has not the columns that it should.
        """
        form, place = self._params["format"], self._params["place"]
        if self._params.get("content"):
            yield from self.read("content", io.StringIO(self._params["content"]), form, place)
        path = self._params.get("src")
        if path:
            with _opened(path) as lines:
                yield from self.read(path, lines, form, place)

    def read(self, name: str, lines: t.Iterable[str], form: str, place: str) -> t.Iterator[RuleOptions]:
        """Yield the entries of a text.

        :param form: one of access.FORMATS.
        :param place: where patterns look that do not say it themselves.
        """
        rest = iter(lines)
        first = next(rest, "")
        lines = itertools.chain([first[1:] if first.startswith(_BYTE_ORDER_MARK) else first], rest)
        if form == "csv":
            yield from self._csv(name, lines, place)
            return
        reader = {"domains": _pattern_line, "sendmail": self._sendmail_line, "postfix": _postfix_line}[form]
        for number, line in enumerate(lines, 1):
            option = f"{name}:{number}"
            written = line.rstrip("\r\n")
            if not _COMMENT.sub("", written).strip():
                continue
            try:
                for entry in reader(option, written, place):
                    yield option, entry
            except OptionError as problem:
                self.bad.append(problem)

    def _csv(self, name: str, lines: t.Iterable[str], place: str) -> t.Iterator[RuleOptions]:
        reader = csv.DictReader(lines)
        _check_columns(name, reader.fieldnames or ())
        for row in reader:
            option = f"{name}:{reader.line_num}"
            filled = _filled(row)
            if next(iter(filled.values()), "#").startswith("#"):
                continue
            try:
                if None in row:
                    raise OptionError(option, row[None], "more values than columns")
                yield option, _typed(option, filled, place)
            except OptionError as problem:
                self.bad.append(problem)

    def _sendmail_line(self, option: str, line: str, place: str) -> t.Iterator[t.Dict[str, t.Any]]:
        """Yield the entries of a line of sendmail's access file. Without a tag it counts for all places (cf/README)."""
        key, value = _split(option, line)
        tag, colon, rest = key.partition(":")
        if not colon or tag.lower() == "ipv6":
            places, pattern = _untagged(key), key
        elif tag.lower() in _TAGS:
            places, pattern = [_TAGS[tag.lower()]], rest
        elif tag.lower() in _OTHER_TAGS:
            self.left_out.append(LeftOut(option, line.strip(), f"{tag}: is no access rule; it belongs to the policy"))
            return
        else:
            raise OptionError(option, key, "the tags of access rules are From:, To: and Connect:")
        for where in places:
            words = _words(option, value, lookup_of("sendmail").meaning(value, where))
            if words["action"] == access.RELAY and not _is_client(pattern):
                why = "who may relay by name, and to where, belongs to the policy"
                self.left_out.append(LeftOut(option, line.strip(), why))
                return
            yield dict(words, **_place(where, _client(pattern)))


def _opened(path: str) -> t.TextIO:
    """Return the lines of a list, which is never in memory as a whole.

    :raises OptionError: there is no such file.
    """
    try:
        return open(path, encoding="utf-8", errors="replace", newline="\n")
    except (FileNotFoundError, NotADirectoryError):
        raise OptionError("src", path, "there is no such file on the host")


def _untagged(pattern: str) -> t.List[str]:
    if _is_client(pattern):
        return [access.CONNECT]
    return [access.FROM, access.TO] if "@" in pattern else [access.FROM, access.TO, access.CONNECT]


def _pattern_line(option: str, line: str, place: str) -> t.Iterator[t.Dict[str, t.Any]]:
    written = _COMMENT.sub("", line).strip().rstrip(",")
    # A mail address as it stands in a header. The null sender stays what it is, and is refused by its name.
    bare = written[1:-1] if written.startswith("<") and written.endswith(">") else ""
    yield _place(place, bare or written)


def _postfix_line(option: str, line: str, place: str) -> t.Iterator[t.Dict[str, t.Any]]:
    key, value = _split(option, line)
    if key.startswith("/"):
        raise OptionError(option, key, "a regular expression is no access rule")
    yield dict(_words(option, value, lookup_of("postfix").meaning(value, place)), **_place(place, _client(key)))


def _place(place: str, written: str) -> t.Dict[str, t.Any]:
    """Return a pattern as people write it as the options of a rule: C(@x), C(.x) and C(*.x) are that domain.

    Its subdomains are in it, whatever MTA reads the list: sendmail cannot leave them out.
    """
    if written.startswith(("@", "*@")) and "." in written:
        return {place: [written.lstrip("*@")]}
    for wildcard in ("*.", "."):
        if written.startswith(wildcard):
            return {place: [written[len(wildcard) :]]}
    return {place: [written]}


def _check_columns(name: str, written: t.Sequence[str]) -> None:
    columns = set(access.RULE_SPEC) | {"pattern"}
    unknown = [column for column in written if column.strip() not in columns]
    if unknown or not written:
        raise OptionError(f"{name}:1", unknown[0] if unknown else "", f"the columns are {', '.join(sorted(columns))}")


def _filled(row: t.Mapping[t.Any, t.Any]) -> t.Dict[str, str]:
    """Return the cells of a row that are not empty; what is more than the columns is a list, and none of them."""
    texts = {(key or "").strip(): value.strip() for key, value in row.items() if isinstance(value, str)}
    return {key: value for key, value in texts.items() if value}


def _typed(option: str, values: t.Dict[str, t.Any], place: str) -> t.Dict[str, t.Any]:
    """Return the values of a CSV row as the options of a rule."""
    options: t.Dict[str, t.Any] = dict(values)
    written = options.pop("pattern", None)
    if written:
        options = dict(_place(place, written), **options)
    for where in access.PLACES:
        if isinstance(options.get(where), str):
            options = dict(options, **_place(where, options[where]))
    if "code" in options:
        if not str(options["code"]).isdigit():
            raise OptionError(f"{option}.code", options["code"], "expected a number")
        options["code"] = int(options["code"])
    if isinstance(options.get("subdomains"), str):
        word = options["subdomains"].lower()
        if word not in ("yes", "no", "true", "false"):
            raise OptionError(f"{option}.subdomains", options["subdomains"], "expected true or false")
        options["subdomains"] = word in ("yes", "true")
    return options


def _words(option: str, value: str, meaning: t.Tuple[str, int, str, str]) -> t.Dict[str, t.Any]:
    """Return what a table's value means as the options of a rule."""
    action, code, status, text = meaning
    if not action:
        raise OptionError(option, value, "not an action that both MTAs have")
    options: t.Dict[str, t.Any] = {"action": action}
    if action in (access.REJECT, access.DEFER):
        # A status of 5.0.0 is what sendmail says where its file names none.
        status = f"{status[0]}.7.1" if status.endswith(".0.0") else status
        options.update(code=code, status=status, text=text)
    elif action == access.HOLD and text:
        options["text"] = text
    return options


def _split(option: str, line: str) -> t.Tuple[str, str]:
    parts = line.split(None, 1)
    if line[0] in " \t" or len(parts) < 2:
        raise OptionError(option, line, "expected a key and a value, with the key at the beginning of the line")
    return parts[0], parts[1].strip()


def _is_client(pattern: str) -> bool:
    plain = pattern[5:] if pattern.lower().startswith("ipv6:") else pattern
    return ":" in plain or all(part.isdigit() for part in plain.split("."))


def _client(pattern: str) -> str:
    """Return the octets of an address in CIDR form, as both access files write networks."""
    plain = pattern[5:] if pattern.lower().startswith("ipv6:") else pattern
    parts = plain.split(".")
    if all(part.isdigit() for part in parts) and 0 < len(parts) < 4:
        return ".".join(parts + ["0"] * (4 - len(parts))) + f"/{8 * len(parts)}"
    groups = plain.split(":")
    if len(groups) > 1 and "::" not in plain and len(groups) < 8:
        return f"{plain}::/{16 * len(groups)}"
    return plain if _is_client(pattern) else pattern


def add_rules(
    rules: access.Rules,
    params: t.Mapping[str, t.Any],
    parse: t.Callable[[str, t.Mapping[str, t.Any]], t.List[access.Rule]],
) -> t.Tuple[t.List[t.Dict[str, str]], int]:
    """Add the rules of the options C(content) and C(src); return the first lines that were left out, and how many were.

    :param parse: makes the rules of one entry, from its name in messages and its options.
    :raises BadLines: naming every line that is no rule.
    """
    files = RuleFiles(params)
    for option, entry in files.entries():
        try:
            parsed = parse(option, entry)
        except OptionError as problem:
            files.bad.append(problem)
            continue
        for rule in parsed:
            rules.add(rule)
    if files.bad and params["strict"]:
        raise BadLines(files.bad)
    left_out = [dict(line._asdict()) for line in files.left_out]
    left_out += [{"line": bad.option, "value": str(bad.value), "why": bad.why} for bad in files.bad]
    return left_out[: access.SHOWN], files.left_out.total + files.bad.total
