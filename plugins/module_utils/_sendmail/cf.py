# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail.cf: what a built configuration really says, and which m4 name sets which option.

m4 knows no misspelt names: C(define(`confDELIERY_MODE', ...)) builds without a word and changes nothing. The tables here
tell what every define must become in the cf, so that what does not arrive can be refused by name.

Private to the collection: it can change at any time.
"""

import collections
import re
import typing as t

from .._errors import OptionError

# name=option, from the _OPTION lines of cf/m4/proto.m4 of sendmail 8.17 and 8.18, by the type of the value (op.me, 5.6).
_NUMBERS = """
confAUTH_MAX_BITS=AuthMaxBits confBAD_RCPT_THROTTLE=BadRcptThrottle confCHECKPOINT_INTERVAL=CheckpointInterval
confCONNECTION_RATE_THROTTLE=ConnectionRateThrottle confDELAY_LA=DelayLA confDF_BUFFER_SIZE=DataFileBufferSize
confFAST_SPLIT=FastSplit confLOG_LEVEL=LogLevel confMAX_ALIAS_RECURSION=MaxAliasRecursion
confMAX_DAEMON_CHILDREN=MaxDaemonChildren confMAX_HEADERS_LENGTH=MaxHeadersLength confMAX_HOP=MaxHopCount
confMAX_MESSAGE_SIZE=MaxMessageSize confMAX_NOOP_COMMANDS=MaxNOOPCommands
confMAX_QUEUE_CHILDREN=MaxQueueChildren confMAX_QUEUE_RUN_SIZE=MaxQueueRunSize
confMAX_RCPTS_PER_MESSAGE=MaxRecipientsPerMessage confMAX_RUNNERS_PER_QUEUE=MaxRunnersPerQueue
confMCI_CACHE_SIZE=ConnectionCacheSize confMILTER_LOG_LEVEL=Milter.LogLevel confMIN_FREE_BLOCKS=MinFreeBlocks
confNICE_QUEUE_RUN=NiceQueueRun confQUEUE_FACTOR=QueueFactor confQUEUE_LA=QueueLA confREFUSE_LA=RefuseLA
confSHARED_MEMORY_KEY=SharedMemoryKey confTO_RESOLVER_RETRY=Timeout.resolver.retry
confTO_RESOLVER_RETRY_FIRST=Timeout.resolver.retry.first
confTO_RESOLVER_RETRY_NORMAL=Timeout.resolver.retry.normal confWORK_CLASS_FACTOR=ClassFactor
confWORK_RECIPIENT_FACTOR=RecipientFactor confWORK_TIME_FACTOR=RetryFactor
confXF_BUFFER_SIZE=XscriptFileBufferSize
"""
_TIMES = """
confALIAS_WAIT=AliasWait confCONNECTION_RATE_WINDOW_SIZE=ConnectionRateWindowSize
confDELIVER_BY_MIN=DeliverByMin confDIAL_DELAY=DialDelay confMAX_QUEUE_AGE=MaxQueueAge
confMCI_CACHE_TIMEOUT=ConnectionCacheTimeout confMIN_QUEUE_AGE=MinQueueAge
confREJECT_LOG_INTERVAL=RejectLogInterval confTO_ACONNECT=Timeout.aconnect confTO_AUTH=Timeout.auth
confTO_COMMAND=Timeout.command confTO_CONNECT=Timeout.connect confTO_CONTROL=Timeout.control
confTO_DATABLOCK=Timeout.datablock confTO_DATAFINAL=Timeout.datafinal confTO_DATAINIT=Timeout.datainit
confTO_FILEOPEN=Timeout.fileopen confTO_HELO=Timeout.helo confTO_HOSTSTATUS=Timeout.hoststatus
confTO_ICONNECT=Timeout.iconnect confTO_IDENT=Timeout.ident confTO_INITIAL=Timeout.initial
confTO_LHLO=Timeout.lhlo confTO_MAIL=Timeout.mail confTO_MISC=Timeout.misc
confTO_QUEUERETURN=Timeout.queuereturn confTO_QUEUERETURN_DSN=Timeout.queuereturn.dsn
confTO_QUEUERETURN_NONURGENT=Timeout.queuereturn.non-urgent confTO_QUEUERETURN_NORMAL=Timeout.queuereturn.normal
confTO_QUEUERETURN_URGENT=Timeout.queuereturn.urgent confTO_QUEUEWARN=Timeout.queuewarn
confTO_QUEUEWARN_DSN=Timeout.queuewarn.dsn confTO_QUEUEWARN_NONURGENT=Timeout.queuewarn.non-urgent
confTO_QUEUEWARN_NORMAL=Timeout.queuewarn.normal confTO_QUEUEWARN_URGENT=Timeout.queuewarn.urgent
confTO_QUIT=Timeout.quit confTO_RCPT=Timeout.rcpt confTO_RESOLVER_RETRANS=Timeout.resolver.retrans
confTO_RESOLVER_RETRANS_FIRST=Timeout.resolver.retrans.first
confTO_RESOLVER_RETRANS_NORMAL=Timeout.resolver.retrans.normal confTO_RSET=Timeout.rset
confTO_STARTTLS=Timeout.starttls
"""
_BOOLEANS = """
confALLOW_BOGUS_HELO=AllowBogusHELO confCHECK_ALIASES=CheckAliases confCOLON_OK_IN_ADDR=ColonOkInAddr
confCON_EXPENSIVE=HoldExpensive confDANE=DANE confDONT_EXPAND_CNAMES=DontExpandCnames
confDONT_INIT_GROUPS=DontInitGroups confDONT_PROBE_INTERFACES=DontProbeInterfaces
confDONT_PRUNE_ROUTES=DontPruneRoutes confIGNORE_DOTS=IgnoreDots confMATCH_GECOS=MatchGECOS confME_TOO=MeToo
confMIME_FORMAT_ERRORS=SendMimeErrors confOLD_STYLE_HEADERS=OldStyleHeaders confREJECT_NUL=RejectNUL
confREQUIRES_DIR_FSYNC=RequiresDirfsync confRRT_IMPLIES_DSN=RrtImpliesDsn confSAVE_FROM_LINES=SaveFromLine
confSEPARATE_PROC=ForkEachJob confSEVEN_BIT_INPUT=SevenBitInput confSINGLE_LINE_FROM_HEADER=SingleLineFromHeader
confSINGLE_THREAD_DELIVERY=SingleThreadDelivery confSOFT_BOUNCE=SoftBounce
confTLS_FALLBACK_TO_CLEAR=TLSFallbacktoClear confTRY_NULL_MX_LIST=TryNullMXList
confUNSAFE_GROUP_WRITES=UnsafeGroupWrites confUSE_COMPRESSED_IPV6_ADDRESSES=UseCompressedIPv6Addresses
confUSE_ERRORS_TO=UseErrorsTo confUSE_MSP=UseMSP
"""
_TEXTS = """
ALIAS_FILE=AliasFile HELP_FILE=HelpFile QUEUE_DIR=QueueDirectory STATUS_FILE=StatusFile
confAUTH_MECHANISMS=AuthMechanisms confAUTH_OPTIONS=AuthOptions confAUTH_REALM=AuthRealm
confBIND_OPTS=ResolverOptions confBLANK_SUB=BlankSub confCACERT=CACertFile confCACERT_PATH=CACertPath
confCERT_FINGERPRINT_ALGORITHM=CertFingerprintAlgorithm confCIPHER_LIST=CipherList
confCLIENT_CERT=ClientCertFile confCLIENT_KEY=ClientKeyFile confCLIENT_SSL_OPTIONS=ClientSSLOptions
confCONNECT_ONLY_TO=ConnectOnlyTo confCONTROL_SOCKET_NAME=ControlSocketName confCOPY_ERRORS_TO=PostmasterCopy
confCRL=CRLFile confCRL_PATH=CRLPath confDEAD_LETTER_DROP=DeadLetterDrop confDEF_AUTH_INFO=DefaultAuthInfo
confDEF_CHAR_SET=DefaultCharSet confDEF_USER_ID=DefaultUser confDELIVERY_MODE=DeliveryMode
confDH_PARAMETERS=DHParameters confDIRECT_SUBMISSION_MODIFIERS=DirectSubmissionModifiers
confDONT_BLAME_SENDMAIL=DontBlameSendmail confDOUBLE_BOUNCE_ADDRESS=DoubleBounceAddress
confEIGHT_BIT_HANDLING=EightBitMode confERROR_MESSAGE=ErrorHeader confERROR_MODE=ErrorMode
confFALLBACK_MX=FallbackMXhost confFALLBACK_SMARTHOST=FallbackSmartHost confFORWARD_PATH=ForwardPath
confFROM_LINE=UnixFromLine confHELO_NAME=HeloName confHOSTS_FILE=HostsFile
confHOST_STATUS_DIRECTORY=HostStatusDirectory confINPUT_MAIL_FILTERS=InputMailFilters
confLDAP_DEFAULT_SPEC=LDAPDefaultSpec confMAILBOX_DATABASE=MailboxDatabase
confMAX_MIME_HEADER_LENGTH=MaxMimeHeaderLength confMILTER_MACROS_CONNECT=Milter.macros.connect
confMILTER_MACROS_DATA=Milter.macros.data confMILTER_MACROS_ENVFROM=Milter.macros.envfrom
confMILTER_MACROS_ENVRCPT=Milter.macros.envrcpt confMILTER_MACROS_EOH=Milter.macros.eoh
confMILTER_MACROS_EOM=Milter.macros.eom confMILTER_MACROS_HELO=Milter.macros.helo
confMUST_QUOTE_CHARS=MustQuoteChars confNO_RCPT_ACTION=NoRecipientAction confOPERATORS=OperatorChars
confPID_FILE=PidFile confPRIVACY_FLAGS=PrivacyOptions confPROCESS_TITLE_PREFIX=ProcessTitlePrefix
confQUEUE_FILE_MODE=QueueFileMode confQUEUE_SORT_ORDER=QueueSortOrder confRAND_FILE=RandFile
confRUN_AS_USER=RunAsUser confSAFE_FILE_ENV=SafeFileEnvironment confSAFE_QUEUE=SuperSafe
confSERVER_CERT=ServerCertFile confSERVER_KEY=ServerKeyFile confSERVER_SSL_OPTIONS=ServerSSLOptions
confSERVICE_SWITCH_FILE=ServiceSwitchFile confSHARED_MEMORY_KEY_FILE=SharedMemoryKeyFile
confSMTP_LOGIN_MSG=SmtpGreetingMessage confSSL_ENGINE=SSLEngine confSSL_ENGINE_PATH=SSLEnginePath
confTEMP_FILE_MODE=TempFileMode confTLS_SRV_OPTIONS=TLSSrvOptions confTRUSTED_USER=TrustedUser
confUSERDB_SPEC=UserDatabaseSpec
"""

NUMBER, TIME, BOOLEAN, TEXT = "number", "time", "boolean", "text"


def _table() -> t.Dict[str, t.Tuple[str, str]]:
    groups = ((NUMBER, _NUMBERS), (TIME, _TIMES), (BOOLEAN, _BOOLEANS), (TEXT, _TEXTS))
    return {
        name: (option, kind)
        for kind, rows in groups
        for name, dummy, option in (row.partition("=") for row in rows.split())
    }


#: m4 name to the cf option that it sets and the type of its value.
OPTIONS = _table()

_CHOICES = {
    "confDELIVERY_MODE": ("background", "interactive", "queueonly", "deferred", "b", "i", "q", "d"),
    "confSAFE_QUEUE": ("True", "False", "Interactive", "PostMilter", "true", "false", "interactive", "postmilter"),
    "confQUEUE_SORT_ORDER": ("priority", "host", "time", "filename", "random", "modification", "none"),
    "confERROR_MODE": ("print", "quiet", "mail", "write", "ephemeral", "p", "q", "m", "w", "e"),
}
_TYPES: t.Dict[str, t.Tuple[t.Pattern[str], str]] = {
    NUMBER: (re.compile(r"-?[0-9]{1,18}\Z"), "expected a whole number"),
    TIME: (re.compile(r"([0-9]{1,9}[smhdw]?)+\Z"), "expected a time, like 30s, 5m, 1h30m, 5d"),
    BOOLEAN: (re.compile(r"([Tt]rue|[Ff]alse)\Z"), "expected True or False"),
}


_MAILER_PORT = re.compile(r"A=(?:TCP|IPC) \$h (\d+)")
_MAILER_FLAGS = re.compile(r"\bF=(\S*?)(?:,|\s|\Z)")


class Cf(t.NamedTuple):
    """The parts of a sendmail.cf that can be compared.

    :param options: C(O Name=value) lines, in order; some names come more than once.
    :param macros: C(D) lines, one-letter names plain and long ones with braces.
    :param classes: C(C) and C(F) lines: class name to the words and file specifications.
    :param maps: C(K) lines: name to definition.
    :param mailers: C(M) lines: name to definition.
    :param rulesets: the names of the C(S) lines.
    :param filters: C(X) lines, the milters: name to definition.
    """

    options: t.Tuple[t.Tuple[str, str], ...]
    macros: t.Mapping[str, str]
    classes: t.Mapping[str, t.Tuple[str, ...]]
    maps: t.Mapping[str, str]
    mailers: t.Mapping[str, str]
    rulesets: t.FrozenSet[str]
    filters: t.Mapping[str, str] = {}

    def values(self, name: str) -> t.Tuple[str, ...]:
        """Return all values of an option, in order."""
        return tuple(value for option, value in self.options if option.lower() == name.lower())

    def value(self, name: str) -> t.Optional[str]:
        """Return the value that counts, the last one; None where the option is not set."""
        values = self.values(name)
        return values[-1] if values else None


def parse(text: str) -> Cf:
    """Read a cf (op.me, chapter 5). Lines of other kinds are left out."""
    lines: t.Dict[str, t.List[str]] = collections.defaultdict(list)
    classes: t.Dict[str, t.Tuple[str, ...]] = {}
    for line in _logical_lines(text):
        kind, rest = line[:1], line[1:]
        lines[kind].append(rest)
        if kind in ("C", "F") and rest:
            name, words = _class_words(kind, rest)
            classes[name] = classes.get(name, ()) + words
    return Cf(
        options=tuple(_pair(rest, "=") for rest in lines["O"] if rest.startswith(" ")),
        macros=dict(_long_name(rest) for rest in lines["D"] if rest),
        classes=classes,
        maps=_definitions(lines["K"], " "),
        mailers=_definitions(lines["M"], ","),
        rulesets=frozenset(_pair(rest, "=")[0] for rest in lines["S"]),
        filters=_definitions(lines["X"], ","),
    )


def _definitions(lines: t.Iterable[str], separator: str) -> t.Dict[str, str]:
    """Return what is defined, by its name, which stands before the separator."""
    return dict(_pair(line, separator) for line in lines)


def _class_words(kind: str, rest: str) -> t.Tuple[str, t.Tuple[str, ...]]:
    """Return the class of a C(C) or C(F) line with its words; a file stands for the words in it."""
    name, value = _long_name(rest)
    return name, tuple(value.split()) if kind == "C" else (f"file:{value.strip()}",)


def _pair(text: str, separator: str) -> t.Tuple[str, str]:
    """Return what stands before and behind a separator, without blanks around."""
    name, dummy, value = text.strip().partition(separator)
    return name.strip(), value.strip()


def _logical_lines(text: str) -> t.Iterator[str]:
    """Yield lines with their continuations joined, which begin with a blank; comments and blank lines are left out."""
    pending = ""
    for line in text.split("\n"):
        if line[:1] in (" ", "\t") and pending:
            pending += " " + line.strip()
            continue
        if pending:
            yield pending
        pending = "" if line.startswith("#") else line.rstrip()
    if pending:
        yield pending


def _long_name(rest: str) -> t.Tuple[str, str]:
    if rest.startswith("{"):
        name, dummy, value = rest[1:].partition("}")
        return "{" + name + "}", value
    return rest[:1], rest[1:]


class Listener(t.NamedTuple):
    """Where a daemon listens, or where a client connects from.

    :param family: C(inet) or C(inet6).
    :param address: empty for every address.
    """

    family: str
    address: str
    port: int


_PORTS = {"smtp": 25, "submission": 587, "smtps": 465}


def listener(text: str) -> Listener:
    """Read a DaemonPortOptions or ClientPortOptions line; its keys count by their first letter (op.me, 5.6)."""
    fields: t.Dict[str, str] = {}
    for part in text.split(","):
        name, dummy, value = part.strip().partition("=")
        fields[name[:1].upper()] = value.strip()
    port = fields.get("P", "25")
    number = int(port) if port.isdigit() else _PORTS.get(port.lower(), 0)
    return Listener(fields.get("F", "inet"), fields.get("A", ""), number)


def mailer_port(definition: str) -> int:
    """Return the port in a mailer's definition, 25 where it names none."""
    match = _MAILER_PORT.search(definition)
    return int(match.group(1)) if match else 25


def has_flag(definition: str, flag: str) -> bool:
    """Return whether a mailer's definition has a flag (op.me, 5.4)."""
    match = _MAILER_FLAGS.search(definition)
    return match is not None and flag in match.group(1)


def neutralise(text: str) -> str:
    """Remove what m4 writes about the moment of the build, so that the same input gives the same bytes."""
    moment = ("##### built by ", "##### in ", "##### using ")
    return "\n".join(line for line in text.split("\n") if not line.startswith(moment))


def expected(name: str, value: str) -> t.Optional[t.Tuple[str, str]]:
    """Return the cf option and the value that C(define(`name', `value')) must become; None where that is not known."""
    row = OPTIONS.get(name)
    return (row[0], value) if row else None


def check_type(option: str, name: str, value: str) -> None:
    """Check a value against its type. sendmail does not: it reads C(O MaxHopCount=abc) as 0.

    :raises OptionError: naming I(option).
    """
    choices = _CHOICES.get(name, ())
    if choices and value not in choices:
        words = [word for word in choices if len(word) > 1]
        raise OptionError(option, value, f"expected one of {', '.join(words)}")
    row = OPTIONS.get(name)
    if value and row and row[1] in _TYPES:
        pattern, why = _TYPES[row[1]]
        if not pattern.match(value):
            raise OptionError(option, value, why)


#: Defines that become a macro of one letter, not an option.
_MACROS = {"confDOMAIN_NAME": "j", "SMART_HOST": "S"}


def defect(cf: Cf, name: str, value: str) -> t.Optional[str]:
    """Return why a define did not arrive in the cf as it was written. None where it did, or its option is unknown."""
    letter = _MACROS.get(name)
    if letter:
        present = cf.macros.get(letter)
        return None if present == value else f"{name}: ${letter} is {present!r} in the cf, not {value!r}"
    option = expected(name, value)
    if option is None:
        return None
    present = cf.value(option[0])
    if present == value or (value == "" and not present):
        return None
    return f"{name}: O {option[0]} is {present!r} in the cf, not {value!r}"


def seconds(text: str) -> t.Optional[int]:
    """Return a time of sendmail in seconds; a bare number counts in seconds, the unit of most options."""
    if not _TYPES[TIME][0].match(text):
        return None
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"([0-9]+)([smhdw]?)", text))
