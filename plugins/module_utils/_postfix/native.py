# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Native settings: main.cf parameters and master.cf services as the user wrote them, checked so that each stays one setting.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .._errors import OptionError
from .._model.host import Native
from .draft import text_of
from .expansion import NAME, RAW, RUN_TIME, references
from .master_cf import TYPES, Service, words
from .parameters import MalformedValue

HIDDEN = "(secret)"
_LONGEST = 60000
_SERVICE_NAME = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,255}\Z")
_WAKEUP = re.compile(r"([0-9]{1,9}\??|-)\Z")
_PROCESSES = re.compile(r"([0-9]{1,6}|-)\Z")
_FLAGS = {True: "y", False: "n", "y": "y", "n": "n", "-": "-", "yes": "y", "no": "n"}
_FIELDS = {
    "private": "private",
    "unpriv": "unprivileged",
    "chroot": "chroot",
    "wakeup": "wakeup",
    "maxproc": "processes",
}
_KEYS = frozenset(_FIELDS) | {"command", "options", "state"}


def refuse_others(native: Native) -> None:
    """Refuse settings of the other MTA.

    :raises OptionError: naming the option that is meant instead.
    """
    if native.mc:
        raise OptionError("mc", sorted(native.mc), "these are sendmail's; for Postfix use main and master")


def main_settings(native: Native, known: t.Container[str]) -> t.Dict[str, t.Optional[str]]:
    """Return the parameters of C(main) and C(main_secrets), as text; None removes one.

    :param known: names that C($name) may refer to, besides those set here.
    :raises OptionError: naming the parameter; the values of secrets are not in the message.
    """
    both = sorted(set(native.main) & set(native.main_secrets))
    if both:
        raise OptionError(f"main.{both[0]}", HIDDEN, "it stands in main_secrets as well")
    names = set(native.main) | set(native.main_secrets)
    settings: t.Dict[str, t.Optional[str]] = {}
    for option, parameters in (("main", native.main), ("main_secrets", native.main_secrets)):
        for name, value in parameters.items():
            settings[name] = _parameter(option, name, value, known, names)
    return settings


def services(native: Native, current: t.Mapping[str, Service]) -> t.Dict[str, t.Optional[Service]]:
    """Return the services of C(master), those that are there changed in the given fields only; None removes one.

    :raises OptionError: naming the service and the field.
    """
    return {str(key): _service(str(key), fields, current.get(str(key))) for key, fields in native.master.items()}


def check_text(path: str, value: t.Any, text: str) -> str:
    """Return a value that stays one value on one line, or raise.

    :param value: what the message shows.
    """
    if not isinstance(value, str) and value != HIDDEN:
        value = text
    if any(not " " <= letter <= "~" for letter in text):
        raise OptionError(path, value, "only printable ASCII on one line is allowed; a list is given as a list")
    if text != text.strip():
        raise OptionError(path, value, "blanks at the ends are not allowed")
    if text.startswith("#"):
        raise OptionError(path, value, "it starts with #, which looks like a comment and is none")
    if len(text) > _LONGEST:
        raise OptionError(path, value, f"longer than {_LONGEST} characters; use a table")
    return text


def _parameter(
    option: str, name: t.Any, value: t.Any, known: t.Container[str], ours: t.Container[str]
) -> t.Optional[str]:
    path = f"{option}.{name}"
    shown = HIDDEN if option == "main_secrets" else value
    if not isinstance(name, str) or not NAME.match(name):
        raise OptionError(option, name, "not the name of a parameter: letters, digits and _")
    if value is None:
        return None
    text = check_text(path, shown, _plain(path, shown, value))
    if name not in RAW:
        _check_references(path, shown, text, known, ours)
    return text


def _plain(path: str, shown: t.Any, value: t.Any) -> str:
    if isinstance(value, (str, bool, int, float)):
        return text_of(value)
    if isinstance(value, (list, tuple)) and all(isinstance(item, (str, bool, int, float)) for item in value):
        return text_of([item.strip(" ") if isinstance(item, str) else item for item in value])
    raise OptionError(path, shown, "it must be a string, a number, a boolean or a list of these")


def _check_references(path: str, shown: t.Any, text: str, known: t.Container[str], ours: t.Container[str]) -> None:
    try:
        names = references(text)
    except MalformedValue as problem:
        raise OptionError(path, shown, str(problem))
    for name in names:
        if name not in known and name not in ours and name not in RUN_TIME:
            raise OptionError(path, shown, f"${name} is no parameter; a $ itself is written $$")


def _service(key: str, fields: t.Any, service: t.Optional[Service]) -> t.Optional[Service]:
    path = f"master.{key}"
    name, kind = _split_key(path, key)
    if not isinstance(fields, dict):
        raise OptionError(path, fields, "it must be a dictionary of the columns")
    unknown = sorted(str(field) for field in fields if field not in _KEYS)
    if unknown:
        raise OptionError(
            f"{path}.{unknown[0]}", fields.get(unknown[0]), f"it must be one of {', '.join(sorted(_KEYS))}"
        )
    state = fields.get("state", "present")
    if state not in ("present", "absent"):
        raise OptionError(f"{path}.state", state, "it must be present or absent")
    if state == "absent":
        return None
    if service is None and not fields.get("command"):
        raise OptionError(f"{path}.command", None, "a new service needs a command")
    return _changed(path, fields, service or _blank(name, kind))


def _split_key(path: str, key: str) -> t.Tuple[str, str]:
    name, dummy, kind = key.rpartition("/")
    if not _SERVICE_NAME.match(name) or kind not in TYPES:
        raise OptionError(path, key, f"it must be service/type, the type one of {', '.join(TYPES)}")
    return name, kind


def _blank(name: str, kind: str) -> Service:
    """Return a service with master's own defaults; an inet service cannot be private (master(5))."""
    return Service(name, kind, "n" if kind == "inet" else "-", "-", "-", "-", "-", "")


def _changed(path: str, fields: t.Mapping[str, t.Any], service: Service) -> Service:
    for field, attribute in _FIELDS.items():
        if fields.get(field) is not None:
            column: t.Any = {
                attribute: _column(f"{path}.{field}", field, fields[field])
            }  # one of several fields, all text
            service = service._replace(**column)
    if fields.get("command") is not None:
        command = _command(f"{path}.command", fields["command"])
        service = service._replace(command=command[0], arguments=tuple(command[1:]))
    if fields.get("options") is not None:
        service = service._replace(options=_options(f"{path}.options", fields["options"], service.options))
    return service


def _column(path: str, field: str, value: t.Any) -> str:
    if field in ("private", "unpriv", "chroot"):
        if not isinstance(value, (bool, str)) or value not in _FLAGS:
            raise OptionError(path, value, "it must be true, false or -")
        return _FLAGS[value]
    text = str(value)
    if isinstance(value, bool) or not (_WAKEUP if field == "wakeup" else _PROCESSES).match(text):
        raise OptionError(path, value, "it must be a number or -")
    return text


def _command(path: str, value: t.Any) -> t.List[str]:
    if not isinstance(value, str) or not value:
        raise OptionError(path, value, "it must be a string")
    argv = _words(path, check_text(path, value, value))
    if any(word.startswith("-o") for word in argv) and not any(word.startswith("argv=") for word in argv):
        raise OptionError(path, value, "-o name=value belongs into options")
    return argv


def _options(path: str, options: t.Any, current: t.Sequence[t.Tuple[str, str]]) -> t.Tuple[t.Tuple[str, str], ...]:
    """Return the options that are there, with the given ones changed in place, added at the end, or removed by null."""
    if not isinstance(options, dict):
        raise OptionError(path, options, "it must be a dictionary of parameter and value")
    given_options = {name: _option(path, name, value) for name, value in options.items()}
    merged: t.Dict[str, t.Optional[str]] = {
        name: given_options.pop(name, value) for name, value in dict(current).items()
    }
    merged.update(sorted(given_options.items()))
    return tuple((name, value) for name, value in merged.items() if value is not None)


def _option(path: str, name: str, value: t.Any) -> t.Optional[str]:
    """Return the text of one option; None removes it."""
    if not isinstance(name, str) or not NAME.match(name):
        raise OptionError(path, name, "not the name of a parameter: letters, digits and _")
    if value is None:
        return None
    here = f"{path}.{name}"
    text = check_text(here, value, _plain(here, value, value))
    _words(here, text)
    _check_syntax(here, text)
    return text


def _words(path: str, text: str) -> t.List[str]:
    try:
        return words(text)
    except ValueError as problem:
        raise OptionError(path, text, str(problem))


def _check_syntax(path: str, text: str) -> None:
    # What a $name in master.cf refers to is often defined in main.cf for this purpose: postconf judges the candidate.
    try:
        references(text)
    except MalformedValue as problem:
        raise OptionError(path, text, str(problem))
