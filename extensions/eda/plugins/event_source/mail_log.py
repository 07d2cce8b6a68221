# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow mail logs and tell of spam campaigns while they run: an event source plugin of ansible-rulebook."""

from __future__ import annotations

import asyncio
import importlib
import pathlib
import re
import sys
import time
import types
import typing as t

DOCUMENTATION = r"""
module: mail_log
short_description: Follow mail logs and tell of spam campaigns while they run
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - An event source plugin of ansible-rulebook.
  - An event has C(campaign) with what M(postmaster.mta.campaign_info) returns for it, or C(confirmed) with a domain and the campaign that it
    belongs to.
options:
  path:
    description: Log files to follow, across rotation. Of the logs of many relays, those that a log host collects.
    type: list
    elements: str
  command:
    description: A command to follow instead, as a list, for instance C([ssh, relay1, tail, -n, "+1", -F, /var/log/mail.log]).
    type: list
    elements: str
  patterns:
    description: Regular expressions for sender domains in which C({brand}) stands for any registered domain.
    type: list
    elements: str
    default: ["(emalsrv|complains).{brand}"]
  window:
    description: How far back to look, as V(15m) or V(1h).
    type: str
    default: 1h
  messages:
    description: How many messages make a burst.
    type: int
    default: 10
  domains:
    description: From how many new domains.
    type: int
    default: 5
  bursts:
    description: Look for bursts as well.
    type: bool
    default: true
  ignore:
    description: Registered domains that are never a campaign.
    type: list
    elements: str
  delay:
    description: Seconds between two looks.
    type: float
    default: 5
  confirm:
    description:
      - A file to which a person appends the domains that must be blocked, one on a line. Only domains of campaigns that were told before
        become events.
    type: str
"""

EXAMPLES = r"""
- name: Follow the mail log
  postmaster.mta.mail_log:
    path: [/var/log/mail.log]
    confirm: /var/lib/postmaster.mta/confirm
"""

_DOMAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+\Z")
COLLECTION = pathlib.Path(__file__).resolve().parents[4]


#: The name under which the collection's plugins are loaded here. It is ours alone: other sources run in the same process.
_PACKAGE = "postmaster_mta_plugins"


def _library(name: str) -> t.Any:
    """Load a module of plugins/module_utils; ansible-rulebook runs this file without Ansible's collection loader."""
    if _PACKAGE not in sys.modules:
        package = types.ModuleType(_PACKAGE)
        package.__path__ = [str(COLLECTION / "plugins")]
        sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}.module_utils.{name}")


class Source:
    """Follows the logs of one source.

    :param args: see above.
    """

    def __init__(self, args: t.Mapping[str, t.Any]) -> None:
        self._campaign, self._files, maillog = (
            _library("_module.campaign_info"),
            _library("_log.sources"),
            _library("_log.join"),
        )
        defaults = {name: spec.get("default") for name, spec in self._campaign.ARGUMENT_SPEC.items()}
        unknown = set(args) - set(defaults) - {"command", "delay", "confirm"}
        if unknown or bool(args.get("path")) == bool(args.get("command")):
            raise ValueError(
                f"mail_log: one of path and command is needed; unknown: {', '.join(sorted(unknown)) or 'none'}"
            )
        rules = self._campaign.rules_of({**defaults, **args})
        self._paths = [args["path"]] if isinstance(args.get("path"), str) else list(args.get("path") or ())
        self._watch = self._campaign.Watch(rules, _library("_log.suffixes").load())
        self._join = maillog.Join()
        self._positions: dict[str, t.Any] = {}
        self._confirm = pathlib.Path(args["confirm"]) if args.get("confirm") else None
        self._confirmed = self._confirm.stat().st_size if self._confirm and self._confirm.exists() else 0
        self._told: dict[str, dict[str, t.Any]] = {}
        self._by_domain: dict[str, dict[str, t.Any]] = {}
        self._runner = _library("_runner").Runner()

    def look(self) -> list[dict[str, t.Any]]:
        """Read what is new, and return the events."""
        for path in self._paths:
            if not pathlib.Path(path).exists():  # between two rotations
                continue
            reading = self._files.Reading()
            for clock, lines in self._files.blocks_since(self._runner, path, self._positions.get(path), reading):
                self.feed(lines, clock)
            self._positions.update(reading.positions)
        return self.events()

    def feed(self, lines: t.Sequence[bytes], clock: t.Any) -> None:
        """Take some lines."""
        self._join.feed(lines)
        outbox = self._join.outbox
        self._watch.add(outbox.deliveries, outbox.accepted, clock)
        self._join.take()

    def now(self) -> t.Any:
        """Return the time of lines that are read while they are written."""
        return self._files.Clock(time.time())

    def events(self) -> list[dict[str, t.Any]]:
        """Return campaigns that were not told yet, and confirmations."""
        new = []
        for campaign in self._watch.campaigns():
            key = f"{campaign.kind} {campaign.key}"
            if key not in self._told:
                self._told[key] = facts = self._campaign.facts(campaign)
                self._by_domain.update(dict.fromkeys(facts["domains"], facts))
                new.append({"campaign": facts})
        return new + self._confirmations()

    def _confirmations(self) -> list[dict[str, t.Any]]:
        if self._confirm is None or not self._confirm.exists():
            return []
        with self._confirm.open("rb") as stream:
            if stream.seek(0, 2) < self._confirmed:  # emptied
                self._confirmed = 0
            stream.seek(self._confirmed)
            text = stream.read()
        whole = text.rpartition(b"\n")[0]
        self._confirmed += len(whole) + 1 if whole else 0
        domains = whole.decode("ascii", "replace").lower().split()
        # A stranger chose the domain, and Ansible will look for templates in it.
        return [
            {"confirmed": {"domain": domain, "campaign": self._by_domain[domain]}}
            for domain in domains
            if domain in self._by_domain and _DOMAIN.match(domain)
        ]


async def main(queue: asyncio.Queue[t.Any], args: dict[str, t.Any]) -> None:
    """Put an event into the queue for each campaign, and for each confirmation."""
    source, delay = Source(args), float(args.get("delay", 5))
    process = None
    if args.get("command"):
        process = await asyncio.create_subprocess_exec(*args["command"], stdout=asyncio.subprocess.PIPE, limit=1 << 20)
    try:
        while True:
            if process is None:
                events = await asyncio.get_running_loop().run_in_executor(None, source.look)
            else:
                source.feed(await _lines(process, delay), source.now())
                events = source.events()
            for event in events:
                await queue.put(event)
            if process is not None and process.returncode is not None:
                raise RuntimeError(f"mail_log: {args['command'][0]} has ended with status {process.returncode}")
            if process is None:
                await asyncio.sleep(delay)
    finally:
        if process is not None and process.returncode is None:
            process.terminate()


async def _lines(process: t.Any, delay: float) -> list[bytes]:
    """Return the whole lines that a command writes within some seconds."""
    lines: list[bytes] = []
    until = time.monotonic() + delay
    while time.monotonic() < until and len(lines) < 5000:
        try:
            line = await asyncio.wait_for(process.stdout.readline(), max(0.01, until - time.monotonic()))
        except asyncio.TimeoutError:
            break
        except ValueError:  # a line that is longer than any log line
            continue
        if not line:
            await process.wait()
            break
        lines.append(line)
    return lines


if __name__ == "__main__":

    class Printer:
        """Stands for the queue when the source is tried alone: mail_log.py PATH..."""

        async def put(self, event: dict[str, t.Any]) -> None:
            """Print it."""
            print(event)

    asyncio.run(main(Printer(), {"path": sys.argv[1:]}))  # type: ignore[arg-type]  # a queue that only prints
