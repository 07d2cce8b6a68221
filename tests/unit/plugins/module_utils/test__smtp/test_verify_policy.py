# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the running MTA is asked, against a peer that answers from a script."""

import contextlib
import socket
import threading

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import verify_policy as _verify

GOOD = {
    "": b"220 relay.lab.test ESMTP\r\n",
    "EHLO": b"250-relay.lab.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n",
    "VRFY": b"502 5.5.1 no\r\n",
    "QUIT": b"221 bye\r\n",
}


@contextlib.contextmanager
def peer(answers):
    """A server for one connection that answers each verb as told."""
    listener = socket.create_server(("127.0.0.1", 0)) if hasattr(socket, "create_server") else socket.socket()
    if not listener.getsockname()[1]:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)

    def serve():
        connection = listener.accept()[0]
        with connection, connection.makefile("rb") as lines:
            connection.sendall(answers[""])
            for line in lines:
                connection.sendall(answers.get(line.split()[0].decode(), b"500 what\r\n"))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    thread.join(5)
    listener.close()


def findings(answers, policy):
    """What verification has to say about such a peer."""
    with peer(answers) as port:
        seen = _verify.observe("127.0.0.1", port, patience=5)
    return _verify.compare(_verify.expected(_policy.parse(policy, "none")), seen)


PROMISED = {
    "identity": {"hostname": "relay.lab.test"},
    "limits": {"message_size": "1000"},
    "session": {"vrfy": False},
    "tls": {"server": {"level": "may"}},
}


def test_a_relay_that_keeps_its_promises():
    assert findings(GOOD, PROMISED) == ()


@pytest.mark.parametrize(
    "answers, finding",
    [
        ({"": b"220 other.lab.test ESMTP\r\n"}, "the greeting names other.lab.test, not relay.lab.test"),
        ({"": b"554 go away\r\n"}, "answers 554 go away instead of a greeting"),
        ({"EHLO": b"250-relay.lab.test\r\n250-SIZE 5\r\n250 STARTTLS\r\n"}, "EHLO offers SIZE 5, not 1000"),
        ({"EHLO": b"250-relay.lab.test\r\n250 SIZE 1000\r\n"}, "STARTTLS is not offered"),
        ({"EHLO": b"451 later\r\n"}, "answers EHLO with 451"),
        ({"VRFY": b"250 root\r\n"}, "VRFY is answered with 250"),
    ],
)
def test_each_broken_promise_is_named(answers, finding):
    (said,) = findings(dict(GOOD, **answers), PROMISED)
    assert finding in said


def test_nobody_there_is_a_finding():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        seen = _verify.observe("127.0.0.1", free.getsockname()[1], patience=2)
    assert "refused" in seen.trouble


def test_where_to_ask():
    def where(listen):
        return _verify.addresses(_policy.parse({"identity": {"listen": listen, "port": 2525}}, "none"))

    assert where(["all"]) == where(["loopback"]) == (("127.0.0.1", 2525),)
    assert where(["10.25.0.11", "fd00:25::11"]) == (("10.25.0.11", 2525), ("fd00:25::11", 2525))
