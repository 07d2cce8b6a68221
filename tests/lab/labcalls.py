# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run many small programs on a host without starting Python, and reading our modules, for each of them.

A server on the host forks for each program: the child is a process of its own, with all that can happen to one, and finds the
modules read that the program imports. Hundreds of calls a file cost a third of the processor time that they would otherwise.
"""

from __future__ import annotations

import json
import select
import subprocess
import typing as t

#: Runs on the host, Python 3.6 included: a line with program and input comes in, a line with what the program printed goes out.
#: A program that was killed has printed nothing.
SERVER = r"""
import ast, io, json, os, sys, traceback
sys.path.insert(0, sys.argv[1])
compiled = {}

def prepare(program):
    tree = ast.parse(program)
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    exec(compile(ast.Module(body=imports, type_ignores=[]), "imports", "exec"), {})
    compiled[program] = compile(tree, "program", "exec")

def child(program, given, end):
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdin, sys.stdout, trouble = io.StringIO(given), io.StringIO(), ""
    try:
        exec(compiled[program], {"__name__": "__main__"})
    except BaseException:
        trouble = traceback.format_exc()
    with os.fdopen(end, "w") as file:
        json.dump({"printed": sys.stdout.getvalue(), "trouble": trouble}, file)
    os._exit(0)

for line in sys.stdin:
    program, given = json.loads(line)
    if program not in compiled:
        prepare(program)
    begin, end = os.pipe()
    pid = os.fork()
    if not pid:
        child(program, given, end)
    os.close(end)
    with os.fdopen(begin) as file:
        answer = file.read()
    os.waitpid(pid, 0)
    print(answer or json.dumps({"printed": "", "trouble": ""}), flush=True)
"""


class Server:
    """The server on one host, for one thread of the tests; it ends with the connection."""

    def __init__(self, command: t.Sequence[str]) -> None:
        """Start it.

        :param command: what runs C(python -c SERVER) on the host.
        """
        self._process = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @property
    def runs(self) -> bool:
        """Return whether the connection is there."""
        return self._process.poll() is None

    def run(self, program: str, given: str, timeout: float) -> str:
        """Return what a program printed; nothing where it was killed."""
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._process.stdin.write(json.dumps([program, given]).encode() + b"\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], timeout)[0]:
            self.stop()
            raise subprocess.TimeoutExpired(program[:200], timeout)
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the connection broke: {self._process.stderr.read()[-2000:]!r}")
        answer = json.loads(line)
        if answer["trouble"]:
            raise AssertionError(answer["trouble"][-3000:])
        return str(answer["printed"])

    def stop(self) -> None:
        """End it, and what it runs."""
        self._process.kill()
        self._process.communicate()
