# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renderings of a policy for the tests of the files that render."""

import re

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Instance, Native
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import render as _render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

HOST = {"identity": {"hostname": "relay1.lab.test"}}


def mc_of(rendering):
    return rendering.files["sendmail.mc"].content.decode("ascii")


EXT = Instance("sendmail", "sendmail-ext", "/etc/sendmail-ext", ("/var/spool/ext",), primary=False)
SEEDED = {"sendmail.cf": b"O QueueDirectory=/var/spool/ext\nO PidFile=/run/sendmail-ext/sendmail.pid\n"}


def additional(policy, files=None, baseline="none", render=_render.render, built=""):
    host = given.make_host({("m4",): built})._replace(instance=EXT)
    return render(host, _policy.parse(policy, baseline), Native(), (SEEDED if files is None else files).get)


def lines_of(made, name):
    return [line for line in made.files[name].content.decode().split("\n") if line and not line.startswith("#")]


def pairs(rendering, name):
    return dict(
        line.split("\t") for line in rendering.files[name].content.decode().splitlines() if not line.startswith("#")
    )


STATEMENT = re.compile(r"([A-Za-z_]+)\((`[^`']*'(?:, `[^`']*')*)\)dnl\Z")
OPENERS = {
    "MAILER_DEFINITIONS": "mailer_definitions",
    "LOCAL_CONFIG": "local_config",
    "LOCAL_RULE_0": "local_rule_0",
    "LOCAL_NET_CONFIG": "local_net_config",
    "LOCAL_RULESETS": "local_rulesets",
}


def statements(text):
    """Every statement of an mc as a tuple, raw lines with the section they stand in; anything else fails the test."""
    found, section = [], None
    lines = text.split("\n")
    assert lines[0] == "divert(-1)dnl" and lines[2] == "divert(0)dnl" and lines[-1] == ""
    for line in lines[3:-1]:
        match = STATEMENT.match(line)
        if line.startswith("dnl --- ") or line == "divert(0)dnl":
            section = None
        elif line in OPENERS:
            section = OPENERS[line]
        elif section:
            found.append((section, line))
        else:
            assert match, f"no statement: {line!r}"
            found.append((match.group(1),) + tuple(re.findall(r"`([^`']*)'", match.group(2))))
    return found


def names(text):
    """What is set, without the values."""
    # The rule that answers SIZE= has the value inside its line.
    text = re.sub(r"(postmaster_arith l \$@ )\d+", r"\1N", text)
    # So have the classes of masquerading.
    text = re.sub(r"(C\{Postmaster\w+\})`?[^`'\n]+'?", r"\1N", text)
    return sorted(
        one[:2] if one[0] not in ("DAEMON_OPTIONS", "CLIENT_OPTIONS") else one[:1] for one in statements(text)
    )
