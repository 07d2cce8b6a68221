# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host under an MTA, observed and judged: name service, network, kernel, disks, load, clock, daemon, certificate.

Private to the collection: it can change at any time.
"""

import functools
import os
import re
import socket
import ssl
import struct
import time
import typing as t

from .. import _parallel
from .._dns import lookups, resolver
from .._errors import PostmasterError
from .._model.finding import ERROR, NOTICE, WARNING, Finding, make_finding
from .._model.host import Running, is_compiled
from .._model.route import Settings
from .._runner import Runner
from .._smtp.certificate import Certificate, read_certificate
from . import helpers as _helpers
from .certificate import judge_certificate
from .helpers import HelperState

NETWORK = "/sys/class/net"
KERNEL_LOGS = ("/var/log/kern.log", "/var/log/messages", "/var/log/syslog")
#: Of a log only its end is read.
LOG_END = 2 * 1024 * 1024
#: Seconds that a name server has for the simplest question.
PATIENCE = 3.0
#: Seconds from which its answer is a slow one.
SLOW = 1.0
#: A file system with a smaller part free than this counts as full.
FULL = 0.01
#: More errors than this per packet are a fault, not an accident.
ERROR_RATE = 0.001
#: Seconds that the clock may differ from the controller's.
CLOCK_SECONDS = 60.0
#: So few errors are no fault, however few packets there were.
_FEW_ERRORS = 10
#: Lines of evidence in one finding.
_EXAMPLES = 5


class KernelMessage(t.NamedTuple):
    """A kind of kernel message that was the cause of a mail server's trouble once."""

    code: str
    severity: str
    pattern: "re.Pattern[str]"
    meaning: str


KERNEL_MESSAGES = (
    KernelMessage(
        "kernel_irq",
        ERROR,
        re.compile(r"No irq handler for vector|irq \d+: nobody cared"),
        "an interrupt has no handler: a network card can fall silent",
    ),
    KernelMessage(
        "kernel_watchdog",
        ERROR,
        re.compile(r"NETDEV WATCHDOG|transmit queue \d+ timed out"),
        "a network card does not send",
    ),
    KernelMessage(
        "kernel_link",
        WARNING,
        re.compile(r"(?i)\blink is down\b|\bnic link is down\b"),
        "the link of a network card went down",
    ),
    KernelMessage(
        "kernel_disk",
        ERROR,
        re.compile(r"I/O error|EXT4-fs error|XFS .*(corruption|error)|Remounting filesystem read-only"),
        "a disk fails",
    ),
    KernelMessage(
        "kernel_memory",
        WARNING,
        re.compile(r"Out of memory|oom-kill"),
        "the memory was full, and the kernel killed a process",
    ),
    KernelMessage(
        "kernel_table",
        WARNING,
        re.compile(r"nf_conntrack: table full|neighbour: .*table overflow"),
        "a network table is full, packets are dropped",
    ),
)


class Interface(t.NamedTuple):
    """A network interface with its counters since the start of the system."""

    name: str
    up: bool
    carrier: bool
    packets: int
    errors: int
    dropped: int


class Space(t.NamedTuple):
    """A file system.

    :param free: bytes that a program without privileges can have.
    :param inodes: 0 where there is no limit.
    """

    path: str
    size: int
    free: int
    inodes: int
    free_inodes: int
    read_only: bool


class InstanceState(t.NamedTuple):
    """An instance of an MTA as it runs.

    :param expected: addresses and ports that its configuration names one by one.
    :param changed: configuration files with the seconds since their change, the newest first.
    :param unread: files that changed after the daemon read them.
    :param helpers: the milters and the other programs that it asks, and whether they answer.
    """

    instance: str
    enabled: bool
    running: Running
    expected: t.Tuple[t.Tuple[str, int], ...]
    settings: Settings
    spaces: t.Tuple[Space, ...]
    changed: t.Tuple[t.Tuple[str, float], ...]
    unread: t.Tuple[str, ...]
    certificate: t.Optional[Certificate]
    helpers: t.Tuple[HelperState, ...] = ()


class HostState(t.NamedTuple):
    """What was observed of a host.

    :param cache: the cache between the C library and the DNS, for instance C(nscd); empty for none.
    :param servers: the name servers of resolv.conf with the seconds that they took; None for no answer.
    :param lookup_wait: seconds that every lookup waits for a silent name server.
    :param clock_offset: seconds that the clock is ahead of the controller's; None where it was not compared.
    :param undone: the checks that could not be done, and why.
    """

    cache: str
    servers: t.Tuple[t.Tuple[str, t.Optional[float]], ...]
    interfaces: t.Tuple[Interface, ...]
    kernel: t.Tuple[str, ...]
    load: float
    processors: int
    clock_offset: t.Optional[float]
    instances: t.Tuple[InstanceState, ...]
    now: float
    undone: t.Tuple[t.Tuple[str, str], ...] = ()
    lookup_wait: int = 5


# --- observing ----------------------------------------------------------------------------------------------------


def observe(
    runner: Runner,
    instances: t.Mapping[str, t.Callable[[], InstanceState]],
    controller_time: t.Optional[float],
    timeout: float,
) -> HostState:
    """Look at everything in parallel.

    :param instances: by name, the function that observes the instance.
    :param controller_time: seconds since the epoch, by the controller's clock.
    :param timeout: seconds for all checks; a check that is late is named in the answer.
    :raises PostmasterError: what an instance's function raises.
    """
    now = time.time()
    resolv = resolver.parse_resolv_conf(resolver.read(resolver.RESOLV_CONF))
    jobs: t.Dict[str, t.Callable[[], t.Any]] = {
        "cache": lambda: lookups.cache_in_the_path(runner, resolv),
        "kernel": lambda: kernel_messages(runner),
        "interfaces": interfaces,
    }
    jobs.update({f"server {address}": functools.partial(time_of_answer, address) for address in resolv.servers})
    jobs.update({f"instance {name}": work for name, work in instances.items()})
    values, undone = _observed(jobs, timeout)
    return HostState(
        cache=values.get("cache", ""),
        servers=tuple((address, values.get(f"server {address}")) for address in resolv.servers),
        interfaces=values.get("interfaces", ()),
        kernel=values.get("kernel", ()),
        load=os.getloadavg()[0],
        processors=os.cpu_count() or 1,
        clock_offset=None if controller_time is None else now - controller_time,
        instances=tuple(values[f"instance {name}"] for name in instances if f"instance {name}" in values),
        now=now,
        undone=undone,
        lookup_wait=resolv.timeout,
    )


def _observed(
    jobs: t.Mapping[str, t.Callable[[], t.Any]], timeout: float
) -> t.Tuple[t.Dict[str, t.Any], t.Tuple[t.Tuple[str, str], ...]]:
    """Return what the checks observed, by name, and the checks that did not end, with the reason."""
    outcomes = _parallel.together(jobs, timeout)
    for outcome in outcomes.values():
        if isinstance(outcome.problem, PostmasterError):
            raise outcome.problem
    troubles = {name: _parallel.trouble(outcomes.get(name)) for name in jobs}
    values = {name: outcomes[name].value for name, trouble in troubles.items() if not trouble}
    return values, tuple((name, trouble) for name, trouble in sorted(troubles.items()) if trouble)


def time_of_answer(address: str, port: int = 53, patience: float = PATIENCE) -> t.Optional[float]:
    """Return the seconds until a name server answers the question for the root's servers; None without an answer.

    The question is written here (RFC 1035 section 4.1), so that no library is needed.
    """
    number = os.urandom(2)
    question = number + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + b"\0" + struct.pack("!HH", 2, 1)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    started = time.monotonic()
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as connection:
            connection.connect((address, port))
            for part in (0.5, 1.0):
                connection.send(question)
                if _is_answered(connection, number, started + patience * part):
                    return time.monotonic() - started
    except OSError:
        pass
    return None


def _is_answered(connection: socket.socket, number: bytes, end: float) -> bool:
    while True:
        remaining = end - time.monotonic()
        if remaining <= 0:
            return False
        connection.settimeout(remaining)
        try:
            if connection.recv(65535)[:2] == number:
                return True
        except socket.timeout:
            return False


def interfaces(root: str = NETWORK) -> t.Tuple[Interface, ...]:
    """Read the network interfaces from sysfs, without the loopback."""
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    return tuple(_interface(root, name) for name in names if name != "lo" and os.path.isdir(os.path.join(root, name)))


def _interface(root: str, name: str) -> Interface:
    flags = resolver.read(os.path.join(root, name, "flags")).strip() or "0"
    carrier = resolver.read(os.path.join(root, name, "carrier")).strip() == "1"
    counters = {key: _counter(root, name, key) for key in _COUNTERS}
    packets = counters["rx_packets"] + counters["tx_packets"]
    errors = counters["rx_errors"] + counters["tx_errors"]
    return Interface(name, bool(int(flags, 16) & _UP), carrier, packets, errors, counters["rx_dropped"])


#: The flag of an interface that is up (netdevice(7), IFF_UP).
_UP = 1
_COUNTERS = ("rx_packets", "tx_packets", "rx_errors", "tx_errors", "rx_dropped")


def _counter(root: str, name: str, key: str) -> int:
    text = resolver.read(os.path.join(root, name, "statistics", key)).strip()
    return int(text) if text.isdigit() else 0


def kernel_messages(runner: Runner) -> t.Tuple[str, ...]:
    """Return the kernel messages that are worth a finding, from ring buffer, journal and logs, each once."""
    lines: t.List[str] = []
    for argv in (("dmesg",), ("journalctl", "-k", "-q", "--no-pager", "--since=-7d")):
        result = runner.run(argv, check=False, timeout=15)
        if result.rc == 0:
            lines += result.out.splitlines()
    for path in KERNEL_LOGS:
        lines += [line for line in _end_of(path).splitlines() if " kernel: " in line]
    telling = [line for line in lines if any(kind.pattern.search(line) for kind in KERNEL_MESSAGES)]
    return tuple(dict.fromkeys(telling))


def _end_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_END))
            return file.read(LOG_END).decode("utf-8", "replace")
    except OSError:
        return ""


def spaces(queues: t.Iterable[str]) -> t.Tuple[Space, ...]:
    """Return the file systems of queue directories.

    :param queues: sendmail's may be a pattern (C(/var/spool/mqueue/q*)); its file system is that of the parent directory.
    """
    paths = [os.path.dirname(path) if "*" in path else path for path in queues]
    return tuple(filter(None, (space(path) for path in paths)))


def space(path: str) -> t.Optional[Space]:
    """Return the file system of a directory; None where there is no such directory."""
    try:
        status = os.statvfs(path)
    except OSError:
        return None
    block = status.f_frsize or status.f_bsize
    read_only = bool(status.f_flag & getattr(os, "ST_RDONLY", 1))
    return Space(path, status.f_blocks * block, status.f_bavail * block, status.f_files, status.f_favail, read_only)


def changed_files(directory: str, now: float) -> t.Tuple[t.Tuple[str, float], ...]:
    """Return the files below a configuration directory with their age in seconds, the newest first, without compiled tables."""
    files = []
    for parent, dummy, names in os.walk(directory):
        for name in names:
            path = os.path.join(parent, name)
            if not is_compiled(name) and not os.path.islink(path):
                files.append((path, now - modified(path)))
    return tuple(sorted(files, key=lambda pair: pair[1]))


def modified(path: str) -> float:
    """Return when a file was changed, in seconds since the epoch; 0 where there is none."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def certificate_in(path: str) -> t.Optional[Certificate]:
    """Return the first certificate of a PEM file; None where there is none."""
    text = resolver.read(path) if path else ""
    start, end = text.find("-----BEGIN CERTIFICATE-----"), text.find("-----END CERTIFICATE-----")
    if start < 0 or end < start:
        return None
    try:
        return read_certificate(ssl.PEM_cert_to_DER_cert(text[start:end] + "-----END CERTIFICATE-----\n"))
    except ValueError:
        return None


# --- judging ------------------------------------------------------------------------------------------------------


def judge(state: HostState, recent: float) -> t.Tuple[Finding, ...]:
    """Return what is wrong with a host.

    :param recent: seconds; a younger change of the configuration is worth a notice.
    """
    findings = judge_servers(state) + judge_interfaces(state.interfaces) + judge_kernel(state.kernel)
    for instance in state.instances:
        findings += judge_instance(instance, state, recent)
    findings += _judge_clock(state.clock_offset)
    if not state.instances and not state.undone:
        findings.append(make_finding("no_mta", ERROR, "mta", "no MTA is installed here"))
    for name, trouble in state.undone:
        what = f"the check of {name} could not be done: {trouble}"
        findings.append(make_finding("check_undone", WARNING, name, what))
    return tuple(findings)


def judge_servers(state: HostState) -> t.List[Finding]:
    """Judge the name servers of resolv.conf: those that are silent, and those that are slow."""
    addresses = [address for address, dummy in state.servers]
    silent = {address: () for address, seconds in state.servers if seconds is None}
    findings = resolver.judge_silent(addresses, silent, state.lookup_wait)
    for address, seconds in state.servers:
        if seconds is not None and seconds > SLOW:
            what = f"the name server {address} needs {seconds:.1f} s for the simplest answer"
            findings.append(make_finding("slow_server", WARNING, address, what))
    return findings


def judge_interfaces(cards: t.Sequence[Interface]) -> t.List[Finding]:
    """Judge the network interfaces: links that should be up, and those with many errors."""
    findings = []
    for card in cards:
        if card.up and not card.carrier:
            what = f"the interface {card.name} is up but has no link"
            findings.append(make_finding("link_down", WARNING, card.name, what))
        if card.errors > card.packets * ERROR_RATE and card.errors > _FEW_ERRORS:
            what = f"the interface {card.name} counts {card.errors} errors in {card.packets} packets"
            findings.append(make_finding("interface_errors", WARNING, card.name, what, interface=card.name))
    return findings


def judge_kernel(lines: t.Sequence[str]) -> t.List[Finding]:
    """Judge the kernel messages by kind, with the last of them as evidence."""
    findings = []
    for kind in KERNEL_MESSAGES:
        matching = [line for line in lines if kind.pattern.search(line)]
        if matching:
            what = f"the kernel says that {kind.meaning} ({len(matching)} times)"
            findings.append(make_finding(kind.code, kind.severity, "kernel", what, matching[-_EXAMPLES:]))
    return findings


def _judge_clock(offset: t.Optional[float]) -> t.List[Finding]:
    if offset is None or abs(offset) <= CLOCK_SECONDS:
        return []
    side = "ahead of" if offset > 0 else "behind"
    what = f"the clock is {abs(offset):.0f} s {side} the controller's"
    return [make_finding("clock", WARNING, "clock", what)]


def judge_instance(state: InstanceState, host: HostState, recent: float) -> t.List[Finding]:
    """Judge one instance: its disks, its daemon, its sockets, its load limits, its files and its certificate."""
    findings: t.List[Finding] = []
    for file_system in state.spaces:
        findings += judge_space(file_system, state.settings.needed_bytes, state.instance)
    if state.enabled and state.running.pid is None:
        findings.append(make_finding("mta_down", ERROR, state.instance, f"{state.instance} does not run"))
    elif state.enabled:
        findings += _judge_listening(state)
        findings += _helpers.judge(state.instance, state.helpers)
    findings += _judge_load(state, host.load)
    findings += _judge_files(state, recent)
    if state.certificate:
        # Which of its names the clients use, only they know.
        judged = judge_certificate(state.certificate, "", state.settings.certificate, host.now)
        findings += [finding for finding in judged if finding.code != "certificate_name"]
    return findings


def judge_space(disk: Space, needed: int, instance: str) -> t.List[Finding]:
    """Judge whether a queue's file system is full, or nearly, in bytes or in inodes.

    :param needed: free bytes below which the MTA takes no mail.
    """
    where = f"the file system of {disk.path}, the queue of {instance},"
    if disk.read_only:
        what = f"{where} is read-only: no mail is taken"
        return [make_finding("queue_disk_read_only", ERROR, disk.path, what)]
    if disk.free < max(needed, disk.size * FULL):
        limit = f"; below {_size(needed)} no mail is taken" if disk.free < needed else ""
        what = f"{where} is full: {_size(disk.free)} of {_size(disk.size)} are free{limit}"
        return [make_finding("queue_disk_full", ERROR, disk.path, what, path=disk.path)]
    if disk.inodes and disk.free_inodes < disk.inodes * FULL:
        what = f"{where} has no inodes left: {disk.free_inodes} of {disk.inodes} are free"
        return [make_finding("queue_inodes_full", ERROR, disk.path, what, path=disk.path)]
    return []


def _judge_listening(state: InstanceState) -> t.List[Finding]:
    listening = set(state.running.listening)
    ports_everywhere = {port for address, port in listening if address in ("0.0.0.0", "::")}
    missing = [
        f"{address}:{port}"
        for address, port in state.expected
        if (address, port) not in listening and port not in ports_everywhere
    ]
    if not missing:
        return []
    what = f"{state.instance} does not listen where its configuration says: {', '.join(missing)}"
    return [make_finding("not_listening", ERROR, state.instance, what)]


def _judge_load(state: InstanceState, load: float) -> t.List[Finding]:
    limits = ((state.settings.refuse_load, "refuses connections"), (state.settings.queue_load, "only queues mail"))
    for limit, consequence in limits:
        if limit is not None and load >= limit:
            what = f"the load is {load:.1f}; from {limit:.0f} on {state.instance} {consequence}"
            return [make_finding("load", ERROR, state.instance, what)]
    return []


def _judge_files(state: InstanceState, recent: float) -> t.List[Finding]:
    findings = []
    for path in state.unread:
        what = f"{path} was changed after {state.instance} started, which reads it only then"
        findings.append(make_finding("not_reloaded", WARNING, path, what))
    young = [f"{path}, {_age(age)} ago" for path, age in state.changed if age < recent]
    if young:
        what = f"the configuration of {state.instance} was changed lately ({len(young)} files)"
        findings.append(make_finding("recently_changed", NOTICE, state.instance, what, young[:_EXAMPLES]))
    return findings


def _size(number: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def _age(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
