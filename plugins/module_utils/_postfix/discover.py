# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix instances: find them, and ask what they can do.

Private to the collection: it can change at any time.
"""

import grp
import os
import re
import tempfile
import typing as t

from .._model.host import COMPILED_SUFFIXES, Capabilities, Host, Instance
from .._runner import Runner
from . import main_cf
from .parameters import MalformedValue, defaults, expand, split_list

#: How distributions call the group of postdrop(1). Where it is another than the built-in one, main.cf says so.
_SETGID_GROUPS = ("postdrop", "maildrop")
#: Lookup table types that the daemons read once, when they start.
READ_AT_START = frozenset(("cidr", "inline", "pcre", "regexp", "texthash"))


def instances(runner: Runner) -> t.Tuple[Instance, ...]:
    """Return the primary instance and those of C(multi_instance_directories); none where Postfix is not installed.

    :raises CommandError: Postfix cannot read its own configuration; it names the file and the line.
    """
    if not runner.which("postconf"):
        return ()
    builtin = defaults(runner)
    directory = builtin["config_directory"].rstrip("/")
    values = settings(builtin, directory)
    others = split_list(values.get("multi_instance_directories", ""))
    instances = [instance_of(values, directory, True)]
    instances += [instance_of(settings(builtin, other), other.rstrip("/"), False) for other in others]
    return tuple(instances)


def version(runner: Runner, instance: Instance) -> str:
    """Return what Postfix calls its version."""
    return defaults(runner)["mail_version"]


def capabilities(runner: Runner, instance: Instance) -> Capabilities:
    """Return what this Postfix can do.

    :returns: features: C(tls), C(ipv6), and C(postconf:NAME) for nothing: parameter names are in defaults().
    """
    builtin = defaults(runner)
    types = _table_types(runner)
    linked = runner.run(["postconf", "-T", "compile-version"], check=False).out.strip()
    features = {"tls"} if linked else set()
    if os.path.exists("/proc/net/if_inet6"):
        features.add("ipv6")
    text = builtin["mail_version"]
    wanted = settings(builtin, instance.config_directory).get("default_database_type", "hash")
    return Capabilities(version_of(text), text, types, _table_type(wanted, types), frozenset(features))


def _table_types(runner: Runner) -> t.Tuple[str, ...]:
    """Return the types of tables that this build has.

    postconf(1) reads main.cf even for this question. A way back must be possible where there is none, or only half of it.
    """
    listed = runner.run(["postconf", "-m"], check=False)
    if listed.rc:
        with tempfile.TemporaryDirectory(prefix="postmaster-") as scratch:
            with open(os.path.join(scratch, "main.cf"), "w") as stream:
                stream.write("setgid_group = {}\n".format(_setgid_group()))
            listed = runner.run(["postconf", "-c", scratch, "-m"])
    return tuple(listed.out.split())


def _setgid_group() -> str:
    """Return the group of postdrop(1) on this host: no program of Postfix answers where it does not exist."""
    known = {group.gr_name for group in grp.getgrall()}
    return next((name for name in _SETGID_GROUPS if name in known), _SETGID_GROUPS[0])


def version_of(text: str) -> t.Tuple[int, ...]:
    """Return C(3.7.11) as (3, 7, 11); snapshots such as C(3.11-20250101) keep their first two numbers."""
    return tuple(int(number) for number in re.findall(r"\d+", text.split("-")[0])[:3])


def settings(builtin: t.Mapping[str, str], directory: str) -> t.Dict[str, str]:
    """Return the parameters of an instance, as they are written, over the built-in ones."""
    path = os.path.join(directory, "main.cf")
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except (IOError, OSError):
        content = b""
    return dict(builtin, **dict(main_cf.parse(content, path).values, config_directory=directory))


def setting(host: Host, name: str) -> str:
    """Return one parameter of the live instance, expanded."""
    values = settings(defaults(host.runner), host.instance.config_directory)
    return expand(values.get(name, ""), values)


def listens(host: Host) -> bool:
    """Return whether the instance has TCP services at all: postmulti(1) switches them off in those that it creates."""
    return not {"inet", "smtp/inet", "smtp.inet"} & set(split_list(setting(host, "master_service_disable")))


def instance_of(values: t.Mapping[str, str], directory: str, primary: bool) -> Instance:
    """Return an instance from its parameters."""
    name = values.get("multi_instance_name") or ("postfix" if primary else os.path.basename(directory))
    enabled = primary or values.get("multi_instance_enable") == "yes"
    try:
        queue = expand(values["queue_directory"], values)
    except MalformedValue:
        queue = values["queue_directory"]
    return Instance("postfix", name, directory, (queue,), primary, enabled)


def _table_type(wanted: str, types: t.Sequence[str]) -> str:
    """Return the configured type if this build has it, else the best indexed one that it has."""
    usable = [kind for kind in (wanted, *COMPILED_SUFFIXES) if kind in types and kind in COMPILED_SUFFIXES]
    return usable[0] if usable else "texthash"
