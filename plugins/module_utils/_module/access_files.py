# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules in files: one pattern a line, CSV, and the access files that sendmail and Postfix have already.

Every reader yields entries as they stand in the option C(rules), each with the line it came from; whether a value is good is
decided there, once for all.

Private to the collection: it can change at any time.
"""

import csv
import io
import typing as t

from .. import _files
from .._driver.access import lookup_of
from .._errors import OptionError
from .._model import access as _access

RuleOptions = t.Tuple[str, t.Dict[str, t.Any]]
_TAGS = {"from": _access.FROM, "to": _access.TO, "connect": _access.CONNECT}


def entries(params: t.Mapping[str, t.Any]) -> t.List[RuleOptions]:
    """The entries of the options C(content) and C(src).

    :raises OptionError: naming the line.
    """
    found: t.List[RuleOptions] = []
    if params.get("content"):
        found += read("content", params["content"], params["format"], params["place"])
    if params.get("src"):
        content = _files.read(params["src"])
        if content is None:
            raise OptionError("src", params["src"], "there is no such file on the host")
        found += read(params["src"], content.decode("utf-8", "replace"), params["format"], params["place"])
    return found


def read(name: str, text: str, form: str, place: str) -> t.List[RuleOptions]:
    """The entries of a text.

    :param form: one of _access.FORMATS.
    :param place: where patterns look that do not say it themselves.
    """
    if form == "csv":
        return list(_csv(name, text, place))
    readers = {"domains": _pattern, "sendmail": _sendmail_line, "postfix": _postfix_line}
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r")
        if line.strip() and not line.lstrip().startswith("#"):
            option = f"{name}:{number}"
            found += [(option, entry) for entry in readers[form](option, line, place)]
    return found


def _pattern(option: str, line: str, place: str) -> t.List[t.Dict[str, t.Any]]:
    return [{place: [line.strip()]}]


def _csv(name: str, text: str, place: str) -> t.Iterator[RuleOptions]:
    known = set(_access.RULE_SPEC) | {"pattern"}
    reader = csv.DictReader(io.StringIO(text))
    unknown = [column for column in reader.fieldnames or () if column.strip() not in known]
    if unknown or not reader.fieldnames:
        raise OptionError(f"{name}:1", unknown[0] if unknown else "", f"the columns are {', '.join(sorted(known))}")
    for row in reader:
        option = f"{name}:{reader.line_num}"
        values = {(key or "").strip(): (value or "").strip() for key, value in row.items() if isinstance(value, str)}
        if None in row:
            raise OptionError(option, row[None], "more values than columns")
        yield option, _typed(option, {key: value for key, value in values.items() if value}, place)


def _typed(option: str, values: t.Dict[str, t.Any], place: str) -> t.Dict[str, t.Any]:
    found: t.Dict[str, t.Any] = dict(values)
    pattern = found.pop("pattern", None)
    if pattern:
        found[place] = pattern
    for where in _access.PLACES:
        if where in found:
            found[where] = [found[where]]
    if "code" in found:
        if not str(found["code"]).isdigit():
            raise OptionError(f"{option}.code", found["code"], "a number is wanted")
        found["code"] = int(found["code"])
    if "subdomains" in found:
        word = str(found["subdomains"]).lower()
        if word not in ("yes", "no", "true", "false"):
            raise OptionError(f"{option}.subdomains", found["subdomains"], "true or false is wanted")
        found["subdomains"] = word in ("yes", "true")
    return found


def _sendmail_line(option: str, line: str, place: str) -> t.List[t.Dict[str, t.Any]]:
    """A line of sendmail's access file; without a tag it counts for all three places (cf/README)."""
    key, value = _split(option, line)
    tag, colon, rest = key.partition(":")
    if colon and tag.lower() != "ipv6":
        if tag.lower() not in _TAGS:
            raise OptionError(option, key, "only From:, To: and Connect: are access rules; this belongs to the policy")
        places, pattern = [_TAGS[tag.lower()]], rest
    else:
        pattern = key
        places = [_access.CONNECT] if _is_client(pattern) else [_access.FROM, _access.TO]
        places += [_access.CONNECT] if "@" not in pattern and not _is_client(pattern) else []
    return [
        dict(_words(option, value, lookup_of("sendmail").meaning(value, where)), **{where: [_client(pattern)]})
        for where in places
    ]


def _postfix_line(option: str, line: str, place: str) -> t.List[t.Dict[str, t.Any]]:
    key, value = _split(option, line)
    if key.startswith("/"):
        raise OptionError(option, key, "a regular expression is no access rule")
    return [dict(_words(option, value, lookup_of("postfix").meaning(value, place)), **{place: [_client(key)]})]


def _words(option: str, value: str, meaning: t.Tuple[str, int, str, str]) -> t.Dict[str, t.Any]:
    action, code, status, text = meaning
    if not action:
        raise OptionError(option, value, "not an action that both MTAs have")
    found: t.Dict[str, t.Any] = {"action": action}
    if action in (_access.REJECT, _access.DEFER):
        # A status of 5.0.0 is what sendmail says where its file names none.
        status = f"{status[0]}.7.1" if status.endswith(".0.0") else status
        found.update(code=code, status=status, text=text)
    elif action == _access.HOLD and text:
        found["text"] = text
    return found


def _split(option: str, line: str) -> t.Tuple[str, str]:
    parts = line.split(None, 1)
    if line[0] in " \t" or len(parts) < 2:
        raise OptionError(option, line, "a key and a value are wanted, the key at the beginning of the line")
    return parts[0], parts[1].strip()


def _is_client(pattern: str) -> bool:
    plain = pattern[5:] if pattern.lower().startswith("ipv6:") else pattern
    return ":" in plain or all(part.isdigit() for part in plain.split("."))


def _client(pattern: str) -> str:
    """Octets of an address, as both access files write networks, in CIDR form."""
    plain = pattern[5:] if pattern.lower().startswith("ipv6:") else pattern
    parts = plain.split(".")
    if all(part.isdigit() for part in parts) and 0 < len(parts) < 4:
        return ".".join(parts + ["0"] * (4 - len(parts))) + f"/{8 * len(parts)}"
    groups = plain.split(":")
    if len(groups) > 1 and "::" not in plain and len(groups) < 8:
        return f"{plain}::/{16 * len(groups)}"
    return plain if _is_client(pattern) else pattern
