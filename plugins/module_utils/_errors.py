# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors that a postmaster can do something about.

Private to the collection: it can change at any time.
"""

import re
import typing as t


class PostmasterError(ValueError):
    """Base of all errors of ours; the message is written for the person who typed the playbook."""


class OptionError(PostmasterError):
    """A value that an option cannot take.

    :param option: the dotted path of the option, for instance C(policy.limits.message_size).
    :param value: the value as it was given; long ones are cut for the message.
    :param why: what is wrong, and what would be right.
    """

    def __init__(self, option: str, value: t.Any, why: str) -> None:
        super().__init__(f"{option}: {shorten(value)}: {why}")
        self.option = option
        self.value = value
        self.why = why


class SyntaxProblem(PostmasterError):
    """A file on the host that cannot be read as what it should be.

    :param path: the file.
    :param line: the line number, counted from 1; 0 where the file as a whole is meant.
    """

    def __init__(self, path: str, line: int, value: t.Any, why: str) -> None:
        super().__init__(f"{path}:{line}: {shorten(value)}: {why}")
        self.path = path
        self.line = line


class Unsupported(OptionError):
    """A policy option that this MTA cannot do; I(nearest) names what it can do."""

    def __init__(self, option: str, value: t.Any, mta: str, nearest: str) -> None:
        super().__init__(option, value, f"{mta} cannot do this; the nearest it can do: {nearest}")


class CommandError(PostmasterError):
    """A command that failed, timed out or is not there."""

    def __init__(self, argv: t.Sequence[str], rc: int, out: str, err: str) -> None:
        said = (err or out).strip()
        super().__init__(f"{' '.join(argv)}: exit status {rc}: {said[-2000:] or 'no output'}")
        self.argv = tuple(argv)
        self.rc = rc
        self.out = out
        self.err = err


def known(findings: t.Iterable[str], before: t.Iterable[str]) -> t.List[str]:
    """Return the findings that were there before, whatever the number of their line is now."""
    old = {_without_lines(finding) for finding in before}
    return [finding for finding in findings if _without_lines(finding) in old]


def as_before(defects: t.Iterable[str]) -> t.List[str]:
    """Return sentences about defects that were there before a change: they are told, and stop nothing urgent."""
    return [f"this was so before and was left as it is: {defect}" for defect in dict.fromkeys(defects)]


def _without_lines(finding: str) -> str:
    return re.sub(r":\d+: ", ": ", finding)


class NotPermitted(PostmasterError):
    """Only root may look or act here. What a user may not look at must not read as a verdict.

    :param what: what is not permitted.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"not permitted: {what}; become root (become: true)")


class Refused(PostmasterError):
    """A candidate configuration that must not go live; the live files were not touched.

    :param findings: one sentence for each defect, each naming the setting.
    """

    def __init__(self, findings: t.Sequence[str]) -> None:
        super().__init__("refused, nothing was changed: " + "; ".join(findings))
        self.findings = tuple(findings)


class RolledBack(PostmasterError):
    """A change that went live, failed its verification, and was rolled back.

    :param restored: whether the files are the old ones and what ran before runs again.
    :param fate: how the way back went, where not all of it is well. One that begins with the relay being down comes first.
    """

    def __init__(self, findings: t.Sequence[str], restored: bool, fate: str = "") -> None:
        if fate.startswith(DOWN):
            text = f"{fate}\nThe change failed: "
        else:
            usual = (
                "the old configuration is restored" if restored else "AND THE OLD CONFIGURATION COULD NOT BE RESTORED"
            )
            text = f"the change failed, {fate or usual}: "
        super().__init__(text + "; ".join(findings))
        self.findings = tuple(findings)
        self.restored = restored


#: How a message begins when mail stands still.
DOWN = "THE RELAY IS DOWN"


class Down(PostmasterError):
    """The relay should run and does not; an earlier run left it so."""


class Busy(PostmasterError):
    """Another writer holds the lock, or wrote into the directory while the change was prepared."""


def shorten(value: t.Any, limit: int = 80) -> str:
    """Show a value on one line, control characters escaped, at most I(limit) characters."""
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def told(warn: t.Callable[[str], None], answer: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    """Hand the warnings of an answer to Ansible, which returns them: soon it takes them in no other way.

    :param warn: the function of the module.
    """
    for warning in answer.pop("warnings", ()):
        warn(warning)
    return answer


def failure(problem: PostmasterError) -> t.Dict[str, t.Any]:
    """Return an error as the modules return it."""
    answer: t.Dict[str, t.Any] = {"msg": str(problem), "findings": list(getattr(problem, "findings", ()))}
    if isinstance(problem, RolledBack):
        answer["restored"] = problem.restored
    return answer
