# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module move_info returns: what a sendmail becomes on Postfix, construct by construct.

Private to the collection: it can change at any time.
"""

import collections
import typing as t

from .. import _mta
from .._errors import OptionError
from .._model.move import CONSTRUCTS, facts
from .._runner import Runner

ARGUMENT_SPEC: t.Dict[str, t.Any] = {"instance": {"type": "str"}}


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Return the configuration in the words of Postfix, and a row for each construct.

    :raises OptionError: there is no such sendmail.
    :raises PostmasterError: its configuration says nothing.
    """
    host = _mta.find(runner or Runner(), "sendmail", params["instance"])
    if host.mta != "sendmail":
        raise OptionError("instance", params["instance"], "only a sendmail can be moved to Postfix")
    from .._sendmail.move import move

    moved = move(host)
    counted = collections.Counter(row.verdict for row in moved.rows)
    present = {row.number for row in moved.rows}
    return {
        "instance": host.instance.name,
        "policy": moved.policy,
        "natives": {name: values for name, values in moved.natives.items() if values},
        "tables": moved.tables,
        "rules": list(moved.rules),
        "constructs": [facts(row) for row in moved.rows],
        "counts": {verdict: counted[verdict] for verdict in ("converted", "differs", "not converted")},
        "absent": [title for number, title in CONSTRUCTS.items() if number not in present],
    }
