# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the registrable domain of a name: the label below the public suffix. What stands before it costs its owner nothing.

Private to the collection: it can change at any time.

The rules are those of publicsuffix.org. The system's list is used where there is one (package publicsuffix); without it
a few common suffixes of two labels, which are right for most of the world's mail and say so.
"""

import typing as t

LISTS = (
    "/usr/share/publicsuffix/public_suffix_list.dat",
    "/usr/share/publicsuffix/effective_tld_names.dat",
)
BUILT_IN = "built-in"
#: Second-level registries with much mail; every suffix of one label is known without a list.
_COMMON = {
    "ac com edu gov net org": "ae ar au br cn co eg hk id in jp kr mx my ng nz pe ph pk pl sa sg th tr tw ua uk ve vn za",
    "co": "at cr hu id il in jp ke kr nz th tz ug uk za zw",
    "or ne go ad ed gr lg": "jp",
    "me ltd plc nhs sch police": "uk",
    "asn id": "au",
    "or re go pe ne": "kr",
    "web": "za id tr",
    "gov gob": "es cl mx ar pe",
    "in firm gen ind nic res": "in",
    "idv": "tw hk",
    "nom org com edu": "es co",
    "asso com gouv nom": "fr",
}


class Owned(t.NamedTuple):
    """A domain in parts: C(mail.emalsrv), C(brand), C(co.uk)."""

    subdomain: str
    brand: str
    suffix: str

    @property
    def domain(self) -> str:
        """Return the domain that somebody has registered: C(brand.co.uk)."""
        return f"{self.brand}.{self.suffix}"


class Suffixes:
    """The rules of a public suffix list.

    :param source: the file, or C(built-in).
    """

    def __init__(self, rules: t.Iterable[str], source: str) -> None:
        self.source = source
        self._rules = frozenset(rules)

    def split(self, domain: str) -> t.Optional[Owned]:
        """Split a domain in lower case; None for an address literal, a single label or a bare public suffix."""
        labels = domain.lower().strip(".").split(".")
        if len(labels) < 2 or not all(labels) or domain.startswith("[") or labels[-1].isdigit():
            return None
        length = self._suffix_length(labels)
        if length >= len(labels):
            return None
        return Owned(".".join(labels[: -length - 1]), labels[-length - 1], ".".join(labels[-length:]))

    def _suffix_length(self, labels: t.Sequence[str]) -> int:
        for start in range(len(labels)):
            name = ".".join(labels[start:])
            if "!" + name in self._rules:
                return len(labels) - start - 1
            if name in self._rules or "*." + ".".join(labels[start + 1 :]) in self._rules:
                return len(labels) - start
        return 1


def load(paths: t.Sequence[str] = LISTS) -> Suffixes:
    """Load the rules of the first list that exists."""
    for path in paths:
        try:
            with open(path, encoding="utf-8") as stream:
                return Suffixes(_rules(stream), path)
        except (OSError, UnicodeDecodeError):
            continue
    names = (
        f"{second}.{top}" for seconds, tops in _COMMON.items() for second in seconds.split() for top in tops.split()
    )
    return Suffixes(names, BUILT_IN)


def _rules(lines: t.Iterable[str]) -> t.Iterator[str]:
    for line in lines:
        rule = line.split(None, 1)[0] if line.strip() else ""
        if not rule or rule.startswith("//"):
            continue
        yield rule
        if any(ord(character) > 127 for character in rule):
            # Logs have A-labels (RFC 5890).
            try:
                yield rule.encode("idna").decode("ascii")
            except UnicodeError:
                continue
