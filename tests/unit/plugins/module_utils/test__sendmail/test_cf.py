# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given


@pytest.mark.parametrize("version", given.VERSIONS)
def test_reads_a_real_cf(version):
    read = cf.parse(given.text(version, "hardened", "sendmail.cf"))
    assert read.macros["j"] == "relay1.lab.test"
    assert read.macros["S"] == "esmtp:gw.served.test"
    assert read.value("MaxHopCount") == "30"
    assert read.values("DaemonPortOptions") == ("Name=MTA-1, Family=inet6, Port=25, Listen=256, M=A",)
    assert read.maps["access"] == "sequence access_policy access_local"
    assert read.mailers["esmtp2525"].startswith("P=[IPC]") and read.mailers["esmtp2525"].endswith("A=TCP $h 2525")
    assert {"check_vrfy", "check_mail", "checkrcpt"} <= read.rulesets
    assert "file:-o /etc/mail/relay-domains %[^\\#]" in read.classes["{R}"] + read.classes.get("R", ())


def test_the_last_value_counts_and_names_are_not_case_sensitive():
    read = cf.parse("O MaxHopCount=1\nO maxhopcount=2\n#O MaxHopCount=3\nO Empty\n")
    assert read.value("MaxHopCount") == "2" and read.values("MAXHOPCOUNT") == ("1", "2")
    assert read.value("Empty") == "" and read.value("Nope") is None


def test_continuation_lines_belong_to_the_line_before():
    read = cf.parse("Mx, P=[IPC],\n\tT=DNS\nKy hash\n /x\n")
    assert read.mailers == {"x": "P=[IPC], T=DNS"} and read.maps == {"y": "hash /x"}


def test_what_m4_says_about_the_moment_is_taken_out():
    text = "##### built by root@a on Mon\n##### in /\n##### using /usr as configuration include directory\n#####\tkept\nO A=1\n"
    assert cf.neutralise(text) == "#####\tkept\nO A=1\n"


@pytest.mark.parametrize(
    "name, value",
    [
        ("confMAX_HOP", "abc"),
        ("confMAX_HOP", "1.5"),
        ("confTO_MAIL", "5 parsecs"),
        ("confTO_MAIL", "m5"),
        ("confME_TOO", "perhaps"),
        ("confDELIVERY_MODE", "qeueonly"),
        ("confSAFE_QUEUE", "yes"),
    ],
)
def test_values_are_held_to_their_type(name, value):
    with pytest.raises(OptionError) as caught:
        cf.check_type("mc.defines." + name, name, value)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "name, value",
    [
        ("confMAX_HOP", "30"),
        ("confTO_MAIL", "1h30m"),
        ("confTO_MAIL", "5"),
        ("confME_TOO", "True"),
        ("confDELIVERY_MODE", "queueonly"),
        ("confNEW", "x"),
    ],
)
def test_good_values_pass(name, value):
    cf.check_type("x", name, value)


@pytest.mark.parametrize("version", given.VERSIONS)
def test_a_define_that_did_not_arrive_is_told(version):
    read = cf.parse(given.text(version, "hardened", "sendmail.cf"))
    assert cf.defect(read, "confMAX_HOP", "30") is None
    assert "MaxHopCount" in cf.defect(read, "confMAX_HOP", "31")
    assert cf.defect(read, "confDOMAIN_NAME", "relay1.lab.test") is None
    assert "$j" in cf.defect(read, "confDOMAIN_NAME", "other.test")
    assert "SMART_HOST" in cf.defect(read, "SMART_HOST", "x")
    assert cf.defect(read, "confHOST_STATUS_DIRECTORY", "") is None
    assert cf.defect(read, "FEATURE(nocanonify)", "") is None


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("0s", 0),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("5d", 432000),
        ("2w", 1209600),
        ("7", 7),
        ("x", None),
        ("", None),
    ],
)
def test_times(text, seconds):
    assert cf.seconds(text) == seconds


def test_every_name_of_the_tables_stands_once():
    assert len(cf.OPTIONS) == 179
    assert cf.OPTIONS["confTO_QUEUERETURN_DSN"] == ("Timeout.queuereturn.dsn", cf.TIME)


@pytest.mark.parametrize(
    "text, place",
    [
        ("Name=MTA-1, Family=inet6, Port=25, Listen=256, M=A", ("inet6", "", 25)),
        ("Family=inet, Name=MSP-v4, Port=submission, M=Ea, Addr=127.0.0.1", ("inet", "127.0.0.1", 587)),
        ("Name=MTA", ("inet", "", 25)),
    ],
)
def test_listeners_are_read(text, place):
    assert cf.listener(text) == place
