# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where a line of a log becomes a syslog record.

Private to the collection: it can change at any time.

The rest of the reader knows one form of a record, C(stamp host tag[pid]: text), as syslogd and rsyslog write it to a
file: the stamp is C(Nov 22 07:39:25) with a padded day, or RFC 3339. The hot loop of join.py reads that form itself.
Every line that it does not understand comes here and is translated: RFC 5424, JSON, containers, C(<mail.info>), days
without padding, and lines that stand for several records.

To read another form, write a function that returns the record which a line holds, or None, and add it to FORMS.
Forms may be nested: a container's JSON can hold an RFC 5424 record. A form returns the next layer only.
"""

import datetime
import json
import re
import typing as t

#: Why a line is skipped.
NO_TIME, NO_PROGRAM, NOT_UNDERSTOOD = "no_time", "no_program", "not_understood"
TOO_LONG, REPEATS_UNKNOWN, UNFINISHED = "too_long", "repeats_unknown", "unfinished"
KINDS = (NO_TIME, NO_PROGRAM, NOT_UNDERSTOOD, TOO_LONG, REPEATS_UNKNOWN, UNFINISHED)

#: No log wraps a record in more layers than this.
_MOST_LAYERS = 5
#: So often does a syslog daemon repeat a line at most before it writes it again.
_MOST_REPEATS = 100000
_NIL = b"-"

Form = t.Callable[[bytes], t.Optional[bytes]]


class Skipped(ValueError):
    """A line that holds no record.

    :ivar kind: one of KINDS.
    """

    def __init__(self, kind: str) -> None:
        super(Skipped, self).__init__(kind)
        self.kind = kind


def records(line: bytes, before: t.Optional[bytes] = None) -> t.List[bytes]:
    """Return the records that a line stands for, each in the one form that the reader knows, with a line feed.

    A record of a program that says nothing about mail, C(-- MARK --), gives an empty list.

    :param before: the line before this one of the same host, which C(last message repeated 3 times) stands for.
    :raises Skipped: when the line holds no record.
    """
    record = _unwrap(line.rstrip(b"\r\n"))
    repeated = _repeated(record, before)
    if repeated is not None:
        return repeated
    match = _STAMP.match(record)
    if not match:
        raise Skipped(NO_TIME)
    if _MARK.match(record, match.end()):
        return []
    if not _PROGRAM.match(record, match.end()):
        raise Skipped(NO_PROGRAM)
    return [record + b"\n"]


def host_of(line: bytes) -> bytes:
    """Return the host of a line in the reader's form, b"" if it is in another form."""
    match = _STAMP.match(line)
    return line[match.end() :].split(b" ", 1)[0] if match else b""


def _unwrap(record: bytes) -> bytes:
    for _layer in range(_MOST_LAYERS):
        layers = (form(record) for form in FORMS)
        inner = next((layer for layer in layers if layer and layer != record), None)
        if inner is None:
            break
        record = inner
    return record


# --- lines that stand for several records -------------------------------------------------------------------------------

_STAMP = re.compile(rb"(?:[A-Z][a-z][a-z] [ 123]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[0-9:.,Z+-]{8,32}) ")
_PROGRAM = re.compile(rb"\S+ [^\s:\[][^\s:\[]*(?:\[[^\]\s]*\])?:(?: |\Z)")
_MARK = re.compile(rb"\S+ -- MARK --\Z")
#: rsyslog: C(tag[pid]: message repeated 3 times: [ text]).
_RSYSLOG_REPEATS = re.compile(rb"(.*?: )message repeated (\d+) times: \[ ?(.*)\]\Z", re.S)
#: BSD and sysklogd: C(host last message repeated 3 times), which stands for the line before.
_BSD_REPEATS = re.compile(rb"\S+ (?:\S+: )?(?:-+ )?last message (?:buffered|repeated) (\d+) times?\b")
#: syslog-ng: C(syslog-ng[7]: Last message 'text' repeated 3 times, suppressed by syslog-ng on host).
_SYSLOG_NG_REPEATS = re.compile(rb"\S+ syslog-ng(?:\[\d+\])?: Last message '(.*)' repeated (\d+) times", re.S)


def _repeated(record: bytes, before: t.Optional[bytes]) -> t.Optional[t.List[bytes]]:
    """Return the records that a line stands for which says how often another one came; None for any other line."""
    match = _RSYSLOG_REPEATS.match(record)
    if match:
        return [match.group(1) + match.group(3) + b"\n"] * min(int(match.group(2)), _MOST_REPEATS)
    stamp = _STAMP.match(record)
    if not stamp:
        return None
    bsd = _BSD_REPEATS.match(record, stamp.end())
    syslog_ng = _SYSLOG_NG_REPEATS.match(record, stamp.end())
    times = b""
    if bsd:
        times = bsd.group(1)
    elif syslog_ng:
        times = syslog_ng.group(2)
    if not times:
        return None
    if before is None or syslog_ng and syslog_ng.group(1)[:200] not in before:
        raise Skipped(REPEATS_UNKNOWN)
    return [before] * min(int(times), _MOST_REPEATS)


# --- forms of one record ------------------------------------------------------------------------------------------------

_PRIORITY = re.compile(rb"(?:\d{1,6} )?<(?:\d{1,3}|[a-z0-7]+\.[a-z0-7]+)>(?:\d{1,3} )?(?=\S)")
_AFTER_STAMP = re.compile(
    rb"(?:<[a-z0-9]+\.[a-z0-9]+> |(\S+) (?:auth|daemon|kern|local[0-7]|mail|syslog|user|[0-9]+)[.:][a-z]+ )"
)
_COMPOSE = re.compile(rb"[\w.-]+ +\| +(?=\S)")
_CRI = re.compile(rb"(\d{4}-\d\d-\d\dT\S+) (?:stdout|stderr) [FP] (.*)", re.S)
_RFC_5424 = re.compile(
    rb"(?:1 )?(\d{4}-\d\d-\d\dT\S+) (\S+) (\S+) (\S+) \S+ (?:-|(?:\[(?:[^\]\"]|\"(?:[^\"\\]|\\.)*\")*\])+)(?: (.*))?\Z",
    re.S,
)
_SOLARIS = re.compile(rb"(.*?: )\[ID \d+ [a-z0-9]+\.[a-z]+\] (.*)\Z", re.S)
_LOOSE_STAMP = re.compile(
    rb"(?:[A-Z][a-z][a-z],? )?(?:(\d{4}) )?([A-Z][a-z][a-z]) +(\d{1,2}) (?:(\d{4}) )?(\d\d:\d\d:\d\d)(?:[.,]\d+)?:? (?=\S)"
)
_SPLIT_STAMP = re.compile(
    rb"(?:[A-Z][a-z][a-z] )?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d+))? ?(Z|UTC|GMT|[A-Z]{3,5}|[+-]\d\d(?::?\d\d)?)? (?=\S)"
)
_EPOCH = re.compile(rb"(\d{9,10})(\.\d{1,9})? (?=\S+ \S+:)")


def _priority(record: bytes) -> t.Optional[bytes]:
    """Drop what a syslog server received before the stamp: C(<22>), C(<mail.info>), with C(1 ) of RFC 5424, RFC 6587's length."""
    match = _PRIORITY.match(record)
    return record[match.end() :] if match else None


def _named_priority(record: bytes) -> t.Optional[bytes]:
    """Drop the priority after the stamp: FreeBSD's C(<mail.info>), BusyBox' C(host mail.info), AIX' C(host mail:info)."""
    stamp = _STAMP.match(record)
    match = stamp and _AFTER_STAMP.match(record, stamp.end())
    if not stamp or not match:
        return None
    host = match.group(1)
    return record[: stamp.end()] + (host + b" " if host else b"") + record[match.end() :]


def _container(record: bytes) -> t.Optional[bytes]:
    """Take what a container wrote out of Kubernetes' C(stamp stdout F text) and Compose's C(name | text)."""
    match = _COMPOSE.match(record)
    if match:
        return record[match.end() :]
    match = _CRI.match(record)
    return _stamped(match.group(1), match.group(2)) if match else None


def _stamped(stamp: bytes, text: bytes) -> bytes:
    """Return a record that has a stamp: its own, or else the one of who wrote it down."""
    if _STAMP.match(text) or _LOOSE_STAMP.match(text) or _SPLIT_STAMP.match(text) or text[:1] in (b"<", b"{"):
        return text
    return b" ".join((stamp, _NIL, text))


def _rfc_5424(record: bytes) -> t.Optional[bytes]:
    """Translate C(1 stamp host app pid msgid [data] text), also where the priority and the version are gone."""
    match = _RFC_5424.match(record)
    if not match or match.group(3)[-1:] == b":":
        return None
    stamp, host, program, process, text = match.groups()
    text = text or b""
    return _record(stamp, host, program, process, text[3:] if text[:3] == b"\xef\xbb\xbf" else text)


def _record(stamp: bytes, host: bytes, program: bytes, process: bytes, text: bytes) -> bytes:
    tag = program if process in (b"", _NIL) or program[-1:] == b"]" else b"%b[%b]" % (program, process)
    return b"%b %b %b: %b" % (stamp, host or _NIL, tag, text.lstrip(b" "))


def _solaris(record: bytes) -> t.Optional[bytes]:
    """Drop the message ID of Solaris: C(sendmail[7]: [ID 801593 mail.info] text)."""
    match = _SOLARIS.match(record)
    return match.group(1) + match.group(2) if match else None


def _other_stamps(record: bytes) -> t.Optional[bytes]:
    """Write the stamp as the reader expects it: days without padding, fractions, a year, a blank in place of the C(T)."""
    match = _LOOSE_STAMP.match(record)
    if match:
        first_year, month, day, year, clock = match.groups()
        rest = record[match.end() :]
        year = first_year or year
        if year:
            number = _MONTHS.get(month)
            return b"%b-%02d-%02dT%b %b" % (year, number, int(day), clock, rest) if number else None
        return b"%b %2d %b %b" % (month, int(day), clock, rest)
    match = None if _STAMP.match(record) else _SPLIT_STAMP.match(record)
    if match:
        day, clock, fraction, zone = match.groups()
        fraction = b"." + fraction if fraction else b""
        return b"%bT%b%b%b %b" % (day, clock, fraction, _offset(zone), record[match.end() :])
    match = _EPOCH.match(record)
    return _utc(float(match.group(1) + (match.group(2) or b""))) + b" " + record[match.end() :] if match else None


_MONTHS = {
    name: number
    for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(b" "), 1)
}  # fmt: skip


def _offset(zone: t.Optional[bytes]) -> bytes:
    """Return the offset of an RFC 3339 stamp for the zone that a line names; empty where it is none of UTC."""
    if zone and zone[:1] in b"+-Z":
        return zone + b":00" if len(zone) == 3 else zone
    return b"Z" if zone in (b"UTC", b"GMT") else b""


def _utc(seconds: float) -> bytes:
    moment = datetime.datetime.utcfromtimestamp(seconds)
    return (moment.strftime("%Y-%m-%dT%H:%M:%S") + ".%06dZ" % moment.microsecond).encode("ascii")


# --- JSON ---------------------------------------------------------------------------------------------------------------

#: The names that fields of a record have: the journal's, then those of rsyslog's and syslog-ng's templates, Elastic's, Docker's.
_TIMES = ("__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP", "timereported", "@timestamp", "timestamp", "timegenerated",
          "time", "date", "datetime", "eventtime", "ISODATE", "DATE", "ts")  # fmt: skip
_HOSTS = ("_HOSTNAME", "hostname", "host.hostname", "host.name", "host", "HOST", "fromhost", "source", "sysloghost")
_PROGRAMS = ("syslogtag", "syslog-tag", "SYSLOG_IDENTIFIER", "tag", "ident", "app-name", "appname", "app_name", "APP-NAME",
             "programname", "PROGRAM", "program", "process.name", "log.syslog.appname", "_COMM")  # fmt: skip
_PROCESSES = ("SYSLOG_PID", "_PID", "procid", "PROCID", "pid", "PID", "process.pid", "log.syslog.procid", "proc_id")
_TEXTS = ("MESSAGE", "message", "msg", "MSG", "log", "rawmsg", "text")


def _json(record: bytes) -> t.Optional[bytes]:
    """Translate a JSON object: journalctl -o json, an rsyslog or syslog-ng template, Docker's json-file."""
    start = record.lstrip(b"\x1e \t")
    start = start[6:] if start[:6] == b"data: " else start
    if start[:1] != b"{":
        return None
    try:
        fields = json.loads(start.rstrip(b", \t").decode("utf-8", "backslashreplace"))
    except ValueError:
        return None
    text = _field(fields, _TEXTS).rstrip(b"\r\n").replace(b"\n", b" ")
    stamp, host, program = _time(fields), _field(fields, _HOSTS), _field(fields, _PROGRAMS)
    if not text:
        return None
    if not program or _STAMP.match(text) or text[:1] in (b"<", b"{"):
        return _stamped(stamp, text)
    return _record(stamp, host, program.rstrip(b": "), _field(fields, _PROCESSES), text)


def _field(fields: t.Mapping[str, t.Any], names: t.Iterable[str]) -> bytes:
    """Return the first of some fields that is there, as bytes."""
    for name in names:
        value = _value(fields, name)
        if isinstance(value, list) and all(isinstance(part, int) and 0 <= part < 256 for part in value):
            return bytes(value)  # how the journal writes a text that is not UTF-8
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
            return str(value).encode("utf-8", "backslashreplace")
    return b""


def _value(fields: t.Mapping[str, t.Any], name: str) -> t.Any:
    """Return a field. A dot in a name is a step into an object, unless there is a field of that very name."""
    value: t.Any = fields.get(name)
    if value is not None or "." not in name:
        return value
    value = fields
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _time(fields: t.Mapping[str, t.Any]) -> bytes:
    """Return the time of a JSON record: RFC 3339 as it stands; a number is seconds, milliseconds or microseconds."""
    text = _field(fields, _TIMES)
    try:
        seconds = float(text)
    except ValueError:
        return text.replace(b" ", b"T", 1) if text[4:5] == b"-" else text
    while seconds > 1e11:
        seconds /= 1000
    return _utc(seconds)


#: What a line can be wrapped in. Each returns the record within, or None when the line has another form.
FORMS: t.Tuple[Form, ...] = (
    _json, _priority, _container, _rfc_5424, _other_stamps, _named_priority, _solaris,
)  # fmt: skip
