# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sendmail relay with every construct in it that a move has to know, and taken away again."""

from __future__ import annotations

import contextlib
import typing as t

from labhosts import ROOT, Host

FILES = ROOT / "tests" / "corpus" / "sendmail" / "move" / "relay"
_TABLES = "access mailertable virtusertable genericstable domaintable smarttable authinfo"
_MAIL = "/etc/mail"
#: Where each file goes that is no file of the configuration directory.
_ELSEWHERE = {
    "smarttable.m4": "/usr/share/sendmail/cf/feature/smarttable.m4",
    "aliases": "/etc/aliases",
    "script": "/usr/local/bin/flush-queue",
}
_BUILD = f"""
set -eu
cd {_MAIL}
echo 'one two' > pairs
m4 sendmail.mc > sendmail.cf
for table in {_TABLES} pairs; do makemap hash $table < $table; done
chmod 600 authinfo authinfo.db
newaliases -oA/etc/aliases >/dev/null
chmod 755 /usr/local/bin/flush-queue
install -m 644 -o anna /dev/null /home/anna/.forward
"""
_KEEP = "rm -rf /root/mail.kept; mkdir /root/mail.kept; cp -a /etc/mail /etc/aliases /root/mail.kept/"
_RESTORE = """
rm -rf /etc/mail /etc/aliases
cp -a /root/mail.kept/mail /root/mail.kept/aliases /etc/
rm -rf /root/mail.kept /usr/local/bin/flush-queue /usr/share/sendmail/cf/feature/smarttable.m4 /home/anna/.forward
"""


@contextlib.contextmanager
def everything(host: Host) -> t.Iterator[None]:
    """Give a host the configuration with all constructs, and afterwards its own again."""
    host.run(_KEEP)
    try:
        for path in sorted(FILES.iterdir()):
            host.write(_ELSEWHERE.get(path.name, f"{_MAIL}/{path.name}"), path.read_bytes())
        host.run(_BUILD)
        host.run("systemctl restart sendmail")
        yield
    finally:
        host.run(_RESTORE)
        host.run("systemctl restart sendmail")


#: Who connects: strangers with and without a name, clients that may relay by address or by name, and those that a line is about.
CLIENTS = (
    ("198.51.100.77", ""),
    ("198.51.100.78", "mail.stranger.test"),
    ("10.25.0.60", "trusted.lab.test"),
    ("10.25.0.61", ""),
    ("172.30.1.2", ""),
    ("198.51.101.9", ""),
    ("198.51.100.20", "mx.partner.test"),
    ("198.51.100.21", "partner.test"),
    ("198.51.100.22", "mx.named.test"),
    ("198.51.100.7", ""),
    ("203.0.113.5", ""),
    ("192.0.2.66", ""),
    ("192.0.2.67", ""),
    ("198.51.100.23", "mx.bad.test"),
    ("198.51.100.9", ""),
    ("198.51.100.10", ""),
    ("198.51.100.24", "mx.evil.test"),
    ("198.18.3.4", ""),
)
SENDERS = (
    "",
    "a@ok.test",
    "x@spammer.test",
    "good@spammer.test",
    "x@sub.skipped.test",
    "x@skipped.test",
    "x@text.test",
    "x@later.test",
    "x@bare.test",
    "x@insider.test",
    "junk@ok.test",
    "x@discarded.test",
    "x@evil.test",
    "root@untagged.test",
    "anna@inside.test",
    "bert@inside.test",
    "team+two@inside.test",
    "chief@inside.test",
    "x@masked.test",
    "root@masked.test",
    "x@keep.masked.test",
    "x@served.test",
    "x@nosuch.invalid",
)
RECIPIENTS = (
    *(
        "anna@local.test",
        "nobody-there@local.test",
        "anna+detail@local.test",
        "postmaster@second.test",
        "x@second.test",
    ),
    *("x@served.test", "x@sub.served.test", "x@deep.served.test", "x@to-served.test", "x@below.to-served.test"),
    *(
        "one@to2.test",
        "two@to2.test",
        "closed@served.test",
        "moved@served.test",
        "void@served.test",
        "held@served.test",
    ),
    *("no@served.test", "no@third.test", "x@evil.test", "root@untagged.test", "x@plain.test", "abuse@served.test"),
    *("x@friend.test", "x@third.test", "x@third-served.test", "x@named.test", "x@newname.test", "x@oldname.test"),
    *("info@virtual.test", "sales@virtual.test", "old@virtual.test", "gone@virtual.test", "list+abc@virtual.test"),
    *(
        "x@virtual.test",
        "x@below.virtual.test",
        "x@catch.test",
        "x@two.test",
        "x@port.test",
        "x@relay.test",
        "x@host.wild.test",
    ),
    *(
        "x@wild.test",
        "anna@tolocal.test",
        "x@tolocal.test",
        "anna@keeplocal.test",
        "x@gone.test",
        "x@nohost.test",
        "x@void.test",
    ),
    *("x@never.test", "prog@local.test", "list@local.test", "away@local.test", "several@local.test", "anna@{host}"),
    *("x@nosuch.invalid", "x@nullmx.test", "x@elsewhere.example"),
)
_LINES = """\
2026-11-30T20:00:00.000000+00:00 x sm-mta[10]: 6AUK{0:010d}: from=<{1}>, size=10, nrcpts=1, msgid=<m@x>, relay={2}
2026-11-30T20:00:01.000000+00:00 x sm-mta[11]: 6AUK{0:010d}: to=<{3}>, delay=00:00:01, mailer=esmtp, dsn=2.0.0, stat=Sent (ok)
"""

Mail = t.Tuple[t.Tuple[str, str], str, str]


def mails(host: Host) -> t.Iterator[Mail]:
    """Yield every client with every sender and every recipient."""
    for client in CLIENTS:
        for sender in SENDERS:
            for recipient in RECIPIENTS:
                yield client, sender, recipient.format(host=f"{host.name}.lab.test")


def other_mails(host: Host, count: int) -> t.Iterator[Mail]:
    """Yield as many different envelopes: all there are, then the same with other users in their domains."""
    round_ = 0
    while True:
        for client, sender, recipient in mails(host):
            changed = recipient.replace("x@", f"u{round_}@", 1) if round_ else recipient
            if round_ == 0 or changed != recipient:
                yield client, sender, changed
                count -= 1
            if count <= 0:
                return
        round_ += 1


def few(host: Host) -> t.Iterator[Mail]:
    """Yield each client, each sender and each recipient with ordinary others."""
    for client, sender, recipient in mails(host):
        ordinary = [client in CLIENTS[:3:2], sender == SENDERS[1], recipient in ("x@served.test", "x@third.test")]
        if sum(ordinary) >= 2:
            yield client, sender, recipient


def log_of(wanted: t.Iterable[Mail]) -> bytes:
    """Return the log of a sendmail that had these envelopes."""
    lines = []
    for number, ((address, name), sender, recipient) in enumerate(wanted):
        lines.append(_LINES.format(number, sender, f"{name} [{address}]".strip(), recipient))
    return "".join(lines).encode()
