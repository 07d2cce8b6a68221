# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive of the mail log with the real logrotate: exactly so many days are there, and other logs still rotate."""

from __future__ import annotations

import pytest
from labhosts import EVERY_HOST, HOSTS

NEWEST = [HOSTS["pf13"], HOSTS["sm13"]]
#: The long form, which takes minutes, is that of `make proof`.
KEEP, DAYS = (92, 100) if EVERY_HOST else (5, 8)
CALL = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils import _errors
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_archive
defaults = {name: spec.get("default") for name, spec in log_archive.ARGUMENT_SPEC.items()}
json.dump(log_archive.run(dict(defaults, **json.load(sys.stdin)), False), sys.stdout)
"""
#: A day is one forced rotation with a state of the test's own; the newest line of the log says which day it is.
ROTATE = f"""
for day in $(seq {DAYS}); do echo "day $day" >> /var/log/mail.log
  logrotate -f -s /tmp/kit-rotate.state /etc/logrotate.d/postmaster-mta || exit 1
done
"""


@pytest.mark.parametrize("host", NEWEST, ids=str)
def test_after_many_days_exactly_so_many_are_there(host):
    before = host.read("/etc/logrotate.d/rsyslog")
    host.run("cp -a /var/log/mail.log /root/mail.log.kept")
    assert host.ask(CALL, {"keep_days": KEEP})["changed"] and not host.ask(CALL, {"keep_days": KEEP})["changed"]
    try:
        checked = host.run("logrotate -d -s /tmp/kit-rotate.state /etc/logrotate.conf 2>&1")
        assert "error" not in checked
        assert "considering log /var/log/syslog" in checked and checked.count("considering log /var/log/mail.log") == 1
        host.run(ROTATE)
        assert int(host.run("ls /var/log/mail.log.*[0-9] /var/log/mail.log.*.gz 2>/dev/null | sort -u | wc -l")) == KEEP
        assert host.run(f"zcat /var/log/mail.log.{KEEP}.gz | grep '^day'") == f"day {DAYS - KEEP + 1}\n"
    finally:
        host.ask(CALL, {"state": "absent"})
        host.run("rm -f /var/log/mail.log.* /tmp/kit-rotate.state; mv /root/mail.log.kept /var/log/mail.log")
        host.run("systemctl kill -s HUP rsyslog || true")
    assert host.read("/etc/logrotate.d/rsyslog") == before
