# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shadow of a candidate: a daemon that has nothing of the live one."""

import subprocess

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf, shadow
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

pytestmark = pytest.mark.usefixtures("debian")


@pytest.mark.parametrize("version", given.VERSIONS)
def test_the_shadow_has_nothing_of_the_live_daemon(version):
    text = given.text(version, "hardened", "sendmail.cf")
    made = cf.parse(shadow.shadow_cf(text, "/run/s", 10025, cf.parse(text)))
    assert made.values("DaemonPortOptions") == ("Name=shadow, Family=inet, Addr=127.0.0.1, Port=10025, M=A",)
    assert made.values("PidFile") == ("/run/s/pid",) and made.values("QueueDirectory") == ("/run/s/queue",)
    assert not made.values("ControlSocketName") and not made.values("StatusFile") and made.values("RefuseLA") == ("0",)
    assert made.value("MaxHopCount") == "30"


def test_the_shadow_ends_with_what_works_in_its_directory(tmp_path):
    (tmp_path / "queue").mkdir()
    sleepers = [subprocess.Popen(["sleep", "60"], cwd=str(where)) for where in (tmp_path, tmp_path / "queue")]
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        for one in sleepers:
            assert one.pid in shadow._pids(str(tmp_path))
        assert bystander.pid not in shadow._pids(str(tmp_path))
        shadow._kill(sleepers[0].pid, 15)
        assert sleepers[0].wait(timeout=10) == -15
    finally:
        for one in sleepers + [bystander]:
            one.kill()
            one.wait()
    shadow.stop(str(tmp_path))
