# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of the policy at once: set or left out by its name, read back as it was written, and gone when it leaves."""

from __future__ import annotations

import typing as t

import labhosts
import pytest
from whole_vocabulary import EVERYTHING

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as relay_policy

#: Options that need what the lab's relays have not, or have no example for another reason; other tests set them.
ELSEWHERE = {
    "identity.listen",
    "identity.port",
    "identity.send_from",
    "limits.trusted.messages",
    "limits.trusted.recipients",
    "recipients.tables",
    "routes.default.action",
    "routes.default.esmtp",
    "routes.default.hosts",
    "routes.default.port",
    "routes.default.protocols",
    "routes.default.send_from",
    "routes.default.text",
    "tls.client.certificate",
    "tls.client.ciphers",
    "tls.client.key",
    "tls.server.ciphers",
    "tls.server.level",
}
Options = t.Dict[str, t.Any]


@pytest.mark.long
@pytest.mark.parametrize("host", [host for host in labhosts.RELAYS if host.name in ("pf13", "sm13")], ids=str)
def test_every_option_is_set_read_back_and_gone_again(host: labhosts.Host, policy: Options) -> None:
    before = host.read_back()
    wanted = _with_everything(policy)
    assert set(_names(relay_policy.SECTIONS)) - set(_flat(wanted)) <= ELSEWHERE
    try:
        answer = host.apply(wanted, unsupported="note")
        assert not answer.get("failed"), answer["msg"]
        assert host.apply(wanted, unsupported="note")["changed"] is False
        live = host.read_back()["policy"]
        assert _differences(wanted, live) == _left_out(answer["notes"])
    finally:
        assert not host.apply(policy).get("failed")
    assert host.read_back() == before


def _with_everything(policy: Options) -> Options:
    """Return the fleet's policy with an example of every option over it."""
    whole = dict(policy)
    for section, options in EVERYTHING.items():
        whole[section] = dict(whole.get(section) or {})
        for name, value in options.items():
            inner = section == "tls" and isinstance(value, dict)
            whole[section][name] = {**(whole[section].get(name) or {}), **value} if inner else value
    return {**whole, "aliases": EVERYTHING["aliases"]}


def _left_out(notes: t.Iterable[str]) -> t.Set[str]:
    """Return the options that a relay says it leaves out."""
    return {note.split(": ")[1][len("policy.") :] for note in notes if note.startswith("left out: ")}


def _differences(wanted: Options, live: Options) -> t.Set[str]:
    """Return the options that are read back with another meaning than they were written with."""
    written, read = (_flat(relay_policy.parse(policy, "none").as_dict()) for policy in (wanted, live))
    return {name for name, value in written.items() if _meaning(name, value) != _meaning(name, read.get(name))}


def _meaning(name: str, value: t.Any) -> t.Any:
    """Return a value without what goes without saying: a host is no MX, and both IP versions are what a relay of the lab has."""
    if name == "identity.protocols":
        return value or ["ipv4", "ipv6"]
    if name == "relay.domains":
        return sorted(value)
    if name.startswith("routes.") and isinstance(value, list):
        return [{"mx": False, **row} if {"host", "hosts"} & set(row) else row for row in value]
    return value


def _flat(options: Options, path: str = "") -> Options:
    """Return every option with its dotted name."""
    flat: Options = {}
    for name, value in options.items():
        inner = isinstance(value, dict) and path + name != "aliases"
        flat.update(_flat(value, f"{path}{name}.") if inner else {path + name: value})
    return flat


def _names(options: t.Iterable[t.Any], path: str = "") -> t.Iterator[str]:
    """Yield the dotted name of every option of the table."""
    for option in options:
        if option.kind.options and option.kind.spec["type"] == "dict":
            yield from _names(option.kind.options, f"{path}{option.name}.")
        else:
            yield path + option.name
