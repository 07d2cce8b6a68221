# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Native settings: defines, features and free sections of sendmail.mc as the user wrote them, checked so that each stays one setting.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import OptionError
from .._model.host import Native
from . import cf, mc

if t.TYPE_CHECKING:
    from .draft import Draft

SECTIONS = ("defines", "features") + tuple(mc.RAW_SECTIONS)

#: Features that rewrite addresses by a table of the same name.
TABLE_FEATURES = ("virtusertable", "genericstable", "domaintable")

#: Features and their arguments; None stands for a feature that is switched off.
Features = t.Dict[str, t.Optional[t.Tuple[str, ...]]]


def refuse_others(native: Native) -> None:
    """Refuse the settings of the other MTA.

    :raises OptionError: naming the option that is meant instead.
    """
    for name, nearest in (("main", "mc.defines"), ("main_secrets", "mc.defines"), ("master", "mc.features")):
        value = getattr(native, name)
        if value:
            raise OptionError(name, sorted(value)[0], f"this is for Postfix; the nearest for sendmail: {nearest}")


def refuse_unknown(native: Native) -> None:
    """Refuse a section that does not exist.

    :raises OptionError: naming the section.
    """
    unknown = sorted(set(native.mc) - set(SECTIONS))
    if unknown:
        name = unknown[0]
        raise OptionError(f"mc.{name}", native.mc[name], f"there is no such section; known: {', '.join(SECTIONS)}")


def defines(native: Native) -> t.Dict[str, t.Optional[str]]:
    """Return the options of C(mc.defines) as m4 reads them; None undefines one.

    :raises OptionError: naming the option.
    """
    defines = native.mc.get("defines") or {}
    if not isinstance(defines, dict):
        raise OptionError("mc.defines", defines, "expected a dictionary of names to values")
    return {name: _define(name, defines[name]) for name in sorted(defines, key=str)}


def _define(name: t.Any, value: t.Any) -> t.Optional[str]:
    option = f"mc.defines.{name}"
    mc.define_name(option, name)
    if value is None:
        return None
    text = mc.safe(option, value)
    cf.check_type(option, name, text)
    return text


def features(native: Native) -> Features:
    """Return the features of C(mc.features) with their arguments; None switches one off.

    :raises OptionError: naming the feature.
    """
    features = native.mc.get("features") or {}
    if isinstance(features, (list, tuple)):
        features = _by_name(features)
    if not isinstance(features, dict):
        why = "expected a list of names, or a dictionary of names to arguments; null switches a feature off"
        raise OptionError("mc.features", features, why)
    return {name: _feature(name, features[name]) for name in sorted(features, key=str)}


def name_tables(draft: "Draft") -> None:
    """Give each feature of a table its table, where the user names the feature alone; note a table that nobody names.

    sendmail's own argument is a table that must exist.
    """
    for name in TABLE_FEATURES:
        if draft.features.get(name) == ():
            draft.feature(name, f"{draft.host.capabilities.default_table_type} -o {draft.path(name)}")
        elif name not in draft.features and draft.current(name) is not None:
            draft.notes.append(f"{name}: the table is there and is not asked; name it in mc.features to use it")


def _by_name(features: t.Iterable[t.Any]) -> t.Dict[t.Any, t.Any]:
    """Return a list of names, and of dictionaries with C(name) and C(args), as a dictionary of names to arguments."""
    arguments: t.Dict[t.Any, t.Any] = {}
    for number, feature in enumerate(features):
        option = f"mc.features[{number}]"
        if isinstance(feature, str):
            name, value = feature, True
        elif isinstance(feature, dict) and "name" in feature and set(feature) <= {"name", "args"}:
            name, value = feature["name"], feature.get("args", True)
        else:
            raise OptionError(option, feature, "expected a name, or a dictionary with name and args")
        mc.feature_name(option, name)
        if name in arguments:
            raise OptionError(option, name, "the feature stands there twice")
        arguments[name] = value
    return arguments


def _feature(name: t.Any, value: t.Any) -> t.Optional[t.Tuple[str, ...]]:
    option = f"mc.features.{name}"
    mc.feature_name(option, name)
    if value is None or value is False:
        return None
    if value is True or value == "":
        return ()
    arguments = value if isinstance(value, (list, tuple)) else [value]
    return tuple(mc.safe(option, argument) for argument in arguments)


def text_of(native: Native, section: str) -> t.Any:
    """Return a free section as text; the lines of a list are joined.

    :raises OptionError: a line that is no text.
    """
    content = native.mc.get(section)
    if not isinstance(content, (list, tuple)):
        return content
    for number, line in enumerate(content):
        if not isinstance(line, str):
            raise OptionError(f"mc.{section}[{number}]", line, "expected a line of text")
    return "\n".join(content)


def sections(native: Native) -> t.List[mc.Raw]:
    """Return the free sections that are not empty.

    :raises OptionError: naming section and line.
    """
    texts = {name: text_of(native, name) for name in mc.RAW_SECTIONS}
    return [mc.raw(f"mc.{name}", name, text) for name, text in texts.items() if text]
