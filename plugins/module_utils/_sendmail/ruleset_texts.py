# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulesets that a policy adds to sendmail's own, as text.

Private to the collection: it can change at any time.
"""

import re
import typing as t

_DECLARED = re.compile(r"^S(\w+)", re.MULTILINE)

VRFY_OFF = """\
Scheck_vrfy
R$*\t$#error $@ 5.5.1 $: "502 VRFY is switched off\""""
STARTTLS_DEMANDED = """\
SStarttlsDemanded
R$*\t$: $&{client_addr} $| $&{tls_version}
R $| $*\t$@ OK
R0 $| $*\t$@ OK
R127.0.0.1 $| $*\t$@ OK
RIPv6:0:0:0:0:0:0:0:1 $| $*\t$@ OK
RIPv6:::1 $| $*\t$@ OK
R$* $| $+\t$@ OK
R$*\t$#error $@ 5.7.0 $: "530 Must issue a STARTTLS command first\""""
# Returns YES for the host itself and for networks that may relay (class R), NO for everybody else.
TRUSTED = """\
SPostmasterTrusted
R$*\t$: $&{client_addr}
R$@\t$@ YES
R0\t$@ YES
R127.0.0.1\t$@ YES
RIPv6:0:0:0:0:0:0:0:1\t$@ YES
RIPv6:::1\t$@ YES
R$=R $*\t$@ YES
R$*\t$@ NO"""
# Routing inside of an address, from strangers. In quotes it is one token, and no routing.
SPECIAL = """\
SPostmasterSpecial
R$*\t$: $1 $| $>PostmasterTrusted
R$* $| YES\t$@ OK
R$* ! $* $| NO\t$#error $@ 5.7.1 $: "550 Relaying denied"
R$* % $* @ $* $| NO\t$#error $@ 5.7.1 $: "550 Relaying denied"
R$*\t$@ OK"""
# A name that does not lead back is no matter here, as with reject_unknown_reverse_client_hostname of Postfix.
PTR_REQUIRED = """\
SPostmasterPtr
R$*\t$: < $&{client_resolve} > $>PostmasterTrusted
R< FAIL > NO\t$#error $@ 5.7.1 $: "550 Client host rejected: its address has no name in DNS"
R< TEMP > NO\t$#error $@ 4.7.1 $: "450 Client host rejected: DNS does not answer for its address"
R$*\t$@ OK"""
# What sendmail's own rules ask of everybody, asked of strangers alone, as Postfix has it: u in the flags of the daemon lets a
# sender without a domain pass. No error for a sender that the access map knows: its keys have no dot at their end. The status of
# a missing domain is Postfix's.
_SENDER = """\
SLocal_check_mail
R<>\t$@ OK
R<$*>\t$: $1
R$*\t$: $1 $| $>PostmasterTrusted
R$* @ $* $| YES\t$@ OK
R$* $| YES\t$@ OK $(postmaster_macros {daemon_flags} $@ $&{daemon_flags}u $)
R$+ $| NO\t$: $1
"""
_SENDER_DOMAIN = """\
R$+ @ $+ .\t$1 @ $2
R$* ! $*\t$@ OK
R$+ @ $+\t$: <@ $2> $>SearchList <+ From> $| <F:$1@$2> <U:$1@> <D:$2> <>
R<@ $+> <?>\t$: <@ $(postmaster_resolve $1 $: <PERM> $) >
R<@ $* <PERM> >\t$#error $@ 5.1.8 $: "553 Domain of sender address " $&f " does not exist"
R<@ $* <TEMP> >\t$#error $@ 4.1.8 $: "451 Domain of sender address " $&f " does not resolve"
R<@ $*> $*\t$@ OK
"""
_SENDER_WITHOUT = """\
R$*\t$: $>SearchList <+ From> $| <U:$1@> <>
R<?>\t$: $&{daemon_flags}
R$* u $*\t$@ OK
R$*\t$#error $@ 5.5.2 $: "504 Domain name required for sender address " $&f"""
SENDER_CHECKED = _SENDER + _SENDER_DOMAIN + _SENDER_WITHOUT
#: The same where any domain will do: a sender must have one.
SENDER_QUALIFIED = _SENDER + "R$* ! $*\t$@ OK\nR$* @ $*\t$@ OK\n" + _SENDER_WITHOUT
#: The maps of both.
_MACROS = "Kpostmaster_macros macro\ndivert(0)dnl"
SENDER_MAPS = f"LOCAL_CONFIG\nKpostmaster_resolve host -a<OKR> -T<TEMP>\n{_MACROS}"
QUALIFIED_MAPS = f"LOCAL_CONFIG\n{_MACROS}"

# sendmail's own check comes after this one and stays. Only its answer differs: 552 5.2.3. The macro is set back, because it
# would outlive the refusal and refuse the next MAIL of a client that announces no size there.
_SIZE_KEPT = """\
SSizeKept
R$*\t$: $(postmaster_arith l $@ {limit} $@ $&{{msg_size}} $)
RTRUE\t$: <TOO LARGE> $(postmaster_macro {{msg_size}} $@ 0 $)
R<TOO LARGE> $*\t$#error $@ 5.3.4 $: "552 Message size exceeds fixed limit\""""
#: The maps that size_kept() uses.
SIZE_MAPS = "LOCAL_CONFIG\nKpostmaster_arith arith\nKpostmaster_macro macro\ndivert(0)dnl"


def size_kept(limit: int) -> str:
    """Return the ruleset that refuses at MAIL a message that announces more bytes than the limit."""
    return _SIZE_KEPT.format(limit=limit)


def check_mail(names: t.Iterable[str]) -> str:
    """Return the ruleset check_mail that calls others one after another; the first refusal decides."""
    return _calls("check_mail", names)


def check_rcpt(names: t.Iterable[str]) -> str:
    """Return the ruleset Local_check_rcpt, which sendmail's check_rcpt calls first, that calls others one after another."""
    return _calls("Local_check_rcpt", names)


def _calls(ruleset: str, names: t.Iterable[str]) -> str:
    calls = [f"R$*\t$: $1 $| $>{name} $1\nR$* $| $#$*\t$#$2\nR$* $| $*\t$: $1" for name in names]
    return "\n".join([f"S{ruleset}"] + calls)


def declared(text: str) -> t.List[str]:
    """Return the names of the rulesets that a text declares."""
    return _DECLARED.findall(text)
