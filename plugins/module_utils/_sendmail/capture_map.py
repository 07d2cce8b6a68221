# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How sendmail.mc asks the map C(capture): one marked block at its end, the same whether the module capture or the module relay writes it.

Private to the collection: it can change at any time.
"""

import typing as t

from .. import _addresses
from .._model.capture import hop_in
from .._model.host import Host
from .networks import prefixes

NAME = "capture"
MAILER = "postmaster_capture"
_BEGIN = "dnl --- begin of the routes of the module capture\n"
_END = "dnl --- end of the routes of the module capture\n"
#: Where the rules of dropped recipients begin, which come after those here.
DROP_BEGIN = "dnl --- begin of the dropped recipients of the module access\n"
#: Where the rules of the routes of the policy begin, which come after those here.
ROUTES_BEGIN = "dnl --- begin of the routes of the policy\n"

# The sender itself is parsed, too, when there is no sender yet: only recipients (e r) are asked about.
# A call with $> takes all that follows it, so it stands last. The capture instance has no TLS, and is on this very host: what the
# policy demands of other servers is not demanded of it.
_RULES = """\
LOCAL_CONFIG
K{name} {kind} -o {path}
LOCAL_RULE_0
R$+\t$: $1 $| $>PostmasterCapture $1
R$+ $| < $+ >\t$#{mailer} $@ [ $2 ] $: $1
R$+ $| $*\t$: $1
MAILER_DEFINITIONS
{definition}
LOCAL_RULESETS
SPostmasterCapture
R$*\t$: < $&{{addr_type}} > $1
R< e s > $*\t$@
R< $* > $*\t$: $>PostmasterCaptureFind To $| $2
R< $+ >\t$@ < $1 >
R$*\t$: $>PostmasterCaptureSender $&f
R< $+ >\t$@ < $1 >
R$*\t$@ $>PostmasterCaptureClient $&_
SPostmasterCaptureSender
R< $* >\t$: $1
R$+ @ $+\t$@ $>PostmasterCaptureFind From $| $1 < @ $2 >
R$+\t$@
R$*\t$: < $(capture From:@ $: ? $) >
R< ? >\t$@
SPostmasterCaptureFind
R$- $| $* < @ $+ . > $*\t$1 $| $2 < @ $3 > $4
R$- $| $+ < @ $+ > $*\t$: < ? > $1 $| $2 < @ $3 >
R< ? > $- $| $+ < @ $+ >\t$: < $(capture $1:$2@$3 $: ? $) > $1 $| $2 < @ $3 >
R< ? > $- $| $+ + $* < @ $+ >\t$: < $(capture $1:$2@$4 $: ? $) > $1 $| $2 + $3 < @ $4 >
R< ? > $- $| $+ < @ $+ >\t$: < $(capture $1:$3 $: ? $) > $1 $| $2 < @ . $3 >
R< ? > $- $| $+ < @ . $- . $+ >\t< $(capture $1:.$4 $: ? $) > $1 $| $2 < @ . $4 >
R< ? > $*\t$@
R< $+ > $- $| $*\t$@ < $1 >
R$*\t$@
SPostmasterCaptureClient
R$* [ $+ ] $*\t$: < ? > $2
R< ? > $+\t$: < $(capture Connect:$1 $: ? $) > $1
R< ? > $+ . $-\t< $(capture Connect:$1 $: ? $) > $1
R< ? > $+ : $-\t< $(capture Connect:$1 $: ? $) > $1
R< ? > $*\t$@
R< $+ > $*\t$@ < $1 >
R$*\t$@
LOCAL_TLS_SERVER
R$*\t$: $&{{server_addr}}
R{address}\t$#OK
LOCAL_TLS_RCPT
R$*\t$: $&{{server_addr}}
R{address}\t$#OK
divert(0)dnl
"""


def mailer(name: str, port: int) -> str:
    """Return a mailer that changes nothing: no rulesets for addresses, no header, no conversion, no limit of line length.

    X hides dots, a speaks ESMTP, 8 sends eight bits as they are, k does not fear a loop on this very host (op.me, 5.4).
    """
    return (
        f"M{name},\tP=[IPC], F=mXa8ku, E=\\r\\n, L=0,\n"
        f"\t\tT=DNS/RFC822/SMTP,\n\t\tA=TCP $h {port}"
    )  # fmt: skip


def block(host: Host, source: t.Optional[bytes]) -> str:
    """Return what sendmail.mc has at its end.

    :param source: the table; without one of ours there is no wiring.
    """
    hop = hop_in(source)
    if hop is None:
        return ""
    kind, path = host.capabilities.default_table_type, f"{host.instance.config_directory}/{NAME}"
    rules = _RULES.format(
        name=NAME,
        kind=kind,
        path=path,
        mailer=MAILER,
        definition=mailer(MAILER, hop.port),
        address=prefixes(_addresses.network(hop.address))[0],
    )
    return _BEGIN + rules + _END


def wired(text: str, wanted: str) -> str:
    """Return a sendmail.mc with this block instead of its own. The rest stays byte for byte; a last line end is added."""
    start, end = text.find(_BEGIN), text.find(_END)
    if 0 <= start < end:
        return text[:start] + wanted + text[end + len(_END) :]
    later = [place for place in map(text.find, (DROP_BEGIN, ROUTES_BEGIN)) if place >= 0]
    if later:
        return text[: min(later)] + wanted + text[min(later) :]
    return text + wanted if not wanted or text.endswith("\n") else f"{text}\n{wanted}"
