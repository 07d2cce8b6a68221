# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The relay policy as a record, without the table of options that it was parsed with.

Kept apart so that a check of a candidate does not send that table to the host.

Private to the collection: it can change at any time.
"""

import typing as t


class Policy:
    """A relay policy, read as C(policy.limits.message_size); an option that is not set is None.

    Lists of records are tuples of policies. I(given) holds the dotted paths of the options that the user wrote. So a
    driver can tell a request, which it must do or refuse, from the baseline, which it does where it can. I(hardened)
    says whether there is a baseline.
    """

    def __init__(
        self, values: t.Mapping[str, t.Any], given: t.FrozenSet[str] = frozenset(), hardened: bool = False
    ) -> None:
        self._values = dict(values)
        self.given = given
        self.hardened = hardened

    def __getattr__(self, name: str) -> t.Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and self._values == other._values

    __hash__ = None  # type: ignore[assignment]  # Python says so of what has no hash

    def __repr__(self) -> str:
        return f"Policy({self._values!r})"

    def wants(self, path: str) -> bool:
        """Return whether the user wrote this option, or one below it."""
        return any(name == path or name.startswith(path + ".") for name in self.given)

    def without(self, path: str) -> "Policy":
        """Return the policy without an option, or without a whole record of a list where the option stands in one.

        :param path: its dotted path, like C(policy.load.delay) or C(policy.routes.domains[0].mx).
        :raises KeyError: there is nothing at this path.
        """
        values = _without(self, path.split(".")[1:])
        return Policy(values, frozenset(name for name in self.given if not _is_below(name, path)), self.hardened)

    def as_dict(self) -> t.Dict[str, t.Any]:
        """Return the policy as plain data, without the options that are not set."""
        return {name: _plain(value) for name, value in self._values.items() if value is not None and value != ()}


def _is_below(name: str, path: str) -> bool:
    return name == path or name.startswith((f"{path}.", f"{path}["))


def _without(policy: Policy, names: t.Sequence[str]) -> t.Dict[str, t.Any]:
    name, bracket, number = names[0].partition("[")
    value = policy._values[name]
    if bracket:
        kept = [record for place, record in enumerate(value) if place != int(number.rstrip("]"))]
        return dict(policy._values, **{name: tuple(kept)})
    if len(names) > 1:
        return dict(policy._values, **{name: Policy(_without(value, names[1:]))})
    return dict(policy._values, **{name: _emptied(value)})


def _emptied(value: t.Any) -> t.Any:
    if isinstance(value, Policy):
        return Policy({name: _emptied(inner) for name, inner in value._values.items()})
    if isinstance(value, tuple) and all(isinstance(item, Policy) for item in value):
        return ()
    return None


def server_level(policy: Policy) -> str:
    """Return policy.tls.server.level: none, may or encrypt. Where it is not set, it is may with a certificate, else none."""
    server = policy.tls.server
    return str(server.level or ("may" if server.certificate else "none"))


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, Policy):
        return value.as_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


#: A policy that says nothing, as far as the checks of the drivers ask one: for candidates that come from something else.
SILENT = Policy(
    {
        "relay": Policy({"domains": None, "networks": None}),
        "tls": Policy({"server": Policy({"level": None, "certificate": None})}),
    }
)
