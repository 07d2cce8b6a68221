# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page that says how each playbook ends when what it is given is wrong: playbook_ends.rst.

The sentences about variables are those of the check that the playbooks begin with. Those about relays that are down and about rights
stand here. The walks of tests/unit/plugins/action/test_walk.py call each playbook so, and compare.
"""

from __future__ import annotations

import pathlib
import sys
import typing as t

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.postmaster.mta.plugins.plugin_utils import _arguments  # noqa: E402

#: What cannot be of a type, and of whatever type a variable is.
_WRONG = {
    "int": "many",
    "float": "many",
    "bool": "perhaps",
    "dict": "text",
    "list": {"a": 1},
    "str": ["a"],
    "path": ["a"],
}
#: What is said above the name of a relay that is down and the reason, by playbook; the others say NOT_ASKED.
NOT_ASKED = "Not asked:"
DOWN = {
    "Not done:": ("block_domains", "import_blocks", "unblock_domains"),
    "Not counted:": ("queue_report",),
    "No relay has answered.": (
        "queue_delete",
        "queue_deliver",
        "queue_expire",
        "queue_flush",
        "queue_hold",
        "queue_release",
        "queue_requeue",
    ),
    "Not all is well:": ("compare_injection", "move", "tables_upgrade", "undo"),
    "not done:": ("capture_collect", "capture_start", "capture_stop"),
    "Not hardened:": ("harden_relay",),
    "nobody could be asked": ("diagnose",),
    "no relay has answered, there is no report:": ("report",),
}
#: A status other than 2 is Ansible's own for a host that it cannot reach.
DOWN_STATUS = {"move": 4}
#: These look at no MTA of the host that they run on: they ask DNS, or speak SMTP as anybody may.
NEED_NO_ROOT = ("check_dns", "compare_injection", "send_test")
#: Where the log may be read, no root is needed for it.
LOG_NOT_PERMITTED = "not permitted: ... may not be read; become root (become: true)"
NOT_PERMITTED = "not permitted: only root can look at the MTA and its queues; become root (become: true)"


_TELLING = ("int", "bool", "dict", "float")


class Case(t.NamedTuple):
    """A wrong input.

    :ivar sentence: returns the first sentence of a playbook; empty where it does what it is for.
    :ivar status: exit status of the playbooks that do not end with 2.
    """

    title: str
    says: str
    sentence: t.Callable[[_arguments.Spec], str]
    status: t.Mapping[str, int] = {}


def without_variables(spec: _arguments.Spec) -> str:
    """Return what is missing."""
    return next(iter(_arguments.problems(spec, {})), "")


def misspelt(spec: _arguments.Spec) -> str:
    """Return what is said when the first variable has a wrong last letter."""
    return next(iter(_arguments.unknown(spec, [misspelling(spec)])), "")


def misspelling(spec: _arguments.Spec) -> str:
    """Return the first variable of a playbook with a wrong last letter."""
    return f"{_first(spec)[:-1]}x"


def wrong_type(spec: _arguments.Spec) -> str:
    """Return what is said of a value of another type."""
    names = [name for name in spec.options if spec.options[name]["type"] in _TELLING] or [_first(spec)]
    name = names[0]
    given = {name: _WRONG[spec.options[name]["type"]]}
    return next(said for said in _arguments.problems(spec, given) if said.startswith(f"{name}: "))


def _first(spec: _arguments.Spec) -> str:
    """Return the first variable that says what the playbook is to do."""
    return next(name for name in spec.options if name != f"{spec.prefix}hosts")


def down(spec: _arguments.Spec) -> str:
    """Return what stands above the relay that is down."""
    return next((words for words, names in DOWN.items() if spec.name in names), NOT_ASKED)


def no_root(spec: _arguments.Spec) -> str:
    """Return what is said to a user who may not look."""
    if spec.name in NEED_NO_ROOT:
        return ""
    return LOG_NOT_PERMITTED if spec.name in ("detect_campaigns", "mail_log") else NOT_PERMITTED


CASES = (
    Case("Without variables", "``ansible-playbook postmaster.mta.NAME``", without_variables),
    Case("A variable is misspelt", "Its last letter is another one.", misspelt),
    Case("A value of a wrong type", "A text for a number, a list for a text.", wrong_type),
    Case(
        "A relay is down",
        "The name of the relay and the reason follow. The other relays are shown as usual.",
        down,
        DOWN_STATUS,
    ),
    Case("The user may not become root", "As with ``-e ansible_become=false`` and a user who is not root.", no_root),
)


def specs() -> dict[str, _arguments.Spec]:
    """Return the variables of each playbook."""
    return {path.stem: _arguments.load(path.stem) for path in sorted(_arguments.DIRECTORY.glob("[!_]*.yml"))}


def page(header: str) -> str:
    """Return the page.

    :param header: of generated pages, with places for label, title and line.
    """
    title = "How a playbook ends"
    lines = [header.format(label="playbook_ends", title=title, line="=" * len(title))]
    lines += [
        "Exit status and first sentence of each playbook, for each input that is wrong. The first sentence comes behind ``FAILED:``,",
        "or above what it names. Exit status 0 stands where the playbook does what it is for. An empty fleet ends all of them with",
        "exit status 2 and ``no relay: no host of the inventory matches 'relays'``.",
        "",
    ]
    for case in CASES:
        lines += [case.title, "-" * len(case.title), "", case.says, "", *_table(case), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(case: Case) -> t.Iterator[str]:
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: 20 10 70", "")
    yield from ("   * - Playbook", "     - Exit status", "     - First sentence")
    for name, spec in specs().items():
        sentence = case.sentence(spec)
        yield f"   * - {name}"
        yield f"     - {case.status.get(name, 2) if sentence else 0}"
        yield f"     - ``{sentence}``" if sentence else "     - (what it is for)"
