# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The native settings that, together with the policy that was read, reproduce a live configuration.

Private to the collection: it can change at any time.

The policy is rendered as a run of the module relay would do it, and compared with what is live. Wherever the effect would differ,
the live value becomes a native setting, which wins over the policy.
"""

import os
import re
import typing as t

from .. import _addresses, _files
from .._errors import OptionError, PostmasterError
from .._model import policy as _policy
from .._model.adopted import Adopted, Path, beyond, path_of, value_at, without
from .._model.host import Host, Native, Rendering
from .._result import looks_secret
from . import compile as compiled
from . import main_cf, master_cf, settings
from .draft import PREFIX, is_ours
from .master_cf import Service, main_service
from .native import main_settings
from .native import services as native_services
from .parameters import MalformedValue, defaults, expand, split_list
from .read import UNITS, Live, initial
from .render import render

#: Each round settles at least one difference; a configuration that needs more is not one that can be said.
_MOST_ROUNDS = 40
_TIME = re.compile(r"([0-9]+)([smhdw])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
#: Parameters that are times: a number without a unit has the parameter's own.
_TIMES = frozenset((*settings.TIMEOUTS.values(), *settings.QUEUE.values(), "smtp_helo_timeout", "smtpd_timeout"))
#: Lists whose elements may stand in a table of ours.
_PATTERNS = ("mydestination", "relay_domains", "mynetworks")
#: Maps in front of which a table of ours is put.
_MAPS = ("transport_maps", "smtp_tls_policy_maps", "alias_maps")
#: What no client of the net can have.
_OWN = ("::ffff:127.0.0.0/104", "::ffff:7f00:0/104")
#: Stands for the configuration directory where references to our tables are looked for.
_PLACE = "@config@"
_SWITCH = re.compile(r"(smtpd?)_(use_tls|enforce_tls|tls_security_level)\Z")
#: Parameters whose words Postfix takes in any case.
_ANY_CASE = re.compile(r"(_security_level|_ciphers|_forbid_bare_newline|_action)\Z")
#: The option that a parameter stands for, where there is one.
_OPTION: t.Dict[str, Path] = {
    "inet_interfaces": ("identity", "listen"),
    "inet_protocols": ("identity", "protocols"),
    "mydestination": ("identity", "local_domains"),
    "mynetworks": ("relay", "networks"),
    "relay_domains": ("relay", "domains"),
    "relayhost": ("routes", "default"),
    "smtp_tls_policy_maps": ("tls", "domains"),
    "smtp_tls_security_level": ("tls", "client", "level"),
    "smtpd_banner": ("identity", "banner"),
    "smtpd_tls_security_level": ("tls", "server", "level"),
    "transport_maps": ("routes", "domains"),
    settings.SUBDOMAINS: ("relay", "subdomains"),
    **{name: ("limits", option) for option, name in settings.LIMITS.items()},
    **{name: ("timeouts", option) for option, name in settings.TIMEOUTS.items()},
    **{name: ("queue", option) for option, name in settings.QUEUE.items()},
}
#: The option whose table stands in a list of restrictions, also in a native one.
_HOOKS: t.Dict[str, Path] = {
    "smtpd_client_restrictions": ("session", "greeting_delays"),
    "smtpd_helo_restrictions": ("session", "helo_checks"),
    "smtpd_sender_restrictions": ("session", "sender_domain_exists"),
}
#: The services that Postfix and Debian ship: service/type and its command.
_SHIPPED = dict(
    word.split("=")
    for word in (
        "smtp/inet=smtpd pickup/unix=pickup cleanup/unix=cleanup qmgr/unix=qmgr tlsmgr/unix=tlsmgr rewrite/unix=trivial-rewrite "
        "bounce/unix=bounce defer/unix=bounce trace/unix=bounce verify/unix=verify flush/unix=flush proxymap/unix=proxymap "
        "proxywrite/unix=proxymap smtp/unix=smtp relay/unix=smtp showq/unix=showq error/unix=error retry/unix=error "
        "discard/unix=discard local/unix=local virtual/unix=virtual lmtp/unix=lmtp anvil/unix=anvil scache/unix=scache "
        "postlog/unix-dgram=postlogd maildrop/unix=pipe uucp/unix=pipe ifmail/unix=pipe bsmtp/unix=pipe "
        "scalemail-backend/unix=pipe mailman/unix=pipe pickup/fifo=pickup qmgr/fifo=qmgr"
    ).split()
)
#: Options that shipped services have: they say how the service is named in the log.
_SHIPPED_OPTIONS = ("syslog_name", "smtp_fallback_relay")


def adopt(host: Host, live: t.Mapping[str, t.Any], defaults: bool) -> Adopted:
    """Return policy and natives that reproduce the instance, and what neither says."""
    policy = dict(live["policy"])
    work = _Work(host, policy if defaults else beyond(policy, initial(host)), live["unexpressed"])
    try:
        work.run()
    except PostmasterError as problem:
        # Nothing can be written on such a host before somebody repairs it, so there is nothing to promise.
        work.unexpressed["main.cf"] = str(problem)
    natives = {"main": dict(sorted(work.main.items())), "master": dict(sorted(work.master.items()))}
    return Adopted(
        work.policy,
        {name: values for name, values in natives.items() if values},
        dict(sorted(work.unexpressed.items())),
        work.shadowed(),
    )


class _Work:
    """What is being put together: policy, native parameters and services, and the rest."""

    def __init__(self, host: Host, policy: t.Dict[str, t.Any], unexpressed: t.Mapping[str, t.Any]) -> None:
        self.host = host
        self.directory = host.instance.config_directory
        self.live = Live(host)
        self.builtin = defaults(host.runner)
        self.policy = policy
        self.unexpressed: t.Dict[str, t.Any] = dict(unexpressed)
        self.main: t.Dict[str, t.Optional[str]] = {}
        self.master: t.Dict[str, t.Dict[str, t.Any]] = {}
        self.refused: t.Set[str] = set()

    def run(self) -> None:
        """Take over what no option says, then whatever the policy alone would change."""
        for name in self.unexpressed:
            if name in self.live.own:
                self._take(name)
        for key, service in self.live.services.items():
            fields = _beyond_shipped(self._without_policys(service))
            if fields:
                self._take_service(key, fields)
        for dummy in range(_MOST_ROUNDS):
            rendering = self._rendered()
            if rendering is not None and not self._settle(rendering):
                return

    def _without_policys(self, service: Service) -> Service:
        """Return a service without the options that the policy sets."""
        if not self.policy.get("identity", {}).get("send_protocols"):
            return service
        return service._replace(options=tuple(option for option in service.options if option[0] != "inet_protocols"))

    def shadowed(self) -> t.Dict[str, str]:
        """Return the options of the policy that a native parameter wins over."""
        options = {name: _OPTION[name] for name in self.main if name in _OPTION}
        return {
            ".".join(path): f"main.{name}"
            for name, path in sorted(options.items())
            if value_at(self.policy, path) is not None
        }

    def _take(self, name: str) -> bool:
        """Make the live value of a parameter a native setting, if it can be one."""
        value = self.live.own.get(name)
        if value is not None:
            # How it was broken into lines says nothing.
            value = " ".join(value.split())
        if value is not None and looks_secret(name, value):
            self.unexpressed[name] = "(a secret, not shown)"
            return False
        try:
            known = set(self.builtin) | set(self.live.own)
            self.main.update(main_settings(Native(main={name: value}), known))
            return True
        except OptionError as problem:
            self.unexpressed[name] = f"{value}: {problem.why}"
            return False

    def _take_service(self, key: str, fields: t.Dict[str, t.Any]) -> None:
        try:
            native_services(Native(master={key: fields}), {})
            self.master[key] = fields
        except OptionError as problem:
            self.unexpressed[f"master.cf {key}"] = f"{problem.value}: {problem.why}"

    def _rendered(self) -> t.Optional[Rendering]:
        """Render what there is so far; leave out the option that cannot be rendered, and return None then."""
        try:
            policy = _policy.parse(self.policy, "none")
            return render(self.host, policy, Native(main=self.main, master=self.master), self._current)
        except OptionError as problem:
            if not self._drop(problem):
                raise
            return None

    def _drop(self, problem: OptionError) -> bool:
        """Leave an option out, and note why."""
        section, dummy, name = problem.option.partition(".")
        if section == "policy":
            dropped = self._drop_option(path_of(problem.option))
        else:
            natives: t.Dict[str, t.Any] = self.main if section == "main" else self.master
            key = name if section == "main" else name.partition(".options")[0]
            dropped = natives.pop(key, None) is not None
        self.unexpressed[problem.option] = f"{problem.value}: {problem.why}"
        return dropped

    def _drop_option(self, path: Path) -> bool:
        """Leave an option out, or what demands it where it is not there; keep its parameter as a native one."""
        candidates = (path, (*path[:-1], "level"), path[:-1])
        path = next((name for name in candidates if value_at(self.policy, name) is not None), path)
        smaller = without(self.policy, path)
        dropped = smaller != self.policy
        self.policy = smaller
        names = [name for name, option in _OPTION.items() if option == path]
        names += [switch for name in names if _SWITCH.match(name) for switch in _older(name)]
        for name in names:
            if name in self.live.own:
                self._take(name)
        return dropped

    def _settle(self, rendering: Rendering) -> bool:
        """Make native what the rendering would change; return whether there was anything."""
        return self._settle_main(rendering) | self._settle_master(rendering)

    def _settle_main(self, rendering: Rendering) -> bool:
        after = main_cf.parse(_content(rendering, "main.cf")).values
        comparison = _Comparison(self.live, self.builtin, self.live.own, after, rendering)
        names = sorted(set(self.live.own) | set(after))
        changed = [name for name in names if name not in self.main and name not in self.refused]
        differing = [name for name in changed if not comparison.is_same(name)]
        for name in differing:
            if not self._take(name):
                self.refused.add(name)
                self._leave_option(name)
        return bool(differing) or self._settle_hooks(comparison)

    def _settle_hooks(self, comparison: "_Comparison") -> bool:
        """Leave out the option whose table is hooked into a native list; return whether there was one."""
        before = self.policy
        for name in sorted(set(self.main) & set(_HOOKS)):
            if not comparison.is_same(name):
                self.policy = without(self.policy, _HOOKS[name])
        return self.policy != before

    def _leave_option(self, name: str) -> None:
        """Leave out the option of a parameter that cannot be native: it would change the relay."""
        path = _OPTION.get(name) or _HOOKS.get(name)
        if path:
            self.policy = without(self.policy, path)

    def _settle_master(self, rendering: Rendering) -> bool:
        if "master.cf" not in rendering.files:
            return False
        before, after = self.live.services, master_cf.parse(_content(rendering, "master.cf")).services
        if before == after:
            return False
        # Only the main service's port and number of processes are the policy's.
        for option in (("identity", "port"), ("limits", "processes")):
            self.policy = without(self.policy, option)
        self.unexpressed[f"master.cf {main_service(before)}"] = "its port or number of processes"
        return True

    def _current(self, name: str) -> t.Optional[bytes]:
        return _files.read(os.path.join(self.directory, name))


def _content(rendering: Rendering, name: str) -> bytes:
    file = rendering.files.get(name)
    return (file.content if file is not None else None) or b""


def _beyond_shipped(service: Service) -> t.Dict[str, t.Any]:
    """Return the fields of a service that is not one that Postfix ships, or that has options of its own."""
    if _is_shipped(service):
        return {}
    fields: t.Dict[str, t.Any] = {"command": " ".join((service.command,) + service.arguments)}
    if service.key not in _SHIPPED:
        columns = {
            "private": service.private,
            "unpriv": service.unprivileged,
            "chroot": service.chroot,
            "wakeup": service.wakeup,
            "maxproc": service.processes,
        }
        fields.update({name: value for name, value in columns.items() if value != "-"})
    if service.options:
        fields["options"] = dict(service.options)
    return fields


def _is_shipped(service: Service) -> bool:
    """Return whether Postfix ships a service so, apart from columns."""
    if service.command != _SHIPPED.get(service.key) or (service.arguments and service.command != "pipe"):
        return False
    return all(name in _SHIPPED_OPTIONS for name, dummy in service.options)


class _Comparison:
    """Two versions of main.cf, and whether a parameter has the same effect in both."""

    def __init__(
        self,
        live: Live,
        builtin: t.Mapping[str, str],
        before: t.Mapping[str, str],
        after: t.Mapping[str, str],
        rendering: Rendering,
    ) -> None:
        self.live = live
        self.before = {**builtin, **before}
        self.after = {**builtin, **after}
        self.rendering = rendering

    def is_same(self, name: str) -> bool:
        """Return whether a parameter means the same before and after."""
        if _effect(name, self.before) == _effect(name, self.after):
            return True
        switch = _SWITCH.match(name)
        if switch:
            return _level(switch.group(1), self.before) == _level(switch.group(1), self.after)
        if name in _PATTERNS:
            return self._same_patterns(name)
        if name in _MAPS:
            return self._same_map(name)
        return False

    def _same_patterns(self, name: str) -> bool:
        old, new = self.live.patterns(name), self._patterns_after(name)
        if old is None:
            return False
        if name == "mynetworks":
            # The loopback network in its IPv4-mapped form is no address that a client can have.
            own = _OWN if "ipv6" in self.live.words("inet_protocols") else (*_OWN, "::1/128")
            return _networks(old).difference(own) == _networks(new).difference(own)
        return {word.lower() for word in old} == {word.lower() for word in new}

    def _patterns_after(self, name: str) -> t.List[str]:
        words = split_list(_expanded(self.after.get(name, ""), {**self.after, "config_directory": _PLACE}))
        ours = f"{_PLACE}/{PREFIX}"
        return [pattern for word in words for pattern in (self._entries_of(word) if ours in word else [word])]

    def _entries_of(self, word: str) -> t.Dict[str, str]:
        """Return the entries of a table of ours, as it is rendered."""
        table = word.rpartition("/")[2]
        return compiled.entries(_content(self.rendering, table))

    def _same_map(self, name: str) -> bool:
        """Return whether our table, put in front of the others, says only what the others say already."""
        old, new = split_list(self.before.get(name, "")), split_list(self.after.get(name, ""))
        ours = [word for word in new if is_ours(word)]
        if _without(new, ours) != _without(old, ours):
            return False
        entries = self._entries_before(old)
        if entries is None:
            return False
        rendered: t.Dict[str, str] = {}
        for word in ours:
            rendered.update(self._entries_of(word))
        return all(entries.get(key) == value for key, value in rendered.items())

    def _entries_before(self, tables: t.Sequence[str]) -> t.Optional[t.Dict[str, str]]:
        """Return the entries of several live tables; the first one that has a key counts. None where one cannot be read."""
        merged: t.Dict[str, str] = {}
        for table in tables:
            entries = self.live.table(_expanded(table, self.before))
            if entries is None:
                return None
            for key, value in entries.items():
                merged.setdefault(key, value)
        return merged


def _without(words: t.Sequence[str], others: t.Sequence[str]) -> t.List[str]:
    return [word for word in words if word not in others]


def _expanded(value: str, values: t.Mapping[str, str], stress: bool = False) -> str:
    try:
        return expand(value, values, stress)
    except MalformedValue:
        return value


def _effect(name: str, values: t.Mapping[str, str]) -> t.Tuple[str, ...]:
    """Return the words of a value, without and with stress; times in seconds, words of any case in lower case."""
    text = values.get(name, "")
    value = f"{_expanded(text, values)} {_expanded(text, values, stress=True)}"
    if name == "smtpd_forbid_bare_newline" and f"{name}_reject_code" in values:
        value = value.replace("yes", "normalize")
    if _ANY_CASE.search(name):
        value = value.lower()
    unit = UNITS.get(name, "s") if name in _TIMES else ""
    return tuple(_seconds(word, unit) for word in split_list(value))


def _seconds(word: str, unit: str) -> str:
    match = _TIME.match(word + unit if word.isdigit() else word)
    return f"{int(match.group(1)) * _SECONDS[match.group(2)]}s" if match else word


def _networks(words: t.Iterable[str]) -> t.Set[str]:
    try:
        return {str(_addresses.network(word)) for word in words}
    except ValueError:
        return set(words)


def _older(name: str) -> t.Tuple[str, str]:
    """Return the switches of the time before a parameter for the security level."""
    prefix = name.partition("_")[0]
    return f"{prefix}_use_tls", f"{prefix}_enforce_tls"


def _level(prefix: str, values: t.Mapping[str, str]) -> str:
    """Return the security level of one side; the older switches count where it is empty (postconf(5))."""
    level = _expanded(values.get(f"{prefix}_tls_security_level", ""), values)
    if level:
        return level.lower()
    if values.get(f"{prefix}_enforce_tls") == "yes":
        verifies = prefix == "smtp" and values.get("smtp_tls_enforce_peername", "") == "yes"
        return "verify" if verifies else "encrypt"
    return "may" if values.get(f"{prefix}_use_tls") == "yes" else "none"
