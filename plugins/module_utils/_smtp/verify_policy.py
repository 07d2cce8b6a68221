# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the running MTA, not the file: one SMTP dialogue on an address it listens on.

Private to the collection: it can change at any time.
"""

import time
import typing as t

from .._model.policy_record import Policy
from .dialogue import Dialogue

_NAME = "localhost.localdomain"
#: Seconds that the processes of before may go on answering.
SETTLING = 8.0


class Expected(t.NamedTuple):
    """What a relay with some policy must answer; None is not looked at."""

    hostname: t.Optional[str] = None
    message_size: t.Optional[int] = None
    starttls: t.Optional[bool] = None
    vrfy: t.Optional[bool] = None


class RelayAnswers(t.NamedTuple):
    """What a relay answered. I(trouble) says in words why there is nothing else."""

    hostname: str = ""
    message_size: t.Optional[int] = None
    starttls: bool = False
    vrfy_code: int = 0
    trouble: str = ""


def expected(policy: Policy) -> Expected:
    """Return what the policy promises to everybody who connects."""
    server = policy.tls.server
    wanted = server.level or ("may" if server.certificate else None)
    return Expected(
        hostname=policy.identity.hostname,
        message_size=policy.limits.message_size,
        starttls=None if wanted is None else wanted != "none",
        vrfy=policy.session.vrfy,
    )


def addresses(policy: Policy) -> t.Tuple[t.Tuple[str, int], ...]:
    """Choose the addresses to ask: those that the policy lets it listen on, or loopback where these are all."""
    listen = [place for place in policy.identity.listen or ("all",) if place not in ("all", "loopback")]
    return tuple((place, policy.identity.port or 25) for place in listen or ["127.0.0.1"])


def observe(address: str, port: int, patience: float = 20) -> RelayAnswers:
    """Hold one dialogue up to VRFY; nothing is sent.

    :param patience: seconds for each answer.
    """
    with Dialogue(address, port, timeout=patience) as dialogue:
        greeting = dialogue.connect()
        if greeting.code != 220:
            return RelayAnswers(trouble=f"{address}:{port} answers {greeting} instead of a greeting")
        hello = dialogue.ehlo(_NAME)
        if hello.family != 2:
            return RelayAnswers(trouble=f"{address}:{port} answers EHLO with {hello}")
        size = dialogue.keywords.get("SIZE", "")
        vrfy = dialogue.command("VRFY postmaster", "vrfy")
        dialogue.quit()
        words = greeting.reply.text.split() if greeting.reply else []
        return RelayAnswers(
            hostname=words[0] if words else "",
            message_size=int(size) if size.isdigit() else None,
            starttls="STARTTLS" in dialogue.keywords,
            vrfy_code=vrfy.code,
        )


def settled(wanted: Expected, address: str, port: int, patience: float = SETTLING) -> t.Tuple[str, ...]:
    """Return the promises that are still not kept after I(patience) seconds.

    A server process that was waiting for a client when the configuration was reloaded serves that one client as before.
    """
    deadline = time.monotonic() + patience
    while True:
        broken = compare(wanted, observe(address, port))
        if not broken or time.monotonic() > deadline:
            return broken
        time.sleep(0.2)


def compare(wanted: Expected, seen: RelayAnswers) -> t.Tuple[str, ...]:
    """Describe the promises that were not kept, one sentence each."""
    if seen.trouble:
        return (seen.trouble,)
    broken = []
    if wanted.hostname is not None and seen.hostname.lower() != wanted.hostname:
        broken.append(f"the greeting names {seen.hostname}, not {wanted.hostname}")
    if wanted.message_size and seen.message_size != wanted.message_size:
        broken.append(f"EHLO offers SIZE {seen.message_size}, not {wanted.message_size}")
    if wanted.starttls is not None and seen.starttls != wanted.starttls:
        broken.append("STARTTLS is offered" if seen.starttls else "STARTTLS is not offered")
    if wanted.vrfy is False and seen.vrfy_code // 100 == 2 and seen.vrfy_code != 252:
        broken.append(f"VRFY is answered with {seen.vrfy_code}")
    return tuple(broken)
