# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host under the MTA: name service, network, kernel, disks, load, clock, daemon, certificate, recent changes.

Private to the collection: it can change at any time.
"""

import os
import re
import socket
import ssl
import struct
import time
import typing as t

from .. import _mta, _proc
from .. import _parallel as _together
from .._diagnosis.certificate import Certificate, read_certificate
from .._dns import lookups as _dnslook
from .._dns import resolver as _resolver
from .._errors import PostmasterError
from .._model.finding import ERROR, NOTICE, WARNING, Finding, as_facts
from .._model.host import Host, Running
from .._model.route import Settings
from .._runner import Runner
from . import route_info as _routes
from . import smtp as _smtptest

if t.TYPE_CHECKING:
    from .._postfix import daemon as _postfix_daemon  # noqa: F401
    from .._postfix import read as _postfix_read  # noqa: F401
    from .._sendmail import daemon as _sendmail_daemon  # noqa: F401
    from .._sendmail import read as _sendmail_read  # noqa: F401

ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    controller_time={"type": "float"},
    recent={"type": "float", "default": 86400.0},
    timeout={"type": "float", "default": 20.0},
)
NETWORK = "/sys/class/net"
KERNEL_LOGS = ("/var/log/kern.log", "/var/log/messages", "/var/log/syslog")
#: Of a log only its end is read.
LOG_END = 2 * 1024 * 1024
#: Seconds that a name server has for the simplest question.
PATIENCE = 3.0
SLOW = 1.0
#: Free parts of a file system below which it is as good as full.
FULL = 0.01
#: Errors in so many packets are a fault, not an accident.
ERROR_RATE = 0.001
CLOCK_SECONDS = 60.0
_EXAMPLES = 5

#: Kernel messages that were the cause of a mail server's trouble once.
KERNEL = (
    (
        "irq",
        ERROR,
        re.compile(r"No irq handler for vector|irq \d+: nobody cared"),
        "an interrupt has no handler: a network card can fall silent",
    ),
    ("watchdog", ERROR, re.compile(r"NETDEV WATCHDOG|transmit queue \d+ timed out"), "a network card does not send"),
    ("link", WARNING, re.compile(r"(?i)\blink is down\b|\bnic link is down\b"), "the link of a network card went down"),
    (
        "disk",
        ERROR,
        re.compile(r"I/O error|EXT4-fs error|XFS .*(corruption|error)|Remounting filesystem read-only"),
        "a disk fails",
    ),
    ("memory", WARNING, re.compile(r"Out of memory|oom-kill"), "the memory was full, and the kernel killed a process"),
    (
        "table",
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
    """A file system; free is what a program without privileges gets. I(inodes) is 0 where there is no limit."""

    path: str
    size: int
    free: int
    inodes: int
    free_inodes: int
    read_only: bool


class Daemon(t.NamedTuple):
    """An instance of an MTA as it runs.

    :param wanted: addresses and ports that its configuration names one by one.
    :param changed: configuration files with the seconds since their change, the newest first.
    :param unread: files that changed after the daemon read them.
    """

    instance: str
    enabled: bool
    running: Running
    wanted: t.Tuple[t.Tuple[str, int], ...]
    settings: Settings
    spaces: t.Tuple[Space, ...]
    changed: t.Tuple[t.Tuple[str, float], ...]
    unread: t.Tuple[str, ...]
    certificate: t.Optional[Certificate]


class Seen(t.NamedTuple):
    """What was seen of the host.

    :param servers: the name servers with the seconds they took, None for no answer.
    :param undone: the checks that came to nothing, and why.
    """

    cache: str
    servers: t.Tuple[t.Tuple[str, t.Optional[float]], ...]
    interfaces: t.Tuple[Interface, ...]
    kernel: t.Tuple[str, ...]
    load: float
    processors: int
    clock_offset: t.Optional[float]
    daemons: t.Tuple[Daemon, ...]
    now: float
    undone: t.Tuple[t.Tuple[str, str], ...] = ()


# --- seeing -------------------------------------------------------------------------------------------------------


def info(runner: Runner, params: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """What the module host_info returns.

    :raises PostmasterError: no such instance.
    """
    seen = see(runner, params)
    return dict(_facts(seen), findings=[as_facts(finding) for finding in judge(seen, params["recent"])])


def see(runner: Runner, params: t.Mapping[str, t.Any]) -> Seen:
    """Look at everything, side by side."""
    now = time.time()
    hosts = _hosts(runner, params)
    _mta.read_all(runner, params["mta"])
    resolv = _resolver.parse_resolv_conf(_resolver.read(_resolver.RESOLV_CONF))
    jobs: t.Dict[str, t.Callable[[], t.Any]] = {
        "cache": lambda: _dnslook.cache_in_the_path(runner, resolv),
        "kernel": lambda: kernel_messages(runner),
        "interfaces": interfaces,
    }
    jobs.update({f"server {address}": _server_job(address) for address in resolv.servers})
    jobs.update({f"instance {host.instance.name}": _daemon_job(host, now) for host in hosts})
    outcomes = _together.together(jobs, params["timeout"])
    for outcome in outcomes.values():
        if isinstance(outcome.problem, PostmasterError):
            raise outcome.problem
    troubles = {name: _together.trouble(outcomes.get(name)) for name in jobs}
    found = {name: outcomes[name].value for name, trouble in troubles.items() if not trouble}
    controller = params.get("controller_time")
    return Seen(
        found.get("cache", ""),
        tuple((address, found.get(f"server {address}")) for address in resolv.servers),
        found.get("interfaces", ()),
        found.get("kernel", ()),
        os.getloadavg()[0],
        os.cpu_count() or 1,
        None if controller is None else now - controller,
        tuple(found[name] for name in jobs if name.startswith("instance ") and name in found),
        now,
        tuple((name, trouble) for name, trouble in sorted(troubles.items()) if trouble),
    )


def _hosts(runner: Runner, params: t.Mapping[str, t.Any]) -> t.List[Host]:
    if params["instance"] not in (None, _mta.ALL):
        return [_mta.find(runner, params["mta"], params["instance"])]
    return [_mta.host(runner, instance) for instance in _mta.find_all(runner, params["mta"])]


def _server_job(address: str) -> t.Callable[[], t.Optional[float]]:
    return lambda: time_of_answer(address)


def _daemon_job(host: Host, now: float) -> t.Callable[[], Daemon]:
    return lambda: see_daemon(host, now)


def time_of_answer(address: str, port: int = 53, patience: float = PATIENCE) -> t.Optional[float]:
    """Seconds until a name server answers the question for the root's servers, whatever it says; None without an answer.

    Twenty bytes by hand (RFC 1035 section 4.1), so that no library is needed.
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
    """The network interfaces but the loopback, from sysfs."""
    found = []
    for name in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        flags = _resolver.read(os.path.join(root, name, "flags")).strip() or "0"
        if name != "lo" and os.path.isdir(os.path.join(root, name)):
            counters = {key: _counter(root, name, key) for key in _COUNTERS}
            carrier = _resolver.read(os.path.join(root, name, "carrier")).strip() == "1"
            packets = counters["rx_packets"] + counters["tx_packets"]
            errors = counters["rx_errors"] + counters["tx_errors"]
            found.append(Interface(name, bool(int(flags, 16) & 1), carrier, packets, errors, counters["rx_dropped"]))
    return tuple(found)


_COUNTERS = ("rx_packets", "tx_packets", "rx_errors", "tx_errors", "rx_dropped")


def _counter(root: str, name: str, key: str) -> int:
    text = _resolver.read(os.path.join(root, name, "statistics", key)).strip()
    return int(text) if text.isdigit() else 0


def kernel_messages(runner: Runner) -> t.Tuple[str, ...]:
    """The messages of the kernel that are worth a finding: of the ring buffer, the journal and the logs, each once."""
    lines: t.List[str] = []
    for argv in (("dmesg",), ("journalctl", "-k", "-q", "--no-pager", "--since=-7d")):
        said = runner.run(argv, check=False, timeout=15)
        lines += said.out.splitlines() if said.rc == 0 else []
    for path in KERNEL_LOGS:
        lines += [line for line in _end_of(path).splitlines() if " kernel: " in line]
    worth = [line for line in lines if any(pattern.search(line) for dummy, other, pattern, text in KERNEL)]
    return tuple(dict.fromkeys(worth))


def _end_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_END))
            return file.read(LOG_END).decode("utf-8", "replace")
    except OSError:
        return ""


def see_daemon(host: Host, now: float) -> Daemon:
    """One instance: whether it runs and listens where it should, its queue's disk, what changed lately, its certificate."""
    instance = host.instance
    settings = _routes.settings(host)
    running = host.driver.running(host)
    changed = changed_files(instance.config_directory, now)
    began = _proc.started_at(running.started)
    return Daemon(
        instance.name,
        instance.enabled,
        running,
        _wanted(host),
        settings,
        tuple(filter(None, (space(path) for path in _directories(instance.queue_directories)))),
        changed,
        tuple(path for path in settings.read_at_start if began and _modified(path) > began + 2),
        certificate_in(settings.certificate),
    )


def _directories(queues: t.Iterable[str]) -> t.List[str]:
    """sendmail's queue may be a pattern of directories (C(/var/spool/mqueue/q*)): the file system is that of their parent."""
    return [os.path.dirname(path) if "*" in path else path for path in queues]


def space(path: str) -> t.Optional[Space]:
    """The file system of a directory; None where there is no such directory."""
    try:
        known = os.statvfs(path)
    except OSError:
        return None
    block = known.f_frsize or known.f_bsize
    read_only = bool(known.f_flag & getattr(os, "ST_RDONLY", 1))
    return Space(path, known.f_blocks * block, known.f_bavail * block, known.f_files, known.f_favail, read_only)


def changed_files(directory: str, now: float) -> t.Tuple[t.Tuple[str, float], ...]:
    """The files below a configuration directory with their age in seconds, the newest first; compiled tables are left out."""
    found = []
    for parent, dummy, names in os.walk(directory):
        for name in names:
            path = os.path.join(parent, name)
            if not name.endswith((".db", ".lmdb", ".cdb")) and not os.path.islink(path):
                found.append((path, now - _modified(path)))
    return tuple(sorted(found, key=lambda pair: pair[1]))


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _wanted(host: Host) -> t.Tuple[t.Tuple[str, int], ...]:
    identity = host.driver.read(host)["policy"].get("identity") or {}
    places = [place for place in identity.get("listen") or () if place not in ("all", "loopback")]
    return tuple((str(place), int(identity.get("port") or 25)) for place in places)


def certificate_in(path: str) -> t.Optional[Certificate]:
    """The first certificate of a PEM file."""
    text = _resolver.read(path) if path else ""
    start, end = text.find("-----BEGIN CERTIFICATE-----"), text.find("-----END CERTIFICATE-----")
    if start < 0 or end < start:
        return None
    try:
        return read_certificate(ssl.PEM_cert_to_DER_cert(text[start:end] + "-----END CERTIFICATE-----\n"))
    except ValueError:
        return None


# --- judging ------------------------------------------------------------------------------------------------------


def judge(seen: Seen, recent: float) -> t.Tuple[Finding, ...]:
    """What is wrong with a host.

    :param recent: seconds; younger changes of the configuration are worth a notice.
    """
    found = judge_servers(seen.servers) + judge_interfaces(seen.interfaces) + judge_kernel(seen.kernel)
    for daemon in seen.daemons:
        found += judge_daemon(daemon, seen, recent)
    if seen.clock_offset is not None and abs(seen.clock_offset) > CLOCK_SECONDS:
        what = f"the clock is {abs(seen.clock_offset):.0f} s {'ahead of' if seen.clock_offset > 0 else 'behind'} the controller's"
        found.append(Finding("clock", WARNING, "clock", what, (), "chronyc makestep"))
    if not seen.daemons and not seen.undone:
        found.append(Finding("no_mta", ERROR, "mta", "no MTA is installed here"))
    for name, trouble in seen.undone:
        found.append(Finding("check_undone", WARNING, name, f"the check of {name} came to nothing: {trouble}"))
    return tuple(found)


def judge_servers(servers: t.Sequence[t.Tuple[str, t.Optional[float]]]) -> t.List[Finding]:
    """Name servers that are silent or slow; the codes are those of dns_info."""
    silent = [address for address, seconds in servers if seconds is None]
    if silent and len(silent) == len(servers):
        return [
            Finding("no_resolver", ERROR, "resolv.conf", "no name server of /etc/resolv.conf answers", tuple(silent))
        ]
    found = []
    for number, (address, seconds) in enumerate(servers):
        if seconds is None:
            first = number == 0
            what = f"the {'first ' if first else ''}name server of /etc/resolv.conf, {address}, does not answer"
            code = "first_resolver_silent" if first else "resolver_silent"
            remedy = f"mend {address}, or take it out: sed -i '/nameserver {address}/d' /etc/resolv.conf"
            found.append(Finding(code, ERROR if first else WARNING, address, what, (), remedy))
        elif seconds > SLOW:
            what = f"the name server {address} needs {seconds:.1f} s for the simplest answer"
            found.append(Finding("slow_server", WARNING, address, what))
    return found


def judge_interfaces(found: t.Sequence[Interface]) -> t.List[Finding]:
    """Links that are down although they should be up, and those with many errors."""
    findings = []
    for one in found:
        if one.up and not one.carrier:
            findings.append(Finding("link_down", WARNING, one.name, f"the interface {one.name} is up but has no link"))
        if one.errors > one.packets * ERROR_RATE and one.errors > 10:
            what = f"the interface {one.name} counts {one.errors} errors in {one.packets} packets"
            findings.append(Finding("interface_errors", WARNING, one.name, what, (), f"ip -s -s link show {one.name}"))
    return findings


def judge_kernel(lines: t.Sequence[str]) -> t.List[Finding]:
    """Kernel messages by kind, with the last of them as evidence."""
    found = []
    for kind, severity, pattern, text in KERNEL:
        mine = [line for line in lines if pattern.search(line)]
        if mine:
            what = f"the kernel says that {text} ({len(mine)} times)"
            found.append(Finding(f"kernel_{kind}", severity, "kernel", what, tuple(mine[-_EXAMPLES:])))
    return found


def judge_daemon(daemon: Daemon, seen: Seen, recent: float) -> t.List[Finding]:
    """What is wrong with one instance."""
    found = [
        finding for one in daemon.spaces for finding in judge_space(one, daemon.settings.needed_bytes, daemon.instance)
    ]
    if daemon.running.pid is None and daemon.enabled:
        what = f"{daemon.instance} does not run"
        found.append(Finding("mta_down", ERROR, daemon.instance, what))
    elif daemon.enabled:
        found += _judge_listening(daemon)
    found += _judge_load(daemon, seen)
    for path in daemon.unread:
        what = f"{path} was changed after {daemon.instance} started, which reads it only then"
        found.append(Finding("not_reloaded", WARNING, path, what))
    young = [f"{path}, {_age(age)} ago" for path, age in daemon.changed if age < recent]
    if young:
        what = f"the configuration of {daemon.instance} was changed lately ({len(young)} files)"
        found.append(Finding("recently_changed", NOTICE, daemon.instance, what, tuple(young[:_EXAMPLES])))
    if daemon.certificate:
        # Which names it is for, the clients decide.
        judged = _smtptest.judge_certificate(daemon.certificate, "", daemon.settings.certificate, seen.now)
        found += [finding for finding in judged if finding.code != "certificate_name"]
    return found


def judge_space(one: Space, needed: int, instance: str) -> t.List[Finding]:
    """A queue's file system that is full, or nearly, in bytes or in inodes."""
    where = f"the file system of {one.path}, the queue of {instance},"
    look = f"df -h {one.path}; df -i {one.path}; du -xsh {one.path}"
    if one.read_only:
        return [Finding("queue_disk_read_only", ERROR, one.path, f"{where} is read-only: no mail is taken")]
    if one.free < max(needed, one.size * FULL):
        want = f"; below {_size(needed)} no mail is taken" if one.free < needed else ""
        what = f"{where} is full: {_size(one.free)} of {_size(one.size)} are free{want}"
        return [Finding("queue_disk_full", ERROR, one.path, what, (), look)]
    if one.inodes and one.free_inodes < one.inodes * FULL:
        what = f"{where} has no inodes left: {one.free_inodes} of {one.inodes} are free"
        return [Finding("queue_inodes_full", ERROR, one.path, what, (), look)]
    return []


def _judge_listening(daemon: Daemon) -> t.List[Finding]:
    here = set(daemon.running.listening)
    everywhere = {port for address, port in here if address in ("0.0.0.0", "::")}
    missing = [place for place in daemon.wanted if place not in here and place[1] not in everywhere]
    named = ", ".join(f"{address}:{port}" for address, port in missing)
    if missing:
        what = f"{daemon.instance} does not listen where its configuration says: {named}"
        return [Finding("not_listening", ERROR, daemon.instance, what)]
    return []


def _judge_load(daemon: Daemon, seen: Seen) -> t.List[Finding]:
    for limit, consequence in (
        (daemon.settings.refuse_load, "refuses connections"),
        (daemon.settings.queue_load, "only queues mail"),
    ):
        if limit is not None and seen.load >= limit:
            what = f"the load is {seen.load:.1f}; from {limit:.0f} on {daemon.instance} {consequence}"
            return [Finding("load", ERROR, daemon.instance, what)]
    return []


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


def _facts(seen: Seen) -> t.Dict[str, t.Any]:
    return {
        "cache": seen.cache,
        "name_servers": [
            {"address": address, "seconds": None if seconds is None else round(seconds, 3)}
            for address, seconds in seen.servers
        ],
        "interfaces": [dict(one._asdict()) for one in seen.interfaces],
        "kernel_messages": list(seen.kernel[-20:]),
        "load": seen.load,
        "processors": seen.processors,
        "clock_offset": seen.clock_offset,
        "instances": [_daemon_facts(one) for one in seen.daemons],
    }


def _daemon_facts(daemon: Daemon) -> t.Dict[str, t.Any]:
    return {
        "name": daemon.instance,
        "running": daemon.running.pid is not None,
        "listening": [{"address": address, "port": port} for address, port in daemon.running.listening],
        "queue_file_systems": [dict(one._asdict()) for one in daemon.spaces],
        "needed_bytes": daemon.settings.needed_bytes,
        "closes_quotes": daemon.settings.closes_quotes,
        "certificate": dict(daemon.certificate._asdict(), names=list(daemon.certificate.names))
        if daemon.certificate
        else None,
        "changed_files": [{"path": path, "seconds": round(age)} for path, age in daemon.changed[:10]],
    }
