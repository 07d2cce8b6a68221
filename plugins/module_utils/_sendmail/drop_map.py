# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How sendmail.mc asks the access rules that are routes: one marked block, whether the module access or the module relay writes it.

These drop recipients, or refuse a domain that the policy serves. A rule for an address in it, C(To:), comes before the refusal.

Private to the collection: it can change at any time.
"""

import typing as t

from .capture_map import DROP_BEGIN, ROUTES_BEGIN
from .lookup import DROP_TAG, REFUSE_TAG
from .mailers import DROP

_END = "dnl --- end of the dropped recipients of the module access\n"
# Only recipients (e r) are asked about: the sender itself is parsed by the same rules. A file mailer: /dev/null is the one file
# that everything can be written to.
_RULES = f"""\
LOCAL_RULE_0
R$+\t$: $1 $| $>PostmasterDrop $1
R$+ $| DROP\t$#{DROP} $@ nowhere $: $1
R$+ $| $*\t$: $1
R$+\t$: $1 $| $>PostmasterRefuse $1
R$+ $| < ERROR:$-.$-.$-:$+ >\t$#error $@ $2.$3.$4 $: $5
R$+ $| $*\t$: $1
MAILER_DEFINITIONS
M{DROP},\tP=[FILE], F=lsDFMPEu, S=EnvFromL/HdrFromL, R=EnvToL/HdrToL,
\t\tT=DNS/RFC822/X-Unix,
\t\tA=FILE /dev/null
LOCAL_RULESETS
SPostmasterDrop
R$*\t$: < $&{{addr_type}} > $1
R< e s > $*\t$@
R< $* > $* < @ $+ . > $*\t< $1 > $2 < @ $3 > $4
R< $* > $+ < @ $+ > $*\t$: < ? > $2 < @ $3 >
R< ? > $+ < @ $+ >\t$: < $(access {DROP_TAG}:$1@$2 $: ? $) > $1 < @ $2 >
R< ? > $+ + $* < @ $+ >\t$: < $(access {DROP_TAG}:$1@$3 $: ? $) > $1 + $2 < @ $3 >
R< ? > $+ < @ $+ >\t$: < $(access {DROP_TAG}:$2 $: ? $) > $1 < @ $2 >
R< ? > $+ < @ $- . $+ >\t< $(access {DROP_TAG}:$3 $: ? $) > $1 < @ $3 >
R< DROP > $*\t$@ DROP
R$*\t$@
SPostmasterRefuse
R$*\t$: < $&{{addr_type}} > $1
R< e s > $*\t$@
R< $* > $* < @ $+ . > $*\t< $1 > $2 < @ $3 > $4
R< $* > $+ < @ $+ > $*\t$: < ? > $2 < @ $3 >
R< ? > $+ < @ $+ >\t$: < $(access To:$1@$2 $: ? $) > $1 < @ $2 >
R< ? > $+ + $* < @ $+ >\t$: < $(access To:$1@$3 $: ? $) > $1 + $2 < @ $3 >
R< ? > $+ < @ $+ >\t$: < ! $(access {REFUSE_TAG}:$2 $: ? $) > $1 < @ $2 >
R< ! ? > $+ < @ $- . $+ >\t< ! $(access {REFUSE_TAG}:$3 $: ? $) > $1 < @ $3 >
R< ! ERROR:$+ > $*\t$@ < ERROR:$1 >
R$*\t$@
divert(0)dnl
"""


def block(source: t.Optional[bytes]) -> str:
    """Return what sendmail.mc has at its end.

    :param source: the access table; without such a rule in it there is no block.
    """
    content = source or b""
    tags = tuple(f"{tag}:".encode("ascii") for tag in (DROP_TAG, REFUSE_TAG))
    has_any = content.startswith(tags) or any(b"\n" + tag in content for tag in tags)
    return DROP_BEGIN + _RULES + _END if has_any else ""


def wired(text: str) -> str:
    """Return a sendmail.mc with the block, behind that of what is captured and before that of the routes of the policy."""
    if DROP_BEGIN in text:
        return text
    whole = DROP_BEGIN + _RULES + _END
    routes = text.find(ROUTES_BEGIN)
    if routes >= 0:
        return text[:routes] + whole + text[routes:]
    return text + whole if text.endswith("\n") else f"{text}\n{whole}"
