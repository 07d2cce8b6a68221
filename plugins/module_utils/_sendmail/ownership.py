# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a sendmail configuration that an author can own: whole files. Twin of C(_postfix.ownership).

sendmail.mc and what is built from it are written whole by each run, and in the mailertable we own a marked block: what is dropped
there is gone by itself. The files that are parts are those which a run writes only when the policy speaks of them.

Private to the collection: it can change at any time.
"""

import typing as t

from .._account.ownership import FILE, Contents, Current, Text, Twin
from .._model.host import Host
from . import units

#: By this line in sendmail.mc we know our own.
MARK = "Written by postmaster.mta: changes made here are lost, policy and native settings (mc) are the place for them."
HELP_FILE = "helpfile.postmaster"
#: Class files, of which sendmail reads the first one at its start: without us they are empty.
_CLASSES = ("local-host-names", "relay-domains")
_PARTS = _CLASSES + ("sendmail.conf", "Makefile", HELP_FILE, units.ENVIRONMENT)


class SendmailTwin(Twin):
    """Files by C(file NAME)."""

    def parts(self, current: Current, names: t.Iterable[str]) -> t.Dict[str, str]:
        """Return the files that are parts, as far as they are there."""
        contents = {name: current(name) for name in names if name in _PARTS}
        return {
            f"{FILE} {name}": content.decode("utf-8", "surrogateescape")
            for name, content in contents.items()
            if content is not None
        }

    def edited(self, current: Current, changes: t.Mapping[str, Text]) -> t.Dict[str, t.Optional[bytes]]:
        """Return the files that change."""
        return {
            part.partition(" ")[2]: None if text is None else text.encode("utf-8", "surrogateescape")
            for part, text in changes.items()
        }

    def without(self, part: str, before: Text, written: Text, live: Text) -> Text:
        """Return the file of before."""
        return before

    def merges(self, part: str) -> bool:
        """Return False: a file is somebody's as a whole."""
        return False

    def same(self, part: str, first: Text, second: Text) -> bool:
        """Return whether two files have the same content."""
        return first == second

    def registered(self, current: Current, contents: Contents) -> Contents:
        """Return the same files: additional instances are units of the service manager."""
        return contents

    def is_ours(self, current: Current) -> bool:
        """Return whether sendmail.mc bears our mark."""
        return MARK.encode("ascii") in (current("sendmail.mc") or b"")

    def foreign(self, part: str, live: str, scratch: Text) -> Text:
        """Return an empty class file; how the daemon is started stays as it is."""
        name = part.partition(" ")[2]
        if name in _CLASSES:
            return ""
        return None if name == HELP_FILE else live


def twin(host: Host) -> Twin:
    """Return what this driver knows about the parts of an instance."""
    return SendmailTwin()
