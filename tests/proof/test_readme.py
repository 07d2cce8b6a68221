# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stranger with the tarball and the README: an empty directory, the oldest and the newest ansible-core, every command as it stands.

Only names and addresses are replaced, as the README says. The inventory and the policy are the README's own blocks.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import typing as t

import labhosts
import pytest
from labhosts import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
RELAY = labhosts.HOSTS["pf13"]
#: The environments with the oldest and the newest core; the newest one is made by `make certify`.
CORES = {"oldest": ROOT / ".cache/venv", "newest": ROOT / ".cache/venv-newest"}
#: What the reader puts in the place of the README's names and addresses.
NAMES = {
    "    mx2.example.com: {ansible_host: 192.0.2.12}\n": "",
    "mx1.example.com: {ansible_host: 192.0.2.11}": f"pf13.lab.test: {{ansible_host: {RELAY.address}}}",
    "ansible_user: admin": "ansible_user: root",
    "192.0.2.0/24, 2001:db8::/64": "10.25.0.60/32",
    "domains: [example.com]": "domains: [served.test]",
    "{domain: example.com, host: mail.example.com}": "{domain: served.test, host: mx7.served.test}",
    "/etc/ssl/relay/": "/etc/ssl/lab/",
    "-l sles15,pf12": "-l pf13.lab.test",
}
#: What a command must show.
SHOWN = {
    "harden_relay": "pf13.lab.test",
    "block_domains": "550 5.7.1",
    "check_blocks": "emalsrv.example",
    "list_blocks": "SPAM-7",
    "queue_report -e": "defer.test",
    "log_recipient=user@ok.test": "user@ok.test",
    "log_recipient=user@defer.test": "451 4.7.1",
    "diagnose": "VERDICT for defer.test",
}


def replaced(text: str) -> str:
    """Return a text of the README with the reader's names and addresses."""
    for name, own in NAMES.items():
        text = text.replace(name, own)
    return text


def file_block(name: str) -> str:
    """Return the YAML block of the README that begins with the name of a file."""
    match = re.search(rf"```yaml\n# {re.escape(name)}\n(.*?)```", README, re.DOTALL)
    assert match, f"no block {name}"
    return replaced(match.group(1))


def commands() -> t.List[str]:
    """Return the commands of the README that run a playbook of ours, in order, without their comments."""
    lines = re.findall(r"(?m)^    (ansible-playbook postmaster\.mta\..*)$", README)
    return [replaced(re.sub(r"\s+# .*$", "", line)) for line in lines]


class Stranger:
    """An empty directory with the collection in it, and an ansible-core."""

    def __init__(self, core: pathlib.Path, directory: pathlib.Path) -> None:
        self.directory = directory
        keep = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        self.environment = dict(
            keep,
            PATH=f"{core / 'bin'}:/usr/bin:/bin:/usr/sbin:/sbin",
            HOME=str(directory),
            ANSIBLE_COLLECTIONS_PATH=str(directory),
            ANSIBLE_PRIVATE_KEY_FILE=str(labhosts.CACHE / "id_ed25519"),
            ANSIBLE_HOST_KEY_CHECKING="false",
            ANSIBLE_DEPRECATION_WARNINGS="true",
            COLUMNS="160",
        )

    def run(self, command: str) -> str:
        """Run a line as a shell does, and return what it shows."""
        setup = "\n".join(re.findall(r"(?m)^    (export ANSIBLE_INVENTORY.*)$", README))
        done = subprocess.run(
            ["bash", "-euc", f"{setup}\n{command}"],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        assert "DEPRECATION" not in done.stdout, done.stdout
        return done.stdout


@pytest.fixture(scope="module", name="tarball")
def _tarball(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    directory = tmp_path_factory.mktemp("tarball")
    build = ["ansible-galaxy", "collection", "build", "--output-path", str(directory), str(ROOT)]
    subprocess.run(build, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return next(directory.glob("*.tar.gz"))


@pytest.mark.parametrize("core", list(CORES))
def test_the_readme_alone_is_enough(core: str, tarball: pathlib.Path, tmp_path: pathlib.Path) -> None:
    if not (CORES[core] / "bin/ansible-playbook").exists():
        pytest.skip(f"no {CORES[core].name} here; make certify makes it")
    stranger = Stranger(CORES[core], tmp_path)
    stranger.run(f"ansible-galaxy collection install {tarball}")
    (tmp_path / "inventory.yml").write_text(file_block("inventory.yml"), encoding="utf-8")
    (tmp_path / "group_vars/relays").mkdir(parents=True)
    (tmp_path / "group_vars/relays/policy.yml").write_text(file_block("group_vars/relays/policy.yml"), encoding="utf-8")
    # The lab has a DNS of its own, without iana.org.
    (tmp_path / "group_vars/relays/probes.yml").write_text("harden_client_domain: stranger.test\n", encoding="utf-8")
    seen = set()
    for command in commands():
        if command.startswith("ansible-playbook postmaster.mta.queue_report"):
            for recipient in ("user@ok.test", "user@defer.test"):
                RELAY.run(f"echo hello | /usr/sbin/sendmail -f user@lab.test {recipient}")
            RELAY.run("sleep 5")
        shown = stranger.run(command)
        for name, text in SHOWN.items():
            if name in command:
                assert text in shown, f"{command}\n{shown}"
                seen.add(name)
    assert seen == set(SHOWN)
    RELAY.run("postsuper -d ALL deferred >/dev/null 2>&1; true")
