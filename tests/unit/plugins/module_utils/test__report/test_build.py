# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What relays answered, as figures; tests of the fleet's report (plugin_utils) go through it as well."""

import datetime

from ansible_collections.postmaster.mta.plugins.module_utils._module import campaign_info
from ansible_collections.postmaster.mta.plugins.module_utils._report import build, plain
from ansible_collections.postmaster.mta.plugins.module_utils._report.figures import Period
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner

NOW = datetime.datetime(2026, 11, 30, 4, tzinfo=datetime.timezone.utc)


def test_a_fleet_that_nobody_could_ask_has_no_figures_and_no_crash():
    asked = build.Asked({"mx1": {"failed": True}}, {}, {}, {}, {})
    figures = build.build(asked, {"mx1": "no route"}, "Night", None, NOW, 10)
    assert figures.relays == () and figures.missing == {"mx1": "no route"}
    assert figures.period == Period(NOW - datetime.timedelta(hours=1), NOW)
    assert figures.log["totals"]["received"] == 0


def _campaigns_of(tmp_path, hour):
    """What campaign_info says of a log with the mail of one pattern."""
    path = tmp_path / "mail.log"
    lines = []
    for number in range(20):
        head, sender = f"2026-11-30T{hour:02d}:10:{number:02d}+00:00 mx1 postfix/", f"a{number}@emalsrv.bigbank.example"
        lines += [
            f"{head}smtpd[1]: 4ABC{number:02d}1: client=host[192.0.2.{number}]",
            f"{head}qmgr[2]: 4ABC{number:02d}1: from=<{sender}>, size=1, nrcpt=1 (queue active)",
            f"{head}smtp[3]: 4ABC{number:02d}1: to=<u@ok.test>, relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, "
            "status=sent (250 ok)",
        ]
    path.write_text("\n".join(lines) + "\n")
    params = {name: spec.get("default") for name, spec in campaign_info.ARGUMENT_SPEC.items()}
    return campaign_info.run(dict(params, path=[str(path)]), True, Runner(), NOW.timestamp())


def _built(campaigns):
    asked = build.Asked({"mx1": {"failed": True}}, {}, {}, campaigns, {})
    return build.build(asked, {"mx1": "no log"}, "Night", Period(NOW - datetime.timedelta(hours=1), NOW), NOW, 10)


def test_the_campaigns_that_campaign_info_has_noticed_are_in_the_report(tmp_path):
    figures = _built({"mx1": _campaigns_of(tmp_path, 3)})
    assert [(row["messages"], row["host"]) for row in figures.campaigns] == [(20, "mx1")]
    assert "bigbank.example" in plain.text(figures)
    assert "block" in figures.campaigns[0]["advice"]


def test_a_campaign_of_another_time_is_not_of_the_period(tmp_path):
    assert _built({"mx1": _campaigns_of(tmp_path, 1)}).campaigns == ()


def test_a_report_says_so_where_nobody_looked_for_campaigns(tmp_path):
    assert "The logs were not searched for campaigns." in plain.text(_built({}))
