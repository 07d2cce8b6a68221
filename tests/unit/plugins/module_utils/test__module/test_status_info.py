# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a relay is, at a glance."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._module import status_info

GOOD = {
    "name": "postfix",
    "hostname": "mx1.example.com",
    "queue": {"oldest": 60},
    "drift": 0,
    "certificate": {"codes": [], "names": ["mx1.example.com"], "days": 40, "not_after": "2027-01-09T04:00:00Z"},
    "disk": {"path": "/var/spool/postfix", "free": 50, "free_inodes": 90, "read_only": False},
}
LIMITS = status_info.Limits()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"queue": {"oldest": 18720}}, "a message has waited for 312 minutes"),
        ({"drift": 2}, "2 settings or files differ from what was last written"),
        ({"disk": dict(GOOD["disk"], free=9)}, "9 % of the disk of the queue are free"),
        ({"disk": dict(GOOD["disk"], free_inodes=3)}, "3 % of the inodes of the queue's disk are free"),
        ({"disk": dict(GOOD["disk"], read_only=True)}, "the file system of /var/spool/postfix is read-only"),
        (
            {"certificate": dict(GOOD["certificate"], codes=["certificate_name"], names=["other.example"])},
            "the certificate is for other.example, not for mx1.example.com",
        ),
        (
            {"certificate": dict(GOOD["certificate"], codes=["certificate_ends_soon"], days=3)},
            "the certificate ends on 2027-01-09T04:00:00Z (3 days)",
        ),
    ],
)
def test_what_is_beyond_its_limit_is_trouble(change, sentence):
    assert list(status_info._troubles(GOOD, LIMITS)) == []
    assert list(status_info._troubles(dict(GOOD, **change), LIMITS)) == [sentence]


def test_what_could_not_be_read_is_no_verdict():
    nothing = dict.fromkeys(("queue", "drift", "certificate", "disk", "hostname"))
    assert list(status_info._troubles(dict(GOOD, **nothing), LIMITS)) == []


def test_a_part_that_cannot_be_read_is_named_and_the_rest_is_there():
    row = {"name": "postfix", "trouble": []}

    def look():
        raise PostmasterError("the queue is locked")

    assert status_info._looked(row, "queue", look) is None
    assert row["trouble"] == ["postfix: queue could not be read: the queue is locked"]


@pytest.mark.parametrize("option", ["oldest", "soon"])
def test_a_time_that_is_none_is_refused(option):
    params = {"mta": "auto", "instance": "all", "oldest": "4h", "soon": "3d", "free": 10}
    with pytest.raises(OptionError, match=f"^{option}: later"):
        status_info.run(dict(params, **{option: "later"}), False)
