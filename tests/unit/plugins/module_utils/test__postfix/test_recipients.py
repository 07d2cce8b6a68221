# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipients of the policy as relay_recipient_maps."""

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import recipients
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.read import Live
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
    over,
    reader,
)
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_rendering import (
    lines,
    rendered,
    values,
)


def test_recipients_of_some_served_domains():
    relay = {"domains": ["s.test", "all.test"], "subdomains": True}
    rendering = rendered({"relay": relay, "recipients": {"domains": [{"domain": "s.test", "users": ["Anna"]}]}}, "none")
    assert lines(rendering, "recipients") == [
        ("@all.test", "everybody"),
        ("anna@s.test", "known"),
        ("postmaster@s.test", "known"),
    ]
    assert lines(rendering, "recipient_domains") == [("/\\.all\\.test$/", "everybody"), ("/\\.s\\.test$/", "everybody")]
    after = values(rendering)
    assert after["relay_recipient_maps"] == (
        "hash:$config_directory/policy_recipients, regexp:$config_directory/policy_recipient_domains"
    )
    without = rendered({}, "none", current=over(reader("3.10.13"), rendering))
    assert values(without)["relay_recipient_maps"] == ""
    assert without.files["policy_recipients"].content is None


def test_lists_of_the_policy_are_read_back_and_others_are_named(tmp_path):
    main = "relay_domains = s.test\nrelay_recipient_maps = hash:$config_directory/policy_recipients, hash:$config_directory/people\n"
    (tmp_path / "policy_recipients").write_text("anna@s.test known\npostmaster@s.test known\n")
    (tmp_path / "main.cf").write_text(main)
    live = Live(make_host("3.10.13", tmp_path))
    assert recipients.read(live) == {"domains": [{"domain": "s.test", "users": ["anna"]}], "tables": ["people"]}
    (tmp_path / "main.cf").write_text("relay_recipient_maps = hash:/etc/elsewhere\n")
    live = Live(make_host("3.10.13", tmp_path))
    assert recipients.read(live) == {}
    assert "relay_recipient_maps" in live.unexpressed
