# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nscd, the name service cache: what runs of it here, and how it is kept from answering for the DNS.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _files
from .._clock import comes_true
from .._errors import PostmasterError
from .._runner import NOT_FOUND, Runner

CONFIGURATION = "/etc/nscd.conf"
# The socket first: it would start the service again.
UNITS = ("nscd.socket", "nscd.service", "unscd.service")
HOSTS_OFF, STOPPED = "hosts_off", "stopped"
#: Seconds until a restarted daemon must answer.
PATIENCE = 5.0


class Unit(t.NamedTuple):
    """A systemd unit that exists on the host."""

    name: str
    active: bool
    enabled: bool


class CacheState(t.NamedTuple):
    """What is here of a name service cache.

    :param text: the content of nscd.conf, None when there is none.
    :param caching: whether the running daemon keeps host names; None when nobody can say.
    """

    units: t.Tuple[Unit, ...]
    text: t.Optional[str]
    caching: t.Optional[bool]

    @property
    def daemon(self) -> t.Optional[str]:
        """Return the service that runs, if one does."""
        running = [unit.name for unit in self.units if unit.active and unit.name.endswith(".service")]
        return running[0] if running else None


class CachePlan(t.NamedTuple):
    """The new content of nscd.conf, None when it stays as it is, and the commands to run after that."""

    text: t.Optional[str]
    commands: t.Tuple[t.Tuple[str, ...], ...]


def hosts_off(text: str) -> str:
    """Turn the cache of host names off in an nscd.conf(5); comments, order and spacing stay."""
    lines = text.splitlines(keepends=True)
    is_set = False
    for number, line in enumerate(lines):
        words = line.split()
        if words[:2] == ["enable-cache", "hosts"] and len(words) > 2:
            is_set = True
            head, tail = line[: line.index("hosts") + 5], line[line.index("hosts") + 5 :]
            lines[number] = head + tail.replace(words[2], "no", 1)
    if not is_set:
        end = "" if not lines or lines[-1].endswith("\n") else "\n"
        lines.append(f"{end}\tenable-cache\t\thosts\t\tno\n")
    return "".join(lines)


def caches_hosts(statistics: str) -> t.Optional[bool]:
    """Read the output of C(nscd -g): whether the hosts cache is enabled; None when it does not say."""
    section = ""
    for line in statistics.splitlines():
        words = line.split()
        if words[1:] == ["cache:"]:
            section = words[0]
        elif section == "hosts" and words[1:] == ["cache", "is", "enabled"]:
            return words[0] == "yes"
    return None


def plan(seen: CacheState, state: str) -> CachePlan:
    """Plan what is to be done. The cache is thrown away first: programs map it and may go on reading it."""
    forget: t.Tuple[t.Tuple[str, ...], ...] = (("nscd", "-i", "hosts"),) if seen.daemon == "nscd.service" else ()
    if state == STOPPED:
        ends = tuple(command for unit in seen.units for command in _ends_of(unit))
        return CachePlan(None, forget + ends if ends else ())
    if not seen.units or seen.text is None:
        return CachePlan(None, ())
    wanted = hosts_off(seen.text)
    text = wanted if wanted != seen.text else None
    if seen.daemon is None or (text is None and not seen.caching):
        return CachePlan(text, ())
    return CachePlan(text, forget + (("systemctl", "restart", seen.daemon),))


def _ends_of(unit: Unit) -> t.Iterator[t.Tuple[str, ...]]:
    """Yield the commands that end a unit now and after a restart of the host."""
    if unit.active:
        yield ("systemctl", "stop", unit.name)
    if unit.enabled:
        yield ("systemctl", "disable", unit.name)


def see(runner: Runner, configuration: str = CONFIGURATION) -> CacheState:
    """Ask the host, by what exists and never by the name of its distribution."""
    content = _files.read(configuration)
    text = None if content is None else content.decode("utf-8", "surrogateescape")
    seen = CacheState(_units(runner), text, None)
    return seen._replace(caching=_caching(runner)) if seen.daemon == "nscd.service" else seen


def apply(runner: Runner, state: str, check_mode: bool, configuration: str = CONFIGURATION) -> t.Dict[str, t.Any]:
    """Bring the host to I(state); returns what the module returns.

    :raises PostmasterError: when a command fails or the daemon goes on caching; nscd.conf is then as it was.
    """
    seen = see(runner, configuration)
    todo = plan(seen, state)
    actions = ([f"edit {configuration}"] if todo.text is not None else []) + [" ".join(argv) for argv in todo.commands]
    if actions and not check_mode:
        _do(runner, seen, todo, state, configuration)
    return {
        "changed": bool(actions),
        "units": [unit.name for unit in seen.units],
        "actions": actions,
        "diff": _difference(seen, todo, configuration),
    }


def _do(runner: Runner, seen: CacheState, todo: CachePlan, state: str, configuration: str) -> None:
    try:
        if todo.text is not None:
            _write(configuration, todo.text)
        for argv in todo.commands:
            runner.run(argv)
        if state == HOSTS_OFF and seen.daemon == "nscd.service":
            _verify(runner)
    except (PostmasterError, OSError) as problem:
        if todo.text is not None and seen.text is not None:
            _write(configuration, seen.text)
        if seen.daemon:
            runner.run(("systemctl", "restart", seen.daemon), check=False)
        raise PostmasterError(f"{configuration}: rolled back, because of: {problem}")


def _verify(runner: Runner) -> None:
    if not comes_true(lambda: _caching(runner) is False, PATIENCE, 0.2):
        raise PostmasterError("nscd does not say that it keeps no host names (nscd -g)")


def _write(path: str, text: str) -> None:
    _files.write_new(path, text.encode("utf-8", "surrogateescape"), 0o644, like=path)
    _files.fsync_directory(os.path.dirname(path))


def _caching(runner: Runner) -> t.Optional[bool]:
    answer = runner.run(("nscd", "-g"), check=False)
    return caches_hosts(answer.out) if answer.rc == 0 else None


def _units(runner: Runner) -> t.Tuple[Unit, ...]:
    listed = runner.run(("systemctl", "list-unit-files", "--no-legend", "--no-pager") + UNITS, check=False)
    if listed.rc == NOT_FOUND:
        return ()
    states = {words[0]: words[1] for words in map(str.split, listed.out.splitlines()) if len(words) > 1}
    return tuple(
        Unit(name, _is_active(runner, name), states[name] in ("enabled", "enabled-runtime", "generated"))
        for name in UNITS
        if states.get(name, "masked") not in ("masked", "masked-runtime")
    )


def _is_active(runner: Runner, unit: str) -> bool:
    return runner.run(("systemctl", "is-active", "--quiet", unit), check=False).rc == 0


def _difference(seen: CacheState, todo: CachePlan, configuration: str) -> t.List[t.Dict[str, str]]:
    if todo.text is None or seen.text is None:
        return []
    return [
        {
            "before_header": configuration,
            "before": seen.text,
            "after_header": configuration,
            "after": todo.text,
        }
    ]
