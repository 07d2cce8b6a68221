# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be refused: candidates that the MTAs' own checkers let pass, and starting states that are broken already.

The first part is the table "What Postfix's own checkers do NOT catch" and its like for m4; the second the faults F05 to F12.
"""

from __future__ import annotations

import typing as t


class Bad(t.NamedTuple):
    """A wish that must be refused.

    :param params: what the module is given.
    :param named: what the error must name.
    """

    name: str
    params: t.Mapping[str, t.Any]
    named: str


class Broken(t.NamedTuple):
    """A host that is broken before we come.

    :param spoil: a shell command that breaks it, run in the configuration directory.
    :param named: what the error must name.
    :param mend: how to take back what was done outside of the configuration directory.
    """

    name: str
    spoil: str
    named: str
    mend: str = ""


def _main(name: str, value: t.Any, title: str = "") -> Bad:
    return Bad(title or f"{name}={str(value)[:40]}", {"main": {name: value}}, name)


NOWHERE = {"certificate": "/nonexistent.pem", "key": "/nonexistent.key"}
OPEN = {"smtpd_relay_restrictions": "permit", "smtpd_recipient_restrictions": "permit"}

POSTFIX_BAD = (
    _main("no_such_parameter", "1"),
    _main("message_size_limit", "notanumber"),
    _main("mynetworks", "10.0.0.5/8"),
    _main("smtpd_recipient_restrictions", "permitt_mynetworks"),
    _main("transport_maps", "nosuchtype:/etc/postfix/transport"),
    _main("transport_maps", "texthash:/etc/postfix/missing"),
    _main("virtual_alias_maps", "lmdb:/etc/postfix/never-compiled"),
    Bad("a daemon that does not exist", {"master": {"smtp/inet": {"command": "nosuchd"}}}, "nosuchd"),
    _main("inet_interfaces", "192.0.2.77"),
    _main("mynetworks_style", "bogus"),
    _main("smtpd_helo_required", "perhaps"),
    _main("smtpd_timeout", "30x"),
    _main("maximal_queue_lifetime", "five days"),
    _main("smtpd_banner", "a\nmynetworks = 0.0.0.0/0", "a second line"),
    _main("smtpd_banner", "${unbalanced", "an unbalanced brace"),
    Bad("an open relay by its restrictions", {"main": OPEN}, "smtpd_relay_restrictions"),
    _main("mynetworks", "0.0.0.0/0", "an open relay by its networks"),
    _main("smtpd_tls_cert_file", "/nonexistent/cert.pem"),
    _main("smtpd_client_restrictions", "check_client_access hash:/etc/postfix/nowhere"),
    Bad("a weaker restriction in master.cf", {"master": {"smtp/inet": {"options": OPEN}}}, "smtpd_relay_restrictions"),
    Bad("an unknown parameter in master.cf", {"master": {"smtp/inet": {"options": {"smtpd_no_such": "1"}}}}, "smtpd_no_such"),
    Bad("a name that is no name", {"main": {"a b": "1"}}, "a b"),
    Bad("sendmail's natives on Postfix", {"mc": {"defines": {"confMAX_HOP": 5}}}, "mc"),
    Bad("a certificate that is not there", {"policy": {"tls": {"server": NOWHERE}}}, "/nonexistent"),
)  # fmt: skip

SENDMAIL_BAD = (
    Bad("a misspelt define", {"mc": {"defines": {"confDELIERY_MODE": "queueonly"}}}, "confDELIERY_MODE"),
    Bad("a number that is none", {"mc": {"defines": {"confMAX_HOP": "abc"}}}, "confMAX_HOP"),
    Bad("a word that is not in the list", {"mc": {"defines": {"confDELIVERY_MODE": "qeueonly"}}}, "confDELIVERY_MODE"),
    Bad("a feature that does not exist", {"mc": {"features": ["no_such_feature"]}}, "no_such_feature"),
    Bad("blanks where a tab must be", {"mc": {"local_rulesets": "SLocal_check_mail\nR$*    $@ OK\n"}}, "local_rulesets"),
    Bad("a mailer without a path", {"mc": {"mailer_definitions": "Mbroken\n"}}, "mailer_definitions"),
    Bad("a quote in a define", {"mc": {"defines": {"confSMTP_LOGIN_MSG": "$j')syscmd(`id"}}}, "confSMTP_LOGIN_MSG"),
    Bad("a command at build time", {"mc": {"before_mailers": "syscmd(`id')"}}, "before_mailers"),
    Bad("an option that does not exist", {"mc": {"local_config": "O NoSuchOption=1\n"}}, "local_config"),
    Bad("an open relay by a feature", {"mc": {"features": ["promiscuous_relay"]}}, "promiscuous_relay"),
    Bad("a certificate that is not there", {"policy": {"tls": {"server": NOWHERE}}}, "/nonexistent"),
    Bad("an unbalanced quote", {"mc": {"before_mailers": "define(`confX"}}, "before_mailers"),
    Bad("Postfix's natives on sendmail", {"main": {"message_size_limit": 5}}, "main"),
    Bad("a second line in a define", {"mc": {"defines": {"confDOMAIN_NAME": "a.test\nO PrivacyOptions="}}}, "confDOMAIN_NAME"),
)  # fmt: skip

#: One of each kind: what a value is checked by, natives, certificates, a relay that would be open.
POSTFIX_BAD_KINDS = {
    "no_such_parameter=1",
    "message_size_limit=notanumber",
    "transport_maps=nosuchtype:/etc/postfix/transport",
    "virtual_alias_maps=lmdb:/etc/postfix/never-compiled",
    "a daemon that does not exist",
    "inet_interfaces=192.0.2.77",
    "a second line",
    "an open relay by its restrictions",
    "a weaker restriction in master.cf",
    "a certificate that is not there",
}
SENDMAIL_BAD_KINDS = {
    "a misspelt define",
    "a number that is none",
    "blanks where a tab must be",
    "a command at build time",
    "an option that does not exist",
    "an open relay by a feature",
    "a certificate that is not there",
    "a second line in a define",
}

# Not in the list: a parameter that is set twice, which Postfix takes (the last one counts).
POSTFIX_BROKEN = (
    Broken("a line without =", "echo garbage >> main.cf", "main.cf"),
    Broken("a continuation that changes another value", "sed -i '1i\\ \\ leading = blank' main.cf", "main.cf:1"),
    Broken("a service with too few fields", "echo 'broken unix - -' >> master.cf", "master.cf"),
    Broken("an unknown parameter", "echo 'no_such_parameter_at_all = 1' >> main.cf", "no_such_parameter_at_all"),
    Broken("a number that is none", "echo 'default_process_limit = lots' >> main.cf", "default_process_limit"),
    Broken("an unbalanced brace", "echo 'smtp_bind_address = ${x' >> main.cf", "smtp_bind_address"),
    Broken("a table that is not there", "echo 'virtual_alias_maps = texthash:/etc/postfix/gone' >> main.cf", "virtual_alias_maps"),
    Broken("a table type that is not there", "echo 'virtual_alias_maps = nosuch:/etc/postfix/x' >> main.cf", "virtual_alias_maps"),
    Broken("no main.cf", "rm main.cf", "main.cf"),
    Broken("an empty main.cf", ": > main.cf", "/etc/postfix/main.cf: empty"),
    Broken("half a main.cf", "truncate -s 900 main.cf", "/etc/postfix/main.cf: only its first 900"),
    Broken("no master.cf", "rm master.cf", "master.cf"),
    Broken("an empty master.cf", ": > master.cf", "master.cf"),
)  # fmt: skip

SENDMAIL_BROKEN = (
    Broken("an access line without a value", "echo 'From:spam.test' >> access", "access:"),
    Broken("an access key that stands twice", "printf 'From:a.test\\tOK\\nFrom:a.test\\tREJECT\\n' >> access", "From:a.test stands in line"),
    Broken("access is a directory", "rm access && mkdir access", "/etc/mail/access: not a file"),
    Broken("a mailertable line without a route", "echo 'a.test' > mailertable", "mailertable:1"),
    Broken("a mailertable route without a mailer", "printf 'a.test\\tmx.a.test\\n' > mailertable", "mailertable:1"),
    Broken("mailertable is a directory", "rm -f mailertable && mkdir mailertable", "/etc/mail/mailertable: not a file"),
    Broken("local-host-names is a directory", "rm local-host-names && mkdir local-host-names", "local-host-names: not a file"),
    Broken("relay-domains is a directory", "rm relay-domains && mkdir relay-domains", "relay-domains: not a file"),
    Broken("sendmail.cf is a directory", "rm sendmail.cf && mkdir sendmail.cf", "sendmail.cf: not a file"),
    Broken("an alias without a colon", "rm aliases && printf 'root: a\\nnocolon here\\n' > aliases", "aliases:2"),
    Broken("aliases point nowhere", "ln -sfn /etc/no-such-aliases aliases", "aliases: a symbolic link to nowhere"),
    Broken("a damaged Makefile", "printf 'no rule at all\\n' > Makefile", "/etc/mail/Makefile:1"),
    Broken("an empty Makefile", ": > Makefile", "/etc/mail/Makefile: empty"),
    Broken("a damaged sendmail.conf", "echo 'DAEMON_PARMS=\"unfinished' >> sendmail.conf", "/etc/mail/sendmail.conf"),
    Broken("everybody may write to the directory", "chmod 2777 .", "/etc/mail: others", "chmod 2755 /etc/mail"),
    Broken("the group may write to the directory", "chmod g+w .", "/etc/mail: others", "chmod 2755 /etc/mail"),
    Broken("everybody may write to access", "chmod 666 access", "/etc/mail/access: others"),
    # makemap asks the live sendmail.cf who TrustedUser is, and does nothing without it.
    Broken("no sendmail.cf", "rm sendmail.cf", "sendmail.cf"),
    Broken("an empty sendmail.cf", ": > sendmail.cf", "/etc/mail/sendmail.cf: empty"),
    Broken("half a sendmail.cf", "truncate -s 900 sendmail.cf", "/etc/mail/sendmail.cf: only its first 900"),
    Broken("an empty sendmail.mc", ": > sendmail.mc", "/etc/mail/sendmail.mc: empty"),
    Broken("no makemap", "mv $(command -v makemap) /root/makemap.away", "makemap", "mv /root/makemap.away $(dirname $(command -v sendmail))/makemap"),
)  # fmt: skip

#: One of each kind: a line, an entry, a table, a file that is gone or half, a right that is too wide, a program.
POSTFIX_BROKEN_KINDS = {
    "a line without =",
    "a service with too few fields",
    "an unknown parameter",
    "a table that is not there",
    "half a main.cf",
    "no master.cf",
}
SENDMAIL_BROKEN_KINDS = {
    "an access line without a value",
    "access is a directory",
    "a mailertable line without a route",
    "an alias without a colon",
    "a damaged Makefile",
    "everybody may write to access",
    "half a sendmail.cf",
    "no makemap",
}

#: What a run mends without a word about it: our own output, spoilt by somebody.
SENDMAIL_HEALED = (
    Broken("a sendmail.cf written by hand", "echo 'O NoSuchOption=1' >> sendmail.cf", "sendmail.cf"),
    Broken("a compiled table is missing", "rm access.postmaster.db", "access.postmaster.db"),
    Broken("a compiled table is garbage", "echo garbage > access.postmaster.db", "access.postmaster.db"),
    Broken("a table of ours was emptied", ": > access.postmaster", "access.postmaster"),
)  # fmt: skip
