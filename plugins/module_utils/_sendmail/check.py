# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge a candidate configuration before it goes live.

Three gates, each only if the one before found nothing: our own reading, for what m4 and sendmail let pass; sendmail's parser
and its rulesets, which say who may relay; a shadow daemon on a private port that is asked.

The candidate names the live directory. What is run is a copy of its cf in which these names point into the stage.

Private to the collection: it can change at any time.
"""

import difflib
import errno
import ipaddress
import os
import re
import socket
import ssl
import stat
import typing as t

from .. import _scratch
from .._errors import known
from .._model.host import Host, Rendering
from .._model.policy_record import Policy
from . import cf, daemon, discover, mc, rulesets, shadow

_FOREIGN = "postmaster@foreign.example"
_CONF_NAME = re.compile(rb"\bconf[A-Z0-9_]+\b")


def check(
    host: Host,
    stage: str,
    policy: Policy,
    rendering: Rendering,
    inherited: t.Optional[t.List[str]] = None,
) -> t.Tuple[str, ...]:
    """Return the defects of the candidate in I(stage), each with its setting; no defect means that it can go live.

    :param inherited: gets the defects that the live configuration has as well; they are not returned then.
    """
    findings = _static(host, cf.parse(_read(os.path.join(stage, "sendmail.cf"))), rendering)
    if findings and inherited is not None:
        live = cf.parse(_read(os.path.join(host.instance.config_directory, "sendmail.cf")))
        inherited += known(findings, _static(host, live, rendering))
        findings = [finding for finding in findings if finding not in inherited]
    return tuple(findings) or _tried(host, stage, policy)


def _tried(host: Host, stage: str, policy: Policy) -> t.Tuple[str, ...]:
    """Return what sendmail itself says of the candidate: its parser, its rulesets, a shadow daemon."""
    with _scratch.directory("postmaster-shadow-", _scratch.private_parent(), shadow.stop) as scratch:
        return tuple(_asked(host, stage, policy, scratch))


def _asked(host: Host, stage: str, policy: Policy, scratch: str) -> t.List[str]:
    text = _read(os.path.join(stage, "sendmail.cf"))
    candidate = cf.parse(text)
    copy = os.path.join(scratch, "sendmail.cf")
    _write(copy, staged(text, host.instance.config_directory, stage))
    source = os.path.join(stage, "sendmail.mc")
    blame = _native_lines(_read(source)) if os.path.exists(source) else {}
    findings = _parsed(host, copy, stage, blame) or _relaying(host, copy, policy, candidate)
    if findings:
        return findings
    return shadow.try_out(host, _read(copy), scratch, policy, candidate)


def staged(text: str, live: str, stage: str) -> str:
    """Return a cf whose paths into the live directory point into the stage."""
    return text.replace(f"{live}/", f"{stage}/")


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)


# --- our own reading ------------------------------------------------------------------------------------------------


def _static(host: Host, candidate: cf.Cf, rendering: Rendering) -> t.List[str]:
    findings = []
    for name, value in rendering.settings.items():
        finding = cf.defect(candidate, name, value)
        findings += [finding] if finding else []
    return findings + _unknown_names(rendering) + _certificates(candidate) + _listeners(host, candidate)


def _unknown_names(rendering: Rendering) -> t.List[str]:
    """Return defines that nothing in cf/m4 reads: a misspelt name builds without a complaint and changes nothing."""
    defined = [name for name in rendering.settings if name.startswith("conf") and name not in cf.OPTIONS]
    if not defined:
        return []
    names = names_in(os.path.dirname(os.path.dirname(discover.the_layout().cf_m4)))
    return [_unknown_name(name, names) for name in defined if name not in names]


def names_in(directory: str) -> t.FrozenSet[str]:
    """Return every conf name that the m4 files of the distribution mention."""
    names: t.Set[str] = set()
    for parent, dummy, files in os.walk(directory):
        for name in files:
            if name.endswith(".m4"):
                with open(os.path.join(parent, name), "rb") as file:
                    names.update(word.decode("ascii") for word in _CONF_NAME.findall(file.read()))
    return frozenset(names)


def _unknown_name(name: str, names: t.Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(set(names) | set(cf.OPTIONS)), 1)
    return f"mc.defines.{name}: sendmail knows no such name" + (f"; the nearest: {near[0]}" if near else "")


def _certificates(candidate: cf.Cf) -> t.List[str]:
    findings = []
    for side in ("Server", "Client"):
        certificate, key = candidate.value(f"{side}CertFile"), candidate.value(f"{side}KeyFile")
        if certificate or key:
            findings += [
                f"{side}CertFile, {side}KeyFile: {why}" for why in _pair_problems(certificate or "", key or "")
            ]
    for name in ("CACertFile", "CACertPath"):
        path = candidate.value(name)
        if path and not os.path.exists(path):
            findings.append(f"{name}: {path} does not exist, and STARTTLS would silently disappear")
    return findings + _cipher_problems(candidate)


def _cipher_problems(candidate: cf.Cf) -> t.List[str]:
    """Check the cipher list: OpenSSL takes one that names no cipher it has, and TLS 1.2 is gone then."""
    ciphers = candidate.value("CipherList")
    try:
        if ciphers:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(ciphers)
    except ssl.SSLError:
        return [f"CipherList: {ciphers}: OpenSSL knows none of these ciphers"]
    return []


def _pair_problems(certificate: str, key: str) -> t.Iterator[str]:
    for path in (certificate, key):
        if not os.access(path, os.R_OK) or not os.path.isfile(path):
            yield f"{path or 'one of the two'} does not exist or cannot be read"
            return
    if stat.S_IMODE(os.stat(key).st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        yield f"{key}: others than its owner may read the private key, and sendmail would not use it"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as problem:
        yield f"{certificate} and {key} are no certificate with its key: {problem}"


def _listeners(host: Host, candidate: cf.Cf) -> t.List[str]:
    """Return addresses that are not on this host, and ports that another program has."""
    own = {port for dummy, port in daemon.running(host).listening}
    findings = []
    for text in candidate.values("DaemonPortOptions"):
        family, address, port = cf.listener(text)
        why = _bind_problem(family, address, 0 if port in own else port)
        if why:
            findings.append(f"DaemonPortOptions: {text}: {why}")
    return findings


def _bind_problem(family: str, address: str, port: int) -> str:
    kind = socket.AF_INET6 if family == "inet6" else socket.AF_INET
    try:
        with socket.socket(kind, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((address or ("::" if kind == socket.AF_INET6 else "0.0.0.0"), port))
    except OSError as problem:
        return _BIND_PROBLEMS.get(problem.errno or 0, "")
    return ""


_BIND_PROBLEMS = {
    errno.EADDRNOTAVAIL: "no interface of this host has the address",
    errno.EADDRINUSE: "another program listens on the port",
    errno.EAFNOSUPPORT: "this host has no such protocol",
}


# --- sendmail's own reading -----------------------------------------------------------------------------------------


def _native_lines(text: str) -> t.Dict[str, str]:
    """Return the lines of the free sections of a sendmail.mc, each with the native setting that it was given in."""
    openers = {opener: name for name, opener in mc.RAW_SECTIONS.items() if opener}
    lines: t.Dict[str, str] = {}
    section = ""
    for line in text.split("\n"):
        if line.startswith("dnl --- ") or line == "divert(0)dnl":
            section = ""
        elif line in openers:
            section = openers[line]
        elif section and line.strip():
            lines.setdefault(line.strip(), f"mc.{section}")
    return lines


def _parsed(host: Host, copy: str, stage: str, blame: t.Optional[t.Mapping[str, str]] = None) -> t.List[str]:
    """Let sendmail read the cf. Whatever it says before it asks for input is a finding, with exit status 0 as well."""
    program = discover.the_layout().program
    result = host.runner.run([program, "-C", copy, "-bt"], stdin="", timeout=60, check=False)
    before = result.out.partition("ADDRESS TEST MODE")[0]
    lines = [line for line in (before + result.err).split("\n") if line.strip()]
    if result.rc and not lines:
        lines = [f"exit status {result.rc}"]
    return [_with_line(line, copy, host.instance.config_directory, stage, blame or {}) for line in lines]


def _with_line(line: str, copy: str, live: str, stage: str, blame: t.Mapping[str, str]) -> str:
    """Return sendmail's message with the live path, the text of the line, and the native section that the line is from."""
    match = re.search(r"line (\d+): ", line)
    shown = line.replace(copy, "sendmail.cf").replace(stage, live)
    shown = shown if "sendmail.cf" in shown else f"sendmail.cf: {shown}"
    if not match:
        return _blamed(shown, blame)
    lines = _read(copy).split("\n")
    number = int(match.group(1))
    text = lines[number - 1].strip().replace(stage, live) if 0 < number <= len(lines) else ""
    section = blame.get(text, "")
    return f"{section}: {shown} [{text}]" if section else _blamed(f"{shown} [{text}]", blame)


def _blamed(shown: str, blame: t.Mapping[str, str]) -> str:
    """Return a message with the native section whose mailer or ruleset it names; unchanged where it names none."""
    for text, section in blame.items():
        name = re.match(r"[MS]([A-Za-z0-9_]+)", text)
        if name and re.search(rf"(?<![A-Za-z0-9_]){re.escape(name.group(1))}(?![A-Za-z0-9_])", shown):
            return f"{section}: {shown}"
    return shown


def _relaying(host: Host, copy: str, policy: Policy, candidate: cf.Cf) -> t.List[str]:
    """Ask the rulesets as a stranger: a foreign recipient must be refused, a served one must not. No DNS is involved."""
    stranger = stranger_for(policy)
    served = [f"postmaster@{domain}" for domain in (policy.relay.domains or ())[:3]]
    verdicts = rulesets.ask(host, copy, rulesets.about_recipients(candidate), stranger, [_FOREIGN] + served)
    findings = []
    if _FOREIGN not in verdicts:
        return ["check_rcpt: sendmail gives no verdict about relaying"]
    if not rulesets.refused(verdicts[_FOREIGN]):
        findings.append(
            f"check_rcpt: an open relay, the stranger {stranger} may send to {_FOREIGN}: {verdicts[_FOREIGN]}"
        )
    for address in served:
        if rulesets.refused(verdicts.get(address, "")):
            findings.append(f"policy.relay.domains: mail to {address} is refused: {verdicts[address]}")
    return findings


def stranger_for(policy: Policy) -> str:
    """Return an address outside of the networks that may relay."""
    networks = [ipaddress.ip_network(text) for text in policy.relay.networks or ()]
    for text in rulesets.STRANGERS:
        address = ipaddress.ip_address(text)
        if not any(address in network for network in networks):
            return text
    return rulesets.STRANGERS[0]
