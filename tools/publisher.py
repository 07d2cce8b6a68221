# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write who publishes the collection, from tools/publisher.yml, wherever it must stand: galaxy.yml, links.yml, every plugin.

--check writes nothing and says by its exit status whether all places are up to date.
--ready says which placeholders still stand: nothing is released with one.
"""

from __future__ import annotations

import pathlib
import re
import sys
import typing as t

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
PUBLISHER = ROOT / "tools" / "publisher.yml"
#: Names that nobody can own (RFC 2606).
PLACEHOLDER = re.compile(r"\.(example|invalid|test|localhost)\b")


def publisher() -> dict[str, str]:
    """Return what tools/publisher.yml says."""
    said: dict[str, str] = yaml.safe_load(PUBLISHER.read_text(encoding="utf-8"))
    return said


def placeholders(said: t.Mapping[str, str]) -> list[str]:
    """Return the lines of tools/publisher.yml that name nobody."""
    lines = [f"{name}: {value}" for name, value in said.items() if PLACEHOLDER.search(value)]
    return lines + ["handle: postmaster-mta" for handle in (said["handle"],) if handle == "postmaster-mta"]


def galaxy(text: str, said: t.Mapping[str, str]) -> str:
    """Return galaxy.yml with the publisher in it."""
    text = re.sub(r"(?m)^(authors:\n)(?:  - .*\n)+", rf"\g<1>  - {said['author']} <{said['mail']}>\n", text)
    places = {
        "repository": "repository",
        "documentation": "documentation",
        "homepage": "repository",
        "issues": "issues",
    }
    for name, key in places.items():
        text = re.sub(rf"(?m)^{name}: .*$", f"{name}: {said[key]}", text)
    return text


def links(text: str, said: t.Mapping[str, str]) -> str:
    """Return docs/docsite/links.yml with the issue tracker in it."""
    return re.sub(r"(?m)^(    url: ).*$", rf"\g<1>{said['issues']}", text)


def plugin(text: str, said: t.Mapping[str, str]) -> str:
    """Return a plugin with the account of the publisher behind its author."""
    return re.sub(r"(?m)^(\s*(?:- |author: ).*\(@)[\w-]+(\))$", rf"\g<1>{said['handle']}\g<2>", text)


def wanted(said: t.Mapping[str, str]) -> dict[pathlib.Path, str]:
    """Return every file that names the publisher, as it should be."""
    files = {ROOT / "galaxy.yml": galaxy, ROOT / "docs/docsite/links.yml": links}
    for folder in ("plugins", "roles", "extensions"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".yml") and "(@" in path.read_text(encoding="utf-8"):
                files[path] = plugin
    return {path: write(path.read_text(encoding="utf-8"), said) for path, write in files.items()}


def main() -> int:
    said = publisher()
    if "--ready" in sys.argv:
        left = placeholders(said)
        for line in left:
            print(f"tools/publisher.yml: {line}: a placeholder")
        return int(bool(left))
    stale = {path: text for path, text in wanted(said).items() if path.read_text(encoding="utf-8") != text}
    for path, text in stale.items():
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} names another publisher; run tools/publisher.py")
        else:
            path.write_text(text, encoding="utf-8")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
