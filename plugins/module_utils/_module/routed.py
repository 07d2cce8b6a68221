# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the running MTA where it sends mail for the domains whose route has changed.

Private to the collection: it can change at any time.
"""

import time
import typing as t

from .._driver.route import route_of
from .._model import policy_routes
from .._model.host import Host
from .._model.policy_record import Policy
from .._model.route import DISCARD, ERROR, REMOTE, UNKNOWN, Route, RouteQuestion
from .._smtp.verify_changes import MOST, SETTLING

_PAUSE = 0.2


class Change(t.NamedTuple):
    """A domain whose route has changed; I(route) is None where it has none any more."""

    domain: str
    route: t.Optional[Policy]


class Answered(t.NamedTuple):
    """What was asked: what is wrong, and what was verified, one sentence each."""

    findings: t.List[str]
    verified: t.List[str]


def changes(before: Policy, after: Policy) -> t.List[Change]:
    """Return the domains whose route is another one now; the first ones of many."""
    was, now = (_by_domain(policy) for policy in (before, after))
    names = [domain for domain in sorted({*was, *now}) if was.get(domain) != now.get(domain)]
    return [Change(domain, now.get(domain)) for domain in names[:MOST]]


def _by_domain(policy: Policy) -> t.Dict[str, Policy]:
    return {route.domain: route for route in policy.routes.domains or ()}


def ask(host: Host, changed: t.Sequence[Change]) -> Answered:
    """Ask for each domain until the answer is right, or SETTLING seconds are over. Nothing is sent."""
    answered = Answered([], [])
    deadline = time.monotonic() + SETTLING
    for change in changed:
        route = _settled(host, change, deadline)
        where = ", ".join(f"{hop.name}:{hop.port}" for hop in route.hops) or route.verdict
        if is_wrong(change, route):
            wish = "should have no route any more" if change.route is None else "has another route now"
            answered.findings.append(f"{change.domain} {wish}, but the MTA sends its mail to {where}: {route.because}")
        elif route.verdict != UNKNOWN:
            answered.verified.append(f"mail to {change.domain} goes to {where}: the MTA's own answer")
    return answered


def _settled(host: Host, change: Change, deadline: float) -> Route:
    question = RouteQuestion(f"postmaster@{change.domain}")
    while True:
        route = route_of(host.mta).trace(host, question)
        if not is_wrong(change, route) or time.monotonic() > deadline:
            return route
        time.sleep(_PAUSE)


def is_wrong(change: Change, route: Route) -> bool:
    """Return whether an answer is not what the change makes of the domain; what nobody can tell is not wrong."""
    if route.verdict == UNKNOWN:
        return False
    if change.route is None:
        return route.decided_by is not None and route.decided_by.key.lower() == change.domain
    if change.route.action:
        verdict = {policy_routes.REJECT: ERROR, policy_routes.DISCARD: DISCARD}.get(change.route.action)
        return verdict is not None and route.verdict != verdict
    hosts = {name.lower() for name in policy_routes.hosts(change.route)} or {change.domain}
    return route.verdict == REMOTE and not hosts & {hop.name.lower() for hop in route.hops}
