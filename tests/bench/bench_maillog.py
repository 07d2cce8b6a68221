# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail log: the join against the administrators' Perl scripts, the figures against pflogsumm, on the same 200 MB.

Ours runs under the system's Python, which is what runs on a managed node, in a process of its own. The join is what log_info
does: every delivery joined and counted, the newest 1,000 shown; the Perl scripts print them all, which was a twentieth of their time.
The bounds are the ratios that were found reachable, with one process and with two; log_info itself takes two for a file of this size,
on a machine with two processors. For two processes on a log of Postfix nothing was found, so one is its bound.
What Python compiles of ours, it compiles before the rounds, as of every program that is installed.

They were found on logs without TLS. The Perl scripts do not look at the lines about TLS and we do, so a log that has them has rows of its own.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

import maillog_generator
from figures import Row

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MEGABYTE = 1000 * 1000
SIZE = int(os.environ.get("BENCH_MAILLOG_MB", "200")) * MEGABYTE
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
#: The setting of some machines by which Python would compile anew in each run.
_COMPILES_ALWAYS = "PYTHONDONTWRITEBYTECODE"
ROUNDS = 3

#: What the module does, without Ansible around it; says what it cost.
OURS = """
import json, resource, sys, time
sys.path.insert(0, sys.argv[1])
from ansible_collections.postmaster.mta.plugins.module_utils._log import conditions, deliveries
from ansible_collections.postmaster.mta.plugins.module_utils._log import summary
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner
what, path, processes = sys.argv[2], sys.argv[3], int(sys.argv[4])
everything, internal = conditions.Selection(), deliveries.Internal()
order = log_info.Order((path,), everything, internal, time.time(), attempts="all", limit=1000, processes=processes)
log = log_info.Log(Runner(), order)
if what == "join":
    listing = log_info.records(log, order)
    found, tls = {"count": listing.count, "lines": [record["line"] for record in listing.records()][:2]}, {}
else:
    report = summary.report(log_info.summary(log, order), 20)
    found, tls = report["totals"], {side: share["protocols"] for side, share in report["tls"].items()}
mine, children = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
json.dump({"found": found, "tls": tls, "memory": max(mine, children)}, sys.stdout)
"""


def ours(what: str, path: pathlib.Path, processes: int = 1) -> dict[str, t.Any]:
    """One run of ours: what it found, its memory in MB, its seconds."""
    started = time.perf_counter()
    command = [PYTHON, "-c", OURS, str(ROOT / ".cache" / "collections"), what, str(path), str(processes)]
    done = subprocess.run(command, capture_output=True, env=environment(), check=True)
    return {**json.loads(done.stdout), "seconds": time.perf_counter() - started}


def environment() -> dict[str, str]:
    """The environment for a run of ours: what is compiled is kept, beside the results of the rounds."""
    kept = {name: value for name, value in os.environ.items() if name != _COMPILES_ALWAYS}
    return {**kept, "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bench-compiled")}


#: What log_info does for one address; with 0 it joins all lines for it.
ASKED = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.postmaster.mta.plugins.module_utils._log import narrow
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info
path, criterion, value, searched = sys.argv[2:]
if searched == "0":
    narrow.WORTH_IT = 1 << 60
params = {name: spec.get("default") for name, spec in log_info.ARGUMENT_SPEC.items()}
answer = log_info.run(dict(params, path=[path], select={criterion: [value]}), False)
json.dump({name: answer[name] for name in ("count", "deliveries")}, sys.stdout)
"""


def asked(path: pathlib.Path, criterion: str, value: str, searched: bool = True) -> t.Any:
    """What log_info answers to one question."""
    command = [
        PYTHON,
        "-c",
        ASKED,
        str(ROOT / ".cache" / "collections"),
        str(path),
        criterion,
        value,
        str(int(searched)),
    ]
    return json.loads(subprocess.run(command, capture_output=True, env=environment(), check=True).stdout)


def seconds(run: t.Callable[[], t.Any]) -> float:
    """Seconds that something takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def theirs(command: t.Sequence[str]) -> float:
    """Seconds that a command takes."""
    started = time.perf_counter()
    # A pipe, because grep stops at the first line where its output goes nowhere.
    subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - started


def best(*runs: t.Callable[[], float]) -> list[float]:
    """The best of some rounds of each, in turns, so that a noisy moment hits all of them."""
    rounds = [[run() for run in runs] for _round in range(ROUNDS)]
    return [min(one) for one in zip(*rounds, strict=True)]


def rows() -> t.Iterator[Row]:
    """Every ratio of this benchmark."""
    if not shutil.which("pflogsumm"):
        subprocess.run([ROOT / "tools" / "apt.sh", HERE / "requirements-apt.txt"], check=True)
    with tempfile.TemporaryDirectory(prefix="bench-maillog-") as directory:
        for mta, bounds in (("sendmail", (2.2, 3.2)), ("postfix", (1.6, 1.6))):
            log = pathlib.Path(directory, f"{mta}.log")
            yield from _with_tls(mta, log, bounds[0])
            truth = maillog_generator.write(str(log), mta, SIZE, tls=False).truth
            yield from _join(mta, log, truth, bounds)
            yield from _questions(mta, log)
            yield from _linear(mta, pathlib.Path(directory))
        yield from _figures(log, truth)


def _join(mta: str, log: pathlib.Path, truth: t.Mapping[str, int], bounds: t.Sequence[float]) -> t.Iterator[Row]:
    found = ours("join", log, 2)
    wanted = sum(truth[status] for status in ("sent", "deferred", "bounced", "rejected"))
    yield Row(f"{mta}: deliveries found of those written", found["found"]["count"], wanted, "", 1, at_most=False)
    perl, one, two = best(
        lambda: theirs(["perl", str(HERE / "perl" / f"join_{mta}.pl"), str(log)]),
        lambda: ours("join", log)["seconds"],
        lambda: ours("join", log, 2)["seconds"],
    )
    size = f"{SIZE // MEGABYTE} MB"
    yield Row(f"{mta}: join, {size}, one process, against Perl", perl, one, "s", bounds[0], at_most=False)
    yield Row(f"{mta}: join, {size}, two processes as log_info, against Perl", perl, two, "s", bounds[1], at_most=False)
    yield Row(f"{mta}: memory of the join, the bigger process", found["memory"], 150, "MB", 1)


def _questions(mta: str, log: pathlib.Path) -> t.Iterator[Row]:
    """One recipient, sender, queue ID, Message-ID and domain: the records of the whole join, in at most five times grep."""
    some = asked(log, "domain", "customer2000.example", searched=False)["deliveries"]
    delivery = next(record for record in some if record["message_id"] and record["sender"] != "<>")
    for criterion, value in (
        ("recipient", delivery["recipient"]),
        ("sender", delivery["sender"]),
        ("ids", delivery["queue_id"]),
        ("message_id", delivery["message_id"]),
        ("domain", "customer2000.example"),
    ):
        same = asked(log, criterion, value) == asked(log, criterion, value, searched=False)
        yield Row(f"{mta}: {criterion}: the records of the join of all", same, 1, "", 1, at_most=False)
        text = value.strip("<>")
        grep, found = best(
            lambda text=text: theirs(["env", "LC_ALL=C", "grep", "-c", text, str(log)]),
            lambda criterion=criterion, value=value: seconds(lambda: asked(log, criterion, value)),
        )
        yield Row(f"{mta}: {criterion}, {SIZE // MEGABYTE} MB, against grep -c", found, grep, "s", 5)


def _with_tls(mta: str, log: pathlib.Path, bound: float) -> t.Iterator[Row]:
    truth = maillog_generator.write(str(log), mta, SIZE).truth
    found = ours("summary", log, 2)["tls"]
    told = sum(count for side in ("in", "out") for name, count in found[side].items() if name == "TLSv1.3")
    yield Row(f"{mta}: connections with TLS found of those written", told, truth["tls_in"] + truth["tls_out"], "", 1)
    perl, two = best(
        lambda: theirs(["perl", str(HERE / "perl" / f"join_{mta}.pl"), str(log)]),
        lambda: ours("join", log, 2)["seconds"],
    )
    yield Row(f"{mta}: join of a log with TLS, as log_info, against Perl", perl, two, "s", bound, at_most=False)


def _linear(mta: str, directory: pathlib.Path) -> t.Iterator[Row]:
    logs = []
    for part in (4, 2, 1):
        logs.append(directory / f"{mta}-{part}.log")
        maillog_generator.write(str(logs[-1]), mta, SIZE // part, tls=False)
    quarter, half, whole = best(*(lambda log=log: ours("join", log)["seconds"] for log in logs))
    yield Row(
        f"{mta}: time of {SIZE // 2 // MEGABYTE} MB against twice {SIZE // 4 // MEGABYTE} MB",
        half,
        2 * quarter,
        "s",
        1.15,
    )
    yield Row(
        f"{mta}: time of {SIZE // MEGABYTE} MB against twice {SIZE // 2 // MEGABYTE} MB", whole, 2 * half, "s", 1.15
    )


def _figures(log: pathlib.Path, truth: t.Mapping[str, int]) -> t.Iterator[Row]:
    found = ours("summary", log, 2)
    same = all(found["found"][word] == truth[word] for word in ("received", "sent", "deferred", "bounced", "rejected"))
    yield Row("postfix: figures equal those written", same, 1, "", 1, at_most=False)
    other, one, two = best(
        lambda: theirs(["pflogsumm", "--detail", "20", str(log)]),
        lambda: ours("summary", log, 1)["seconds"],
        lambda: ours("summary", log, 2)["seconds"],
    )
    yield Row("postfix: figures, one process, against pflogsumm", other, one, "s", 7.6, at_most=False)
    yield Row("postfix: figures, two processes, against pflogsumm", other, two, "s", 10.7, at_most=False)
    yield Row("postfix: memory of the figures, the bigger process", found["memory"], 150, "MB", 1)
