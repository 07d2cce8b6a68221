# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of regular expressions that bring Postfix's answers to the same codes as sendmail's.

Private to the collection: it can change at any time.
"""

import re
import typing as t

#: What smtpd(8) knows, and what it hangs up on (smtpd_forbidden_commands).
KNOWN = (
    "AUTH",
    "BDAT",
    "DATA",
    "EHLO",
    "ETRN",
    "HELO",
    "HELP",
    "MAIL",
    "NOOP",
    "PROXY",
    "QUIT",
    "RCPT",
    "RSET",
    "STARTTLS",
    "VRFY",
    "XCLIENT",
    "XFORWARD",
    "CONNECT",
    "GET",
    "POST",
)


def command_filter() -> t.List[str]:
    """Return the table for C(smtpd_command_filter) where VRFY is off.

    A command that Postfix does not have becomes VRFY, whose answer is the 5.5.1 that RFC 3463 has for it; by itself smtpd says
    5.5.2, a syntax error. Lines that do not start with a letter stay, smtpd hangs up on them.
    """
    commands = "|".join(KNOWN)
    return [f"!/^(({commands})([^A-Za-z]|$)|[^A-Za-z]|$)/ VRFY unknown"]


def helo_names(hostname: t.Optional[str]) -> t.List[str]:
    """Return the table for C(check_helo_access): names that no stranger has, and what is no name at all.

    smtpd's own checks would answer 501 and 504 with 5.5.2.
    """
    lines = []
    if hostname:
        lines.append(f"/^{re.escape(hostname)}$/ 550 5.7.1 This is my name, not yours")
    return lines + [
        r"/^\[?(127\.[0-9.]+|(IPv6:)?::1)\]?$/ 550 5.7.1 This is my address, not yours",
        r"/^\[[0-9A-Fa-f:.]+\]$/ DUNNO",
        r"/^\[IPv6:[0-9A-Fa-f:.]+\]$/ DUNNO",
        r"!/^([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.)+[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.?$/ 550 5.7.1 Not a fully qualified host name",
    ]
