# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of the policy as tables, mailers and rules of sendmail. Twin of C(_postfix.routes).

Routes by domain are lines of the mailertable, the default one is SMART_HOST. What these cannot say stands in a table of our own:
single recipients, senders, and every action. sendmail asks mailertable and SMART_HOST about senders too, so an action there
would refuse senders as well.

Private to the collection: it can change at any time.
"""

import typing as t

from .. import _addresses
from .._errors import OptionError
from .._model import policy_routes as _routes
from .._model.policy_record import Policy
from . import tables
from .capture_map import ROUTES_BEGIN as _BEGIN
from .discover import unsupported
from .draft import Draft
from .mailers import DISCARD

#: The table of our own; its keys are C(to:address), C(to:domain), C(to:.domain), C(from:address), C(from:domain) and C(default).
TABLE = tables.ROUTES
MAP = "postmaster_routes"
HELO = "postmaster_helo"
HOLD = "postmaster_hold"
DEFAULT = "default"
_END = "dnl --- end of the routes of the policy\n"

# Only recipients (e r) are asked about: the sender itself is parsed by the same rules.
_RULES = """\
LOCAL_CONFIG
K{map} {kind} {path}
LOCAL_RULE_0
R$+\t$: $1 $| $>PostmasterRouteTo $1
R$+ $| < $+ >\t$: $>MailerToTriple < $2 > $1
R$+ $| $*\t$: $1
LOCAL_NET_CONFIG
R$* < @ $* > $*\t$: $1 < @ $2 > $3 $| $>PostmasterRouteFrom $&f
R$* $| < $+ >\t$: $>MailerToTriple < $2 > $1
R$* $| $*\t$: $1
LOCAL_RULESETS
SPostmasterRouteTo
R$*\t$: < $&{{addr_type}} > $1
R< e s > $*\t$@
R< $* > $* < @ $+ . > $*\t< $1 > $2 < @ $3 > $4
R< $* > $+ < @ $+ > $*\t$: < ? > $2 < @ $3 >
R< ? > $+ < @ $+ >\t$: < $({map} to:$1@$2 $: ? $) > $1 < @ $2 >
R< ? > $+ < @ $+ >\t$: < $({map} to:$2 $: ? $) > $1 < @ . $2 >
R< ? > $+ < @ . $- . $+ >\t< $({map} to:.$3 $: ? $) > $1 < @ . $3 >
R< ? > $*\t$@
R< $+ > $+ < @ $+ >\t$@ < $1 >
R$*\t$@
SPostmasterRouteFrom
R$*\t$: < $&{{addr_type}} > $1
R< e s > $*\t$@
R< $* > $*\t$: $>canonify $2
R$+ < @ $+ . > $*\t$1 < @ $2 > $3
R$+ < @ $+ > $*\t$: < ? > $1 < @ $2 >
R< ? > $+ < @ $+ >\t$: < $({map} from:$1@$2 $: ? $) > $1 < @ $2 >
R< ? > $+ < @ $+ >\t$: < $({map} from:$2 $: ? $) > $1 < @ $2 >
R< ? > $*\t$: ?
R< $+ > $+ < @ $+ >\t$@ < $1 >
R$*\t$: < $({map} default $: ? $) >
R< ? >\t$@
R< $+ >\t$@ < $1 >
R$*\t$@
divert(0)dnl
"""


def apply(draft: Draft) -> None:
    """Put the routes into the draft."""
    routes = draft.policy.routes
    _set_default(draft, routes.default)
    ours = _above(routes.domains or ())
    lines: t.Dict[str, str] = {}
    for number, route in enumerate(routes.domains or ()):
        _add_domain(draft, f"policy.routes.domains[{number}]", route, ours, lines)
    for number, route in enumerate(routes.addresses or ()):
        path = f"policy.routes.addresses[{number}]"
        _add(draft, path, route, f"to:{route.address}", "address", lines)
    for number, route in enumerate(routes.senders or ()):
        path = f"policy.routes.senders[{number}]"
        _add(draft, path, route, f"from:{route.sender}", "sender", lines)
    draft.routes.extend(sorted(lines.items()))


def _set_default(draft: Draft, default: Policy) -> None:
    path = "policy.routes.default"
    if not default.as_dict():
        return
    _routes.check(path, default)
    if default.action:
        draft.routes.append((DEFAULT, _action(draft, default)))
    elif _routes.hosts(default):
        draft.define("SMART_HOST", next_hop(draft, path, default, ""))
    elif default.port or default.mx is False or _routes.has_manner(default):
        raise unsupported(path, default.as_dict(), "a route of each domain with host and port")


def _above(domains: t.Iterable[Policy]) -> t.Tuple[str, ...]:
    """Return the domains with an action that holds for their subdomains: a route below one must be asked for where that one is."""
    return tuple(f".{route.domain}" for route in domains if route.action and route.subdomains)


def _add_domain(draft: Draft, path: str, route: Policy, ours: t.Tuple[str, ...], lines: t.Dict[str, str]) -> None:
    _routes.check(path, route)
    keys = {route.domain: route.domain}
    if route.subdomains:
        keys[f".{route.domain}"] = f"%1.{route.domain}"
    if route.action or route.domain.endswith(ours):
        if route.subdomains and not route.action and not _routes.hosts(route):
            raise OptionError(f"{path}.subdomains", True, "below a domain that has an action the route needs a host")
        for key, itself in keys.items():
            _add(draft, path, route, f"to:{key}", "domain", lines, itself)
        return
    draft.mailertable.extend((key, next_hop(draft, path, route, itself)) for key, itself in keys.items())


def _add(
    draft: Draft, path: str, route: Policy, key: str, option: str, lines: t.Dict[str, str], itself: str = ""
) -> None:
    """Add a line of our own table.

    :param option: what the route is for.
    :param itself: the next hop of a route without a host.
    """
    _routes.check(path, route, needs_host=not itself)
    if key in lines:
        raise OptionError(f"{path}.{option}", getattr(route, option), f"the {option} has another route already")
    lines[key] = _action(draft, route) if route.action else next_hop(draft, path, route, itself)


def _action(draft: Draft, route: Policy) -> str:
    if route.action == _routes.REJECT:
        return f'error:{_routes.REFUSAL_STATUS}:"550 {_routes.refusal(route)}"'
    if route.action == _routes.DISCARD:
        draft.mailers[DISCARD] = _DISCARD
        return f"{DISCARD}:nowhere"
    draft.mailers[HOLD] = _smtp_mailer("mDFMuXa%", 1)
    return f"{HOLD}:[127.0.0.1]"


def next_hop(draft: Draft, path: str, route: Policy, itself: str) -> str:
    """Return mailer:host for mailertable and SMART_HOST; for a host in brackets no MX is looked up.

    :param itself: the next hop of a route without a host.
    """
    for name, nearest in _CANNOT:
        if getattr(route, name):
            draft.cannot(f"{path}.{name}", list(getattr(route, name)), nearest)
    return f"{_mailer(draft, route)}:{_where(route, itself)}"


def _where(route: Policy, itself: str) -> str:
    names = _routes.hosts(route)
    if names:
        return ":".join(_host(name, bool(route.mx)) for name in names)
    return f"[{itself}]" if route.mx is False else itself


#: What sendmail has for all connections together only.
_CANNOT = (
    ("protocols", "the address of the next hop in that IP version as its host, or policy.identity.protocols"),
    ("send_from", "an instance of its own (module sendmail_instance) with policy.identity.send_from"),
)


def _host(name: str, by_mx: bool) -> str:
    try:
        address = _addresses.address(name)
    except ValueError:
        return name if by_mx else f"[{name}]"
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"


def _mailer(draft: Draft, route: Policy) -> str:
    port = route.port or 25
    if route.esmtp is False:
        name = HELO if port == 25 else f"{HELO}{port}"
        # 2: never say EHLO, whatever the greeting says (op.me, 5.4).
        draft.mailers[name] = _smtp_mailer("mDFMuX2", port)
        return name
    if port == 25:
        return "esmtp"
    draft.mailers[f"esmtp{port}"] = _smtp_mailer("mDFMuXa", port)
    return f"esmtp{port}"


# A file mailer: /dev/null is the one file that everything can be written to.
_DISCARD = (
    "\tP=[FILE], F=lsDFMPEu, S=EnvFromL/HdrFromL, R=EnvToL/HdrToL,\n\t\tT=DNS/RFC822/X-Unix,\n\t\tA=FILE /dev/null"
)


def _smtp_mailer(flags: str, port: int) -> str:
    """Return the definition of the esmtp mailer of cf/mailer/smtp.m4 with other flags and another port.

    The flag % keeps mail from being tried, except in a run that names it; port 1 has nobody who would take it then.
    """
    return (
        f"\tP=[IPC], F={flags}, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990,\n"
        f"\t\tT=DNS/RFC822/SMTP,\n\t\tA=TCP $h {port}"
    )


def definitions(draft: Draft) -> str:
    """Return the mailers of the routes, as sendmail.mc defines them."""
    return "\n".join(f"M{name},{definition}" for name, definition in sorted(draft.mailers.items()))


def block(draft: Draft) -> str:
    """Return the rules that ask our table, as they stand at the end of sendmail.mc; nothing where it is empty."""
    if not draft.routes:
        return ""
    kind = draft.host.capabilities.default_table_type
    return _BEGIN + _RULES.format(map=MAP, kind=kind, path=draft.path(TABLE)) + _END
