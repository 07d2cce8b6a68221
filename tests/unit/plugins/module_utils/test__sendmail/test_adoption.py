# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of a sendmail.mc that the policy does not make become native settings; what would change is named."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import adoption
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import read as _read
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

pytestmark = pytest.mark.usefixtures("debian")
CF = """\
O DaemonPortOptions=Name=MTA, Family=inet, Port=smtp
O PrivacyOptions=goaway
O MaxHopCount=17
O CheckpointInterval=5
Djmail.example.org
DS[hub.example.org]
DMexample.org
CE root
Cwlocalhost
Kvirtuser hash -o /etc/mail/virtusertable
Mlocal, P=/usr/bin/procmail
Slocal_check
"""
MC = """\
divert(0)dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confMAX_HOP', `17')dnl
define(`confCHECKPOINT_INTERVAL', `5')dnl
define(`SMART_HOST', `[hub.example.org]')dnl
FEATURE(`virtusertable', `hash -o /etc/mail/virtusertable')dnl
FEATURE(`dnsbl', `bl.example')dnl
FEATURE(`dnsbl', `other.example')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Port=smtp')dnl
MASQUERADE_AS(`example.org')dnl
HACK(`old')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
Kpairs hash /etc/mail/pairs
LOCAL_RULE_3
R$*	$1
"""


def adopt(directory, files, built=None, defaults=False):
    for name, text in files.items():
        (directory / name).write_text(text)
    host = given.make_host({("m4",): built or files.get("sendmail.cf", "")}, directory=directory)
    return adoption.adopt(host, _read.read(host), defaults)


def test_the_statements_of_others_are_natives(tmp_path):
    adopted = adopt(tmp_path, {"sendmail.mc": MC, "sendmail.cf": CF, "relay-domains": "10.1\nby.name.example\n"})
    natives = adopted.natives["mc"]
    assert natives["defines"]["SMART_HOST"] == "[hub.example.org]"
    assert natives["defines"]["confCHECKPOINT_INTERVAL"] == "5"
    assert "confMAX_HOP" not in natives["defines"], "the policy says it"
    assert natives["features"] == {
        "blocklist_recipients": None, "delay_checks": None, "mailertable": None, "no_default_msa": None, "nocanonify": None,
        "nouucp": None, "use_cw_file": None, "virtusertable": ["hash -o /etc/mail/virtusertable"],
    }  # fmt: skip
    assert natives["before_mailers"] == [
        "FEATURE(`dnsbl', `bl.example')dnl",
        "FEATURE(`dnsbl', `other.example')dnl",
        "MASQUERADE_AS(`example.org')dnl",
        "DAEMON_OPTIONS(`Name=MTA, Family=inet, Port=smtp')dnl",
        "RELAY_DOMAIN(`by.name.example')dnl",
    ]
    assert natives["local_config"] == ["Kpairs hash /etc/mail/pairs"]
    assert adopted.shadowed["routes.default"] == "mc.defines.SMART_HOST"
    assert "listen" not in adopted.policy["identity"]


def test_a_table_in_its_usual_place_is_asked_because_somebody_names_it(tmp_path):
    mc = MC.replace("/etc/mail/virtusertable", f"{tmp_path}/virtusertable")
    features = adopt(tmp_path, {"sendmail.mc": mc, "sendmail.cf": CF, "virtusertable": ""}).natives["mc"]["features"]
    assert features["virtusertable"] == [f"hash -o {tmp_path}/virtusertable"]


def test_what_cannot_be_taken_over_is_named_with_its_line(tmp_path):
    sentences = adopt(tmp_path, {"sendmail.mc": MC, "sendmail.cf": CF}).unexpressed["sendmail.mc"]
    assert [sentence.partition(":")[0] for sentence in sentences] == ["line 12", "line 3", "line 18"]
    assert sentences[1] == "line 3: OSTYPE(linux): it becomes debian"


def test_where_mc_and_cf_disagree_it_says_so(tmp_path):
    other = MC.replace("`17'", "`18'")
    assert adopt(tmp_path, {"sendmail.mc": other, "sendmail.cf": CF}).unexpressed["disagreements"] == [
        "confMAX_HOP: O MaxHopCount is '17' in the cf, not '18'"
    ]


def test_what_a_build_would_change_is_named(tmp_path):
    built = CF.replace("DMexample.org\n", "").replace("Slocal_check\n", "Sother\n").replace("CE root\n", "")
    adopted = adopt(tmp_path, {"sendmail.mc": MC, "sendmail.cf": CF}, built)
    assert adopted.unexpressed["would_change"] == [
        "DM: example.org would become None",
        "CE: ['root'] would become None",
        "Slocal_check: the ruleset would be gone",
        "Sother: the ruleset would be added",
    ]


def test_an_option_that_only_the_cf_has_becomes_a_native(tmp_path):
    adopted = adopt(tmp_path, {"sendmail.mc": MC, "sendmail.cf": CF}, CF.replace("O MaxHopCount=17\n", ""))
    assert adopted.natives["mc"]["defines"]["confMAX_HOP"] == "17"


def test_a_cf_without_its_mc(tmp_path):
    adopted = adopt(tmp_path, {"sendmail.cf": CF})
    assert adopted.natives == {} and "there is none" in adopted.unexpressed["sendmail.mc"][0]


def test_what_the_access_file_says_stays_there(tmp_path):
    files = {"sendmail.cf": CF + "Kaccess hash /etc/mail/access\n", "sendmail.mc": MC, "access": "ClientRate:\t5\n"}
    adopted = adopt(tmp_path, files)
    assert "connection_rate" not in adopted.policy.get("limits", {})
    assert adopted.unexpressed["access"] == ["clientrate: 5"]


def test_a_route_in_other_words_stays_in_its_table(tmp_path):
    files = {
        "sendmail.cf": CF + "Kmailertable hash /etc/mail/mailertable\n",
        "sendmail.mc": MC,
        "mailertable": "a.test\tsmtp:[mx.a.test]\nb.test\tesmtp:[mx.b.test]\n",
    }
    adopted = adopt(tmp_path, files)
    assert [route["domain"] for route in adopted.policy["routes"]["domains"]] == ["b.test"]
    assert adopted.unexpressed["routes"] == ["mailertable: a.test smtp:[mx.a.test]"]


@pytest.mark.parametrize("version", given.VERSIONS)
def test_what_this_collection_wrote_needs_no_natives(tmp_path, version):
    hardened = (given.CORPUS / version / "hardened").iterdir()
    files = {path.name: path.read_text().replace("/etc/mail", str(tmp_path)) for path in hardened}
    adopted = adopt(tmp_path, files, files["sendmail.cf"], True)
    # The aliases lie elsewhere in this test.
    assert set(adopted.natives.get("mc", {}).get("defines", {})) <= {"ALIAS_FILE"}, adopted.natives
    assert set(adopted.natives.get("mc", {})) <= {"defines"}, adopted.natives
    assert "would_change" not in adopted.unexpressed
