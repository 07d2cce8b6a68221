# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prepare the release that galaxy.yml names: changelog, tarball and the text of the tag, under dist/.

It works on a copy of the tree, so that a release that fails leaves nothing behind. At the end CHANGELOG.md and changelogs/ come back into
the tree, and what is left for a person is printed: look, commit, tag, publish. --rehearse leaves the tree alone and takes placeholders.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

import publisher
import yaml

ROOT = publisher.ROOT
DIST = ROOT / "dist"


def run(argv: t.Sequence[str], directory: pathlib.Path) -> None:
    """Run a tool of this Python's environment."""
    environment = dict(os.environ, PATH=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    subprocess.run(argv, cwd=directory, env=environment, stdin=subprocess.DEVNULL, check=True)


def copied() -> pathlib.Path:
    """Copy the tree as git would commit it."""
    done = subprocess.run(["tools/copy.sh", ".cache/release"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return pathlib.Path(done.stdout.strip())


def read(path: pathlib.Path) -> t.Any:
    """Return what a YAML file says."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def objects(tree: pathlib.Path) -> dict[str, dict[str, str]]:
    """Return what antsibull-changelog does not find by itself, roles and playbooks: kind to name to one sentence."""
    playbooks = [path for path in (tree / "playbooks").glob("*.yml") if path.name != "harden-relay.yml"]
    specs = [path.parent / "argument_specs" / path.name for path in playbooks]
    roles = (tree / "roles").glob("*/meta/argument_specs.yml")
    return {
        "object.role": {path.parts[-3]: read(path)["argument_specs"]["main"]["short_description"] for path in roles},
        "object.playbook": {path.stem: read(path)["short_description"] for path in specs},
    }


def released(tree: pathlib.Path) -> set[tuple[str, str]]:
    """Return what an earlier release has named already, as kind and name."""
    releases = read(tree / "changelogs/changelog.yaml")["releases"]
    names = set()
    for release in releases.values():
        for group in ("plugins", "objects"):
            for kind, entries in (release.get(group) or {}).items():
                names.update((f"{group[:-1]}.{kind}", entry["name"]) for entry in entries)
    return names


def write_objects(tree: pathlib.Path) -> None:
    """Write the fragment that names new roles and playbooks."""
    known = released(tree)
    fragment = {}
    for kind, descriptions in objects(tree).items():
        entries = [
            {"name": name, "description": text.rstrip("."), "namespace": None}
            for name, text in sorted(descriptions.items())
            if (kind, name) not in known
        ]
        if entries:
            fragment[f"add {kind}"] = entries
    if fragment:
        (tree / "changelogs/fragments/objects.yml").write_text(yaml.safe_dump(fragment), encoding="utf-8")


def drop_fixes(tree: pathlib.Path) -> None:
    """Drop the fixes before a first release: they are of faults that nobody could have met."""
    if read(tree / "changelogs/changelog.yaml")["releases"]:
        return
    for path in (tree / "changelogs/fragments").glob("*.yml"):
        sections = read(path)
        if sections.pop("bugfixes", None) is None:
            continue
        if sections:
            path.write_text(yaml.safe_dump(sections), encoding="utf-8")
        else:
            path.unlink()


class Indented(yaml.SafeDumper):
    """Indents the items of a list, as ansible-lint wants them in the tarball."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> t.Any:
        return super().increase_indent(flow, False)


def indent_lists(path: pathlib.Path) -> None:
    """Write a YAML file again with the items of its lists indented."""
    text = yaml.dump(read(path), Dumper=Indented, sort_keys=False, width=140, allow_unicode=True)
    path.write_text(f"---\n{text}", encoding="utf-8")


def tag_text(tree: pathlib.Path, version: str) -> str:
    """Return the text of the tag: what the changelog says about this version, as plain lines."""
    release = read(tree / "changelogs/changelog.yaml")["releases"][version]
    changes = dict(release["changes"])
    lines = [f"postmaster.mta {version}", "", changes.pop("release_summary", "").strip()]
    for section, entries in changes.items():
        lines += ["", section.replace("_", " ").capitalize() + ":", *(f"- {entry}" for entry in entries)]
    return "\n".join(lines) + "\n"


def keep(tree: pathlib.Path) -> None:
    """Bring the changelog back into the tree; its fragments are used up."""
    shutil.copy(tree / "CHANGELOG.md", ROOT / "CHANGELOG.md")
    shutil.copy(tree / "changelogs/changelog.yaml", ROOT / "changelogs/changelog.yaml")
    for path in (ROOT / "changelogs/fragments").glob("*.yml"):
        path.unlink()


def main() -> int:
    rehearsal = "--rehearse" in sys.argv
    left = publisher.placeholders(publisher.publisher())
    if left and not rehearsal:
        print("release: refused, tools/publisher.yml has placeholders:", *left, sep="\n  ")
        return 1
    version = read(ROOT / "galaxy.yml")["version"]
    tree = copied()
    write_objects(tree)
    drop_fixes(tree)
    run(["antsibull-changelog", "release", "--version", version, "--reload-plugins"], tree)
    indent_lists(tree / "changelogs/changelog.yaml")
    run(["antsibull-changelog", "lint"], tree)
    DIST.mkdir(exist_ok=True)
    run(["ansible-galaxy", "collection", "build", "--force", "--output-path", str(DIST)], tree)
    (DIST / f"tag-{version}.txt").write_text(tag_text(tree, version), encoding="utf-8")
    if not rehearsal:
        keep(tree)
    print(f"\ndist/postmaster-mta-{version}.tar.gz and dist/tag-{version}.txt are made. What is left:")
    print("  make certify")
    print(f"  git add --all && git commit -m 'Release {version}' && git tag -s -F dist/tag-{version}.txt {version}")
    print(f"  ansible-galaxy collection publish dist/postmaster-mta-{version}.tar.gz")
    return 0


if __name__ == "__main__":
    sys.exit(main())
