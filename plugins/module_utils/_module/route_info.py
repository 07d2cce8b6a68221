# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where addresses go: what the module route_info does.

Private to the collection: it can change at any time.
"""

import pwd
import typing as t

from .. import _addresses, _mta
from .._driver.route import route_of
from .._errors import OptionError
from .._model import route as _route
from .._model.host import Host
from .._model.route import Route, RouteQuestion
from .._runner import Runner

_ALIASES = ("aliases", "alias_maps")

ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    address={"type": "str", "required": True},
    sender={"type": "str", "default": ""},
    client={"type": "str", "default": ""},
)


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Return what the module route_info returns.

    :raises PostmasterError: an option that cannot be meant, no such instance, or an MTA that cannot be asked.
    """
    runner = runner or Runner()
    asked = asked_of(params)
    hosts = _mta.chosen(runner, params["mta"], params["instance"])
    records = [_record(host, asked) for host in hosts]
    return dict(records[0], routes=records) if params["instance"] == _mta.ALL else records[0]


def _record(host: Host, asked: RouteQuestion) -> t.Dict[str, t.Any]:
    return dict(
        _route.as_facts(trace(host, asked)),
        mta=host.instance.mta,
        instance=host.instance.name,
        config_directory=host.instance.config_directory,
    )


def asked_of(params: t.Mapping[str, t.Any]) -> RouteQuestion:
    """Return the question, with every word of it checked to be no command."""
    address = _checked("address", params["address"], _addresses.mail_address)
    sender = _checked("sender", params["sender"], _addresses.mail_address) if params["sender"] else ""
    client = (
        _checked("client", params["client"], lambda text: str(_addresses.address(text))) if params["client"] else ""
    )
    return RouteQuestion(address, sender, client)


def trace(host: Host, asked: RouteQuestion) -> Route:
    """Ask the instance."""
    return _with_user(route_of(host.mta).trace(host, asked))


def _with_user(route: Route) -> Route:
    """Add that a local recipient does not exist. Neither rule sets nor tables of routes decide that."""
    user = route.recipient.partition("@")[0].partition("+")[0]
    if route.transport != "local" or any(entry.role in _ALIASES for entry in route.entries) or _exists(user):
        return route
    because = f"{route.because}; but there is no user and no alias {user}"
    return route._replace(
        verdict=_route.ERROR, because=because, answer="550 5.1.1 User unknown" if route.answer else ""
    )


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user.lower())
    except KeyError:
        return False
    return True


def settings(host: Host) -> _route.Settings:
    """Return what the live configuration says about the things that the checks of a host look at."""
    return route_of(host.mta).settings(host)


def _checked(option: str, value: str, parse: t.Callable[[str], str]) -> str:
    try:
        return parse(value)
    except ValueError as problem:
        raise OptionError(option, value, str(problem))
