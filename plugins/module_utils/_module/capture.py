# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Catch mail in an instance of its own, and let it go again.

To start: the instance is there and configured before the first message is routed to it. To stop: the routes go first, then what
is still on its way arrives or is routed anew, then the mail is released, deleted or kept, and the instance goes last.

Private to the collection: it can change at any time.
"""

import os
import socket
import time
import typing as t

from .. import _addresses, _change, _mta, _proc, _result
from .._driver.capture import capture_of
from .._driver.capture_drain import drain_of
from .._driver.check import check_of
from .._driver.daemon import daemon_of
from .._driver.queue import queue_of
from .._driver.read import read_of
from .._driver.tables import tables_of
from .._errors import OptionError, PostmasterError, as_before
from .._model import capture
from .._model.capture import CaptureRoute, Endpoint, Envelope
from .._model.host import Activation, Host, Rendering
from .._model.policy_record import SILENT
from .._runner import Runner
from . import instance as _instances
from . import queue, relay
from .guard import guard_of
from .watched import CONFIRM_SPEC, confirm_by, watched

STARTED, STOPPED = "started", "stopped"
RELEASE, DELETE, KEEP = "release", "delete", "keep"
_PAUSE = 0.5

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_mta.ARGUMENT_SPEC,
    "state": {"type": "str", "choices": [STARTED, STOPPED], "default": STARTED},
    "from": {"type": "list", "elements": "str", "aliases": ["senders"]},
    "to": {"type": "list", "elements": "str", "aliases": ["recipients"]},
    "connect": {"type": "list", "elements": "str", "aliases": ["clients"]},
    "subdomains": {"type": "bool", "default": True},
    "address": {"type": "str"},
    "port": {"type": "int", "default": 25},
    "name": {"type": "str"},
    "mail": {"type": "str", "choices": [RELEASE, DELETE, KEEP]},
    "max": {"type": "int"},
    "timeout": {"type": "int", "default": 300},
    "by": {"type": "str"},
    "ticket": {"type": "str"},
    **CONFIRM_SPEC,
    "lock_timeout": {"type": "float", "default": 60},
}


# --- the routes -----------------------------------------------------------------------------------------------------


class Routing:
    """One change of the routes on the production instance."""

    def __init__(
        self,
        host: Host,
        routes: t.Sequence[CaptureRoute],
        hop: t.Optional[Endpoint],
        service: bool = False,
        release: t.Optional[Endpoint] = None,
        author: t.Optional[_change.Author] = None,
    ) -> None:
        self.host = host
        self.author = author or _change.Author("capture")
        self.routes = tuple(routes)
        self.hop = hop
        self.service = service
        self.release = release
        self.driver = capture_of(host.mta)
        self.daemon = daemon_of(host.mta)
        self.tables = tables_of(host.mta)
        self.directory = os.path.realpath(host.instance.config_directory)
        self.rendering = Rendering({}, {})
        self.verified: t.List[str] = []

    def transact(self, check_mode: bool, lock_timeout: float) -> _change.Outcome:
        """Take it all the way, or leave the host as it was."""
        return _change.transact(self.steps(), self.directory, check_mode, lock_timeout)

    def steps(self) -> _change.Steps:
        """Return the steps of this change, as the transaction takes them."""
        guard = guard_of(self.host)
        return _change.Steps(self.plan, self._build, self._check, self._activate, self._verify, self.author, guard)

    def plan(self) -> _change.Plan:
        """Return what is to be done on the host as it is now."""
        self.rendering = Rendering(self.driver.wire(self.host, self.routes, self.hop, self.service, self.release), {})
        files = _change.difference(self.directory, self.rendering.files)
        stale = self.tables.stale(self.host, self.rendering.files)
        ours = tuple(name for name in stale if name.startswith("capture"))
        activation = self.daemon.activation(self.host, self._current, self.rendering)
        return _change.Plan(self.directory, files, ours, activation)

    def _current(self, name: str) -> t.Optional[bytes]:
        try:
            with open(os.path.join(self.directory, name), "rb") as stream:
                return stream.read()
        except OSError:
            return None

    def _build(self, stage: str, names: t.Sequence[str]) -> None:
        self.tables.build(self.host, stage, names)

    def _check(self, stage: str) -> t.Sequence[str]:
        """Ask the MTA about a candidate, though only where more than a table changes."""
        if all(name.startswith("capture") for name in self._changing()):
            return ()
        inherited: t.List[str] = []
        findings = check_of(self.host.mta).check(self.host, stage, SILENT, self.rendering, inherited)
        self.verified += as_before(inherited)
        return findings

    def _changing(self) -> t.List[str]:
        return [change.name for change in _change.difference(self.directory, self.rendering.files)]

    def _activate(self, activation: Activation) -> None:
        self.daemon.activate(self.host, activation)

    def _verify(self) -> t.Sequence[str]:
        findings = self.driver.verify(self.host, self.routes, self.hop)
        if not findings:
            self.verified.append(f"{len(self.routes)} routes asked of the MTA")
        return findings


# --- the module -----------------------------------------------------------------------------------------------------


class CaptureWork(t.NamedTuple):
    """One run of the module.

    :param name: of the capture instance.
    :param done: sentences, in order.
    """

    runner: Runner
    params: t.Mapping[str, t.Any]
    host: Host
    name: str
    check_mode: bool
    done: t.List[str]
    diff: t.List[t.Dict[str, str]]
    verified: t.List[str]
    author: _change.Author


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Do what the module's parameters ask for, and say what was done.

    :raises PostmasterError: what could not be done; what was caught is in a queue still, or delivered.
    """
    runner = runner or Runner()
    routes = capture.parse(params)
    host = _mta.find(runner, params["mta"], params["instance"])
    name = params["name"] or f"{host.instance.mta}-capture"
    work = CaptureWork(runner, params, host, name, check_mode, [], [], [], _author(params, host))
    counts = _start(work, routes) if params["state"] == STARTED else _stop(work)
    return dict(
        {"generation": None, "confirm_by": None, **counts},
        changed=bool(work.done),
        actions=work.done,
        diff=work.diff,
        verified=work.verified,
        mta=host.instance.mta,
        instance=host.instance.name,
        capture_instance=name,
        routes=[route.title for route in routes] if params["state"] == STARTED else [],
    )


def _author(params: t.Mapping[str, t.Any], host: Host) -> _change.Author:
    """Return who changes the routes, watched where the change must be confirmed."""
    if params.get("confirm"):
        from . import expire  # noqa: F401  # the watcher: named here, it is sent along

        if params["state"] != STARTED:
            why = "what ends a capture removes its instance, to which nothing could go back"
            raise OptionError("confirm", params["confirm"], why)
    author = _change.Author("capture", params.get("by") or "", params.get("ticket") or "")
    return watched(author, host, params.get("confirm"))


def _start(work: CaptureWork, routes: t.Sequence[CaptureRoute]) -> t.Dict[str, t.Any]:
    params = work.params
    if not routes:
        raise OptionError("from", [], "what is to be caught: one of from, to, connect is needed")
    hop = capture.hop(params["address"], params["port"]) if params["address"] else None
    if hop is None:
        raise OptionError("address", None, "the address of this host on which the capture instance listens is needed")
    about = envelope(work.host, hop)
    capture_of(work.host.mta).refuse_hop(hop, about.release)
    if not work.check_mode:
        # Not started before it is configured: from its first moment it delivers nothing.
        _instance(work, "present", hop)
    _configure(work, about)
    _instance(work, "started", hop)
    generation = _route(work, Routing(work.host, routes, hop, author=work.author)).generation
    return {
        "caught": 0 if work.check_mode else len(_messages(work)),
        "released": 0,
        "deleted": 0,
        "generation": generation,
        "confirm_by": confirm_by(work.author, generation),
    }


def _stop(work: CaptureWork) -> t.Dict[str, t.Any]:
    _insist_on_a_word(work, _messages(work))
    deadline = time.monotonic() + work.params["timeout"]
    _end_routes(work, deadline)
    # What came in until the routes were out is caught as well.
    waiting = _messages(work)
    _insist_on_a_word(work, waiting)
    mail = work.params["mail"] if waiting else None
    released = _release(work, waiting, deadline) if mail == RELEASE else 0
    deleted = _act(work, "delete", waiting) if mail == DELETE else 0
    _end(work, keep=mail == KEEP)
    return {"caught": len(waiting), "released": released, "deleted": deleted}


def _end_routes(work: CaptureWork, deadline: float) -> None:
    """Take the routes out, and let what is on its way to the capture instance arrive."""
    hop = capture_of(work.host.mta).hop_there(work.host) or _listens(work)
    if not work.check_mode:
        _route(work, Routing(work.host, (), None, service=True, author=work.author))
        if hop is not None:
            work.done.extend(drain_of(work.host.mta).drain(work.host, hop, deadline))
    _route(work, Routing(work.host, (), None, author=work.author))


def _insist_on_a_word(work: CaptureWork, waiting: t.Sequence[t.Any]) -> None:
    mail, maximum = work.params["mail"], work.params["max"]
    if waiting and not mail:
        raise OptionError("mail", None, f"{len(waiting)} messages are caught; say release, delete or keep")
    if waiting and mail == DELETE and (maximum is None or len(waiting) > maximum):
        raise OptionError(
            "max", maximum, f"{len(waiting)} messages are caught, and max says how many may be deleted at most"
        )


def _route(work: CaptureWork, routing: Routing) -> _change.Outcome:
    outcome = routing.transact(work.check_mode, work.params["lock_timeout"])
    work.done.extend(list(outcome.healed) + outcome.plan.actions())
    work.diff.extend(_result.diff(outcome.plan))
    work.verified.extend(routing.verified)
    return outcome


# --- the capture instance -------------------------------------------------------------------------------------------


def _instance(work: CaptureWork, state: str, hop: t.Optional[Endpoint]) -> None:
    params = {
        "name": work.name,
        "config_directory": None,
        "queue_directory": None,
        "data_directory": None,
        "group": None,
        "listen": [hop.address] if hop else None,
        "port": hop.port if hop else 25,
        "state": state,
        "mail": "refuse",
        "lock_timeout": work.params["lock_timeout"],
    }
    answer = _instances.apply(work.host.instance.mta, params, work.check_mode, work.runner)
    work.done.extend(f"{work.name}: {action}" for action in answer["actions"])


def _there(work: CaptureWork) -> t.Optional[Host]:
    """Return the capture instance, where there is one."""
    named = [instance for instance in _mta.find_all(work.runner, work.host.instance.mta) if instance.name == work.name]
    return _mta.host(work.runner, named[0]) if named else None


def _configure(work: CaptureWork, about: Envelope) -> None:
    capture_host = _there(work)
    if capture_host is None:
        work.done.append(f"{work.name}: configure it to accept everything from this host and to deliver nothing")
        return
    params: t.Dict[str, t.Any] = {name: spec.get("default") for name, spec in relay.ARGUMENT_SPEC.items()}
    params.update(
        capture_of(capture_host.mta).settings(about),
        mta=capture_host.instance.mta,
        instance=capture_host.instance.config_directory,
        author="capture",
    )
    answer = relay.run(params, work.check_mode, work.runner)
    work.done.extend(f"{work.name}: {action}" for action in answer["actions"])
    work.diff.extend(answer["diff"])


def envelope(host: Host, hop: Endpoint) -> Envelope:
    """Return what the capture instance has to know of its host."""
    name = read_of(host.mta).read(host)["policy"].get("identity", {}).get("hostname") or socket.getfqdn()
    return Envelope(_proc.own_addresses(), hop, release_hop(host), f"capture.{name}")


def release_hop(host: Host) -> Endpoint:
    """Return where the production instance takes mail from this host: on loopback, if it listens there.

    :raises OptionError: it listens nowhere where it trusts the host itself.
    """
    live = read_of(host.mta).read(host)["policy"]
    identity, networks = live.get("identity", {}), live.get("relay", {}).get("networks") or ()
    port = identity.get("port") or 25
    places = list(identity.get("listen") or ("all",))
    if {"all", "loopback", "127.0.0.1"} & set(places):
        return Endpoint("127.0.0.1", port)
    for place in places:
        if _is_trusted(place, networks):
            return Endpoint(place, port)
    why = "what is released would have to come from there, and policy.relay.networks has none of these addresses"
    raise OptionError("instance", host.instance.name, f"it listens on {', '.join(places) or 'nothing'}; {why}")


def _is_trusted(place: str, networks: t.Iterable[str]) -> bool:
    address = _addresses.address(place)
    trusted = [_addresses.network(text) for text in networks]
    return any(address.version == network.version and address in network for network in trusted)


def _listens(work: CaptureWork) -> t.Optional[Endpoint]:
    """Return where the capture instance listens by its configuration. A stop that was interrupted has taken the routes out."""
    capture_host = _there(work)
    identity = read_of(capture_host.mta).read(capture_host)["policy"].get("identity", {}) if capture_host else {}
    places: t.Sequence[str] = identity.get("listen") or ()
    return (
        Endpoint(places[0], identity.get("port") or 25)
        if len(places) == 1 and places[0] not in ("all", "loopback")
        else None
    )


# --- its mail -------------------------------------------------------------------------------------------------------


def _messages(work: CaptureWork) -> t.List[t.Any]:
    capture_host = _there(work)
    return list(queue_of(capture_host.mta).messages(capture_host)) if capture_host else []


def _act(work: CaptureWork, action: str, messages: t.Sequence[t.Any]) -> int:
    """Do one action of the module queue on these messages of the capture instance."""
    params = {
        "mta": work.host.instance.mta,
        "instance": work.name,
        "action": action,
        "select": None,
        "messages": [{"id": message.id, "arrival": message.arrival} for message in messages],
        "max": work.params["max"] if action == "delete" else None,
        "limit": 0,
        "timeout": work.params["timeout"],
    }
    answer = queue.run(params, work.check_mode, work.runner)
    if answer["affected"]:
        work.done.append(f"{work.name}: {action} {answer['affected']} messages")
    return int(answer["affected"])


def _release(work: CaptureWork, waiting: t.Sequence[t.Any], deadline: float) -> int:
    """Give everything back to the production instance, and wait until it has it.

    :raises PostmasterError: the time is over, or something is refused; it is in the queue of the capture instance.
    """
    if work.check_mode:
        _act(work, "release", [message for message in waiting if message.status == "hold"])
        return len(waiting)
    target = release_hop(work.host)
    refused = drain_of(work.host.mta).refused(target, waiting)
    _route(work, Routing(work.host, (), None, release=target))
    _act(work, "release", [message for message in waiting if message.status == "hold" and message.id not in refused])
    _instance(work, "started", None)
    left = _leaving(work, refused)
    while left:
        if time.monotonic() > deadline:
            raise PostmasterError(_not_released(work, left, _reasons(left)))
        time.sleep(_PAUSE)
        left = _leaving(work, refused)
    if refused:
        raise PostmasterError(_not_released(work, list(refused), sorted(set(refused.values()))))
    _route(work, Routing(work.host, (), None))
    return len(waiting)


def _leaving(work: CaptureWork, staying: t.Container[str]) -> t.List[t.Any]:
    """Return what is still to be delivered, tried once more."""
    left = [message for message in _messages(work) if message.id not in staying]
    capture_host = _there(work)
    if left and capture_host is not None:
        queue_of(capture_host.mta).run_queue(capture_host)
    return left


def _reasons(messages: t.Sequence[t.Any]) -> t.List[str]:
    """Return why messages wait, each reason once."""
    reasons = set()
    for message in messages:
        reasons.add(message.reason)
        reasons.update(recipient.reason for recipient in message.recipients)
    return sorted(filter(None, reasons))


def _not_released(work: CaptureWork, left: t.Sequence[t.Any], reasons: t.Sequence[str]) -> str:
    why = f" ({'; '.join(reasons[:3])})" if reasons else ""
    return (
        f"{work.name}: {len(left)} messages are not released{why}; they are in its queue, and another run goes on with them, "
        "or deletes or keeps them"
    )


def _end(work: CaptureWork, keep: bool) -> None:
    """Stop the instance; it goes when nothing is in it."""
    if _there(work) is None:
        return
    _instance(work, "stopped", None)
    if not keep and work.check_mode:
        work.done.append(f"{work.name}: remove it")
    elif not keep:
        _instance(work, "absent", None)
