# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every EXAMPLES block is executed: what the documentation shows has run on the lab.

A task runs on a Postfix relay, or on a sendmail relay where it says C(mta: sendmail), or on the host that the module is
made for. The configuration is put back afterwards.
"""

from __future__ import annotations

import ast
import contextlib
import pathlib
import re
import subprocess
import sys
import time
import typing as t

import movehosts
import pytest
import yaml
from labhosts import HOSTS, ROOT, Host, ansible_environment, policy_of

MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
#: Modules that are not for any relay of the lab, or whose examples name a second address of one.
PLACES = {
    "audit_info": "world",
    "capture": "pf12",
    "move_compare": "sm12",
    "move_info": "sm12",
    "move_switch": "sm12",
    "postfix_instance": "pf12",
    "sendmail_instance": "sm12",
}
#: Of the Postfix relays the one whose group has the fewest other tests.
RELAYS = {"postfix": "sles15", "sendmail": "sm12"}
#: An example that reads this file is for a Debian host.
DEBIAN_LOG = "/var/log/mail.log"
#: What a host must get back, and where it is kept meanwhile.
KEPT = {"pf12": "/etc/postfix", "sles15": "/etc/postfix /etc/nscd.conf", "sm12": "/etc/mail"}
ARCHIVE = "/root/kept.tar"
RESTART = {
    "pf12": "postfix reload",
    "sles15": "postfix reload && systemctl enable --now -q nscd",
    "sm12": "systemctl restart sendmail",
}
#: The queue ID in the example of message_info stands for one that there is.
QUEUE_ID = "3B2C51C629A"


#: Files of a Postfix relay that examples name.
FILES = {"/root/transport.csv": b"key,value\nok.test,smtp:[10.25.0.57]\n"}


def examples(path: pathlib.Path) -> t.List[t.Dict[str, t.Any]]:
    """The tasks of a module's EXAMPLES."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            return yaml.safe_load(ast.literal_eval(node.value)) or []
    return []


def place(module: str, task: t.Mapping[str, t.Any]) -> str:
    """The host that a task runs on."""
    options = task.get(f"postmaster.mta.{module}") or {}
    if module in PLACES:
        return PLACES[module]
    if options.get("mta") == "sendmail":
        return RELAYS["sendmail"]
    return "pf12" if DEBIAN_LOG in str(options.get("path")) else RELAYS["postfix"]


def count(tasks: t.Iterable[t.Mapping[str, t.Any]]) -> int:
    """The tasks, those inside of blocks included."""
    return sum(count(task["block"]) if "block" in task else 1 for task in tasks)


def recap(output: str) -> t.Dict[str, int]:
    """The counts below C(PLAY RECAP), over all hosts."""
    found: t.Dict[str, int] = {}
    for name, number in re.findall(r"(\w+)=(\d+)", output.rpartition("PLAY RECAP")[2]):
        found[name] = found.get(name, 0) + int(number)
    return found


def where(path: pathlib.Path) -> t.Dict[str, t.Any]:
    """The group of a module's examples: that of the relay that all of them run on, so that relays do not wait for each other."""
    relays = sorted({place(path.stem, task) for task in examples(path)} & set(KEPT))
    return {"group": relays[0] if len(relays) == 1 else "examples", "uses": relays}


@contextlib.contextmanager
def waiting_message(host: Host) -> t.Iterator[str]:
    """The queue ID of a message that waits on a Postfix relay, and is deleted afterwards."""
    host.run("printf 'Subject: example\\n\\nhello\\n' | sendmail -f user@lab.test user@defer.test")
    for dummy in range(20):
        known = re.search(r"^(\w+)\b.*user@lab\.test", host.run("mailq"), re.MULTILINE)
        if known:
            break
        time.sleep(0.5)
    assert known, f"{host}: the message is not in the queue"
    yield known.group(1)
    host.run(f"postsuper -d {known.group(1)}")


def run(playbook: pathlib.Path) -> t.Tuple[int, str]:
    """Run a playbook on the lab; returns the exit status and what is shown."""
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(ROOT / "molecule" / "inventory"), str(playbook)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=ansible_environment(),
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture(name="put_back")
def _put_back(path: pathlib.Path) -> t.Iterator[None]:
    """The configuration of the hosts that the examples run on is the same afterwards, to the byte."""
    names = sorted({place(path.stem, task) for task in examples(path)} & set(KEPT))
    before = {name: _state(name) for name in names}
    for name in names:
        HOSTS[name].run(f"tar -cPpf {ARCHIVE} {KEPT[name]}")
    beside = path.stem in ("move_compare", "move_switch")
    with movehosts.beside(HOSTS["sm12"]) if beside else contextlib.nullcontext():
        yield
    for name in names:
        # Most examples only look.
        if _state(name) != before[name]:
            _restore(name)
        HOSTS[name].run(f"rm {ARCHIVE}")


def _state(name: str) -> str:
    """Return what tells whether an example has changed a host: each file with content, mode and owner, and what listens."""
    files = f"find {KEPT[name]} -printf '%p %m %U:%G %i\\n' -type f -exec sha256sum {{}} + | sort"
    return HOSTS[name].run(f"{files}; ss -ltnH 'sport = :25'; pgrep -x nscd || true")


def _restore(name: str) -> None:
    """Bring back the configuration of a host as it was kept, and the fleet's policy."""
    host = HOSTS[name]
    host.run(f"find {KEPT[name]} -mindepth 1 -delete; tar -xPpf {ARCHIVE}")
    host.run(RESTART[name])
    answer = host.apply(policy_of(host))
    assert not answer.get("failed"), answer["msg"]


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem, marks=pytest.mark.lab(**where(path))) for path in MODULES]
)
def test_the_examples_run(path, tmp_path, put_back):
    tasks = examples(path)
    assert tasks, f"{path.stem} has no examples"
    plays = [
        {"hosts": place(path.stem, task), "gather_facts": False, "tasks": [task], "name": task["name"]}
        for task in tasks
    ]
    playbook = tmp_path / "examples.yml"
    text = yaml.safe_dump(plays, sort_keys=False)
    for name, content in FILES.items():
        if name in text:
            HOSTS[RELAYS["postfix"]].write(name, content)
    if QUEUE_ID in text:
        with waiting_message(HOSTS[RELAYS["postfix"]]) as known:
            playbook.write_text(text.replace(QUEUE_ID, known))
            status, output = run(playbook)
    else:
        playbook.write_text(text)
        status, output = run(playbook)
    assert status == 0, output[-5000:]
    counts = recap(output)
    assert counts["ok"] == count(tasks), output[-5000:]
    assert not counts["failed"] + counts["unreachable"] + counts["skipped"] + counts["ignored"], output[-5000:]
