# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's policy, and the relays brought to it before the tests of each file.

The scenario of molecule begins with new relays, and tests can leave something behind: each file finds the relays that it uses
with the fleet's policy. They are its own while it runs, see labgroups.
"""

from __future__ import annotations

import concurrent.futures
import pathlib
import sys
import typing as t

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "molecule")]

import accesshosts  # noqa: E402
import instancehosts  # noqa: E402
import labgroups  # noqa: E402
import labhosts  # noqa: E402

#: Test files that bring their relays into the state that they need themselves.
OWN_RELAYS = {"test_adoption", "test_sendmail_instances"}


def pytest_collection_modifyitems(config: pytest.Config, items: t.List[pytest.Item]) -> None:
    """Choose the tests of one group, where one is named; the long ones run in C(make proof)."""
    chosen = [item for item in labgroups.choose(items) if labhosts.EVERY_HOST or not item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write the plan for the one who asks for it."""
    if labgroups.PLAN:
        labgroups.write_plan(session.items)


_LOCKS = labgroups.Locks()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Wait for the hosts of the test's file before its fixtures touch them; the wait counts for no test."""
    _LOCKS.hold(labgroups.used_by(item.module, item.session.items))


@pytest.fixture(scope="module", name="relays")
def _relays(request: pytest.FixtureRequest) -> t.List[labhosts.Host]:
    """The relays of the fleet that the tests of this file use in this session."""
    return labgroups.relays_of(request.module, request.session.items)


@pytest.fixture(scope="session", name="policy_of")
def _policy_of() -> t.Callable[[labhosts.Host], t.Dict[str, t.Any]]:
    """The policy of one host of the lab's fleet, as the playbook applies it."""
    return labhosts.policy_of


@pytest.fixture(name="policy")
def _policy(request: pytest.FixtureRequest) -> t.Dict[str, t.Any]:
    """The policy of the test's host."""
    host = (
        request.node.callspec.params.get("host", labhosts.POSTFIX[0])
        if hasattr(request.node, "callspec")
        else labhosts.POSTFIX[0]
    )
    return labhosts.policy_of(host)


@pytest.fixture(scope="module", autouse=True, name="hardened")
def _hardened(request: pytest.FixtureRequest, relays: t.List[labhosts.Host]) -> None:
    """Every relay that the file uses has its policy, and no rules of a test that was interrupted."""
    if request.path.stem in OWN_RELAYS:
        return
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(_harden, relays))


#: What each relay looked like when it had been brought to the policy: files without compiled tables, and what listens.
_HARDENED: t.Dict[str, t.Tuple[t.Dict[str, t.List[t.Any]], str]] = {}


def _looks(host: labhosts.Host) -> t.Tuple[t.Dict[str, t.List[t.Any]], str]:
    """Return what tells whether somebody has changed a relay: content, mode and owner of its files, and who has port 25."""
    files = {name: facts[:4] for name, facts in host.look().items() if not name.endswith((".db", ".lmdb", ".cdb"))}
    return files, host.run("ss -ltnH 'sport = :25' | awk '{print $4}' | sort")


def _harden(host: labhosts.Host) -> None:
    """Apply the fleet's policy and remove all rules, unless the files before have left the relay like that."""
    if _HARDENED.get(host.name) == _looks(host):
        return
    answer = host.apply(labhosts.policy_of(host))
    if answer.get("failed"):
        # An interrupted test may have left an instance that has the addresses.
        instancehosts.clear(host)
        answer = host.apply(labhosts.policy_of(host))
    assert not answer.get("failed"), f"{host}: {answer['msg']}"
    accesshosts.clear(host)
    _HARDENED[host.name] = _looks(host)
