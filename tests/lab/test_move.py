# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sendmail and a Postfix beside it are asked about the same envelopes: what was converted answers alike, what was not is found."""

from __future__ import annotations

import typing as t

import movehosts
import pytest
from labhosts import Host, some

_LOG = """\
2026-11-30T20:00:00.000000+00:00 {0} sm-mta[10]: 6AUK000A000010: from=<a@ok.test>, size=10, nrcpts=2, msgid=<m@x>, relay=trusted.lab.test [10.25.0.60]
2026-11-30T20:00:01.000000+00:00 {0} sm-mta[11]: 6AUK000A000010: to=<anna@{0}.lab.test>,<b@third.test>, delay=00:00:01, mailer=esmtp, dsn=2.0.0, stat=Sent (ok)
"""


@pytest.fixture(autouse=True, name="both")
def _both(host: Host) -> t.Iterator[None]:
    with movehosts.beside(host):
        yield


@pytest.mark.parametrize("host", some("sm13"), ids=str)
def test_what_is_not_alike_is_found_with_the_rule_of_each_side(host: Host) -> None:
    before = host.look("/etc/mail")
    read = host.done("move_info")
    for name, lines in read["tables"].items():
        host.write(f"/etc/postfix/{name}", "".join(f"{line}\n" for line in lines).encode())
        host.run(f"postmap /etc/postfix/{name}")
    main = dict(read["natives"].get("main", {}), master_service_disable="inet", relayhost="[10.25.0.99]")
    policy = dict(read["policy"], relay=dict(read["policy"].get("relay", {}), networks=["10.25.0.60/32"]))
    master = read["natives"].get("master", {})
    accepted = {"undefined_service": "it listens nowhere"}
    params = {"baseline": "none", "policy": policy, "main": main, "master": master, "accept_risk": accepted}
    host.done("relay", mta="postfix", **params)
    host.write("/tmp/envelopes", _LOG.format(host.name).encode())
    answer = host.done("move_compare", path=["/tmp/envelopes"], days=0, made_up=False)
    host.run("rm /tmp/envelopes")
    assert (answer["logged"], answer["asked"], answer["unexplained"]) == (2, 2, 1), answer
    (difference,) = [item for item in answer["differences"] if not item["explained"]]
    assert difference["example"]["recipient"] == "b@third.test" and difference["old_rule"] and difference["new_rule"]
    assert host.look("/etc/mail") == before
    assert not host.run("ps -C master -o args= || true").strip()
