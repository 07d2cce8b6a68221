# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail: what the lines of the access map mean, and which keys the rulesets look up."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import lookup
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given


@pytest.mark.parametrize(
    "value, meaning",
    [
        ('ERROR:5.7.1:"550 No"', ("reject", 550, "5.7.1", "No")),
        ("ERROR:5.7.1:571 No way", ("reject", 571, "5.7.1", "No way")),
        ('ERROR:"550 Sender banned."', ("reject", 550, "5.0.0", "Sender banned.")),
        ("ERROR:4.7.1:450 Later", ("defer", 450, "4.7.1", "Later")),
        ("550 No", ("reject", 550, "5.0.0", "No")),
        ("REJECT", ("reject", 550, "5.7.1", "Access denied")),
        ("reject", ("reject", 550, "5.7.1", "Access denied")),
        ("QUARANTINE:spam", ("hold", 0, "", "spam")),
        ("RELAY", ("relay", 0, "", "")),
        ("REJCT", ("", 0, "", "")),
    ],
)
def test_meaning(value, meaning):
    assert lookup.meaning(value) == meaning


def test_rejected_recipients_have_a_reply_of_their_own():
    assert lookup.meaning("REJECT", "to") == ("reject", 550, "5.2.1", "Mailbox disabled for this recipient")


def test_the_keys_that_the_rulesets_try():
    wanted = ["a+b@x.example", "a+*@x.example", "a@x.example", "a+b@", "a+*@", "a@", "x.example", "example"]
    assert list(lookup.lookups("from", "a+b@x.example"))[::2] == ["From:" + key for key in wanted]
    assert list(lookup.lookups("to", "a@x.example"))[1::2] == ["a@x.example", "x.example", "example"]
    assert list(lookup.lookups("to", "a@x.example."))[1::2] == ["a@x.example", "x.example", "example"], (
        "no key is empty"
    )
    assert "Connect:IPv6:2001:db8" in list(lookup.lookups("connect", "2001:db8::1"))


@pytest.mark.parametrize(
    "source, shown, dumped, value",
    [
        ("@virt.test\t%1@ok.test\n", "@ok.test", "@virt.test\t%1@ok.test\n", "%1@ok.test"),
        (".wild.test\tesmtp:%1.gw.test\n", "esmtp:.gw.test", ".wild.test\tesmtp:%1.gw.test\n", "esmtp:%1.gw.test"),
        ("a.test\tesmtp:b\n", "esmtp:b", None, "esmtp:b"),
    ],
)
def test_values_with_arguments_are_answered_as_they_stand_there(tmp_path, debian, source, shown, dumped, value):
    (tmp_path / "sendmail.cf").write_text("O DontBlameSendmail=safe\n")
    (tmp_path / "t").write_text(source)
    key = source.split("\t")[0]
    script = {(given.PROGRAM, "-C", Ellipsis): f"map_lookup: asked ({key}) returns {shown} (0)\n"}
    if dumped:
        script["makemap", "-u", "hash", str(tmp_path / "t")] = dumped
    host = given.make_host(script, directory=tmp_path)
    assert lookup.ask(host, str(tmp_path), "t", "hash", [key.upper()]) == {key.upper(): value}
