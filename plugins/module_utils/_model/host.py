# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records that the drivers and everything above them share: host, instance, rendering, activation.

Private to the collection: it can change at any time.
"""

import typing as t

from .._runner import Runner

if t.TYPE_CHECKING:
    from typing import Protocol as Protocol  # pylint: disable=useless-import-alias  # others import it from here
else:
    #: Python 3.6 has none. The contract of a driver is for readers and for the type checker.
    Protocol = object


class Instance(t.NamedTuple):
    """One configured MTA on the host.

    :param name: C(postfix), C(postfix-EXT); C(sendmail), C(sm-EXT).
    :param config_directory: absolute path without a trailing slash; it is the unit that a change swaps.
    """

    mta: str
    name: str
    config_directory: str
    queue_directories: t.Tuple[str, ...]
    primary: bool = True
    enabled: bool = True


#: The files that are made of the source of a compiled lookup table, by table type; in the order in which a type is preferred.
COMPILED_SUFFIXES: t.Mapping[str, t.Tuple[str, ...]] = {
    "lmdb": (".lmdb",),
    "cdb": (".cdb",),
    "hash": (".db",),
    "btree": (".db",),
    "dbm": (".dir", ".pag"),
    "sdbm": (".dir", ".pag"),
}


def compiled_names(kind: str, name: str) -> t.Tuple[str, ...]:
    """Return the compiled files of a source; none for a type that is read as it is."""
    return tuple(name + suffix for suffix in COMPILED_SUFFIXES.get(kind, ()))


def is_compiled(path: str) -> bool:
    """Return whether a file is a compiled table, by its name."""
    return path.endswith(tuple(suffix for suffixes in COMPILED_SUFFIXES.values() for suffix in suffixes))


class Capabilities(t.NamedTuple):
    """What the installed MTA can do. It is asked itself; the distribution's name says nothing about it.

    :param version: for comparison, for instance (3, 7, 11).
    :param table_types: lookup table types this build can compile or read (C(postconf -m), C(sendmail -d0.4)).
    :param default_table_type: the type that new tables get.
    :param features: free words of the driver, for instance C(tls), C(dane).
    """

    version: t.Tuple[int, ...]
    version_text: str
    table_types: t.Tuple[str, ...]
    default_table_type: str
    features: t.FrozenSet[str] = frozenset()


class Host(t.NamedTuple):
    """Where a driver works: the way to the system, the instance, and what its MTA can do.

    :param ask: called for the capabilities when they are first needed: the question costs some processes.
    """

    runner: Runner
    instance: Instance
    ask: t.Callable[[], Capabilities]

    @property
    def mta(self) -> str:
        """Return the driver: C(postfix) or C(sendmail)."""
        return self.instance.mta

    @property
    def capabilities(self) -> Capabilities:
        """Return what the MTA can do, asked once."""
        return self.ask()


class File(t.NamedTuple):
    """The content that one file of the configuration directory shall have.

    :param content: the bytes; None removes the file.
    :param mode: the permission bits of a new file. An existing file keeps its own, with owner and labels.
    :param secret: whether its content is kept out of every diff.
    """

    content: t.Optional[bytes]
    mode: int = 0o644
    secret: bool = False


#: Files by their path relative to the configuration directory.
Files = t.Mapping[str, File]


class Rendering(t.NamedTuple):
    """The native configuration of one MTA for a policy and native settings.

    :param files: source files only; build() compiles tables (C(.db), C(.lmdb)) in the stage.
    :param settings: every setting that is decided, by native name, for the summary and the check.
    :param notes: what the baseline has and this MTA cannot do, one sentence each.
    """

    files: Files
    settings: t.Mapping[str, str]
    notes: t.Tuple[str, ...] = ()


class Native(t.NamedTuple):
    """Native settings, which win over the policy. Each driver refuses those that are not its own.

    :param main: Postfix parameters: name to value; None removes the parameter.
    :param main_secrets: the same, values never shown.
    :param master: Postfix services: C(service/type) to a mapping of the columns, C(options) and C(state).
    :param mc: sendmail m4 by section: C(defines), C(features), C(local_config), C(local_rule_0),
        C(local_rulesets), C(mailer_definitions), C(before_mailers).
    """

    main: t.Mapping[str, t.Any] = {}
    main_secrets: t.Mapping[str, t.Any] = {}
    master: t.Mapping[str, t.Any] = {}
    mc: t.Mapping[str, t.Any] = {}


NOTHING, RELOAD, RESTART = "nothing", "reload", "restart"


class Activation(t.NamedTuple):
    """What puts a change into force.

    :param kind: one of C(nothing) (tables that are read live), C(reload), C(restart).
    :param because: the settings or files that need it.
    :param serve: tables that the clients of before go on to need while it happens, in the words of the MTA.
    """

    kind: str
    because: t.Tuple[str, ...] = ()
    serve: t.Tuple[str, ...] = ()


class Running(t.NamedTuple):
    """The daemon as the system reports it.

    :param started: the start of the process in clock ticks since boot.
    :param refuses: why it has closed its ports for now, in its own words; empty where it has not.
    """

    pid: t.Optional[int]
    started: t.Optional[int]
    listening: t.Tuple[t.Tuple[str, int], ...] = ()
    refuses: str = ""
