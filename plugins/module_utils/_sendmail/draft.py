# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A policy on its way to sendmail: options, features, tables and notes, collected before they become text.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import File, Host
from .._model.policy_record import Policy
from . import cf, discover, mc
from .ruleset_texts import declared

#: Reads a live file by its path relative to the configuration directory; None where it does not exist.
Current = t.Callable[[str], t.Optional[bytes]]

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


class Draft:
    """The configuration as it is being put together. Names are unique here: a later value replaces an earlier one.

    :param defines: m4 names and their values; None stands for undefine.
    :param features: features and their arguments; None stands for a feature that is switched off.
    :param mail_checks: the rulesets that are called at MAIL, in their order.
    :param rcpt_checks: the rulesets that are called at RCPT for every client, in their order.
    :param recipients: key and value of each line of our table of recipients.
    :param access: key and value of each line of our part of the access map.
    :param routes: key and value of each line of our own table of routes.
    :param mailers: name and definition of the mailers that routes need besides sendmail's own.
    """

    def __init__(self, host: Host, policy: Policy, current: Current) -> None:
        self.host = host
        self.policy = policy
        self.current = current
        self.layout = discover.the_layout()
        self.directory = host.instance.config_directory
        self.defines: t.Dict[str, t.Optional[str]] = {}
        self.features: t.Dict[str, t.Optional[t.Tuple[str, ...]]] = {}
        self.statements: t.List[mc.Item] = []
        self.rulesets: t.Dict[str, str] = {}
        self.mail_checks: t.List[str] = []
        self.rcpt_checks: t.List[str] = []
        self.access: t.List[t.Tuple[str, str]] = []
        self.mailertable: t.List[t.Tuple[str, str]] = []
        self.recipients: t.List[t.Tuple[str, str]] = []
        self.routes: t.List[t.Tuple[str, str]] = []
        self.mailers: t.Dict[str, str] = {}
        self.files: t.Dict[str, File] = {}
        self.notes: t.List[str] = []
        own = None if host.instance.primary else current("aliases")
        self.aliases = self.layout.aliases if own is None else self.path("aliases")

    def define(self, name: str, value: t.Union[str, int, None]) -> None:
        """Set an option; None leaves it as it is."""
        if value is not None:
            self.defines[name] = mc.safe(name, value)

    def define_time(self, name: str, seconds: t.Optional[int]) -> None:
        """Set a time; None leaves it as it is."""
        if seconds is not None:
            self.define(name, duration_text(seconds))

    def feature(self, name: str, *arguments: str) -> None:
        """Add a feature."""
        self.features[name] = arguments

    def statement(self, section: str, macro: str, *arguments: str) -> None:
        """Add a statement to a section of sendmail.mc."""
        self.statements.append(mc.Statement(section, macro, arguments))

    def ruleset(self, text: str) -> None:
        """Add a ruleset; its first line declares its name."""
        self.rulesets[declared(text)[0]] = text

    def mail_check(self, text: str) -> None:
        """Add a ruleset that is called at MAIL; with delay_checks sendmail's own checks wait for RCPT."""
        self.ruleset(text)
        self.mail_checks.append(declared(text)[0])

    def rcpt_check(self, text: str) -> None:
        """Add a ruleset that is called at RCPT before sendmail's own checks."""
        self.ruleset(text)
        self.rcpt_checks.append(declared(text)[0])

    def cannot(self, option: str, value: object, nearest: str) -> None:
        """Report an option that sendmail cannot do: an error where the user set it, a note where only the baseline does.

        :raises Unsupported: naming the option.
        """
        if self.policy.wants(option):
            raise discover.unsupported(option, value, nearest)
        self.notes.append(f"{option}: sendmail cannot do this; the nearest it can do: {nearest}")

    def path(self, name: str) -> str:
        """Return where a file of the configuration directory lies when it is live."""
        return f"{self.directory}/{name}"

    def live_cf(self) -> cf.Cf:
        """Return the live sendmail.cf, parsed."""
        return discover.parsed(self.current("sendmail.cf"))


def text_of(content: t.Optional[bytes]) -> str:
    """Return a file's content as text; a file that does not exist is empty."""
    return (content or b"").decode("utf-8", "surrogateescape")


def duration_text(seconds: int) -> str:
    """Return seconds in the largest unit that divides them: 300 is 5m."""
    if not seconds:
        return "0s"
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"
