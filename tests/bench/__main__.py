# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ratios side by side: C(python tests/bench [name ...]) runs every C(bench_*.py) here, or those that are named.

C(name:part) runs one part of a benchmark that has parts (C(access:fleet)), so that a measurement can be short.

Each of them has a function C(rows()) that yields rows: what is measured, ours, the other, in the same run on the same
machine. Bare seconds are nobody's business: machines differ.
"""

from __future__ import annotations

import importlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [
    str(HERE),
    str(HERE.parent / "lab"),
    str(HERE.parents[1] / "molecule"),
    str(HERE.parents[1] / ".cache" / "collections"),
]

from figures import show  # noqa: E402


def main() -> int:
    """Run the benchmarks; the exit status is 1 where a ratio misses its bound."""
    wanted = [word.partition(":")[::2] for word in sys.argv[1:]] or [("", "")]
    names = sorted(path.stem for path in HERE.glob("bench_*.py"))
    chosen = [(name, part) for name in names for word, part in wanted if word in name]
    missed = 0
    for name, part in chosen:
        print(f"== {name.replace('bench_', '')} {part}".rstrip(), flush=True)
        for row in importlib.import_module(name).rows(*[part] if part else []):
            missed += not row.kept
            print(show(row), flush=True)
    print(f"{missed} of the ratios miss their bound" if missed else "every ratio keeps its bound")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
