# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A peer on loopback for the SMTP tests: a script of bytes for one connection, or a small server that obeys a function."""

import socket
import ssl
import subprocess
import threading
import time
import typing as t


class Script:
    """Plays its acts to the first connection, then waits for the client to leave.

    An act is: bytes to send; C(("read", n)) to wait for n line ends; C(("wait", seconds)); C(("reset",)) to reset the
    connection; C(("tls", context)) to do a server handshake; C(("close",)).
    """

    def __init__(self, *acts: t.Any, family: int = socket.AF_INET) -> None:
        self.acts = acts
        self.received = b""
        #: How many acts were played to their end.
        self.played = 0
        self.peer = ("", 0)
        self.error = None  # type: t.Optional[Exception]
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self._listener.listen(5)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Script":
        return self

    def __exit__(self, *dummy: t.Any) -> None:
        self._listener.close()
        self._thread.join(5)

    def _play(self) -> None:
        try:
            connection, peer = self._listener.accept()
        except OSError:
            return
        self.peer = peer[:2]
        connection.settimeout(60)
        with connection:
            try:
                for act in self.acts:
                    connection = self._perform(connection, act)
                    self.played += 1
                while connection.recv(65536):
                    pass
            except (OSError, ssl.SSLError) as error:
                self.error = error
            finally:
                connection.close()

    def _perform(self, connection: socket.socket, act: t.Any) -> socket.socket:
        if isinstance(act, bytes):
            connection.sendall(act)
        elif act[0] == "read":
            wanted = self.received.count(b"\n") + act[1]
            while self.received.count(b"\n") < wanted:
                chunk = connection.recv(65536)
                if not chunk:
                    raise ConnectionResetError("the client left early")
                self.received += chunk
        elif act[0] == "wait":
            time.sleep(act[1])
        elif act[0] == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
        elif act[0] == "tls":
            return act[1].wrap_socket(connection, server_side=True)
        elif act[0] == "close":
            connection.shutdown(socket.SHUT_RDWR)
        return connection


class Server:
    """Serves any number of connections; each is given to I(serve) in a thread of its own with its socket and its number."""

    def __init__(self, serve: t.Callable[[socket.socket, int], None]) -> None:
        self.serve = serve
        self.connections = 0
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(100)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *dummy: t.Any) -> None:
        # Without shutdown the thread in accept() would still take one connection.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, dummy = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(10)
            threading.Thread(target=self._guarded, args=(connection, self.connections), daemon=True).start()

    def _guarded(self, connection: socket.socket, number: int) -> None:
        with connection:
            try:
                self.serve(connection, number)
            except (OSError, ssl.SSLError):
                pass


def self_signed(directory: t.Any, name: str = "relay.test") -> t.Tuple[str, str]:
    """Make a certificate with openssl; return the paths of certificate and key."""
    certificate, key = str(directory / "peer.crt"), str(directory / "peer.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}"]
        + ["-addext", f"subjectAltName=DNS:{name},DNS:alias.{name},IP:192.0.2.7", "-out", certificate, "-keyout", key],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return certificate, key
