# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The draft: statements, rulesets and files that the sections put into it."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import draft
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_host import make_host
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_rendering import EXT

pytestmark = pytest.mark.usefixtures("debian")


def _draft(policy=None, files=None, host=None):
    return draft.Draft(host or make_host(), _policy.parse(policy or {}, "none"), (files or {}).get)


@pytest.mark.parametrize("seconds, text", [(0, "0s"), (300, "5m"), (301, "301s"), (86400, "1d"), (1209600, "14d")])
def test_a_time_stands_in_the_largest_unit_that_divides_it(seconds, text):
    assert draft.duration_text(seconds) == text


def test_an_option_without_a_value_stays_as_it_is():
    made = _draft()
    made.define("confMAX_HOP", 30)
    made.define("confDOMAIN_NAME", None)
    made.define_time("confTO_QUIT", None)
    assert made.defines == {"confMAX_HOP": "30"}


def test_a_value_that_m4_would_read_as_more_is_refused():
    with pytest.raises(OptionError, match="confSMTP_LOGIN_MSG"):
        _draft().define("confSMTP_LOGIN_MSG", "x')dnl")


def test_a_check_is_known_by_the_ruleset_that_it_declares():
    made = _draft()
    made.mail_check("SFirst\nR$*\t$@ OK")
    made.rcpt_check("SSecond\nR$*\t$@ OK")
    assert (made.mail_checks, made.rcpt_checks) == (["First"], ["Second"])
    assert set(made.rulesets) == {"First", "Second"}


def test_what_sendmail_cannot_do_is_refused_where_the_user_gave_it_and_else_noted():
    with pytest.raises(Unsupported, match="policy.load.delay"):
        _draft({"load": {"delay": 5}}).cannot("policy.load.delay", 5, "refuse")
    made = _draft()
    made.cannot("policy.load.delay", 5, "refuse")
    assert made.notes == ["policy.load.delay: sendmail cannot do this; the nearest it can do: refuse"]


def test_an_additional_instance_has_its_own_aliases_where_it_has_a_file_of_them():
    assert _draft(host=make_host()._replace(instance=EXT)).aliases == "/etc/mail/aliases"
    own = _draft(files={"aliases": b""}, host=make_host()._replace(instance=EXT))
    assert own.aliases == "/etc/sendmail-ext/aliases"
