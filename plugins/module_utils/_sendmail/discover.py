# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sendmail that is installed: where its parts lie, which instances there are, and what it can do.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t
import weakref

from .. import _proc
from .._errors import CommandError, PostmasterError, Unsupported
from .._model.host import Capabilities, Host, Instance
from .._runner import Runner
from . import cf, units

CONFIG_DIRECTORY = "/etc/mail"
#: What sendmail said of itself, once for each runner.
_itself_by_runner: "weakref.WeakKeyDictionary[Runner, t.Tuple[str, str]]" = weakref.WeakKeyDictionary()


class Layout(t.NamedTuple):
    """Where a distribution keeps the parts of sendmail. The layout that exists is taken, whatever the distribution is called.

    :param tested: whether the collection's own tests run on it.
    :param program: the daemon with its full path, by which it must be started; otherwise SIGHUP ends it.
    :param cf_m4: the file that sendmail.mc includes first.
    :param domain: the DOMAIN file, empty where the distribution has none.
    :param group: the group that may read the tables.
    """

    label: str
    tested: bool
    program: str
    cf_m4: str
    ostype: str
    domain: str
    pid_file: str
    aliases: str
    service: str
    table_owner: str
    group: str
    queue_directory: str = "/var/spool/mqueue"


LAYOUTS = (
    Layout(
        label="Debian 12 and 13",
        tested=True,
        program="/usr/sbin/sendmail-mta",
        cf_m4="/usr/share/sendmail/cf/m4/cf.m4",
        ostype="debian",
        domain="debian-mta",
        pid_file="/var/run/sendmail/mta/sendmail.pid",
        aliases="/etc/mail/aliases",
        service="sendmail",
        table_owner="smmta",
        group="smmsp",
    ),
    Layout(
        label="SLES and openSUSE (not tested)",
        tested=False,
        program="/usr/sbin/sendmail",
        cf_m4="/usr/share/sendmail/m4/cf.m4",
        ostype="linux",
        domain="",
        pid_file="/run/sendmail.pid",
        aliases="/etc/aliases",
        service="sendmail",
        table_owner="root",
        group="root",
    ),
    Layout(
        label="RHEL and Fedora (not tested)",
        tested=False,
        program="/usr/sbin/sendmail.sendmail",
        cf_m4="/usr/share/sendmail-cf/m4/cf.m4",
        ostype="linux",
        domain="",
        pid_file="/run/sendmail.pid",
        aliases="/etc/aliases",
        service="sendmail",
        table_owner="root",
        group="smmsp",
    ),
)
TRUST_STORES = (
    ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs"),
    ("/etc/ssl/ca-bundle.pem", "/etc/ssl/certs"),
    ("/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/tls/certs"),
)


def layout() -> t.Optional[Layout]:
    """Return the layout whose daemon and m4 files are both on this host; None where there is no sendmail to configure."""
    for candidate in LAYOUTS:
        if os.path.exists(candidate.program) and os.path.exists(candidate.cf_m4):
            return candidate
    return None


def the_layout() -> Layout:
    """Return the layout of this host.

    :raises PostmasterError: where sendmail, or the m4 files that its configuration is built from, is not installed.
    """
    here = layout()
    if here is None:
        raise PostmasterError(
            "sendmail: neither of its known layouts is here (is the package with cf/m4/cf.m4 installed?)"
        )
    return here


def program(runner: Runner) -> str:
    """Return the program of sendmail. Where another MTA is there, too, the plain name can be that of the other one."""
    here = layout()
    return here.program if here else runner.which("sendmail") or "/usr/sbin/sendmail"


def trust_store() -> t.Optional[t.Tuple[str, str]]:
    """Return the system's file and directory of certificate authorities; None where there is none."""
    for store in TRUST_STORES:
        if os.path.exists(store[0]):
            return store
    return None


def instances(runner: Runner) -> t.Tuple[Instance, ...]:
    """Return the primary instance and those with a unit of ours; none where sendmail is not installed. No program is run."""
    if layout() is None:
        return ()
    others = [
        instance_in(name, directory)
        for name, directory in units.known()
        if os.path.exists(os.path.join(directory, "sendmail.cf"))
    ]
    return (Instance("sendmail", "sendmail", CONFIG_DIRECTORY, (queue_of(CONFIG_DIRECTORY),)), *others)


def instance_in(name: str, directory: str) -> Instance:
    """Return the additional instance whose configuration is in a directory."""
    return Instance("sendmail", name, directory, (queue_of(directory),), False, units.at_boot(name))


def queue_of(directory: str) -> str:
    """Return the QueueDirectory of a configuration, which may be a pattern."""
    return live_cf(directory).value("QueueDirectory") or the_layout().queue_directory


def live_cf(directory: str) -> cf.Cf:
    """Return the configuration that a daemon of this directory reads."""
    return parsed(content(os.path.join(directory, "sendmail.cf")))


def pid_file(directory: str) -> str:
    """Return where the daemon of a directory writes its process number."""
    return live_cf(directory).value("PidFile") or the_layout().pid_file


def listens(host: Host) -> bool:
    """Return whether the configuration lets it listen anywhere: a daemon of sendmail always does."""
    return True


def service_of(instance: Instance) -> str:
    """Return the service that runs an instance."""
    return the_layout().service if instance.primary else instance.name


def version(runner: Runner, instance: Instance) -> str:
    """Return what sendmail calls its version."""
    return _itself(runner)[0]


#: Table types, by the word that tells them in what sendmail says of its build.
_TABLE_TYPES = (("hash", "NEWDB"), ("btree", "NEWDB"), ("cdb", "CDB"), ("dbm", "NDBM"))


def capabilities(runner: Runner, instance: Instance) -> Capabilities:
    """Return what this build can do (sendmail -d0.13); it says so before it reads its configuration, good or bad."""
    number, description = _itself(runner)
    words = frozenset(re.findall(r"[A-Za-z0-9_]+", description))
    types = tuple(name for name, word in _TABLE_TYPES if word in words)
    features = {name for name, word in _FEATURES.items() if word in words}
    if _proc.has_ipv6():
        features.add("ipv6")
    if _proc.read_text("/proc/sys/net/ipv6/bindv6only").strip() == "1":
        features.add("bindv6only")
    if version_of(number) >= (8, 18) or "_FFR_REJECT_NUL_BYTE" in words:
        features.add("line_discipline")
    return Capabilities(version_of(number), number, types, types[0] if types else "", frozenset(features))


def host_of(runner: Runner, instance: Instance) -> Host:
    """Return an instance as the functions of the driver take it."""
    return Host(runner, instance, lambda: capabilities(runner, instance))


def _itself(runner: Runner) -> t.Tuple[str, str]:
    """Return the version, and all that sendmail says of how it was built; it is run once."""
    if runner not in _itself_by_runner:
        result = runner.run([the_layout().program, "-d0.13", "-bt"], stdin="", timeout=90, check=False)
        version = re.search(r"^Version ([0-9.]+)", result.out, re.MULTILINE)
        if not version:
            raise CommandError(result.argv, result.rc, result.out, result.err)
        _itself_by_runner[runner] = (version.group(1), result.out)
    return _itself_by_runner[runner]


_FEATURES = {
    "tls": "STARTTLS",
    "dane": "DANE",
    "eai": "USE_EAI",
    "sasl": "SASLv2",
    "reject_nul": "_FFR_REJECT_NUL_BYTE",
    "full_ipv6": "IPV6_FULL",
    "altnames": "_FFR_TLS_ALTNAMES",
}


def version_of(text: str) -> t.Tuple[int, ...]:
    """Return C(8.17.1.9) as numbers."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def block_size(directory: str) -> int:
    """Return the bytes in one block of a file system, the unit of MinFreeBlocks; 4096 where the directory does not exist yet."""
    try:
        return os.statvfs(directory).f_bsize or 4096
    except OSError:
        return 4096


def parsed(content: t.Optional[bytes]) -> cf.Cf:
    """Return a sendmail.cf, parsed; one that does not exist is empty."""
    return cf.parse((content or b"").decode("utf-8", "surrogateescape"))


def content(path: str) -> t.Optional[bytes]:
    """Return a file's content; None where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def unsupported(option: str, value: t.Any, nearest: str) -> Unsupported:
    """Return the error for an option that sendmail cannot do."""
    return Unsupported(option, value, "sendmail", nearest)
