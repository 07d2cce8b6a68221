# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a relay policy becomes for sendmail: sendmail.mc and its cf, class files, tables, aliases.

Each function of a group takes the policy's section and adds to a draft. The draft then takes the native settings, which
win, and becomes text. m4 reads on standard input and writes on standard output: nothing is written here.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .. import _addresses
from .._errors import OptionError, Refused
from .._model.host import File, Host, Native, Rendering
from .._model.policy import Policy, server_level
from . import capture_map as wiring
from . import cf, mc, tables, units
from . import discover as instance
from .build import build_cf
from .discover import unsupported

Current = t.Callable[[str], t.Optional[bytes]]

MARK = "Written by postmaster.mta: changes made here are lost, policy and native settings (mc) are the place for them."
KEPT_MC = "sendmail.mc.before-postmaster"
HELP_FILE = "helpfile.postmaster"
#: The first line of a sendmail.cf that says nothing but where an instance keeps its queue.
SEED = "# postmaster.mta: nothing is configured yet."

#: The order among features; those that are not named here follow in alphabetical order.
FEATURE_ORDER = (
    "no_default_msa",
    "use_cw_file",
    "nouucp",
    "nocanonify",
    "relay_hosts_only",
    "access_db",
    "blocklist_recipients",
    "blacklist_recipients",
    "delay_checks",
    "greet_pause",
    "conncontrol",
    "ratecontrol",
    "block_bad_helo",
    "accept_unresolvable_domains",
    "mailertable",
    "virtusertable",
    "genericstable",
    "domaintable",
)

# Timeouts that are one define each: option of the policy, m4 names.
_TIMEOUTS = (
    ("connect", ("confTO_CONNECT", "confTO_ICONNECT")),
    ("greeting", ("confTO_INITIAL",)),
    ("helo", ("confTO_HELO",)),
    ("mail", ("confTO_MAIL",)),
    ("rcpt", ("confTO_RCPT",)),
    ("data_init", ("confTO_DATAINIT",)),
    ("data_block", ("confTO_DATABLOCK",)),
    ("data_final", ("confTO_DATAFINAL",)),
    ("rset", ("confTO_RSET",)),
    ("quit", ("confTO_QUIT",)),
    ("misc", ("confTO_MISC",)),
    ("starttls", ("confTO_STARTTLS",)),
    ("command", ("confTO_COMMAND",)),
    ("ident", ("confTO_IDENT",)),
)
_QUEUE_TIMES = (
    ("lifetime", "confTO_QUEUERETURN"),
    ("bounce_lifetime", "confTO_QUEUERETURN_DSN"),
    ("warning_time", "confTO_QUEUEWARN"),
    ("retry_minimum", "confMIN_QUEUE_AGE"),
    ("retry_maximum", "confMAX_QUEUE_AGE"),
)
#: A QueueLA that no machine reaches: 0 would mean "queue always".
NO_QUEUE_LA = 1000000
LOG_LEVELS = {"normal": 9, "verbose": 14}
PROTOCOL_OPTIONS = {
    "TLSv1.2": "+SSL_OP_NO_SSLv2 +SSL_OP_NO_SSLv3 +SSL_OP_NO_TLSv1 +SSL_OP_NO_TLSv1_1",
    "TLSv1.3": "+SSL_OP_NO_SSLv2 +SSL_OP_NO_SSLv3 +SSL_OP_NO_TLSv1 +SSL_OP_NO_TLSv1_1 +SSL_OP_NO_TLSv1_2",
}
_SERVER_OPTIONS = " +SSL_OP_CIPHER_SERVER_PREFERENCE +SSL_OP_NO_RENEGOTIATION"
ENCRYPTED = "ENCR:112"
VERIFIED = "VERIFY:112+CN"

_OWN_ADDRESSES = ("127.0.0.1", "IPv6:0:0:0:0:0:0:0:1")
_VRFY_OFF = """\
Scheck_vrfy
R$*\t$#error $@ 5.5.1 $: "502 VRFY is switched off\""""
_STARTTLS_DEMANDED = """\
SStarttlsDemanded
R$*\t$: $&{client_addr} $| $&{tls_version}
R $| $*\t$@ OK
R0 $| $*\t$@ OK
R127.0.0.1 $| $*\t$@ OK
RIPv6:0:0:0:0:0:0:0:1 $| $*\t$@ OK
RIPv6:::1 $| $*\t$@ OK
R$* $| $+\t$@ OK
R$*\t$#error $@ 5.7.0 $: "530 Must issue a STARTTLS command first\""""
# sendmail's own check comes after this one and stays; its answer (552 5.2.3) is the only difference. The macro is set
# back, because it would outlive the refusal and refuse the next MAIL of a client that names no size there.
_SIZE_KEPT = """\
SSizeKept
R$*\t$: $(postmaster_arith l $@ {limit} $@ $&{{msg_size}} $)
RTRUE\t$: <TOO LARGE> $(postmaster_macro {{msg_size}} $@ 0 $)
R<TOO LARGE> $*\t$#error $@ 5.3.4 $: "552 Message size exceeds fixed limit\""""
_SIZE_MAPS = "LOCAL_CONFIG\nKpostmaster_arith arith\nKpostmaster_macro macro\ndivert(0)dnl"
# What sendmail's own rules say a moment later with 553 5.5.4: no domain, nothing about it in the access map, no local client.
_SENDER_QUALIFIED = """\
SLocal_check_mail
R<>\t$@ OK
R<$*>\t$: $1
R$* @ $*\t$@ OK
R$* ! $*\t$@ OK
R$*\t$: $>SearchList <+ From> $| <U:$1@> <>
R<?>\t$: $&{daemon_flags} $| $&{client_addr}
R$* u $* $| $*\t$@ OK
R$* $| $+\t$#error $@ 5.5.2 $: "504 Domain name required for sender address " $&f"""
_DECLARED = re.compile(r"^S(\w+)", re.MULTILINE)


class Draft:
    """What is collected before it becomes text: names are unique here, so that a later word replaces an earlier one."""

    def __init__(self, host: Host, policy: Policy, current: Current) -> None:
        self.host = host
        self.policy = policy
        self.current = current
        self.layout = instance.the_layout()
        self.directory = host.instance.config_directory
        self.defines = {}  # type: t.Dict[str, t.Optional[str]]
        self.features = {}  # type: t.Dict[str, t.Optional[t.Tuple[str, ...]]]
        self.statements = []  # type: t.List[mc.Item]
        self.rulesets = {}  # type: t.Dict[str, str]
        self.mail_checks = []  # type: t.List[str]
        self.access = []  # type: t.List[t.Tuple[str, str]]
        self.mailertable = []  # type: t.List[t.Tuple[str, str]]
        self.ports = set()  # type: t.Set[int]
        self.files = {}  # type: t.Dict[str, File]
        self.notes = []  # type: t.List[str]
        own = None if host.instance.primary else current("aliases")
        self.aliases = self.layout.aliases if own is None else self.path("aliases")

    def define(self, name: str, value: t.Any) -> None:
        """Set an option, or leave it alone where the policy says nothing (None)."""
        if value is not None:
            self.defines[name] = mc.safe(name, value)

    def feature(self, name: str, *arguments: str) -> None:
        """Use a feature."""
        self.features[name] = arguments

    def ruleset(self, text: str) -> None:
        """Add a ruleset to LOCAL_RULESETS; its first line declares its name."""
        self.rulesets[_DECLARED.findall(text)[0]] = text

    def mail_check(self, text: str) -> None:
        """Add a ruleset that is asked at MAIL and not, as sendmail's own with delay_checks, at RCPT."""
        self.ruleset(text)
        self.mail_checks.append(_DECLARED.findall(text)[0])

    def cannot(self, path: str, value: t.Any, nearest: str) -> None:
        """An option that sendmail cannot do: an error where the user asked for it, a note where only the baseline does."""
        if self.policy.wants(path):
            raise unsupported(path, value, nearest)
        self.notes.append(f"{path}: sendmail cannot do this; the nearest it can do: {nearest}")

    def path(self, name: str) -> str:
        """Where a file of the configuration directory lies when it is live."""
        return f"{self.directory}/{name}"


def render(host: Host, policy: Policy, native: Native, current: Current) -> Rendering:
    """All files that we manage, whole. The same input gives the same bytes.

    :raises OptionError: a value that sendmail or m4 cannot take, or a native setting of the other MTA.
    :raises Refused: when the host is broken already, naming the file, or m4 rejects what was generated, naming the line.
    """
    _refuse_foreign(native)
    found = tables.broken(host)
    if found:
        raise Refused(found)
    draft = Draft(host, policy, current)
    for group in _GROUPS:
        group(draft)
    items = _items(draft, native.mc)
    text = mc.generate(items, (MARK,)) + wiring.block(host, current(wiring.NAME))
    built = build_cf(host, text)
    _add_files(draft, text, built)
    return Rendering(dict(draft.files), _settings(draft, items), tuple(draft.notes))


def relistened(host: Host, policy: Policy, native: Native, current: Current) -> Rendering:
    """The configuration that is there with other listeners, and nothing else changed; a new one is rendered whole.

    :raises Refused: it cannot be changed so that the rest stays what it is.
    """
    source, built = _text(current("sendmail.mc")), _text(current("sendmail.cf"))
    if not source and built.startswith(SEED):
        return render(host, policy, native, current)
    lines = source.split("\n")
    places = [number for number, line in enumerate(lines) if line.startswith("DAEMON_OPTIONS(")]
    if not places or not all(_ONE_LISTENER.match(lines[number]) for number in places):
        raise Refused(
            ["sendmail.mc: not one DAEMON_OPTIONS(`...') a line; say with policy.identity.listen where to listen"]
        )
    if build_cf(host, source) != cf.neutralise(built):
        raise Refused(
            ["sendmail.cf: it is not what sendmail.mc becomes, and would not stay as it is; build it anew first"]
        )
    wanted = [item.arguments[0] for item in _listeners(Draft(host, policy, current)) if isinstance(item, mc.Statement)]
    lines[places[0]] = "\n".join(f"DAEMON_OPTIONS(`{one}')dnl" for one in wanted)
    text = "\n".join(line for number, line in enumerate(lines) if number not in places[1:])
    files = {name: File(part.encode("utf-8", "surrogateescape")) for name, part in _pair(text, build_cf(host, text))}
    return Rendering(files, {f"DAEMON_OPTIONS({one.split(',')[0]})": one for one in wanted})


_ONE_LISTENER = re.compile(r"DAEMON_OPTIONS\(`[^`']*'\)(dnl.*)?\s*\Z")


def _pair(text: str, built: str) -> t.Tuple[t.Tuple[str, str], t.Tuple[str, str]]:
    return ("sendmail.mc", text), ("sendmail.cf", built)


def _refuse_foreign(native: Native) -> None:
    for name, nearest in (("main", "mc.defines"), ("main_secrets", "mc.defines"), ("master", "mc.features")):
        value = getattr(native, name)
        if value:
            raise OptionError(name, sorted(value)[0], f"this is for Postfix; the nearest for sendmail: {nearest}")


# --- the groups of the policy ---------------------------------------------------------------------------------------


def time_text(seconds: t.Optional[int]) -> t.Optional[str]:
    """Seconds as sendmail writes times, in the largest unit that leaves no rest; None stays None."""
    if seconds is None:
        return None
    unit, size = next(
        (unit, size) for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if not seconds % size
    )
    return f"{seconds // size}{unit}" if seconds else "0s"


def _frame(draft: Draft) -> None:
    """What stands in every sendmail.mc, whatever the policy says."""
    header = [mc.Statement("header", "define", ("_USE_ETC_MAIL_", ""))]  # type: t.List[mc.Item]
    if not draft.host.instance.primary:
        _own_places(draft)
        header.append(mc.Statement("header", "define", ("MAIL_SETTINGS_DIR", mc.safe("name", f"{draft.directory}/"))))
    header += [
        mc.Statement("header", "include", (draft.layout.cf_m4,)),
        mc.Statement("header", "VERSIONID", ("postmaster.mta",)),
        mc.Statement("ostype", "OSTYPE", (draft.layout.ostype,)),
    ]
    if draft.layout.domain:
        header.append(mc.Statement("domain", "DOMAIN", (draft.layout.domain,)))
    mailers = [mc.Statement("mailers", "MAILER", (name,)) for name in ("local", "smtp")]
    draft.statements = header + mailers
    # The distribution's domain file keeps a directory of host states that nothing cleans.
    draft.defines["confHOST_STATUS_DIRECTORY"] = None
    draft.feature("no_default_msa")
    draft.feature("use_cw_file")
    draft.feature("nouucp", "reject")
    draft.feature("nocanonify")
    table = draft.host.capabilities.default_table_type
    draft.feature("access_db", f"{table} -T<TMPF> -o {draft.path('access')}", "skip")
    since = draft.host.capabilities.version >= (8, 16)
    draft.feature("blocklist_recipients" if since else "blacklist_recipients")
    draft.feature("delay_checks", "friend", "n")
    draft.feature("mailertable", f"{table} -o {draft.path('mailertable')}")
    for name in ("virtusertable", "genericstable", "domaintable"):
        if draft.current(name) is not None:
            draft.feature(name, f"{table} -o {draft.path(name)}")


def _own_places(draft: Draft) -> None:
    """What an additional instance must not share with the primary one, and what it can: the help text and the host's aliases."""
    own, name = draft.host.instance, draft.host.instance.name
    draft.define("QUEUE_DIR", own.queue_directories[0])
    draft.define("confPID_FILE", _pid_file(draft))
    draft.define("STATUS_FILE", f"/var/lib/sendmail/{name}.st")
    draft.define("confDEAD_LETTER_DROP", f"/var/lib/sendmail/{name}.dead.letter")
    draft.define("confPROCESS_TITLE_PREFIX", name)
    draft.defines["confCONTROL_SOCKET_NAME"] = None
    draft.define("ALIAS_FILE", draft.aliases)
    if draft.current("helpfile") is None:
        draft.define("HELP_FILE", f"{instance.CONFIG_DIRECTORY}/helpfile")
    if draft.current("local-host-names") is None:
        # Without it sendmail does not start.
        draft.files["local-host-names"] = _word_list(())


def _pid_file(draft: Draft) -> str:
    """The one that it has; else in the directory that its unit makes for it."""
    present = _live_cf(draft.current).value("PidFile")
    return present if present and present != draft.layout.pid_file else f"/run/{draft.host.instance.name}/sendmail.pid"


def _live_cf(current: Current) -> cf.Cf:
    return cf.parse(_text(current("sendmail.cf")))


def _text(content: t.Optional[bytes]) -> str:
    return (content or b"").decode("utf-8", "surrogateescape")


def _identity(draft: Draft) -> None:
    identity = draft.policy.identity
    draft.define("confDOMAIN_NAME", identity.hostname)
    if identity.banner is not None:
        # sendmail puts the word ESMTP behind the first one itself.
        draft.define("confSMTP_LOGIN_MSG", f"$j {identity.banner}".strip())
        draft.define("HELP_FILE", draft.path(HELP_FILE))
        draft.files[HELP_FILE] = File(b"#vers\t2\nsmtp\tSee RFC 5321.\n")
    for statement in _listeners(draft) + _sources(draft):
        draft.statements.append(statement)
    if identity.local_domains is not None:
        names = ([identity.hostname] if identity.hostname else []) + list(identity.local_domains)
        draft.files["local-host-names"] = _word_list(names)


def _word_list(words: t.Iterable[str]) -> File:
    return File(("".join(f"{word}\n" for word in words)).encode("ascii"))


def _listeners(draft: Draft) -> t.List[mc.Item]:
    identity = draft.policy.identity
    if identity.listen is None and identity.port is None and identity.protocols is None:
        return [] if draft.host.instance.primary else _present_listeners(draft)
    found = [
        (family, address, identity.port or 25)
        for address in identity.listen or ("all",)
        for family, address in _addresses_of(draft, address)
    ]
    if not found:
        raise OptionError("policy.identity.listen", list(identity.listen), "no address of a protocol that is used here")
    # The submission program of the host hands its mail to 127.0.0.1:25; without this it would stay in its own queue.
    # An additional instance has no part in that.
    primary = draft.host.instance.primary
    if primary and not any(port == 25 and (address == "" or address == "127.0.0.1") for dummy, address, port in found):
        found.append(("inet", "127.0.0.1", 25))
    unique = list(dict.fromkeys(found))
    return [_listener(number, *where) for number, where in enumerate(unique, 1)]


def _present_listeners(draft: Draft) -> t.List[mc.Item]:
    """Those that an additional instance has: without any it would take every address, and the primary one's."""
    values = _live_cf(draft.current).values("DaemonPortOptions")
    return [mc.Statement("daemon_options", "DAEMON_OPTIONS", (mc.safe("DaemonPortOptions", one),)) for one in values]


def _addresses_of(draft: Draft, word: str) -> t.List[t.Tuple[str, str]]:
    if word == "all":
        return _everywhere(draft)
    if word == "loopback":
        return [(_family(protocol), {"ipv4": "127.0.0.1", "ipv6": "::1"}[protocol]) for protocol in _protocols(draft)]
    address = _addresses.address(word)
    return [("inet" if address.version == 4 else "inet6", str(address))]


def _everywhere(draft: Draft) -> t.List[t.Tuple[str, str]]:
    """On Linux one IPv6 socket for all addresses takes IPv4 too, and a second one for IPv4 could not be opened (ipv6(7))."""
    protocols = _protocols(draft)
    if "bindv6only" in draft.host.capabilities.features:
        return [(_family(protocol), "") for protocol in protocols]
    if protocols == ("ipv6",):
        nearest = "the IPv6 addresses one by one in policy.identity.listen, or net.ipv6.bindv6only = 1"
        raise unsupported("policy.identity.protocols", list(protocols), nearest)
    return [("inet6" if "ipv6" in protocols else "inet", "")]


def _protocols(draft: Draft) -> t.Tuple[str, ...]:
    """The IP versions that are wanted, or those that the host has."""
    wanted = draft.policy.identity.protocols
    if wanted:
        return tuple(wanted)
    return ("ipv4", "ipv6") if "ipv6" in draft.host.capabilities.features else ("ipv4",)


def _family(protocol: str) -> str:
    return {"ipv4": "inet", "ipv6": "inet6"}[protocol]


def _listener(number: int, family: str, address: str, port: int) -> mc.Statement:
    # A: no AUTH, which Debian would offer in clear text. The backlog of 10 that is the default loses SYNs under load.
    where = f", Addr={address}" if address else ""
    text = f"Name=MTA-{number}, Family={family}{where}, Port={port}, Listen=256, M=A"
    return mc.Statement("daemon_options", "DAEMON_OPTIONS", (text,))


def _sources(draft: Draft) -> t.List[mc.Item]:
    seen = {}  # type: t.Dict[str, str]
    for text in draft.policy.identity.send_from or ():
        family = "inet" if _addresses.address(text).version == 4 else "inet6"
        if family in seen:
            why = f"one address for each IP version is wanted; {seen[family]} is there already"
            raise OptionError("policy.identity.send_from", text, why)
        seen[family] = text
    return [
        mc.Statement("client_options", "CLIENT_OPTIONS", (f"Family={f}, Addr={a}",)) for f, a in sorted(seen.items())
    ]


def _relay(draft: Draft) -> None:
    """Who may relay: networks in class R, served domains in the access map.

    Class R counts for clients by name too: a served domain there would let everybody relay whose host name is in it.
    A C(To:) entry of the access map speaks of recipients only.
    """
    relay = draft.policy.relay
    if relay.subdomains is False:
        draft.feature("relay_hosts_only")
    if relay.networks is None and relay.domains is None:
        return
    keys = [key for network in relay.networks or () for key in _keys("policy.relay.networks", network)]
    draft.files["relay-domains"] = _word_list(dict.fromkeys(keys))
    draft.access.extend((f"To:{domain}", "RELAY") for domain in relay.domains or ())
    _note_hand_written(draft)


def _keys(option: str, network: str) -> t.Tuple[str, ...]:
    try:
        return tables.prefixes(_addresses.network(network))
    except ValueError as problem:
        raise unsupported(option, network, str(problem))


def _note_hand_written(draft: Draft) -> None:
    text = (draft.current("access") or b"").decode("utf-8", "surrogateescape")
    for dummy, key, value in tables.entries_of(text):
        if value.upper() == "RELAY" and key.lower() not in _LOOPBACK:
            draft.notes.append(f"access: the hand-written line {key} RELAY lets mail through besides the policy")


_LOOPBACK = (
    "connect:127",
    "connect:127.0.0.1",
    "connect:ipv6:::1",
    "connect:ipv6:0:0:0:0:0:0:0:1",
    "connect:localhost",
)


def _routes(draft: Draft) -> None:
    routes = draft.policy.routes
    default = routes.default
    if default.host:
        draft.define("SMART_HOST", _next_hop(draft, default, default.host))
    elif default.port or default.mx is False:
        raise unsupported("policy.routes.default", default.as_dict(), "a route of each domain with host and port")
    for route in routes.domains or ():
        draft.mailertable.append((route.domain, _next_hop(draft, route, route.domain)))
        if route.subdomains:
            draft.mailertable.append(("." + route.domain, _next_hop(draft, route, f"%1.{route.domain}")))


def _next_hop(draft: Draft, route: Policy, itself: str) -> str:
    """mailer:host for mailertable and SMART_HOST; a host in brackets is connected to without looking its MX up."""
    mailer = "esmtp"
    if route.port and route.port != 25:
        mailer = f"esmtp{route.port}"
        draft.ports.add(route.port)
    if not route.host:
        return f"{mailer}:{itself}"
    try:
        address = _addresses.address(route.host)
    except ValueError:
        return f"{mailer}:{route.host}" if route.mx else f"{mailer}:[{route.host}]"
    return f"{mailer}:[{address}]" if address.version == 4 else f"{mailer}:[IPv6:{address}]"


def _session(draft: Draft) -> None:
    session = draft.policy.session
    _privacy(draft)
    if session.vrfy is False:
        draft.ruleset(_VRFY_OFF)
    if session.helo_checks:
        draft.feature("block_bad_helo")
    if session.sender_domain_exists is False:
        draft.feature("accept_unresolvable_domains")
    elif session.sender_domain_exists:
        draft.ruleset(_SENDER_QUALIFIED)
        # With a wildcard in the host's own domain, the resolver's search list would find every domain that does not exist.
        draft.define("confBIND_OPTS", "+WorkAroundBrokenAAAA -DNSRCH -DEFNAMES")
    if session.smtputf8 and "eai" not in draft.host.capabilities.features:
        draft.cannot("policy.session.smtputf8", True, "nothing, this build has no SMTPUTF8")
    _line_discipline(draft)
    _greeting_delay(draft)


def _privacy(draft: Draft) -> None:
    session = draft.policy.session
    if session.helo_required is None and session.expn is None and session.etrn is None:
        return
    flags = ["authwarnings", "noverb", "noreceipts", "nobodyreturn", "restrictmailq", "restrictqrun", "restrictexpand"]
    flags += ["needmailhelo"] if session.helo_required else []
    flags += ["noexpn"] if session.expn is False else []
    flags += ["noetrn"] if session.etrn is False else []
    draft.define("confPRIVACY_FLAGS", ",".join(flags))


def _line_discipline(draft: Draft) -> None:
    """Service features of sendmail 8.18 and of Debian's 8.17; reject and the checks are what it does anyway (op.me, 5.1.4.15)."""
    session = draft.policy.session
    letters = {None: [], "reject": [], "normalize": ["g2", "u2"], "accept": ["G", "U", "O"]}[session.bare_newline]
    letters = letters + (["F"] if session.pipelining_checks is False else [])
    if "line_discipline" not in draft.host.capabilities.features:
        if session.bare_newline == "reject":
            draft.cannot(
                "policy.session.bare_newline", "reject", "sendmail 8.18 or a distribution's update for CVE-2023-51765"
            )
    elif letters:
        draft.access.append(("Srv_Features:", " ".join(letters)))
        if "g2" in letters:
            draft.notes.append("policy.session.bare_newline: sendmail puts a blank where a bare LF or CR was")
    if session.nul is None:
        return
    if "reject_nul" in draft.host.capabilities.features:
        draft.define("confREJECT_NUL", session.nul == "reject")
    elif session.nul == "reject":
        draft.cannot("policy.session.nul", "reject", "accept")


def _greeting_delay(draft: Draft) -> None:
    session = draft.policy.session
    if session.greeting_delay is None and not session.greeting_delays:
        return
    draft.feature("greet_pause", str((session.greeting_delay or 0) * 1000))
    if session.greeting_delay:
        # The host's own submissions come through loopback and have nobody to be patient with.
        draft.access.extend((f"GreetPause:{key}", "0") for key in _OWN_ADDRESSES)
    for number, client in enumerate(session.greeting_delays):
        for key in _keys(f"policy.session.greeting_delays[{number}].network", client.network):
            draft.access.append((f"GreetPause:{key}", str(client.delay * 1000)))


def _limits(draft: Draft) -> None:
    limits = draft.policy.limits
    draft.define("confMAX_MESSAGE_SIZE", limits.message_size)
    draft.define("confMAX_RCPTS_PER_MESSAGE", limits.recipients_per_message)
    draft.define("confMAX_HEADERS_LENGTH", limits.header_size)
    draft.define("confMAX_HOP", limits.hops)
    draft.define("confMAX_DAEMON_CHILDREN", limits.processes)
    if limits.free_space is not None:
        size = instance.block_size((draft.host.instance.queue_directories or ("/",))[0])
        draft.define("confMIN_FREE_BLOCKS", -(-limits.free_space // size))
    for name in ("message_rate", "recipient_rate"):
        value = getattr(limits, name)
        if value:
            draft.cannot(f"policy.limits.{name}", value, "policy.limits.connection_rate")
    _client_limit(draft, "connections_per_client", "conncontrol", "ClientConn")
    _client_limit(draft, "connection_rate", "ratecontrol", "ClientRate")
    if limits.connection_rate is not None:
        draft.define("confCONNECTION_RATE_WINDOW_SIZE", "60s")


def _client_limit(draft: Draft, option: str, feature: str, tag: str) -> None:
    """One default for everybody, 0 (no limit) for the host itself and for the clients that may relay."""
    value = getattr(draft.policy.limits, option)
    if value is None:
        return
    draft.feature(feature, "nodelay", "terminate")
    draft.access.append((f"{tag}:", str(value)))
    trusted = [key for network in draft.policy.relay.networks or () for key in _keys("policy.relay.networks", network)]
    draft.access.extend((f"{tag}:{key}", "0") for key in dict.fromkeys(_OWN_ADDRESSES + tuple(trusted)))


def _timeouts(draft: Draft) -> None:
    for option, names in _TIMEOUTS:
        value = getattr(draft.policy.timeouts, option)
        for name in names:
            draft.define(name, time_text(value))


def _load(draft: Draft) -> None:
    load = draft.policy.load
    draft.define("confDELAY_LA", load.delay)
    draft.define("confREFUSE_LA", load.refuse)
    if load.queue is not None:
        draft.define("confQUEUE_LA", load.queue or NO_QUEUE_LA)
        # QueueLA alone spares all but huge messages; with this factor it queues at the load it names.
        draft.define("confQUEUE_FACTOR", 1)


def _queue(draft: Draft) -> None:
    queue = draft.policy.queue
    for option, name in _QUEUE_TIMES:
        value = getattr(queue, option)
        draft.define(name, time_text(value))
    if not draft.host.instance.primary:
        if queue.run_interval is not None:
            draft.files[units.ENVIRONMENT] = File(units.environment(str(time_text(queue.run_interval))))
    elif queue.run_interval is not None and draft.current("sendmail.conf") is None:
        nearest = "the option -q of the daemon, which the distribution's service file sets"
        draft.cannot("policy.queue.run_interval", time_text(queue.run_interval), nearest)


def _log(draft: Draft) -> None:
    log = draft.policy.log
    if log.level is not None:
        draft.define("confLOG_LEVEL", LOG_LEVELS[log.level])
    if log.tls is False:
        draft.cannot("policy.log.tls", False, "policy.log.level; a line for each TLS session is always written")


def _aliases(draft: Draft) -> None:
    aliases = draft.policy.aliases
    if aliases:
        draft.files[tables.ALIASES] = File(tables.aliases_text(aliases))
        draft.define("ALIAS_FILE", f"{draft.path(tables.ALIASES)},{draft.aliases}")


# --- TLS ------------------------------------------------------------------------------------------------------------


def _tls(draft: Draft) -> None:
    server, client = draft.policy.tls.server, draft.policy.tls.client
    level = server_level(draft.policy)
    if level != "none" and not (server.certificate and server.key):
        raise OptionError(
            "policy.tls.server.level", level, "policy.tls.server.certificate and policy.tls.server.key are needed"
        )
    if (level != "none" or client.level not in (None, "none")) and "tls" not in draft.host.capabilities.features:
        draft.cannot("policy.tls", level, "nothing, this build has no STARTTLS")
        return
    if level != "none":
        _tls_server(draft)
    if level == "encrypt":
        draft.mail_check(_STARTTLS_DEMANDED)
    _tls_client(draft)
    _tls_common(draft)
    for number, demand in enumerate(draft.policy.tls.domains or ()):
        _tls_domain(draft, f"policy.tls.domains[{number}]", demand)


def _tls_server(draft: Draft) -> None:
    server = draft.policy.tls.server
    draft.define("confSERVER_CERT", server.certificate)
    draft.define("confSERVER_KEY", server.key)
    # V: no request for a client certificate, which some clients answer by hanging up.
    draft.define("confTLS_SRV_OPTIONS", "V")


def _tls_client(draft: Draft) -> None:
    client = draft.policy.tls.client
    draft.define("confCLIENT_CERT", client.certificate)
    draft.define("confCLIENT_KEY", client.key)
    if client.minimum:
        draft.define("confCLIENT_SSL_OPTIONS", PROTOCOL_OPTIONS[client.minimum])
    if client.level == "none":
        draft.access.append(("Try_TLS:", "NO"))
    elif client.level == "encrypt":
        draft.access.append(("TLS_Srv:", ENCRYPTED))
    elif client.level == "dane":
        if "dane" not in draft.host.capabilities.features:
            draft.cannot("policy.tls.client.level", "dane", "encrypt, this build has no DANE")
        draft.define("confDANE", True)
    if client.level in ("may", "dane") and draft.host.capabilities.version >= (8, 16):
        draft.define("confTLS_FALLBACK_TO_CLEAR", "true")


def _tls_common(draft: Draft) -> None:
    """What sendmail knows once for both directions; without all of it STARTTLS disappears without a word."""
    server, client = draft.policy.tls.server, draft.policy.tls.client
    if server.minimum:
        draft.define("confSERVER_SSL_OPTIONS", PROTOCOL_OPTIONS[server.minimum] + _SERVER_OPTIONS)
    if server_level(draft.policy) == "none" and client.level in (None, "none"):
        return
    store = instance.trust_store()
    if client.ca_file or store:
        file, directory = store or ("", client.ca_file.rpartition("/")[0])
        draft.define("confCACERT", client.ca_file or file)
        draft.define("confCACERT_PATH", directory)
    elif server.certificate:
        draft.define("confCACERT", server.certificate)
        draft.define("confCACERT_PATH", server.certificate.rpartition("/")[0] or "/")
    if server.ciphers and client.ciphers and server.ciphers != client.ciphers:
        draft.cannot("policy.tls.client.ciphers", client.ciphers, "the same list as policy.tls.server.ciphers")
    draft.define("confCIPHER_LIST", server.ciphers or client.ciphers)


def _tls_domain(draft: Draft, path: str, demand: Policy) -> None:
    """C(TLS_Rcpt) asks by the recipient's domain, C(TLS_Srv) and C(Try_TLS) by the name of the server."""
    if demand.minimum:
        raise unsupported(f"{path}.minimum", demand.minimum, "policy.tls.client.minimum, for all domains")
    if demand.level == "none":
        draft.access.append((f"Try_TLS:{demand.domain}", "NO"))
        draft.notes.append(
            f"{path}: sendmail tells by the name of the server, not by the recipient's domain, where no TLS is tried"
        )
    elif demand.level == "may":
        draft.access.append((f"Try_TLS:{demand.domain}", "YES"))
        draft.access.append((f"TLS_Srv:{demand.domain}", "OK"))
    else:
        value = VERIFIED if demand.level == "verify" else ENCRYPTED
        draft.access.append((f"TLS_Rcpt:{demand.domain}", value))
        draft.access.append((f"TLS_Srv:{demand.domain}", value))


_GROUPS = (_frame, _identity, _relay, _routes, _session, _limits, _timeouts, _load, _tls, _aliases, _queue, _log)


# --- native settings and text ---------------------------------------------------------------------------------------

_NATIVE_SECTIONS = ("defines", "features") + tuple(mc.RAW_SECTIONS)


def _items(draft: Draft, native: t.Mapping[str, t.Any]) -> t.List[mc.Item]:
    unknown = sorted(set(native) - set(_NATIVE_SECTIONS))
    if unknown:
        raise OptionError(
            f"mc.{unknown[0]}", native[unknown[0]], f"there is no such section; known: {', '.join(_NATIVE_SECTIONS)}"
        )
    _take_defines(draft, native.get("defines") or {})
    if draft.access:
        _split_access(draft)
    _take_features(draft, native.get("features") or {})
    _answer_as_postfix(draft)
    items = draft.statements + _rulesets(draft, str(native.get("local_rulesets") or ""))
    if draft.ports:
        lines = "\n".join(_port_mailer(port) for port in sorted(draft.ports))
        items.append(mc.Raw("mailer_definitions", lines))
    for section in mc.RAW_SECTIONS:
        if native.get(section):
            items.append(mc.raw(f"mc.{section}", section, native[section]))
    return [_define_item(*pair) for pair in draft.defines.items()] + _feature_items(draft) + items


def _answer_as_postfix(draft: Draft) -> None:
    """Rules whose only purpose is the status of an answer, as far as the native settings, which are known now, leave them room."""
    if draft.features.get("accept_unqualified_senders") is not None:
        draft.rulesets.pop("Local_check_mail", None)
    limit = draft.defines.get("confMAX_MESSAGE_SIZE") or "0"
    # Without delay_checks the name check_mail is sendmail's own.
    if limit.isdigit() and int(limit) and draft.features.get("delay_checks") is not None:
        draft.mail_check(_SIZE_KEPT.format(limit=int(limit)))
        draft.statements.append(mc.Raw("maps", _SIZE_MAPS))


def _rulesets(draft: Draft, native: str) -> t.List[mc.Item]:
    """Our rulesets, as far as the native ones have not taken their names.

    With delay_checks there is no check_mail of sendmail's own, so this name is free. A native check_mail takes the place of
    ours where nothing is lost by that; a demand for STARTTLS is not lost: sendmail refuses two rulesets of one name.
    """
    if draft.mail_checks:
        calls = [f"R$*\t$: $1 $| $>{name} $1\nR$* $| $#$*\t$#$2\nR$* $| $*\t$: $1" for name in draft.mail_checks]
        draft.ruleset("\n".join(["Scheck_mail"] + calls))
    taken = set(_DECLARED.findall(native)) & set(draft.rulesets)
    if "StarttlsDemanded" in draft.rulesets:
        taken -= {"check_mail", "StarttlsDemanded"}
    for name in sorted(taken):
        draft.notes.append(f"mc.local_rulesets: the ruleset {name} takes the place of the one of the policy")
    return [mc.Raw("local_rulesets", text) for name, text in draft.rulesets.items() if name not in taken]


def _split_access(draft: Draft) -> None:
    """Two files behind one access map: ours, then the hand-written one, whose lines may say the same keys.

    Without C(-o) our file has to be there: an access map that is not there would let everybody in.
    """
    table = draft.host.capabilities.default_table_type
    lines = (
        "LOCAL_CONFIG",
        f"Kaccess_policy {table} -T<TMPF> {draft.path(tables.ACCESS)}",
        f"Kaccess_local {table} -T<TMPF> -o {draft.path('access')}",
        "divert(0)dnl",
    )
    draft.statements.append(mc.Raw("maps", "\n".join(lines)))
    draft.feature("access_db", "sequence access_policy access_local", "skip")


def _take_defines(draft: Draft, given: t.Any) -> None:
    if not isinstance(given, dict):
        raise OptionError("mc.defines", given, "a dictionary of names to values is wanted")
    for name, value in sorted(given.items(), key=lambda pair: str(pair[0])):
        option = f"mc.defines.{name}"
        mc.define_name(option, name)
        text = None if value is None else mc.safe(option, value)
        if text is not None:
            cf.check_type(option, name, text)
        draft.defines[name] = text


def _take_features(draft: Draft, given: t.Any) -> None:
    if not isinstance(given, dict):
        raise OptionError(
            "mc.features", given, "a dictionary of names to arguments is wanted; null takes a feature away"
        )
    for name, value in sorted(given.items(), key=lambda pair: str(pair[0])):
        option = f"mc.features.{name}"
        mc.feature_name(option, name)
        draft.features[name] = _feature_arguments(option, value)


def _feature_arguments(option: str, value: t.Any) -> t.Optional[t.Tuple[str, ...]]:
    if value is None or value is False:
        return None
    if value is True or value == "":
        return ()
    values = value if isinstance(value, (list, tuple)) else [value]
    return tuple(mc.safe(option, item) for item in values)


def _define_item(name: str, value: t.Optional[str]) -> mc.Item:
    if value is None:
        return mc.Statement("defines", "undefine", (name,))
    return mc.define(name, value)


def _feature_items(draft: Draft) -> t.List[mc.Item]:
    order = {name: number for number, name in enumerate(FEATURE_ORDER)}
    names = sorted(draft.features, key=lambda name: (order.get(name, len(order)), name))
    return [mc.feature(name, *(draft.features[name] or ())) for name in names if draft.features[name] is not None]


def _port_mailer(port: int) -> str:
    """The esmtp mailer of cf/mailer/smtp.m4, to another port."""
    return (
        f"Mesmtp{port},\tP=[IPC], F=mDFMuXa, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990,\n"
        f"\t\tT=DNS/RFC822/SMTP,\n\t\tA=TCP $h {port}"
    )


def _settings(draft: Draft, items: t.Sequence[mc.Item]) -> t.Dict[str, str]:
    """Native name to native value of everything that is decided, for the summary."""
    found = {name: "" if value is None else value for name, value in draft.defines.items()}
    for item in items:
        if isinstance(item, mc.Statement) and item.macro == "FEATURE":
            found[f"FEATURE({item.arguments[0]})"] = ", ".join(item.arguments[1:])
        elif isinstance(item, mc.Statement) and item.macro in ("DAEMON_OPTIONS", "CLIENT_OPTIONS"):
            found[f"{item.macro}({item.arguments[0].split(',')[0]})"] = item.arguments[0]
    found.update((f"access {key}", value) for key, value in draft.access)
    found.update((f"mailertable {key}", value) for key, value in draft.mailertable)
    return found


# --- files ----------------------------------------------------------------------------------------------------------


def _add_files(draft: Draft, text: str, built: str) -> None:
    old = draft.current("sendmail.mc")
    if old is not None and MARK.encode("ascii") not in old and draft.current(KEPT_MC) is None:
        draft.files[KEPT_MC] = File(old)
    draft.files["sendmail.mc"] = File(text.encode("ascii"))
    draft.files["sendmail.cf"] = File(built.encode("utf-8", "surrogateescape"))
    if draft.access:
        draft.files[tables.ACCESS] = File(tables.access_text(draft.access), 0o640)
    _remove_unused(draft)
    _add_mailertable(draft)
    if draft.host.instance.primary:
        _keep_hands_off(draft)


def _remove_unused(draft: Draft) -> None:
    """Our own tables go when nothing is in them any more, together with what was compiled of them."""
    for name in (tables.ACCESS, tables.ALIASES):
        if name not in draft.files:
            for path in (name, tables.compiled_name(draft.host, name)):
                if draft.current(path) is not None:
                    draft.files[path] = File(None)


def _add_mailertable(draft: Draft) -> None:
    """A table in which we own one block; it is ours to write as soon as there is, or was, something in the block."""
    current = draft.current("mailertable")
    if draft.mailertable or (current is not None and tables.BEGIN.encode("ascii") in current):
        draft.files["mailertable"] = File(tables.with_block(current, draft.mailertable))


def _keep_hands_off(draft: Draft) -> None:
    """Debian's init script runs make, which would build sendmail.cf anew behind our back whenever the mc is newer."""
    conf, makefile = draft.current("sendmail.conf"), draft.current("Makefile")
    if conf is not None:
        interval = draft.policy.queue.run_interval
        wanted = {"HANDS_OFF": "Yes"}
        if interval is not None:
            wanted["QUEUE_INTERVAL"] = str(time_text(interval))
        draft.files["sendmail.conf"] = File(with_shell_values(conf, wanted))
    if makefile is not None:
        draft.files["Makefile"] = File(without_cf_rule(makefile), 0o754)


def with_shell_values(content: bytes, wanted: t.Mapping[str, str]) -> bytes:
    """C(NAME="value") lines of a shell file replaced, or added at the end; everything else stays byte for byte."""
    text = content.decode("utf-8", "surrogateescape")
    for name, value in sorted(wanted.items()):
        found = list(re.finditer(rf'^{name}=("[^"\n]*"|[^\s;#]*)', text, re.MULTILINE))
        line = f'{name}="{value}"'
        if found:
            text = text[: found[-1].start()] + line + text[found[-1].end() :]
        else:
            text += f"{line}\n" if text.endswith("\n") or not text else f"\n{line}\n"
    return text.encode("utf-8", "surrogateescape")


def without_cf_rule(content: bytes) -> bytes:
    """Debian's Makefile without the rules that write the configuration, whatever is newer; those for tables stay.

    Its init script runs make and does not start the daemon when make fails.
    """
    lines = []
    for line in content.split(b"\n"):
        target, colon, dummy = line.partition(b" :")
        if colon and target in _MADE_BY_US:
            lines.append(target + b" : # postmaster.mta sees to it")
        elif line.strip(b"\t \\") not in _MADE_BY_US or not line.startswith(b"\t/") or not line.endswith(b"\\"):
            lines.append(line)
    return b"\n".join(lines)


_MADE_BY_US = (b"/etc/mail/sendmail.cf", b"/etc/mail/databases", b"/etc/mail/Makefile")
