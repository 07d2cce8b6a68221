# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same answers on the wire as sendmail's, whose texts are hard-coded: the table for C(smtpd_reply_filter).

Private to the collection: it can change at any time.
"""

import typing as t

#: (what Postfix answers, code and enhanced status instead). The first match counts; the words behind stay.
#: Postfix 3.4 to 3.10: the texts stand in smtpd.c and smtpd_check.c.
REPLIES: t.Tuple[t.Tuple[str, str], ...] = (
    # No such command: sendmail says 5.5.1, Postfix that the syntax is wrong.
    (r"50[02] 5\.5\.2 (Error: command not recognized.*)", "500 5.5.1"),
    # Commands in the wrong order.
    (r"503 5\.5\.1 (Error: send HELO/EHLO first.*)", "503 5.0.0"),
    (r"503 5\.5\.1 (Error: need (MAIL|RCPT) command.*)", "503 5.0.0"),
    (r"554 5\.5\.1 (Error: no valid recipients.*)", "503 5.0.0"),
    (r"503 5\.5\.1 (Error: nested MAIL command.*)", "503 5.5.0"),
    (r"503 5\.5\.1 (Error: authentication not enabled.*)", "503 5.3.3"),
    (r"501 (Syntax: (HELO|EHLO) .*)", "501 5.0.0"),
    # Too large; no room.
    (r"552 5\.3\.4 (.*)", "552 5.2.3"),
    (r"452 4\.3\.1 (Insufficient system storage.*)", "452 4.4.5"),
    # Names and addresses.
    (r"50[14] 5\.5\.2 (<.*>: Helo command rejected: .*)", "550 5.7.1"),
    (r"504 5\.5\.2 (<.*>: Sender address rejected: .*)", "553 5.5.4"),
    (r"501 5\.1\.7 (Bad sender address syntax.*)", "553 5.1.3"),
    (r'554 5\.7\.1 (<[^@">][^">]*@[^">]*@[^">]*>: Relay access denied.*)', "553 5.1.3"),
    # Smuggling: the connection ends, since 421 is what makes smtpd hang up.
    (r"5[0-9][0-9] 5\.5\.2 (.*bare <LF> received.*)", "421 4.5.0"),
    (r"550 5\.7\.1 (.*disallowed character.*)", "554 5.6.1"),
    # Too many, too fast.
    (r"421 4\.7\.0 (.*Error: too many connections from .*)", "421 4.3.2"),
    # Who talks before the greeting.
    (r"503 5\.5\.0 (<.*>: Client host rejected: Improper use of SMTP command pipelining.*)", "554 5.5.0"),
    (r"503 5\.7\.0 (Error: access denied for .*)", "550 5.0.0"),
)
#: EXPN and ETRN; they depend on the policy.
ETRN_REPLY = (r"55[04] 5\.7\.1 (<.*>: Etrn .*)", "502 5.7.0")


def table(etrn: bool) -> str:
    """The lines of the regexp table.

    :param etrn: ETRN is allowed, so its refusals are as Postfix says them.
    """
    rules = REPLIES if etrn else REPLIES + (ETRN_REPLY,)
    return "".join(f"/^{pattern}$/ {instead} $1\n" for pattern, instead in rules)
