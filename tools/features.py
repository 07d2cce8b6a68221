# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/docsite/rst/features.rst from the rows of tests/lab/feature_rows.py.

With --check it only says whether the file is up to date, by its exit status.
"""

from __future__ import annotations

import pathlib
import sys
import typing as t

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "docsite" / "rst" / "features.rst"
HEADER = """\
..
  Copyright (c) 2026, the postmaster.mta contributors
  GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

.. Written by tools/features.py from tests/lab/feature_rows.py: change it there.

.. _ansible_collections.postmaster.mta.docsite.features:

What a relay can do, and how to say it
======================================

The features that postmasters ask of a relay, with the words of the relay policy for each, and what is seen on Postfix and on
sendmail. ``make features`` observes every row on the relays of the lab.

.. list-table::
   :header-rows: 1
   :widths: 5 25 40 30

   * - No.
     - Feature
     - How to say it
     - What is seen
"""


def main() -> int:
    """Write or check the page; the exit status is 1 where it is out of date."""
    text = page()
    if "--check" in sys.argv:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        print(f"{PAGE.relative_to(ROOT)} is {'up to date' if current else 'out of date: run tools/features.py'}")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


def page() -> str:
    """Return the whole page."""
    sys.path.insert(0, str(ROOT / "tests" / "lab"))
    import feature_rows

    return HEADER + "".join(f"   * - {row.number}\n{_cells(row)}" for row in feature_rows.ROWS)


def _cells(row: t.Any) -> str:
    seen = row.postfix if not row.sendmail else f"Postfix: {row.postfix}\n\nsendmail: {row.sendmail}"
    how = f".. code-block:: yaml\n\n{_indented(row.policy, '   ')}" if row.policy else f"{row.say}"
    return "".join(f"     - {_indented(cell, '       ').strip()}\n" for cell in (row.feature, how, seen))


def _indented(text: str, by: str) -> str:
    return "\n".join(f"{by}{line}" if line else "" for line in text.split("\n"))


if __name__ == "__main__":
    sys.exit(main())
