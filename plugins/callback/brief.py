# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show a run in few lines: what changed, what failed, and nothing else."""

from __future__ import annotations

DOCUMENTATION = r"""
name: brief
type: stdout
author:
  - The postmaster.mta contributors (@postmaster-mta)
short_description: Show what changed and what failed, and nothing else
version_added: 1.0.0
description:
  - One line for each play, or each batch of it, with its hosts, where there is something to show.
  - Below it what was done to each host, in the words of the module where it returns C(actions), else the name of the task. Modules that
    return a C(summary) are shown with it.
  - A task that takes longer than a moment says from time to time that it still runs, on which hosts, and what it waits for.
  - Differences are shown with C(--diff). Failures are shown in full; tasks that changed nothing are not shown, unless with C(-v).
requirements:
  - Set as C(stdout_callback) in C(ansible.cfg), or by the environment variable C(ANSIBLE_STDOUT_CALLBACK).
extends_documentation_fragment:
  - result_format_callback
"""

import contextlib
import signal
import textwrap
import threading
import time
import typing as t

from ansible import constants as C
from ansible.plugins.callback import CallbackBase

from ansible_collections.postmaster.mta.plugins.plugin_utils import _harden

WIDTH = 100
#: Lines that one sentence may take, unless with -v.
LINES = 5
#: What Ansible says of every host in every run, of which nothing follows.
_INTERPRETER = "is using the discovered Python interpreter"
#: A task of a playbook says in this variable what it can wait for.
WAITS_FOR = "__waits_for"
#: These wait for a person, whose line must stay as it is.
ASKING = ("postmaster.mta.playbook_queue_confirm", "ansible.builtin.pause", "pause")
#: Seconds after which a task says for the first time that it still runs, and at most between two times.
FIRST_WORD = 15
BETWEEN_WORDS = 60


class Waiting:
    """The task that runs, and the hosts on which it has not ended.

    An alarm of the main thread speaks: a thread could hold a lock while Ansible forks its workers.
    """

    def __init__(self, tell: t.Callable[[str], None]) -> None:
        self._tell = tell
        self._name, self._reason = "", ""
        self._hosts: dict[str, None] = {}
        self._began = 0.0
        self._pause = 0

    def begin(self, task: t.Any) -> None:
        """Start anew with this task."""
        self._name, self._reason = _title(task), str(task.get_vars().get(WAITS_FOR) or "")
        self._hosts.clear()
        self._began, self._pause = time.monotonic(), FIRST_WORD
        self._set_alarm(0 if task.action in ASKING else FIRST_WORD)

    def add(self, host: str) -> None:
        """Wait for this host as well."""
        self._hosts[host] = None

    def end(self, host: str | None = None) -> None:
        """Wait no more for this host, or for none at all."""
        if host is None:
            self._hosts.clear()
        self._hosts.pop(host or "", None)
        if not self._hosts:
            self._set_alarm(0)

    def _set_alarm(self, seconds: int) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGALRM, self._speak)
            signal.alarm(seconds)

    def _speak(self, *_signal: t.Any) -> None:
        if not self._hosts:
            return
        seconds = round(time.monotonic() - self._began)
        reason = f"; {self._reason}" if self._reason else ""
        # The alarm can come in the middle of another line, which nothing may cut.
        with contextlib.suppress(RuntimeError):
            self._tell(f"{self._name}: still running after {seconds} s on {', '.join(self._hosts)}{reason}")
        self._pause = min(2 * self._pause, BETWEEN_WORDS)
        self._set_alarm(self._pause)


class CallbackModule(CallbackBase):
    """See DOCUMENTATION."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "postmaster.mta.brief"

    def __init__(self) -> None:
        super().__init__()
        self._check_mode = False
        self._reasons: dict[str, str] = {}
        self._reported: set[str] = set()
        #: Hosts whose failure is the last thing that is on the screen.
        self._fresh: set[str] = set()
        self._head = ""
        self._waiting = Waiting(self._tell_waiting)

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        """Watch how long a task takes."""
        self._waiting.begin(task)

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        """Watch how long a task takes on a host."""
        self._waiting.add(str(host.get_name()))

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        """Name the play and the hosts of this batch."""
        self._check_mode = bool(play.check_mode)
        hosts = play.get_variable_manager().get_vars(play=play).get("ansible_play_batch") or []
        mode = " (check mode)" if self._check_mode else ""
        head = f"{play.get_name().strip()}{mode}: {', '.join(hosts) or 'no host'}"
        # It is shown when there is something to show below it.
        self._head = textwrap.fill(head, WIDTH, subsequent_indent="  ")

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Print a line where there is nothing to do."""
        self._announce()
        self._display.display("  no host matches", color=C.COLOR_SKIP)

    def v2_runner_on_ok(self, result: t.Any) -> None:
        """Tell a change in the module's own words, an answer by its summary, and anything else only with -v."""
        self._waiting.end(_host(result))
        returned = result._result
        if "results" in returned and result._task.loop:
            return
        if result._task.action in C._ACTION_DEBUG:
            self._tell(_host(result), returned.get("msg", ""))
            return
        for warning in returned.get("warnings") or ():
            if _INTERPRETER not in str(warning) or self._display.verbosity:
                self._say(_host(result), f"warning: {warning}", C.COLOR_WARN)
        if returned.get("changed"):
            for line in self._changes(returned) or [_task(result)]:
                self._say(_host(result), line, C.COLOR_CHANGED)
        elif isinstance(returned.get("summary"), str):
            self._say(_host(result), f"{_task(result)}: {returned['summary']}", C.COLOR_OK)
        elif self._display.verbosity:
            self._say(_host(result), _task(result), C.COLOR_OK)

    def _changes(self, returned: t.Mapping[str, t.Any]) -> list[str]:
        """Return the actions of a module, as done or as what would be done."""
        would = "would " if self._check_mode else ""
        return [would + str(action) for action in returned.get("actions") or ()]

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        """Tell a failure in full."""
        self._waiting.end(_host(result))
        message = _harden.message(result._result)
        if not ignore_errors:
            self._reasons[result._host.get_name()] = message
        if result._result.get("reported"):
            self._reported.add(result._host.get_name())
            return
        fresh = {*self._fresh, _host(result)}
        self._say(_host(result), f"{_task(result)}: FAILED: {message}", C.COLOR_ERROR)
        self._fresh = fresh
        if self._display.verbosity > 1:
            self._display.display(self._dump_results(result._result, indent=4), color=C.COLOR_ERROR)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        """Tell in full that a host is not reachable."""
        self._waiting.end(_host(result))
        message = _harden.message(result._result)
        self._reasons[result._host.get_name()] = f"unreachable: {message}"
        self._say(_host(result), f"{_task(result)}: UNREACHABLE: {message}", C.COLOR_UNREACHABLE)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        """Say nothing where nothing was done."""
        self._waiting.end(_host(result))

    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        """Tell the items of a loop one by one."""
        if result._result.get("changed"):
            label = self._get_item_label(result._result)
            self._say(_host(result), f"{_task(result)}: {label}", C.COLOR_CHANGED)

    def v2_on_file_diff(self, result: t.Any) -> None:
        """Show differences as Ansible itself does."""
        answers = result._result.get("results") if result._task.loop else None
        for answer in answers or [result._result]:
            if answer.get("changed") and answer.get("diff"):
                shown = self._get_diff(answer["diff"])
                if shown:
                    self._announce()
                    self._display.display(shown)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        """Name the hosts that failed once more, for those who read only the end."""
        self._waiting.end()
        lost = [
            host
            for host in sorted(stats.processed)
            if _is_lost(stats.summarize(host)) and host not in self._reported | self._fresh
        ]
        if lost:
            self._display.display("\nNot all is well:", color=C.COLOR_ERROR)
        self._head = ""
        for host in lost:
            self._say(host, self._reasons.get(host, "failed"), C.COLOR_ERROR)
        self._display.display("")

    def _announce(self) -> None:
        """Show the head of the play, once."""
        self._fresh = set()
        if self._head:
            self._display.display("\n" + self._head, color=C.COLOR_HIGHLIGHT)
            self._head = ""

    def _tell_waiting(self, text: str) -> None:
        # Not among the results: what a report prints as JSON stays JSON.
        lines = textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")
        self._display.display("\n".join(lines), stderr=True)

    def _tell(self, host: str, message: t.Any) -> None:
        """Print what a playbook says to its reader: lines as they are, each with its host."""
        self._announce()
        for line in message if isinstance(message, list) else str(message).splitlines():
            self._display.display(f"  {host:<8}  {line}")

    def _say(self, host: str, text: str, color: str | None) -> None:
        self._announce()
        head = f"  {host:<8}  "
        body = textwrap.wrap(" ".join(text.split()), WIDTH - len(head), break_on_hyphens=False) or [""]
        if len(body) > LINES and not self._display.verbosity:
            body = [
                *body[: LINES - 1],
                textwrap.shorten(" ".join(body[LINES - 1 :]), WIDTH - len(head), placeholder=" ..."),
            ]
        self._display.display(("\n" + " " * len(head)).join([head + body[0], *body[1:]]), color=color)


def _host(result: t.Any) -> str:
    return str(result._host.get_name())


def _task(result: t.Any) -> str:
    return _title(result._task)


def _title(task: t.Any) -> str:
    # Without the name of the role before it.
    return str(task.get_name()).split(" : ", 1)[-1]


def _is_lost(summary: t.Mapping[str, int]) -> bool:
    return bool(summary["failures"] or summary["unreachable"])
