# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of clients as lines of the access map."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import trusted_limits
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.read import Live
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import rendered

pytestmark = pytest.mark.usefixtures("debian")
NETWORKS = ["10.0.0.0/8", "192.0.2.0/24"]
KEYS = ("10", "192.0.2")


def _lines(limits):
    made = rendered({"relay": {"networks": NETWORKS}, "limits": limits})
    lines = made.files["access.postmaster"].content.decode().splitlines()
    return dict(line.split("\t") for line in lines if line.startswith("Client"))


def test_trusted_clients_have_a_limit_of_their_own():
    lines = _lines({"trusted": {"connections": 600, "exempt": ["10.9.0.0/16", "203.0.113.7/32"]}})
    assert (lines["ClientRate:"], lines["ClientRate:10"], lines["ClientRate:192.0.2"]) == ("120", "600", "600")
    assert lines["ClientRate:127.0.0.1"] == lines["ClientRate:10.9"] == lines["ClientRate:203.0.113.7"] == "0"
    assert lines["ClientConn:10"] == lines["ClientConn:203.0.113.7"] == "0"


def test_a_network_inside_an_exempt_one_is_exempt():
    lines = _lines({"trusted": {"connections": 600, "exempt": ["192.0.0.0/16"]}})
    assert (lines["ClientRate:192.0"], lines["ClientRate:192.0.2"], lines["ClientRate:10"]) == ("0", "0", "600")


@pytest.mark.parametrize("option", ["messages", "recipients"])
def test_what_sendmail_does_not_count_is_refused(option):
    with pytest.raises(Unsupported, match=f"policy.limits.trusted.{option}.*policy.limits.trusted.connections"):
        _lines({"trusted": {option: 5}})


@pytest.mark.parametrize(
    "trusted",
    [
        {"connections": 600},
        {"connections": 7, "exempt": ["10.9.0.0/16", "203.0.113.7/32"]},
        {"exempt": ["203.0.113.7/32"]},
        {},
    ],
)
@pytest.mark.parametrize("strangers", [{}, {"connection_rate": 0}, {"connections_per_client": 0}])
def test_what_is_written_is_read_back(trusted, strangers):
    access = {key.lower(): value for key, value in _lines({**strangers, "trusted": trusted}).items()}
    live = Live(None, None, "", access, lambda name: "")
    assert trusted_limits.read(live, KEYS) == (trusted or None)
