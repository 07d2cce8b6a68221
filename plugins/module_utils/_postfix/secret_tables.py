# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep secrets out of main.cf, which every user of the host may read: sendmail(1) and postdrop(1) read it as that user.

Private to the collection: it can change at any time.

Passwords that a native setting has in place, C(inline:{...}) or C(static:...), go into a table of their own that only root may
read, and main.cf names the table. Postfix opens its tables as root, before it gives its privileges up.
"""

import os
import re
import typing as t

from .._errors import OptionError
from .._model.host import COMPILED_SUFFIXES, File, Host, Native, compiled_names, is_compiled
from .._result import looks_secret
from . import main_cf, tables
from .draft import HEADER
from .expansion import references
from .native import HIDDEN
from .parameters import split_list

PREFIX = "secret_"
MODE = 0o600
_INLINE, _STATIC = "inline:", "static:"
#: A table in a file: its name is no secret.
_FILE = re.compile(r"(proxy:)?[a-z][a-z0-9]*:(/|\$config_directory/|\$\{config_directory\}/)[^\s:@]+\Z")
_WHY = (
    "every user of the host may read {}, so no secret can be in it; put it into a lookup table that the setting names"
)
Current = t.Callable[[str], t.Optional[bytes]]
Parameters = t.Dict[str, t.Optional[str]]


def set_apart(host: Host, native: Native, own: Parameters) -> t.Tuple[Parameters, t.Dict[str, File]]:
    """Return the native parameters without secrets, and the tables that have these instead.

    :param own: the parameters of C(main) and C(main_secrets) as text.
    :raises OptionError: a secret that main.cf itself would have to hold.
    """
    refuse_in_services(native)
    files: t.Dict[str, File] = {}
    public: Parameters = {}
    for name, value in own.items():
        public[name] = value
        if value and _is_secret(native, name, value):
            words = [_apart(host, native, name, number, word, files) for number, word in enumerate(split_list(value))]
            public[name] = ", ".join(words)
    return public, files


def leftovers(host: Host, current: Current, main: bytes) -> t.Dict[str, File]:
    """Return the tables of this kind that main.cf does not name, to be removed with what was compiled of them."""
    kept = {path for kind, name in _named(main) for path in (name, *compiled_names(kind, name))}
    gone: t.Dict[str, File] = {}
    for name in _sources(host, current):
        files = {name, *(path for kind in COMPILED_SUFFIXES for path in compiled_names(kind, name))}
        gone.update({path: File(None) for path in sorted(files - kept) if current(path) is not None})
    return gone


def _sources(host: Host, current: Current) -> t.List[str]:
    """Return our tables in the configuration directory; a setting that named one can be gone already."""
    try:
        names = set(os.listdir(host.instance.config_directory))
    except OSError:
        names = set()
    names |= {name for dummy, name in _named(current("main.cf") or b"")}
    ours = (name for name in names if name.startswith(PREFIX) and not is_compiled(name))
    return sorted(name for name in ours if (current(name) or b"").startswith(HEADER.encode()))


def refuse_in_services(native: Native) -> None:
    """Refuse a secret in an option of a service: master.cf can be read by everybody as well."""
    for key, service in native.master.items():
        options = service.get("options") if isinstance(service, dict) else None
        for name, value in options.items() if isinstance(options, dict) else ():
            if looks_secret(str(name), str(value)):
                raise OptionError(f"master.{key}.options.{name}", HIDDEN, _WHY.format("master.cf"))


def _is_secret(native: Native, name: str, value: str) -> bool:
    return name in native.main_secrets or looks_secret(name, value)


def _named(main: bytes) -> t.Set[t.Tuple[str, str]]:
    references = tables.references(main_cf.parse(main).values)
    return {(reference.type, reference.name) for reference in references if reference.name.startswith(PREFIX)}


def _apart(host: Host, native: Native, name: str, number: int, word: str, files: t.Dict[str, File]) -> str:
    """Return what main.cf has in the place of one element of a value."""
    option = f"{'main_secrets' if name in native.main_secrets else 'main'}.{name}"
    if _FILE.match(word):
        return word
    path = f"{PREFIX}{name}" + (f"_{number + 1}" if number else "")
    if word.startswith(_INLINE):
        kind, lines = host.capabilities.default_table_type, _inline_lines(option, word)
    elif word.startswith(_STATIC) and "regexp" in host.capabilities.table_types:
        secret = _literal(option, _unbraced(word[len(_STATIC) :]))
        kind, lines = "regexp", ["/^/\t" + secret.replace("$", "$$")]
    else:
        raise OptionError(option, HIDDEN, _WHY.format("main.cf"))
    if kind not in COMPILED_SUFFIXES and kind not in ("regexp", "texthash"):
        raise OptionError(option, HIDDEN, _WHY.format("main.cf"))
    files[path] = File((HEADER + "".join(f"{line}\n" for line in lines)).encode(), MODE, secret=True)
    return f"{kind}:$config_directory/{path}"


def _inline_lines(option: str, word: str) -> t.List[str]:
    """Turn C(inline:{ key=value, { key = value with blanks } }) into the lines of a table (DATABASE_README)."""
    lines = []
    for entry in split_list(_unbraced(word[len(_INLINE) :])):
        key, equals, value = (part.strip() for part in _unbraced(entry).partition("="))
        if not equals or not key or not value or any(blank in key for blank in " \t") or key.startswith("#"):
            raise OptionError(option, HIDDEN, "each entry of an inline table must be key=value, the key without blanks")
        lines.append(f"{_literal(option, key)}\t{_literal(option, value)}")
    return lines


def _literal(option: str, text: str) -> str:
    """Return a text as Postfix would have it after it has read main.cf, where C($$) is a C($)."""
    if references(text):
        raise OptionError(option, HIDDEN, "a secret cannot refer to a parameter; a $ itself is written $$")
    return text.replace("$$", "$")


def _unbraced(text: str) -> str:
    return text[1:-1].strip() if text.startswith("{") and text.endswith("}") else text
