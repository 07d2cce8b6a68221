# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relay policy and native settings as the files of a Postfix instance.

Private to the collection: it can change at any time.

main.cf and master.cf are edited: comments, order and what nobody asked about stay. The tables are written whole.
"""

import os
import typing as t

from .._errors import OptionError, SyntaxProblem
from .._model.host import COMPILED_SUFFIXES, File, Host, Native, Rendering, compiled_names
from .._model.policy_record import Policy
from . import access, clients, load, main_cf, master_cf, routes, secret_tables, settings, tables, trusted_limits
from . import baseline as hardened
from . import native as natives
from .composition import with_hooks
from .draft import PREFIX, Draft
from .master_cf import Service, main_service, port_of
from .parameters import defaults

#: All tables that a policy can become.
TABLES = tuple(
    PREFIX + name
    for name in (
        "aliases",
        "commands",
        "greeting",
        "helo",
        "load",
        "local_domains",
        "recipient_domains",
        "recipients",
        "relay_domains",
        "rewrite_domains",
        "rewrite_masquerade",
        "rewrite_recipients",
        "rewrite_senders",
        "sender_hops",
        "sender_transports",
        "special",
        "tls",
        "transport",
    )
)
_COMPILED = tuple(sorted({suffix for suffixes in COMPILED_SUFFIXES.values() for suffix in suffixes}))

Current = t.Callable[[str], t.Optional[bytes]]


def render(host: Host, policy: Policy, native: Native, current: Current) -> Rendering:
    """Return the files of the instance that the policy and the natives become.

    :param current: reads a live file by its path relative to the configuration directory.
    :raises OptionError: an option that cannot be done, or a native setting that would not stay one setting.
    :raises SyntaxProblem: a live file that cannot be edited safely.
    """
    natives.refuse_others(native)
    main = _sound(current("main.cf"), _path(host, "main.cf"))
    services = master_cf.parse(current("master.cf") or b"").services
    builtin = defaults(host.runner)
    draft = Draft(policy, host.capabilities, builtin, main.values, services, lambda name: current(name) is not None)
    settings.apply(draft)
    settings.answers(draft)
    if policy.hardened:
        hardened.apply(draft)
    trusted_limits.apply(draft)
    own = natives.main_settings(native, set(draft.builtin) | set(draft.live) | set(draft.main))
    own, secret = secret_tables.set_apart(host, native, own)
    _compose(draft, native, own)
    content = main_cf.edit(main, draft.main)
    files = {name: File(text.encode()) for name, text in draft.tables.items()}
    files.update(secret)
    files.update(_leftovers(draft, current, content))
    files.update(secret_tables.leftovers(host, current, content))
    files["main.cf"] = File(content)
    decided = {name: value for name, value in draft.main.items() if value is not None}
    decided.update({name: natives.HIDDEN for name in native.main_secrets if name in decided})
    decided.update(_master(host, draft, native, current, files))
    return Rendering(files, dict(sorted(decided.items())), tuple(draft.notes))


def _compose(draft: Draft, native: Native, own: t.Mapping[str, t.Optional[str]]) -> None:
    """Put the native parameters into the draft, which they win over, with the tables that modules hook into their lists.

    :raises OptionError: rules that are hooked in would not mean what they say.
    """
    for name, value in own.items():
        before = (draft.main if name in draft.main else draft.live).get(name) or ""
        composed = with_hooks(name, value, before)
        _note_unused(draft, name, before, composed or "")
        draft.main[name] = composed
    values = {**draft.builtin, **draft.live, **{name: value or "" for name, value in draft.main.items()}}
    hooked = access.hooked(values)
    if hooked:
        _refuse_conflicts(own, access.conflicts(values, hooked))
        _refuse_stronger(draft, native, {table.asked_in for table in hooked})


def _refuse_conflicts(own: t.Mapping[str, t.Optional[str]], conflicts: t.Iterable[t.Tuple[str, str]]) -> None:
    """Refuse a native parameter that keeps the rules of the module access from meaning what they say."""
    for name, why in conflicts:
        if name in own:
            raise OptionError(f"main.{name}", own[name], why)


def _note_unused(draft: Draft, name: str, before: str, after: str) -> None:
    """Drop the tables of the policy that a native setting leaves unused, and say so."""
    for table in [table for table in draft.tables if f"$config_directory/{table}" in before]:
        if f"$config_directory/{table}" not in after:
            del draft.tables[table]
            draft.notes.append(f"main.{name}: it wins over the policy, whose table {table} is not used")


def _refuse_stronger(draft: Draft, native: Native, lists: t.AbstractSet[str]) -> None:
    """Refuse a native option of the main service that takes a restriction list, and the rules in it, out of force."""
    for key in access.MAIN_SERVICES:
        service = native.master.get(key)
        given_options = service.get("options") if isinstance(service, dict) else None
        options = given_options if isinstance(given_options, dict) else {}
        for name in lists & set(options):
            if options[name] is not None and ":$config_directory/access_" not in str(options[name]):
                why = "it is stronger than main.cf, where the rules of the module access are asked; set it in main"
                raise OptionError(f"master.{key}.options.{name}", options[name], why)


def _sound(content: t.Optional[bytes], path: str) -> main_cf.MainCf:
    main = main_cf.sound(main_cf.parse(content or b"", path))
    if not main.values:
        # Postfix itself takes it, and then hangs: somebody has lost the file, and we would hide the loss.
        raise SyntaxProblem(path, 0, "", "it sets no parameter at all; put the file back first")
    return main


def _leftovers(draft: Draft, current: Current, main: bytes) -> t.Dict[str, File]:
    """Return our tables that main.cf no longer names, and compiled tables of another type."""
    files: t.Dict[str, File] = {}
    named = {reference.name: reference.type for reference in tables.references(main_cf.parse(main).values)}
    for name in (*TABLES, *clients.present(lambda name: current(name) is not None)):
        expected = {name} if name in draft.tables else set()
        if name in named:
            expected.update((name, *compiled_names(named[name], name)))
        candidates = {name, *[name + suffix for suffix in _COMPILED]} - expected
        files.update({candidate: File(None) for candidate in candidates if current(candidate) is not None})
    return files


def _master(host: Host, draft: Draft, native: Native, current: Current, files: t.Dict[str, File]) -> t.Dict[str, str]:
    """Put master.cf among the files where something of it is decided."""
    routed = {**_route_services(draft), **load.services(draft, host)}
    policy = draft.policy
    if policy.identity.port is None and policy.limits.processes is None and not native.master and not routed:
        return {}
    content = current("master.cf")
    path = _path(host, "master.cf")
    if content is None:
        raise SyntaxProblem(path, 0, "", "the file is missing")
    master = master_cf.sound(master_cf.parse(content, path))
    changes = {**_policy_services(draft, master.services), **routed}
    former_keys = _former_keys(changes)
    present = {**master.services, **{service.key: service for service in _kept(changes)}}
    for key, service in natives.services(native, present).items():
        changes[former_keys.get(key, key)] = _by_policy(draft, key, service)
    files["master.cf"] = File(master_cf.edit(master, changes))
    _note_overrides(draft, native, changes, present)
    return {service.key: " ".join(master_cf.format_service(service).split()) for service in _kept(changes)}


def _by_policy(draft: Draft, key: str, service: t.Optional[Service]) -> t.Optional[Service]:
    """Return a native service; an SMTP client that is new connects as the policy says, unless its own options say how."""
    versions = draft.policy.identity.send_protocols
    if service is None or not versions or key in draft.present_services or "inet_protocols" in service.option_values:
        return service
    return routes.connecting_by(service, versions) if routes.senders({key: service}) else service


def _former_keys(changes: t.Mapping[str, t.Optional[Service]]) -> t.Dict[str, str]:
    """Return where in the file the services stand that get another name."""
    return {service.key: key for key, service in changes.items() if service is not None and service.key != key}


def _kept(changes: t.Mapping[str, t.Optional[Service]]) -> t.List[Service]:
    """Return the services that stay."""
    return [service for service in changes.values() if service is not None]


def _route_services(draft: Draft) -> t.Dict[str, t.Optional[Service]]:
    """Return the services of the routes, and None for those that no route uses any more."""
    gone = {key: None for key in draft.present_services if key.startswith(routes.SERVICE)}
    return {**gone, **draft.services}


def _policy_services(draft: Draft, services: t.Mapping[str, Service]) -> t.Dict[str, t.Optional[Service]]:
    """Return the services whose port or number of processes changes."""
    key = main_service(services)
    if key is None:
        return {}
    before = services[key]
    after = _with_port(before, draft.policy.identity.port)
    changes: t.Dict[str, t.Optional[Service]] = {}
    processes = draft.policy.limits.processes
    if processes is not None:
        # Behind postscreen it is the service smtpd/pass that serves the clients.
        server = services.get("smtpd/pass") if before.command == "postscreen" else after
        if server is not None and server is not after:
            changes["smtpd/pass"] = _with_processes(draft, server, processes)
        elif server is not None:
            after = _with_processes(draft, after, processes)
    changes[key] = after
    return {name: service for name, service in changes.items() if service != services[name]}


def _with_port(service: Service, port: t.Optional[int]) -> Service:
    current = port_of(service)
    if port is None or current == str(port) or (port == 25 and current == "smtp"):
        return service
    host, colon, dummy = service.name.rpartition(":")
    return service._replace(name=f"{host}{colon}{'smtp' if port == 25 else port}")


def _with_processes(draft: Draft, service: Service, wanted: int) -> Service:
    default = draft.live.get("default_process_limit", draft.builtin.get("default_process_limit", "100"))
    current = default if service.processes == "-" else service.processes
    return service if current == str(wanted) else service._replace(processes=str(wanted))


def _note_overrides(
    draft: Draft, native: Native, changes: t.Mapping[str, t.Optional[Service]], seen: t.Mapping[str, Service]
) -> None:
    """Note the options of the main service that are stronger than main.cf, and that nobody asked for in this run."""
    key = main_service(seen)
    if key is None or key in native.master:
        return
    for name, value in seen[key].options:
        if draft.main.get(name) not in (None, value):
            draft.notes.append(f"master.cf: {key}: -o {name}={value} is stronger than {name} in main.cf")


def _path(host: Host, name: str) -> str:
    return os.path.join(host.instance.config_directory, name)
