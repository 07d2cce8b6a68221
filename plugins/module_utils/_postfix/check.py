# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge a candidate configuration before it goes live.

Private to the collection: it can change at any time.

Four gates, each only if the one before found nothing: can the files be read at all; our own judgement, for what Postfix's programs let
pass, and these programs, where every word on stderr is a finding; the tables that are compiled when they are opened; a shadow instance
that is asked.
"""

import os
import re
import ssl
import stat
import typing as t

from .._errors import known
from .._model.host import Host, Rendering, compiled_names
from .._model.policy_record import Policy
from . import main_cf, master_cf, ports, restrictions, shadow, tables, values
from .parameters import MalformedValue, defaults, expand, split_list

_ENOUGH = 3
#: Tables that Postfix itself makes while it runs.
_CACHES = re.compile(r"_cache_(database|map)\Z|\Aaddress_verify_map\Z")
#: Words of the form kind:/path that are no tables.
_NO_TABLES = re.compile(r"(milters|transport|content_filter|_path)\Z")
_READ_AS_THEY_ARE = ("cidr", "pcre", "regexp", "texthash")
_COMPILED_AT_START = ("cidr", "pcre", "regexp")
#: Tables that are described by a file with their access data.
_DESCRIBED = ("ldap", "memcache", "mongodb", "mysql", "pgsql", "sqlite")
_FILE_LISTS = frozenset(
    ("mydestination", "mynetworks", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains")
)
_REFUSES = frozenset(("reject", "defer", "defer_if_permit", "reject_unauth_destination", "defer_unauth_destination"))


class Candidate(t.NamedTuple):
    """The staged configuration.

    :param live: the directory that it is for; paths into it mean the stage.
    :param values: the parameters of main.cf over the built-in ones.
    """

    host: Host
    stage: str
    live: str
    main: main_cf.MainCf
    master: master_cf.MasterCf
    builtin: t.Mapping[str, str]
    values: t.Mapping[str, str]


def check(
    host: Host,
    stage: str,
    policy: Policy,
    rendering: Rendering,
    inherited: t.Optional[t.List[str]] = None,
) -> t.Tuple[str, ...]:
    """Return the defects of the candidate in I(stage), each with the setting it is about; empty where it is good.

    :param inherited: gets the defects that the live configuration has as well; they are not returned then.
    """
    candidate = _read(host, stage)
    for gate in (_readable, _judged, _compiled):
        findings = list(dict.fromkeys(gate(candidate)))
        if findings and inherited is not None:
            before = gate(_read(host, host.instance.config_directory))
            inherited += known(findings, before)
            findings = [finding for finding in findings if finding not in inherited]
        if findings:
            return tuple(findings)
    return tuple(shadow.try_out(host, stage, policy, candidate.values))


def _read(host: Host, stage: str) -> Candidate:
    live = host.instance.config_directory
    main = main_cf.parse(_content(stage, "main.cf"), os.path.join(live, "main.cf"))
    master = master_cf.parse(_content(stage, "master.cf"), os.path.join(live, "master.cf"))
    builtin = defaults(host.runner)
    merged = dict(builtin, **main.values)
    merged["config_directory"] = stage
    return Candidate(host, stage, live, main, master, builtin, merged)


def _readable(candidate: Candidate) -> t.List[str]:
    return [str(problem) for problem in candidate.main.problems + candidate.master.problems]


def _judged(candidate: Candidate) -> t.List[str]:
    findings: t.List[str] = []
    for judge in (
        _content_enough,
        _values,
        _networks,
        _restrictions,
        _tables,
        _services,
        _options,
        _certificates,
        _deferring,
        _mailbox_size,
        _relay_control,
    ):
        findings += judge(candidate)
    findings += ports.absent_addresses(candidate.values)
    findings += ports.conflicts(candidate.host, candidate.master.services, candidate.values)
    return findings + _programs(candidate)


def _compiled(candidate: Candidate) -> t.List[str]:
    """Look a key up in each table that is compiled when it is opened. Of a bad line Postfix only warns in the log."""
    findings = []
    for kind, path, setting in sorted(set(_opened(candidate))):
        key = "192.0.2.1" if kind == "cidr" else "nobody@example.com"
        name = f"{kind}:{_staged(candidate, path)}"
        asked = candidate.host.runner.run(["postmap", "-c", candidate.stage, "-q", key, name], check=False)
        lines = _complaints(asked.err)
        findings += [f"{setting}: {line.replace(candidate.stage, candidate.live)}" for line in lines]
    return findings


def _opened(candidate: Candidate) -> t.Iterator[t.Tuple[str, str, str]]:
    """Yield the cidr, pcre and regexp tables: type, path, the first setting that names it."""
    parameters = candidate.main.parameters.items()
    places = [(_where(candidate, name), name, parameter.value) for name, parameter in parameters]
    for service, entry in candidate.master.entries.items():
        where = f"{candidate.live}/master.cf:{entry.line}: {service}"
        places += [(where, name, value) for name, value in entry.service.options]
    seen = set()
    for place, name, value in places:
        for table in _references(candidate, name, value):
            key = (table.type, table.path)
            if table.type in _COMPILED_AT_START and table.path.startswith("/") and key not in seen:
                seen.add(key)
                yield table.type, table.path, place


def _content_enough(candidate: Candidate) -> t.List[str]:
    if len(candidate.main.parameters) >= _ENOUGH and candidate.master.entries:
        return []
    return ["main.cf and master.cf: there is next to nothing in them"]


def _where(candidate: Candidate, name: str) -> str:
    return f"{candidate.live}/main.cf:{candidate.main.parameters[name].line}: {name}"


def _values(candidate: Candidate) -> t.List[str]:
    findings = []
    for name, parameter in candidate.main.parameters.items():
        why = values.wrong(name, parameter.value, candidate.builtin, candidate.values)
        if why:
            findings.append(f"{_where(candidate, name)}: {_shown(parameter.value)}: {why}")
    return findings


def _networks(candidate: Candidate) -> t.List[str]:
    findings = []
    for name in sorted(values.NETWORKS & set(candidate.main.parameters)):
        problems = values.network_problems(name, candidate.main.parameters[name].value, candidate.values)
        findings += [f"{_where(candidate, name)}: {why}" for why in problems]
    return findings


def _restrictions(candidate: Candidate) -> t.List[str]:
    classes = set(split_list(candidate.values.get("smtpd_restriction_classes", "")))
    findings = []
    for name in sorted((set(restrictions.LISTS) | classes) & set(candidate.main.parameters)):
        try:
            text = expand(candidate.main.parameters[name].value, candidate.values)
        except MalformedValue:
            continue
        unknown = restrictions.unknown_words(text, classes)
        findings += [f"{_where(candidate, name)}: {word!r} is no restriction" for word in unknown]
    return findings


def _tables(candidate: Candidate) -> t.List[str]:
    findings = []
    for name, parameter in candidate.main.parameters.items():
        findings += [f"{_where(candidate, name)}: {why}" for why in _table_problems(candidate, name, parameter.value)]
    return findings


def _references(candidate: Candidate, name: str, value: str) -> t.List[tables.Reference]:
    """Return the tables in a value, expanded."""
    if _CACHES.search(name) or _NO_TABLES.search(name):
        return []
    text = _expanded(value, candidate.values)
    text = re.sub(r"check_policy_service\s+(\{[^}]*\}|\S+)", "", text)
    # A beginning for other parameters to go on with, as in Postfix's own documents: indexed = hash:/etc/postfix/
    return [reference for reference in tables.references_in(name, text) if not reference.path.endswith("/")]


def _table_problems(candidate: Candidate, name: str, value: str) -> t.Iterator[str]:
    for reference in _references(candidate, name, value):
        if reference.type not in candidate.host.capabilities.table_types:
            yield f"{reference.type}:{reference.path}: this Postfix has no tables of type {reference.type}"
        else:
            # What alias_database names is only what newaliases(1) will make.
            yield from _file_problems(candidate, reference) if name != "alias_database" else ()
    for word in split_list(_expanded(value, candidate.values)) if name in _FILE_LISTS else ():
        if word.startswith("/") and not os.path.exists(_staged(candidate, word)):
            yield f"{word}: there is no such file"


def _file_problems(candidate: Candidate, reference: tables.Reference) -> t.Iterator[str]:
    path = _staged(candidate, reference.path)
    needed = compiled_names(reference.type, path)
    if reference.type in _READ_AS_THEY_ARE + _DESCRIBED:
        needed = (path,)
    missing = [name for name in needed if not os.path.exists(name)]
    if missing:
        shown = [name.replace(candidate.stage, candidate.live) for name in (reference.path, missing[0])]
        yield f"{reference.type}:{shown[0]}: {shown[1]} is not there"


def _services(candidate: Candidate) -> t.List[str]:
    directory = expand(candidate.values.get("daemon_directory", ""), candidate.values)
    findings = []
    for key, entry in candidate.master.entries.items():
        daemon = os.path.join(directory, entry.service.command)
        if not os.access(daemon, os.X_OK):
            findings.append(f"{candidate.live}/master.cf:{entry.line}: {key}: there is no program {daemon}")
        if entry.service.type == "inet" and entry.service.private != "n":
            findings.append(f"{candidate.live}/master.cf:{entry.line}: {key}: an inet service cannot be private")
    return findings


def _options(candidate: Candidate) -> t.List[str]:
    """Judge the -o options of the services by the rules for main.cf."""
    classes = set(split_list(candidate.values.get("smtpd_restriction_classes", "")))
    findings = []
    for key, entry in candidate.master.entries.items():
        effective = dict(candidate.values, **entry.service.option_values)
        for name, value in entry.service.options:
            place = f"{candidate.live}/master.cf:{entry.line}: {key}: -o {name}"
            why = values.wrong(name, value, candidate.builtin, effective)
            problems = [f"{_shown(value)}: {why}"] if why else []
            if name in restrictions.LISTS and not why:
                unknown = restrictions.unknown_words(expand(value, effective), classes)
                problems += [f"{word!r} is no restriction" for word in unknown]
            problems += _table_problems(candidate._replace(values=effective), name, value)
            findings += [f"{place}: {problem}" for problem in problems]
    return findings


def _certificates(candidate: Candidate) -> t.List[str]:
    """Read the files of TLS: Postfix opens them when the first client comes, and then does without what it cannot read."""
    findings = []
    for side in ("smtpd", "smtp", "lmtp"):
        for algorithm in ("", "ec", "d"):
            names = (f"{side}_tls_{algorithm}cert_file", f"{side}_tls_{algorithm}key_file")
            if set(names) & set(candidate.main.parameters):
                cert, key = [_path_in(candidate, name) for name in names]
                findings += [f"{names[0]}: {why}" for why in _pair_problems(cert, key or cert)]
        name = f"{side}_tls_CAfile"
        path = _path_in(candidate, name) if name in candidate.main.parameters else ""
        findings += [f"{name}: {why}" for why in _authority_problems(path)] if path else []
    return findings


def _path_in(candidate: Candidate, name: str) -> str:
    return _staged(candidate, _expanded(candidate.values.get(name, ""), candidate.values))


def _authority_problems(path: str) -> t.Iterator[str]:
    """Yield why a file has no certificate of an authority; with such a file Postfix goes on without TLS."""
    if not os.access(path, os.R_OK):
        yield f"{path} is not there or cannot be read"
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (ssl.SSLError, OSError, ValueError) as problem:
        yield f"{path} has no certificate of an authority in PEM: {problem}"


def _pair_problems(cert: str, key: str) -> t.Iterator[str]:
    if not cert or cert == "none":
        return
    for path in (cert, key):
        if not os.access(path, os.R_OK):
            yield f"{path} is not there or cannot be read"
            return
    if stat.S_IMODE(os.stat(key).st_mode) & stat.S_IRWXO:
        yield f"{key}: everybody on this host may read the private key"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as problem:
        yield f"{cert} and {key} are no certificate with its key: {problem}"


def _deferring(candidate: Candidate) -> t.List[str]:
    got = candidate.values
    soft = expand(got.get("soft_bounce", ""), got) == "yes"
    return ["soft_bounce: yes turns every refusal into a deferral"] if soft else []


def _mailbox_size(candidate: Candidate) -> t.List[str]:
    mailbox = candidate.values.get("mailbox_size_limit", "0")
    message = candidate.values.get("message_size_limit", "0")
    if mailbox.isdigit() and message.isdigit() and 0 < int(mailbox) < (int(message) or 2**63):
        return ["mailbox_size_limit: smaller than message_size_limit, so local(8) does not start"]
    return []


def _relay_control(candidate: Candidate) -> t.List[str]:
    got = candidate.values
    lists = [got.get(name, "") for name in ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")]
    words = {word for text in lists for word in split_list(_expanded(text, got))}
    classes = set(split_list(got.get("smtpd_restriction_classes", "")))
    if words & _REFUSES or words & classes:
        return []
    return ["smtpd_relay_restrictions: nothing in it refuses foreign recipients, so smtpd does not start"]


def _expanded(text: str, got: t.Mapping[str, str]) -> str:
    try:
        return expand(text, got)
    except MalformedValue:
        return ""


def _programs(candidate: Candidate) -> t.List[str]:
    """Run Postfix's own programs; whatever they say on stderr is a finding."""
    findings = []
    for options in (["-nx"], ["-M"], ["-P"]):
        answer = candidate.host.runner.run(["postconf", "-c", candidate.stage] + options, check=False)
        lines = _complaints(answer.err)
        if answer.rc and not lines:
            lines = [f"postconf {options[0]}: exit status {answer.rc}"]
        findings += [line.replace(candidate.stage, candidate.live) for line in lines]
    return findings


def _complaints(text: str) -> t.List[str]:
    """Return what a program of Postfix complains of, without the program's name."""
    return [line.partition(": ")[2] for line in main_cf.complaints(text)]


def _staged(candidate: Candidate, path: str) -> str:
    """Return a path into the live configuration directory as one into the stage."""
    live = candidate.live.rstrip("/") + "/"
    return os.path.join(candidate.stage, path[len(live) :]) if path.startswith(live) else path


def _content(stage: str, name: str) -> bytes:
    try:
        with open(os.path.join(stage, name), "rb") as stream:
            return stream.read()
    except (IOError, OSError):
        return b""


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:80] + "...")
