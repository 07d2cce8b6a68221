# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may relay beyond networks, as classes and a ruleset."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.clients import entries_of, read
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import rendered

pytestmark = pytest.mark.usefixtures("debian")
FINGERPRINT = ":".join(["0A"] * 32)
ENTRIES = [
    {"networks": ["192.0.2.0/24"], "senders": ["a.test", "dnl@b.test"]},
    {"names": ["mail.c.test"], "certificates": [FINGERPRINT]},
    {"senders": ["d.test"], "forgeable": True},
]


def mc_of(clients, **policy):
    policy = {"identity": {"hostname": "r.lab.test"}, "relay": {"clients": clients}, **policy}
    return rendered(policy).files["sendmail.mc"].content.decode()


def test_each_entry_is_a_ruleset_over_classes():
    tls = {"server": {"certificate": "/etc/ssl/a.pem", "key": "/etc/ssl/a.key"}}
    text = mc_of(ENTRIES, tls=tls)
    assert "C{PostmasterNetworks1}`192.0.2'\nC{PostmasterSenders1}`a.test'\nC{PostmasterSenders1}`dnl@b.test'" in text
    assert "SPostmasterClients\nR$*\t$: ?\nR?\t$: $>PostmasterClient1 ?\nR?\t$: $>PostmasterClient2 ?" in text
    assert "confCERT_FINGERPRINT_ALGORITHM', `sha256'" in text and "confTLS_SRV_OPTIONS" not in text
    # The entry of the check at RCPT comes last there, behind that of the recipients.
    assert text.index("SPostmasterRelaying") < text.index("SLocal_check_rcpt\n")


def test_the_classes_are_read_back():
    lines = [line.replace("`", "").replace("'", "") for line in mc_of(ENTRIES[:1] + ENTRIES[2:]).split("\n")]
    known = cf.parse("\n".join(line for line in lines if line.startswith("C{")))
    assert read(known) == ENTRIES[:1] + ENTRIES[2:]
    assert [client.forgeable for client in entries_of(known)] == [False, True]
    assert read(cf.parse("")) is None


def test_what_cannot_be_is_refused_by_name():
    with pytest.raises(OptionError) as refused:
        mc_of([{"certificates": [FINGERPRINT]}])
    assert refused.value.option == "policy.relay.clients"
    with pytest.raises(Unsupported) as unsupported:
        mc_of([{"networks": ["0.0.0.0/0"]}])
    assert unsupported.value.option == "policy.relay.clients[0].networks"
