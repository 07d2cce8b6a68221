# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages that arrived behind a relay, as sinks store them: one file each, raw bytes.

Private to the collection: it can change at any time.
"""

import os
import time
import typing as t


class Sinks(t.NamedTuple):
    """Directories that hold what arrived at the third party and at the served domain; empty where there is none.

    C(patience): seconds to wait for messages that a relay has accepted.
    """

    third_party: str = ""
    served: str = ""
    patience: float = 15.0

    def find(self, directory: str, token: str) -> t.List[bytes]:
        """Read the messages under I(directory) that hold I(token), raw."""
        return find_messages(directory, token)

    def wait(self, directory: str, tokens: t.Sequence[str]) -> None:
        """Wait until a message for each of I(tokens) has arrived, or the patience is over."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end and not all(self.find(directory, token) for token in tokens):
            time.sleep(min(1.0, self.patience))

    def settle(self, directory: str, mark: str) -> None:
        """Wait until no more messages arrive that hold I(mark): three equal counts, a second apart."""
        end = time.monotonic() + self.patience
        counts: t.List[int] = []
        while time.monotonic() < end and not (len(counts) >= 3 and len(set(counts[-3:])) == 1):
            counts.append(len(self.find(directory, mark)))
            time.sleep(min(1.0, self.patience))


def find_messages(directory: str, token: str) -> t.List[bytes]:
    """Read all files under I(directory) that hold I(token); envelopes (C(.json)) are left out."""
    wanted = token.encode("utf-8")
    contents = []
    for folder, dummy, names in os.walk(directory):
        for name in sorted(names):
            content = b"" if name.endswith(".json") or name.startswith(".") else _content(os.path.join(folder, name))
            if wanted in content:
                contents.append(content)
    return contents


def _content(path: str) -> bytes:
    """Read the bytes of a file; none where it went away in the meantime."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
