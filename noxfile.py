# /// script
# dependencies = ["nox>=2025.5", "antsibull-nox>=1.7"]
# ///
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gates for people who use nox; see antsibull-nox.toml. The Makefile is the primary path: make test."""

import sys

import nox

try:
    import antsibull_nox
except ImportError:
    print("antsibull-nox is missing: pip install antsibull-nox")
    sys.exit(1)

antsibull_nox.load_antsibull_nox_toml()


@nox.session(name="make", python=False, default=False)
def make(session: nox.Session) -> None:
    """The Makefile's gates, all or the named ones: nox -e make -- unit molecule."""
    session.run("make", *(session.posargs or ["test"]), external=True)


if __name__ == "__main__":
    nox.main()
