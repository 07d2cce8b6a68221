# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shadow instance: the candidate, run for a moment on a private loopback port, and asked.

Private to the collection: it can change at any time.

Postfix's own checks pass what makes smtpd die or answer 451 to everybody; only a Postfix that runs tells. The shadow has its own
queue, data, log and port. Loopback is a stranger for it, so that it shows what strangers are told. No message is ever sent.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import time
import typing as t

from .. import _proc, _scratch
from .._errors import Refused
from .._model import trust
from .._model.host import Host
from .._model.policy_record import Policy
from .._smtp.dialogue import Dialogue, Step, tls_context
from . import compile as compiled
from . import load, main_cf, master, master_cf
from .master_cf import Service, main_service
from .parameters import MalformedValue, expand, split_list

#: The master ends by itself after this many seconds, also when nobody is left to stop it (master(8), -e).
_LIFETIME = 60
_PATIENCE = 15.0
#: Where the shadow lives; maillog_file must lie below a directory of maillog_file_prefixes, which has /var.
_PARENT = "/var/tmp"
_PREFIX = "postmaster-shadow-"
#: Services that would take work of the live instance or of the local users.
_LEFT_OUT = frozenset(("pickup/unix", "pickup/fifo"))
#: A network for documentation (RFC 5737), which nobody connects from.
_NOBODY = "192.0.2.255/32"
_FOREIGN = "postmaster@foreign.example"
_HELLO = "shadow.example.com"
#: Strangers from so many networks are asked for.
_STRANGERS = 3
_COMPLAINTS = (" warning: ", " error: ", " fatal: ", " panic: ")
#: What the shadow complains about although the candidate is good.
_HARMLESS = (
    "dict_nis_init: NIS domain name not set",
    "hostname localhost does not resolve to address",
    "not owned by root: ",
    "not owned by postfix: ",
    "symlink leaves directory: ",
    "unable to look up public/pickup",
    *main_cf.HARMLESS,
)


def try_out(host: Host, stage: str, policy: Policy, values: t.Mapping[str, str]) -> t.List[str]:
    """Run the candidate and ask it; the findings, none is good. Nothing is left behind.

    :param values: the parameters of the candidate, over the built-in ones.
    """
    with _scratch.directory(_PREFIX, _PARENT, _stop) as scratch:
        return _in_scratch(host, stage, policy, values, scratch)


class Shadow(t.NamedTuple):
    """A candidate that runs.

    :param key: the service that is asked; empty where nothing listens.
    :param port: of a listener for which everybody is a stranger.
    :param claims: of a listener that believes who a client says that it is.
    """

    config: str
    queue: str
    key: str
    port: int
    claims: int


@contextlib.contextmanager
def running(host: Host, values: t.Mapping[str, str], extra: t.Mapping[str, str], lifetime: int) -> t.Iterator[Shadow]:
    """Run the live configuration as a shadow, to be asked many questions.

    :param extra: parameters of the shadow alone.
    :raises Refused: it does not start.
    """
    with _scratch.directory(_PREFIX, _PARENT, _stop) as scratch:
        shadow, findings = _start(host, host.instance.config_directory, values, scratch, extra, lifetime)
        if shadow is not None and not findings:
            findings = _await_greeting(shadow.claims, shadow.key, scratch)
        if shadow is None or findings:
            raise Refused(findings or ["master.cf: no service listens that could be asked"])
        yield shadow


def _in_scratch(host: Host, stage: str, policy: Policy, values: t.Mapping[str, str], scratch: str) -> t.List[str]:
    shadow, findings = _start(host, stage, values, scratch)
    if shadow is None or findings:
        return findings
    findings = _await_greeting(shadow.port, shadow.key, scratch) or _ask(shadow.port, shadow.key, policy, values)
    return (findings or _ask_as_others(shadow.claims, policy, values)) + _complaints(scratch)


def _start(
    host: Host,
    stage: str,
    values: t.Mapping[str, str],
    scratch: str,
    extra: t.Optional[t.Mapping[str, str]] = None,
    lifetime: int = _LIFETIME,
) -> t.Tuple[t.Optional[Shadow], t.List[str]]:
    """Start the candidate; return it and what is wrong. It is None where nothing listens."""
    os.chmod(scratch, 0o755)
    config = os.path.join(scratch, "etc")
    shutil.copytree(stage, config, symlinks=True, copy_function=_copy)
    _move_paths(config, host.instance.config_directory)
    port, claims = _free_port(), _free_port()
    key = _write_shadow(config, scratch, port, values, claims, extra)
    if key is None:
        return None, []
    queue = os.path.join(scratch, "queue")
    for path, like in (
        (queue, values.get("queue_directory", "")),
        (os.path.join(scratch, "data"), values.get("data_directory", "")),
    ):
        os.makedirs(path)
        _label(expand(like, values), path)
    shutil.chown(os.path.join(scratch, "data"), values.get("mail_owner", "postfix"))
    shadow = Shadow(config, queue, key, port, claims)
    checked = host.runner.run(["postfix", "-c", config, "check"], check=False, timeout=120)
    if checked.rc:
        return shadow, _complaints(scratch) or [f"postfix check: exit status {checked.rc}: {checked.err.strip()}"]
    program = os.path.join(expand(values.get("daemon_directory", ""), values), "master")
    started = host.runner.run([program, "-c", config, "-e", str(lifetime), "-w"], check=False, timeout=120)
    if started.rc:
        return shadow, _complaints(scratch) or [f"the master does not start: exit status {started.rc}"]
    return shadow, []


def _copy(source: str, target: str) -> None:
    """Copy a file with mode, times and owner: proxymap(8) reads tables as the mail owner. Nobody else can read it meanwhile."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(source, "rb") as original, os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(original, copy)
    status = os.stat(source)
    os.chown(target, status.st_uid, status.st_gid)
    shutil.copystat(source, target)


def _label(like: str, path: str) -> None:
    """Give a directory the SELinux label of the live one, where there are labels."""
    try:
        os.setxattr(path, "security.selinux", os.getxattr(like, "security.selinux"))
    except OSError:
        pass


def _move_paths(config: str, live: str) -> None:
    """Let the copy read its own files where main.cf or master.cf names them by their full path, and not the live ones."""
    named = re.compile(rb"(?<=[\s:,={(])" + re.escape(os.fsencode(live)) + rb"/")
    for name in ("main.cf", "master.cf"):
        path = os.path.join(config, name)
        _replace(path, named.sub(lambda match: os.fsencode(config) + b"/", _read(path)))


def _write_shadow(
    config: str,
    scratch: str,
    port: int,
    values: t.Mapping[str, str],
    claims: t.Optional[int] = None,
    extra: t.Optional[t.Mapping[str, str]] = None,
) -> t.Optional[str]:
    """Point the copy at the scratch directory; return the service that is asked, None where nothing listens.

    :param claims: the port on which a client may say that it is another one.
    """
    path = os.path.join(config, "main.cf")
    _replace(path, main_cf.edit(main_cf.parse(_read(path)), dict(_overrides(scratch), **(extra or {}))))
    compiled.settle(path)
    path = os.path.join(config, "master.cf")
    parsed = master_cf.parse(_read(path))
    key = main_service(parsed.services)
    if key is None:
        return None
    changes: t.Dict[str, t.Optional[Service]] = {}
    for name, service in parsed.services.items():
        changes[name] = _shadow_service(service, config) if service.type != "inet" and name not in _LEFT_OUT else None
    listener = _listener(parsed.services, key, port)
    changes[key] = listener
    if claims is not None:
        believing = listener._replace(name=f"127.0.0.1:{claims}")
        believing = believing._replace(options=believing.options + _believed(believing, values))
        changes[f"{believing.name}/inet"] = believing
    if "postlog/unix-dgram" not in changes:
        changes["postlog/unix-dgram"] = Service("postlog", "unix-dgram", "n", "-", "n", "-", "1", "postlogd")
    _replace(path, master_cf.edit(parsed, changes))
    return key


def _overrides(scratch: str) -> t.Dict[str, t.Optional[str]]:
    return {
        "queue_directory": os.path.join(scratch, "queue"),
        "data_directory": os.path.join(scratch, "data"),
        "maillog_file": os.path.join(scratch, "log"),
        "maillog_file_prefixes": scratch,
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mynetworks": _NOBODY,
        # Who is refused often waits a second for each reply, and here is refused often on purpose.
        "smtpd_error_sleep_time": "0",
        "smtp_bind_address": None,
        "smtp_bind_address6": None,
        "smtpd_milters": "",
        "non_smtpd_milters": "",
        "master_service_disable": "",
        "multi_instance_directories": None,
        "multi_instance_enable": None,
        "multi_instance_wrapper": None,
        "multi_instance_group": None,
        "multi_instance_name": None,
        "syslog_name": "shadow",
        "import_environment": None,
    }


def _shadow_service(service: Service, config: str) -> Service:
    """Return a service without chroot: the scratch queue has no copies of the system's files. Our own program is that of the copy."""
    return load.in_directory(service, config)._replace(chroot="n")


def _listener(services: t.Mapping[str, Service], key: str, port: int) -> Service:
    """Return the service on the relay's port; behind postscreen it is smtpd/pass that talks to those who pass."""
    service = services[key]
    if service.command == "postscreen":
        behind = services.get("smtpd/pass", service)
        service = service._replace(command="smtpd", arguments=behind.arguments, options=behind.options)
    return service._replace(name=f"127.0.0.1:{port}", type="inet", private="n", chroot="n", processes="-")


def _believed(service: Service, values: t.Mapping[str, str]) -> t.Tuple[t.Tuple[str, str], ...]:
    """Return the options of a listener that believes a client who says that it is another one (XCLIENT).

    There the candidate's own networks count, and loopback is none of them for longer than it takes to say so.
    """
    own = service.option_values.get("mynetworks", values.get("mynetworks", ""))
    return (("smtpd_authorized_xclient_hosts", "127.0.0.1"), ("mynetworks", own))


def _await_greeting(port: int, key: str, scratch: str) -> t.List[str]:
    """Return nothing if smtpd greets. One that dies when it starts leaves the connection open and says why in the log."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        with Dialogue("127.0.0.1", port, timeout=1.0) as talk:
            greeting = talk.connect()
            if greeting.code == 220:
                talk.quit()
                return []
        if greeting.code or _complaints(scratch) or time.monotonic() > deadline:
            return [f"{key}: no greeting: {greeting}"]


def _ask(port: int, key: str, policy: Policy, values: t.Mapping[str, str]) -> t.List[str]:
    """Return what is wrong with the answers to a stranger: greeting, EHLO, STARTTLS, a foreign recipient, a served one."""
    with Dialogue("127.0.0.1", port, timeout=_PATIENCE) as talk:
        greeting = talk.connect()
        if greeting.code != 220:
            return [f"{key}: no greeting: {greeting}"]
        hello = talk.ehlo(_HELLO)
        if hello.family != 2:
            return [f"{key}: EHLO is answered with {hello}"]
        findings = _ask_for_tls(talk, key, values)
        if talk.is_open:
            findings += _ask_for_relaying(talk, key, policy, values)
        talk.quit()
    return findings


def _ask_as_others(port: int, policy: Policy, values: t.Mapping[str, str]) -> t.List[str]:
    """Return what strangers from several networks are taken from: to others, and in the name of a domain of ours."""
    networks = trust.networks_in(split_list(_expanded(values, "mynetworks")))
    served = _served(policy, values)
    foreign = [("", f"postmaster@{domain}") for domain in trust.FOREIGN]
    foreign += [(f"postmaster@{served.rpartition('@')[2]}", foreign[0][1])] if served else []
    findings = []
    for client in trust.strangers(networks)[:_STRANGERS]:
        for (sender, recipient), step in _claiming(port, client, foreign):
            if step.family == 2:
                who = f"a stranger ({client}, from <{sender}>)"
                findings.append(f"smtpd_relay_restrictions: an open relay, {who} may send to {recipient}")
    return findings


_Envelope = t.Tuple[str, str]


def _claiming(port: int, client: str, envelopes: t.Sequence[_Envelope]) -> t.Iterator[t.Tuple[_Envelope, Step]]:
    """Yield the answers to RCPT that a client gets; none where the shadow does not believe who it is."""
    with Dialogue("127.0.0.1", port, timeout=_PATIENCE) as talk:
        if talk.connect().code != 220 or talk.ehlo(_HELLO).family != 2:
            return
        address = f"IPv6:{client}" if ":" in client else client
        if talk.command(f"XCLIENT ADDR={address} NAME=[UNAVAILABLE]", "xclient").family != 2:
            return
        talk.ehlo(_HELLO)
        for sender, recipient in envelopes:
            if talk.is_open and talk.mail(sender).family == 2:
                yield (sender, recipient), talk.rcpt(recipient)
                talk.rset()
        talk.quit()


def _expanded(values: t.Mapping[str, str], name: str) -> str:
    try:
        return expand(values.get(name, ""), values)
    except MalformedValue:
        return ""


def _ask_for_tls(talk: Dialogue, key: str, values: t.Mapping[str, str]) -> t.List[str]:
    level = expand(values.get("smtpd_tls_security_level", ""), values)
    if level not in ("may", "encrypt"):
        return []
    if "STARTTLS" not in talk.keywords:
        return [
            f"smtpd_tls_security_level: {level}, but {key} does not offer STARTTLS: certificate or key cannot be used"
        ]
    answer = talk.starttls(tls_context())
    if not talk.is_open:
        return [f"smtpd_tls_security_level: the TLS handshake fails: {answer}"]
    hello = talk.ehlo(_HELLO)
    return [] if hello.family == 2 else [f"{key}: EHLO inside TLS is answered with {hello}"]


def _ask_for_relaying(talk: Dialogue, key: str, policy: Policy, values: t.Mapping[str, str]) -> t.List[str]:
    findings = []
    sender = talk.mail("")
    if sender.family != 2:
        return [f"{key}: MAIL FROM:<> is answered with {sender}"]
    foreign = talk.rcpt(_FOREIGN)
    if foreign.family == 2:
        findings.append(f"smtpd_relay_restrictions: an open relay, a stranger may send to {_FOREIGN}")
    elif _is_broken(foreign.code, str(foreign)):
        findings.append(f"smtpd_relay_restrictions: RCPT TO:<{_FOREIGN}> is answered with {foreign}")
    elif foreign.family == 4 and policy.hardened:
        findings.append(f"smtpd_relay_restrictions: relaying is deferred instead of refused: {foreign}")
    served = _served(policy, values)
    if served and talk.is_open:
        answer = talk.rcpt(served)
        if _is_broken(answer.code, str(answer)) or "elay access denied" in str(answer):
            findings.append(f"relay_domains: RCPT TO:<{served}> is answered with {answer}")
    return findings


def _served(policy: Policy, values: t.Mapping[str, str]) -> str:
    """Return a recipient that must be taken."""
    if policy.relay.domains:
        return f"postmaster@{policy.relay.domains[0]}"
    local = "$myhostname" in values.get("mydestination", "") and expand(values.get("myhostname", ""), values)
    return f"postmaster@{local}" if local else ""


def _is_broken(code: int, text: str) -> bool:
    """Return whether there is no answer, or that of smtpd for a restriction or a table that it cannot use."""
    return not code or "Server configuration" in text or "4.3.0" in text or "4.3.5" in text


def _complaints(scratch: str) -> t.List[str]:
    """Return what the shadow logged, without dates and process names, each once."""
    complaints = []
    for line in _proc.read_text(os.path.join(scratch, "log")).splitlines():
        if any(word in line for word in _COMPLAINTS) and not any(word in line for word in _HARMLESS):
            text = line.partition("]: ")[2] or line
            complaints.append(text.replace(os.path.join(scratch, "etc"), "").replace(scratch, ""))
    return list(dict.fromkeys(complaints))


def _stop(scratch: str) -> None:
    """End the shadow's master and what it started."""
    pid = master.find_master(master.pid_file(os.path.join(scratch, "queue")))
    if pid is None or scratch not in _proc.read_text(f"/proc/{pid}/cmdline"):
        return
    others = _proc.children(pid)
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        _kill(pid, number)
        if _proc.ends(pid, patience):
            break
    for other in others:
        if not _proc.ends(other, 1.0):
            _kill(other, signal.SIGKILL)


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _replace(path: str, content: bytes) -> None:
    with open(path + ".new", "wb") as stream:
        stream.write(content)
    os.replace(path + ".new", path)
