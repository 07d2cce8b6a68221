# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of the mailertable as lines of transport(5) and virtual(5)."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import move_routes
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.compile import map_entries

MAILERS = {
    "local": "P=/usr/bin/procmail, F=lsDFMAw5",
    "esmtp": "P=[IPC], F=mDFMuXa, A=TCP $h",
    "alt": "P=[IPC], F=mDFMuX, E=\\r\\n, A=TCP $h 2525",
    "prog": "P=/bin/sh, F=lsDFM, A=sh -c $u",
}


def test_own_mailers_are_those_that_talk_to_other_hosts():
    assert move_routes.own_mailers(MAILERS) == {"alt": "2525"}


@pytest.mark.parametrize(
    "line, transports, aliases, verdict",
    [
        ("a.test esmtp:[h.test]", ["a.test smtp:[h.test]"], [], "converted"),
        (".a.test esmtp:[192.0.2.1]:[192.0.2.2]", [".a.test smtp:[192.0.2.1], [192.0.2.2]"], [], "converted"),
        (". esmtp:h.test", ["* smtp:h.test"], [], "converted"),
        ("a.test esmtp:[IPv6:2001:db8::1]", ["a.test smtp:[IPv6:2001:db8::1]"], [], "converted"),
        ("a.test alt:[h.test]", ["a.test smtp:[h.test]:2525"], [], "differs"),
        ("a.test error:5.1.2:550 closed down", ["a.test error:5.1.2 closed down"], [], "differs"),
        ("a.test error:nohost No such host", ["a.test error:5.1.2 No such host"], [], "differs"),
        ("a.test error:451 4.2.1 later", ["a.test error:4.2.1 later"], [], "differs"),
        ("a.test local:anna", [], ["@a.test anna@me.test"], "converted"),
        ("a.test local:", ["a.test local:"], [], "converted"),
        (".a.test local:anna", [], [], "not converted"),
        ("a.test discard:x", ["a.test error:5.3.0 unknown mailer discard"], [], "converted"),
        ("a.test prog:x", [], [], "not converted"),
    ],
)
def test_each_kind_of_line(line, transports, aliases, verdict):
    result = move_routes.routes(map_entries(line), move_routes.own_mailers(MAILERS), MAILERS, "me.test")
    assert (result.transports, result.aliases, result.rows[0].verdict) == (transports, aliases, verdict)


def test_a_discard_mailer_of_its_own_throws_away():
    known = dict(MAILERS, discard="P=/dev/null, A=x")
    assert move_routes.routes(map_entries("a.test discard:"), {}, known, "").transports == [
        "a.test discard:mailertable"
    ]
