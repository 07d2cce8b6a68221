# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Runner that knows what each command will say, and fails the test on any other."""

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result


class ScriptedRunner:
    """Answers from a script.

    :param script: argv as a tuple to what the command says: a Result, its standard output, or a function of argv that
        returns one of these. Of a tuple that ends with an Ellipsis the words before it must agree.
    :param programs: the names that which() finds.
    """

    def __init__(self, script, programs=()):
        self.script = dict(script)
        self.programs = frozenset(programs)
        self.calls = []

    def run(self, argv, stdin=None, timeout=60, check=True, env=None, cwd=None):
        argv = tuple(argv)
        self.calls.append(argv)
        said = self._answer(argv)
        if callable(said):
            said = said(argv)
        result = said if isinstance(said, Result) else Result(argv, 0, said, "")
        if check and result.rc:
            raise CommandError(argv, result.rc, result.out, result.err)
        return result

    def which(self, name):
        return f"/usr/sbin/{name}" if name in self.programs else None

    def _answer(self, argv):
        if argv in self.script:
            return self.script[argv]
        for known, said in self.script.items():
            if known[-1] is Ellipsis and argv[: len(known) - 1] == known[:-1]:
                return said
        raise AssertionError(f"a command that the script does not know: {argv}")
