# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is published: the collection builds, and holds what a user needs and nothing else."""

import pathlib
import subprocess
import sys
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PUBLISHED = {
    *("CHANGELOG.md", "COPYING", "FILES.json", "LICENSES", "MANIFEST.json", "README.md", "REUSE.toml"),
    *("changelogs", "docs", "extensions", "meta", "playbooks", "plugins", "roles"),
}


@pytest.fixture(scope="module", name="names")
def _names(tmp_path_factory):
    """The files of the tarball."""
    directory = tmp_path_factory.mktemp("build")
    command = [
        sys.executable,
        "-m",
        "ansible",
        "galaxy",
        "collection",
        "build",
        "--output-path",
        str(directory),
        str(ROOT),
    ]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (tarball,) = directory.glob("postmaster-mta-*.tar.gz")
    with tarfile.open(tarball) as archive:
        return archive.getnames()


def test_nothing_else_is_published(names):
    assert {name.split("/")[0] for name in names} <= PUBLISHED
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


def test_every_plugin_role_and_playbook_is_published(names):
    paths = [path for folder in ("plugins", "roles", "playbooks") for path in (ROOT / folder).rglob("*")]
    wanted = {str(path.relative_to(ROOT)) for path in paths if path.is_file() and "__pycache__" not in path.parts}
    # A name with a dash can be typed in a checkout only.
    assert wanted - set(names) == {"playbooks/harden-relay.yml"}
    assert "meta/runtime.yml" in names
