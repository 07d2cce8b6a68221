# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a reviewer of Galaxy, Automation Hub or the community package runs, on the tarball and on every supported core.

    python tools/certify.py                        every step; at the end a table
    python tools/certify.py importer lint sanity-2.21

A step that cannot run on this machine says why and is listed as NOT RUN; it is no success. Environments are made under
.cache/certify, once for each core.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import re
import subprocess
import sys
import time
import typing as t

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / ".cache" / "certify"
GATES = ROOT / ".cache" / "venv-gates" / "bin"
#: The cores: what pip is asked for, and the Pythons that a controller of it runs on.
CORES = {
    "2.16": ("ansible-core~=2.16.14", ("3.11", "3.12", "3.10")),
    "2.19": ("ansible-core~=2.19.0", ("3.11", "3.12", "3.13")),
    "2.20": ("ansible-core~=2.20.0", ("3.13", "3.12")),
    "2.21": ("ansible-core~=2.21.0", ("3.13", "3.12")),
    "rc": ("ansible-core>=2.22.0rc1", ("3.13", "3.12")),
}
#: The nox sessions that antsibull-nox.toml makes default; sanity has steps of its own.
SESSIONS = ("lint", "docs-check", "license-check", "extra-checks", "build-import-check", "ansible-lint")


class NotRun(Exception):
    """A step that this machine cannot run, and why."""


class Step(t.NamedTuple):
    """One step: its name, what it shows, and the function that raises where it fails."""

    name: str
    what: str
    run: t.Callable[[], None]


def call(argv: t.Sequence[str | pathlib.Path], cwd: pathlib.Path = ROOT, **environment: str) -> None:
    """Run a program; its exit status decides."""
    path = f"{GATES}:{os.environ['PATH']}"
    subprocess.run(argv, cwd=cwd, env={**os.environ, "PATH": path, **environment}, stdin=subprocess.DEVNULL, check=True)


def environment_of(name: str, requirement: str, pythons: t.Sequence[str]) -> pathlib.Path:
    """Return the directory of programs of an environment, made where it is not there yet."""
    directory = WORK / f"venv-{name}"
    wanted = WORK / f"requirements-{name}.txt"
    text = requirement + "\n"
    if not wanted.exists() or wanted.read_text(encoding="utf-8") != text:
        wanted.write_text(text, encoding="utf-8")
    done = subprocess.run(["tools/venv.sh", str(directory), str(wanted), *pythons], cwd=ROOT, check=False)
    if done.returncode == 3:
        raise NotRun(f"no Python of {', '.join(pythons)} here")
    if done.returncode:
        raise NotRun(f"{requirement.split()[0]} cannot be installed here")
    return directory / "bin"


def tree_of(name: str, *left_out: str) -> pathlib.Path:
    """Return a copy of the tree as git would commit it, as ansible_collections/postmaster/mta."""
    argv = ["tools/copy.sh", f".cache/certify/tree-{name}", *(f":!{path}" for path in left_out)]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return pathlib.Path(done.stdout.strip())


def tarball() -> pathlib.Path:
    """Build the collection as it would be published."""
    call([sys.executable, "tools/release.py", "--rehearse"])
    return next((ROOT / "dist").glob("postmaster-mta-*.tar.gz"))


def sanity(core: str) -> None:
    """Run ansible-test sanity of one core over the whole tree; there are no ignore files."""
    requirement, pythons = CORES[core]
    programs = environment_of(core, requirement, pythons)
    call(["tools/sanity.sh", "--whole", programs.parent.relative_to(ROOT)])


def units() -> None:
    """Start ansible-test units with the newest core: the module utilities, as a reviewer would."""
    programs = environment_of("2.21", *CORES["2.21"])
    tests = environment_of(
        "units",
        "ansible-core~=2.21.0 pytest pytest-xdist pytest-mock hypothesis dnspython".replace(" ", "\n"),
        ("3.13", "3.12"),
    )
    tree = tree_of("units", "molecule")
    path = f"{tests}:{os.environ['PATH']}"
    call(
        [
            tests / "ansible-test",
            "units",
            "--python",
            "3.13",
            "--color",
            "no",
            "tests/unit/plugins/module_utils/test__model/",
        ],
        tree,
        PATH=path,
    )
    assert programs.exists()


def integration() -> None:
    """Run the integration targets, which need no mail server, on this very host."""
    programs = environment_of("2.21", *CORES["2.21"])
    tree = tree_of("integration", "molecule", "tests/corpus")
    call(
        [programs / "ansible-test", "integration", "--color", "no", "--requirements"],
        tree,
        PATH=f"{programs}:{os.environ['PATH']}",
    )


def importer(
    name: str = "importer", requirement: str = "galaxy-importer\nansible-core~=2.19.0\nansible-lint>=26.1,<27"
) -> None:
    """Let Galaxy's importer look at the tarball; a warning about us is a failure."""
    programs = environment_of(name, requirement, ("3.11", "3.12", "3.13"))
    argv = [programs / "python", "-m", "galaxy_importer.main", tarball()]
    # The step lint looks at the same files, with more time.
    settings = WORK / "importer.cfg"
    settings.write_text("[galaxy-importer]\nRUN_ANSIBLE_LINT = False\n", encoding="utf-8")
    path = f"{programs}:{os.environ['PATH']}"
    done = subprocess.run(
        argv,
        cwd=WORK,
        env=dict(os.environ, PATH=path, GALAXY_IMPORTER_CONFIG=str(settings)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    (WORK / f"{name}.log").write_text(done.stdout, encoding="utf-8")
    warnings = [line for line in done.stdout.splitlines() if line.startswith(("WARNING", "ERROR"))]
    print("\n".join(warnings) or f"no warning; exit status {done.returncode}")
    if done.returncode or warnings:
        raise subprocess.CalledProcessError(done.returncode or 1, argv)


def importer_of_the_hub() -> None:
    """Do the same with the importer that Automation Hub pins."""
    importer("hub-importer", "galaxy-importer==0.4.31\nansible-core~=2.16.14\nansible-lint==24.12.2")


def unpacked() -> pathlib.Path:
    """Return the directory with what is in the tarball."""
    directory = WORK / "unpacked" / "ansible_collections" / "postmaster" / "mta"
    call(["rm", "-rf", WORK / "unpacked"])
    directory.mkdir(parents=True)
    call(["tar", "-xzf", tarball(), "-C", directory])
    call(["git", "init", "--quiet", directory])
    return directory


def lint(programs: pathlib.Path = GATES) -> None:
    """Run ansible-lint, profile production, over what is in the tarball."""
    call(
        [programs / "ansible-lint", "--profile", "production", "--offline"],
        unpacked(),
        PATH=f"{programs}:{os.environ['PATH']}",
        ANSIBLE_COLLECTIONS_PATH=str(WORK / "unpacked"),
    )


def lint_of_the_hub() -> None:
    """Run the ansible-lint that Automation Hub pins."""
    lint(environment_of("hub", "ansible-core~=2.16.14\nansible-lint==24.12.2", ("3.11", "3.12", "3.10")))


def environment() -> None:
    """Make the build contexts of an execution and of a decision environment, and read what the tarball asks for."""
    programs = environment_of("builder", "ansible-builder>=3.1,<4", ("3.11", "3.12", "3.13"))
    place = WORK / "ee"
    call(["rm", "-rf", place])
    place.mkdir()
    call(["cp", tarball(), place / "postmaster-mta.tar.gz"])
    call(["cp", ROOT / "tests" / "ee" / "execution-environment.yml", place])
    call([programs / "ansible-builder", "create", "--context", place / "context"], place)
    decision = ROOT / "extensions" / "eda" / "decision-environment.yml"
    call([programs / "ansible-builder", "create", "--file", decision, "--context", place / "decision"], place)
    unpacked()
    argv = [programs / "ansible-builder", "introspect", "--sanitize", WORK / "unpacked"]
    told = subprocess.run(argv, cwd=place, stdout=subprocess.PIPE, text=True, check=True).stdout
    print(told)
    if "dnspython>=" not in told or "openssh-client" not in told:
        raise subprocess.CalledProcessError(1, argv)


def site() -> None:
    """Build the documentation site; a warning that is not about an inventory of others on the internet is ours."""
    programs = environment_of(
        "site",
        "antsibull-docs>=2.24,<3\nansible-core~=2.19.0\nsphinx\nsphinx-ansible-theme\nansible-pygments",
        ("3.11", "3.12", "3.13"),
    )
    call(["tools/site.sh", programs])


def session(name: str) -> None:
    """Run a default session of nox."""
    call([GATES / "nox", "--reuse-existing-virtualenvs", "--session", name])


def quiet(argv: t.Sequence[str | pathlib.Path], **environment: str) -> str:
    """Run a program of Ansible in the work directory and return what it prints; a warning is a failure."""
    keep = {name: value for name, value in os.environ.items() if name != "ANSIBLE_CONFIG"}
    done = subprocess.run(
        argv,
        cwd=WORK,
        env={**keep, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    # Ansible 2.21 warns of a collection inside itself.
    warnings = [part for part in re.split(r"\n(?=\[|\n)", done.stderr) if part.strip() and "_protomatter" not in part]
    if done.returncode or warnings:
        print(done.stdout[-2000:], done.stderr, sep="\n")
        raise subprocess.CalledProcessError(done.returncode or 1, argv)
    return done.stdout


def documentation() -> None:
    """Show each module, filter, callback and role of the tarball, and call each playbook by its full name, on both ends of the cores."""
    unpacked()
    for core in ("2.16", "2.21"):
        programs = environment_of(core, *CORES[core])
        setting = {
            "ANSIBLE_COLLECTIONS_PATH": str(WORK / "unpacked"),
            "PATH": f"{programs}:{os.environ['PATH']}",
            # These shape what is shown, and are no matter of ours.
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
        }
        for kind in ("module", "filter", "callback", "role"):
            listed = quiet([programs / "ansible-doc", "-t", kind, "-l", "postmaster.mta"], **setting)
            names = sorted(
                {line.split()[0] for line in listed.splitlines() if line and line.startswith("postmaster.mta.")}
            )
            if not names:
                raise subprocess.CalledProcessError(1, ["ansible-doc", "-t", kind, "-l"])
            quiet([programs / "ansible-doc", "-t", kind, *names], **setting)
            print(f"core {core}: {len(names)} of kind {kind}")
        here = WORK / "unpacked/ansible_collections/postmaster/mta/playbooks"
        books = sorted(f"postmaster.mta.{path.stem}" for path in here.glob("*.yml"))
        quiet([programs / "ansible-playbook", "--syntax-check", "-i", "relays,", *books], **setting)
        print(f"core {core}: {len(books)} playbooks")


def consoles() -> None:
    """Run a playbook on the lab with ansible-runner and with ansible-navigator."""
    programs = environment_of(
        "consoles", "ansible-core~=2.20.0\nansible-runner>=2.4\nansible-navigator>=25", ("3.13", "3.12")
    )
    call(["make", "lab"])
    call([ROOT / ".cache/venv/bin/pytest", "-q", "tests/proof/test_consoles.py"], CONSOLES=str(programs))


def readme() -> None:
    """Try the README from the tarball on the lab, with the oldest and the newest core."""
    newest = subprocess.run(
        ["tools/venv.sh", ".cache/venv-newest", "tools/requirements-newest.txt", "3.13", "3.12"], cwd=ROOT, check=False
    )
    if newest.returncode:
        raise NotRun("no environment for the newest core here")
    call(["make", "lab"])
    call([ROOT / ".cache/venv/bin/pytest", "-q", "tests/proof/test_readme.py"])


def steps() -> list[Step]:
    """Return all steps, cheap ones first."""
    return [
        Step("importer", "galaxy-importer on the tarball, no warning", importer),
        Step("hub-importer", "the same with the importer that Automation Hub pins", importer_of_the_hub),
        Step("lint", "ansible-lint --profile production on the tarball", lint),
        Step("hub-lint", "the same with the ansible-lint that Automation Hub pins", lint_of_the_hub),
        Step(
            "doc",
            "ansible-doc of every plugin and role, and every playbook by its full name, on both ends of the cores",
            documentation,
        ),
        Step("ee", "an execution environment: its build context, and what it would install", environment),
        Step("site", "the documentation site, no warning of ours", site),
        *(Step(f"nox-{name}", f"nox --session {name}", lambda name=name: session(name)) for name in SESSIONS),  # type: ignore[misc]
        Step("units", "ansible-test units", units),
        Step("integration", "ansible-test integration", integration),
        *(
            Step(f"sanity-{core}", f"ansible-test sanity, core {core}", lambda core=core: sanity(core))
            for core in CORES
        ),  # type: ignore[misc]
        Step("consoles", "ansible-runner and ansible-navigator, on the lab", consoles),
        Step("readme", "the README from the tarball, on the lab, both cores", readme),
    ]


def outcome(step: Step) -> str:
    """Run one step and return the word for how it ended."""
    print(f"\n=== {step.name}: {step.what} ===", flush=True)
    try:
        step.run()
    except NotRun as why:
        return f"NOT RUN: {why}"
    except (subprocess.CalledProcessError, OSError) as problem:
        return f"FAILED: {str(problem)[:100]}"
    return "ok"


def main() -> int:
    known = steps()
    wanted = sys.argv[1:] or [step.name for step in known]
    unknown = sorted(set(wanted) - {step.name for step in known})
    if unknown:
        print(f"{', '.join(unknown)}: no such step; there are {', '.join(step.name for step in known)}")
        return 2
    WORK.mkdir(parents=True, exist_ok=True)
    # Both would make the same copies and the same tarball.
    with (WORK / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("certify: another run works in this tree; wait for its end")
            return 2
        return certified([step for step in known if step.name in wanted])


def certified(chosen: list[Step]) -> int:
    """Run the steps one after the other, show a table, and return the exit status."""
    rows = []
    for step in chosen:
        begin = time.monotonic()
        result = outcome(step)
        rows.append((step, result, time.monotonic() - begin))
    print()
    for step, result, seconds in rows:
        print(f"{step.name:24} {seconds:6.0f} s  {result}")
    return int(any(result != "ok" for step, result, seconds in rows))


if __name__ == "__main__":
    sys.exit(main())
