# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import rendered

pytestmark = pytest.mark.usefixtures("debian")
HOST = {"identity": {"hostname": "relay1.lab.test"}, "relay": {"domains": ["served.test"]}}
DOMAINS = {"domains": [{"domain": "old.test", "to": "served.test"}]}


def mc_of(rewrite):
    made = rendered(dict(HOST, rewrite=rewrite))
    return made.files["sendmail.mc"].content.decode(), made.files["access.postmaster"].content.decode()


def test_rules_are_lines_of_the_access_map():
    mc, access = mc_of(DOMAINS)
    assert {"RewriteFrom:@old.test\t@served.test", "RewriteTo:@old.test\t@served.test", "To:old.test\tRELAY"} <= set(
        access.splitlines()
    )
    assert "\nS1\nR$+ <" in mc and "\nS2\nR$+ <" in mc and "LOCAL_RULE_0\n" in mc


def test_a_sender_rule_leaves_the_rules_of_recipients_alone():
    mc, access = mc_of({"senders": [{"match": "a@int.test", "to": "b@brand.test"}]})
    assert "\nS2\n" not in mc and "LOCAL_RULE_0" not in mc and "RewriteTo" not in access


def test_masquerading_leaves_out_whom_it_must():
    mc, dummy = mc_of({"masquerade": {"domains": ["hide.test"], "except": ["root"]}})
    assert "C{PostmasterMasquerade}hide.test\nC{PostmasterExposed}root\n" in mc
    assert "R<?> $={PostmasterExposed} @ $+\t$: <!> $1 @ $2\n" in mc


def test_without_rules_there_is_no_ruleset():
    assert "PostmasterSender" not in mc_of({})[0]


def test_the_envelope_alone():
    assert "$&{addr_type} $| $1\nRh $* $| $*\t$@ $2" in mc_of(dict(DOMAINS, headers=False))[0]
