# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that knows the queue."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import queue
from ansible_collections.postmaster.mta.plugins.module_utils._errors import Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import queue as model
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(queue, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_an_action_that_the_mta_does_not_have_is_refused_by_name(mta):
    """Postfix before 3.5 cannot expire a message, sendmail cannot requeue one."""
    action = {"postfix": model.EXPIRE, "sendmail": model.REQUEUE}[mta]
    instance = Instance(mta, mta, "/etc/mail", ("/var/spool/mqueue",))
    old = Capabilities((3, 4, 0), "3.4.0", ("hash",), "hash", frozenset())
    with pytest.raises(Unsupported, match=action):
        queue.queue_of(mta).act(Host(ScriptedRunner({}), instance, lambda: old), action, [], 1.0)
