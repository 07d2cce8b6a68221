# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _diagnosis/helpers.py: milters and other helpers that answer, that do not, and that answer nonsense."""

import socket
import struct
import threading

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis import helpers
from ansible_collections.postmaster.mta.plugins.module_utils._model.helper import FILTER, MILTER, POLICY, Helper

NEGOTIATED = struct.pack("!IcIII", 13, b"O", 6, 0, 0)


class Listener:
    """A helper that answers the first bytes of each client with bytes of the test; None for nothing."""

    def __init__(self, bound, answer):
        self.answer = answer
        self.heard = []
        self.socket = bound
        bound.listen(4)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, dummy = self.socket.accept()
            except OSError:
                return
            with connection:
                self.heard.append(connection.recv(64))
                if self.answer is not None:
                    connection.sendall(self.answer)
                    self.heard.append(connection.recv(64))
                else:
                    connection.recv(64)


@pytest.fixture(name="inet")
def _fixture_inet():
    """Return a function that starts a helper on a port of its own, and returns it as the configuration names it."""
    bound = []

    def start(kind, answer):
        bound.append(socket.socket())
        bound[-1].bind(("127.0.0.1", 0))
        port = bound[-1].getsockname()[1]
        listener = Listener(bound[-1], answer)
        return Helper(kind, f"inet:127.0.0.1:{port}", "x", host="127.0.0.1", port=port), listener

    yield start
    for each in bound:
        each.close()


def test_a_milter_that_negotiates_is_well_and_hears_no_more_than_that(inet):
    milter, listener = inet(MILTER, NEGOTIATED)
    assert helpers.observe([milter], 2.0) == (helpers.HelperState(milter, ""),)
    assert listener.heard[0][4:5] == b"O"


def test_a_policy_service_is_asked_nothing(inet):
    service, dummy = inet(POLICY, None)
    assert helpers.call(service, 2.0) == ""


@pytest.mark.parametrize(
    "answer, trouble", [(b"220 hello\r\n", "does not speak the milter protocol"), (b"", "hangs up")]
)
def test_one_that_is_no_milter(inet, answer, trouble):
    milter, dummy = inet(MILTER, answer or None)
    if answer:
        assert trouble in helpers.call(milter, 2.0)
    else:
        assert helpers.call(milter, 0.1) == "no answer within 0 s"


def test_nobody_listens(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert helpers.call(Helper(MILTER, "p", "s", host="127.0.0.1", port=port), 2.0) == "Connection refused"
    assert helpers.call(Helper(MILTER, "p", "s", path=str(tmp_path / "none")), 2.0) == "No such file or directory"


def test_a_socket_in_the_file_system(tmp_path):
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "milter"))
    Listener(bound, NEGOTIATED)
    assert helpers.call(Helper(MILTER, "p", "s", path=str(tmp_path / "milter")), 2.0) == ""
    bound.close()


@pytest.mark.parametrize(
    "kind, code", [(MILTER, "milter_down"), (POLICY, "policy_service_down"), (FILTER, "content_filter_down")]
)
@pytest.mark.parametrize("refuses, severity", [(True, "error"), (False, "warning")])
def test_the_verdict(kind, code, refuses, severity):
    helper = Helper(
        kind, "inet:8891@localhost", "smtpd_milters", refuses=refuses, consequence="every message gets a 451"
    )
    finding = helpers.judge(
        "postfix", [helpers.HelperState(helper, "Connection refused"), helpers.HelperState(helper, "")]
    )
    assert [(each.code, each.severity) for each in finding] == [(code, severity)]
    assert finding[0].what == (
        f"the {kind} inet:8891@localhost of postfix does not answer (Connection refused): every message gets a 451"
    )
    assert "smtpd_milters" in finding[0].remedy
