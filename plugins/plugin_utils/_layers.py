# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings in layers: those of the fleet, a group and a host become one dictionary.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import typing as t

#: Written behind a key, it adds a list to what the lower layers said instead of replacing it.
APPEND = "+"


class LayerError(ValueError):
    """Two layers that do not fit together; the message names the key by its dotted path."""


def merge(layers: t.Iterable[t.Mapping[str, t.Any] | None]) -> dict[str, t.Any]:
    """Lay dictionaries over each other, the later ones on top.

    Dictionaries merge key by key, everything else replaces. C(null) on top means "not set". A key that ends in C(+)
    appends its list to the list below; items that are there already are not repeated.
    """
    merged: dict[str, t.Any] = {}
    for layer in layers:
        merged = _lay(merged, _as_mapping(layer if layer is not None else {}, ()), ())
    return merged


def _lay(below: t.Mapping[str, t.Any], above: t.Mapping[str, t.Any], path: tuple[str, ...]) -> dict[str, t.Any]:
    merged = dict(below)
    # The keys that replace come first, so that "networks" and "networks+" in one layer have one meaning.
    for key in sorted(above, key=lambda name: str(name).endswith(APPEND)):
        if str(key).endswith(APPEND):
            name = str(key)[: -len(APPEND)]
            merged[name] = _append(merged.get(name), above[key], (*path, str(key)))
        else:
            merged[key] = _over(merged.get(key), above[key], (*path, str(key)))
    return merged


def _over(below: t.Any, above: t.Any, path: tuple[str, ...]) -> t.Any:
    if isinstance(above, dict):
        return _lay(_as_mapping(below if below is not None else {}, path), above, path)
    if isinstance(below, dict) and above is not None:
        raise LayerError(f"{'.'.join(path)}: a lower layer has a dictionary here, this one {above!r}")
    return above


def _append(below: t.Any, above: t.Any, path: tuple[str, ...]) -> list[t.Any]:
    for value in (below, above):
        if value is not None and not isinstance(value, (list, tuple)):
            raise LayerError(f"{'.'.join(path)}: {APPEND} appends lists, and this is none: {value!r}")
    kept = list(below or [])
    return kept + [item for item in above or [] if item not in kept]


def _as_mapping(value: t.Any, path: tuple[str, ...]) -> t.Mapping[str, t.Any]:
    if not isinstance(value, dict):
        where = ".".join(path) or "a layer"
        raise LayerError(f"{where}: must be a dictionary, not {value!r}")
    return value
