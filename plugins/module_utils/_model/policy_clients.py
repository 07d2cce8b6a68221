# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may relay beyond networks: the rules of C(policy.relay.clients) that hold on both MTAs.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import OptionError
from .policy_record import Policy

#: The options that say who the client is. One of them is enough.
WHO = ("networks", "names", "certificates")
#: So many entries at most: each has tables and tests of its own, which every connection passes.
MOST = 1000


class Client(t.NamedTuple):
    """One entry of the option.

    :param number: from 1 on; tables and classes have it in their names.
    """

    number: int
    networks: t.Tuple[str, ...]
    names: t.Tuple[str, ...]
    certificates: t.Tuple[str, ...]
    senders: t.Tuple[str, ...]

    @property
    def forgeable(self) -> bool:
        """Return whether the sender alone decides."""
        return not (self.networks or self.names or self.certificates)


def clients(policy: Policy) -> t.Tuple[Client, ...]:
    """Return the entries of the option.

    :raises OptionError: an entry says nothing, or says what anybody can claim without saying so; too many entries.
    """
    entries = policy.relay.clients or ()
    if len(entries) > MOST:
        raise OptionError("policy.relay.clients", f"{len(entries)} entries", f"expected at most {MOST}")
    return tuple(_client(number, entry) for number, entry in enumerate(entries))


def _client(number: int, entry: Policy) -> Client:
    path = f"policy.relay.clients[{number}]"
    client = Client(number + 1, *(tuple(getattr(entry, name) or ()) for name in (*WHO, "senders")))
    if client.forgeable and not client.senders:
        raise OptionError(path, entry.as_dict(), f"expected one of {', '.join(WHO)}, senders")
    if client.forgeable and not entry.forgeable:
        why = (
            "anybody can write any sender: name the clients beside it, or write forgeable: true to let strangers relay"
        )
        raise OptionError(f"{path}.senders", list(client.senders), why)
    if entry.forgeable and not client.forgeable:
        raise OptionError(f"{path}.forgeable", True, "the entry names its clients, so its senders do not stand alone")
    return client


def as_options(client: Client) -> t.Dict[str, t.Any]:
    """Return an entry as the policy writes it."""
    options: t.Dict[str, t.Any] = {
        name: list(getattr(client, name)) for name in (*WHO, "senders") if getattr(client, name)
    }
    if client.forgeable:
        options["forgeable"] = True
    return options
