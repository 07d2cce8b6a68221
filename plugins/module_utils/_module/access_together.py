# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules on several instances of a host: one after the other, and one answer of all of them.

Private to the collection: it can change at any time.
"""

import typing as t

from .. import _mta
from .._errors import PostmasterError
from .._model.host import Host


def one_by_one(hosts: t.Sequence[Host], apply_to: t.Callable[[Host], t.Dict[str, t.Any]]) -> t.List[t.Dict[str, t.Any]]:
    """Change one instance after the other; where one fails, say which have changed.

    :raises PostmasterError: naming the instance.
    """
    answers: t.List[t.Dict[str, t.Any]] = []
    for host in hosts:
        try:
            answers.append(apply_to(host))
        except PostmasterError as problem:
            done = ", ".join(answer["instance"] for answer in answers)
            where = f"the instance {host.instance.name}"
            raise PostmasterError(f"{where}: {problem}" + (f" (done before: {done})" if done else ""))
    return answers


def merged(answers: t.Sequence[t.Dict[str, t.Any]]) -> t.Dict[str, t.Any]:
    """Return the answers of several instances as one; the answer of each is beside it."""
    whole = dict(answers[0], instance=_mta.ALL, generation=None)
    for name in ("diff", "added", "updated", "removed", "by_hand", "verified", "warnings"):
        whole[name] = [item for answer in answers for item in answer[name]]
    whole["changed"] = any(answer["changed"] for answer in answers)
    whole["actions"] = [f"{answer['instance']}: {action}" for answer in answers for action in answer["actions"]]
    whole["counts"] = {name: sum(answer["counts"][name] for answer in answers) for name in answers[0]["counts"]}
    whole["instances"] = [_without_diff(answer) for answer in answers]
    return whole


def _without_diff(answer: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    return {name: value for name, value in answer.items() if name != "diff"}
