# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a log line was written: both time stamp styles, and the year that the traditional one leaves out.

Private to the collection: it can change at any time.
"""

import calendar
import re
import time
import typing as t

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)([.,]\d+)?(?:Z|([+-])(\d\d):?(\d\d))?\Z")
_MONTHS = {name.encode(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAY = 86400
_MEMORY = 20000


class Clock:
    """Reads the time stamps of one file.

    A traditional stamp, C(Nov 22 07:39:25), says no year and no zone (RFC 3164 4.1.2). The zone is that of the host.
    The year is the one that puts the line before the end of its file: within the year before I(last). So December
    comes before January in a file that spans New Year, and a file that was read back from an archive is in its own year.

    :param last: when the file was written last, in seconds since the epoch; a day of tolerance is added.
    """

    def __init__(self, last: float) -> None:
        self._written = last
        self._last = time.localtime(last + _DAY)
        self._minutes: t.Dict[bytes, t.Tuple[str, str, float]] = {}

    def again(self) -> "Clock":
        """Return another clock for the same file."""
        return Clock(self._written)

    def text(self, head: bytes) -> str:
        """Return the time of a line as RFC 3339 text with its offset.

        :raises ValueError: when the line does not begin with a time stamp.
        """
        if head[0] > 57:
            minute, offset, _epoch = self._traditional(head)
            return minute + _two_digits(head[12:15]) + offset
        stamp = head.partition(b" ")[0].decode("ascii")
        _match, offset = self._iso(stamp)
        cut = stamp.find("Z") if stamp.endswith("Z") else max(stamp.rfind("+"), stamp.rfind("-", 10))
        return (stamp[:cut] if cut > 10 else stamp) + offset

    def epoch(self, head: bytes) -> float:
        """Return the time of a line in seconds since the epoch."""
        if head[0] > 57:
            return self._traditional(head)[2] + int(_two_digits(head[12:15])[1:])
        key = head[:16] + head[19:32].lstrip(b".,0123456789")
        minute = self._minutes.get(key)
        if minute is None:
            match, offset = self._iso(head.partition(b" ")[0].decode("ascii"))
            minute = self._remember(key, "", offset, [int(match.group(part)) for part in range(1, 6)])
        second = head[17:26].partition(b"+")[0].partition(b"-")[0].partition(b"Z")[0].partition(b" ")[0]
        return minute[2] + float(second.replace(b",", b"."))

    def _iso(self, stamp: str) -> t.Tuple[t.Any, str]:
        match = _ISO.match(stamp)
        if not match:
            raise ValueError("no time stamp")
        if match.group(8):
            return match, "".join(match.group(8, 9)) + ":" + match.group(10)
        if stamp.endswith("Z"):
            return match, "+00:00"
        parts = [int(match.group(part)) for part in range(1, 7)]
        return match, _local_offset(time.mktime(tuple(parts) + (0, 0, -1)))  # type: ignore[arg-type]  # nine numbers are a struct_time

    def _traditional(self, head: bytes) -> t.Tuple[str, str, float]:
        key = head[:12]
        return self._minutes.get(key) or self._new_minute(key)

    def _new_minute(self, key: bytes) -> t.Tuple[str, str, float]:
        # "Nov 22 07:39"
        parts = [_MONTHS.get(key[:3], 0), int(key[4:6]), int(key[7:9]), int(key[10:12])]
        if not parts[0] or key[3:4] + key[6:7] + key[9:10] != b"  :":
            raise ValueError("no time stamp")
        year = self._last.tm_year
        if tuple(parts) > (self._last.tm_mon, self._last.tm_mday, self._last.tm_hour, self._last.tm_min):
            year -= 1
        while parts[:2] == [2, 29] and not calendar.isleap(year):
            year -= 1
        moment = time.mktime((year, parts[0], parts[1], parts[2], parts[3], 0, 0, 0, -1))
        return self._remember(key, "", _local_offset(moment), [year] + parts)

    def _remember(self, key: bytes, _text: str, offset: str, parts: t.List[int]) -> t.Tuple[str, str, float]:
        year, month, day, hour, minute = parts
        if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60):
            raise ValueError("no time stamp")
        seconds = (int(offset[1:3]) * 3600 + int(offset[4:6]) * 60) * (-1 if offset[0] == "-" else 1)
        epoch = calendar.timegm((year, month, day, hour, minute, 0)) - seconds
        if len(self._minutes) > _MEMORY:
            self._minutes.clear()
        remembered = ("%04d-%02d-%02dT%02d:%02d" % (year, month, day, hour, minute), offset, float(epoch))
        self._minutes[key] = remembered
        return remembered


def _two_digits(text: bytes) -> str:
    if len(text) != 3 or text[:1] != b":" or not text[1:].isdigit():
        raise ValueError("no time stamp")
    return text.decode("ascii")


def _local_offset(moment: float) -> str:
    local = time.localtime(moment)
    minutes = local.tm_gmtoff // 60
    return "%s%02d:%02d" % ("-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60)


def seconds_of(text: str) -> float:
    """Read a delay in seconds: Postfix's C(0.25), sendmail's C(4+00:00:01).

    :raises ValueError: for anything else.
    """
    if ":" not in text:
        return float(text)
    days, _plus, clock = text.rpartition("+")
    hours, minutes, seconds = clock.split(":")
    return int(days or 0) * _DAY + int(hours) * 3600 + int(minutes) * 60 + int(seconds)
