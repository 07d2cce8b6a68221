# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only door to the operating system's programs: argument lists, C locale, timeouts, structured errors.

Private to the collection: it can change at any time.
"""

import os
import shutil
import signal
import subprocess
import typing as t

from ._errors import CommandError

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
NOT_FOUND = 127
TIMED_OUT = 124


class Result(t.NamedTuple):
    """What a command said. I(out) and I(err) keep undecodable bytes as surrogates, so nothing is lost."""

    argv: t.Tuple[str, ...]
    rc: int
    out: str
    err: str


class Runner:
    """Runs programs. Everything that is not a file operation goes through here, which is what tests replace."""

    def is_root(self) -> bool:
        """Return whether everything on this host may be read and changed."""
        return os.geteuid() == 0

    def run(
        self,
        argv: t.Sequence[str],
        stdin: t.Optional[str] = None,
        timeout: float = 60,
        check: bool = True,
        env: t.Optional[t.Mapping[str, str]] = None,
        cwd: t.Optional[str] = None,
    ) -> Result:
        """Run one program to its end.

        :param timeout: seconds; then the program and its children are killed, and the result has rc 124.
        :param check: raise CommandError on a non-zero exit status.
        """
        try:
            process = self._start(argv, env, cwd, subprocess.PIPE if stdin is not None else subprocess.DEVNULL)
        except OSError as problem:
            return _judge(Result(tuple(argv), NOT_FOUND, "", str(problem)), check)
        given = None if stdin is None else stdin.encode("utf-8", "surrogateescape")
        try:
            out, err = process.communicate(given, timeout=timeout)
            rc = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            rc = TIMED_OUT
            err += b"\nkilled after %d seconds" % timeout
        return _judge(Result(tuple(argv), rc, _text(out), _text(err)), check)

    def lines(self, argv: t.Sequence[str], timeout: float = 600) -> t.Iterator[bytes]:
        """Stream a program's standard output line by line, for listings too long to hold; raises like run()."""
        process = self._start(argv, None, None, subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield from process.stdout or ()
            rc = process.wait(timeout=timeout)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdout:
                process.stdout.close()
        if rc:
            raise CommandError(argv, rc, "", "")

    def which(self, name: str) -> t.Optional[str]:
        """Return the full path of a program in the system's directories, or None."""
        return shutil.which(name, path=SYSTEM_PATH)

    @staticmethod
    def _start(
        argv: t.Sequence[str],
        env: t.Optional[t.Mapping[str, str]],
        cwd: t.Optional[str],
        stdin: int,
        stderr: int = subprocess.PIPE,
    ) -> "subprocess.Popen[bytes]":
        # An own session, so that a time-out can end the program together with its children. run_command() of Ansible cannot
        # do that, cannot stream, and is not there where a program of ours runs without Ansible.
        return subprocess.Popen(  # pylint: disable=ansible-bad-function
            list(argv),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=_environment(env or {}),
            cwd=cwd,
            start_new_session=True,
        )


def _environment(extra: t.Mapping[str, str]) -> t.Dict[str, str]:
    # Postfix programs import environment variables named like parameters: only what is needed gets in.
    return dict({"PATH": SYSTEM_PATH, "LC_ALL": "C", "LANGUAGE": "C", "HOME": "/root"}, **extra)


def _judge(result: Result, check: bool) -> Result:
    if check and result.rc:
        raise CommandError(result.argv, result.rc, result.out, result.err)
    return result


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
