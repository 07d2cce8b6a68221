# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's containers: images built once and cached by content, one network, one container per host of the inventory.

    lab.py create [--hosts pf12,dns,world] [--reset] [--variant stock|bare]
    lab.py missing [--hosts ...] [--variant ...]      the images that `create` would build, in that order
    lab.py build IMAGE                                builds one of them
    lab.py destroy [--hosts ...]

The playbooks molecule/shared/create.yml and destroy.yml call this; it can be called by hand too. Root, or sudo, is needed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import fcntl
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "postmaster-mta" / "lab"
NETWORK = "postmaster-lab"
LABEL = "postmaster-lab"
IPV4, IPV6 = "10.25.0.", "fd00:25::"
READY_SECONDS = 180
# Enough for a relay under load; podman's own default for root is more than an unprivileged machine may set.
OPEN_FILES, PROCESSES = 4096, 4096
# strace for fault injection; addresses for world and dns; small file systems for the disk-full tests.
CAPABILITIES = ("SYS_PTRACE", "NET_ADMIN", "NET_RAW", "SYS_ADMIN", "AUDIT_WRITE", "SYS_NICE")
ROOT_PACKAGES = "ca-certificates,dbus,iproute2,iputils-ping,openssh-server,procps,python3,systemd,systemd-sysv,less,vim-tiny,bind9-host"
INTERPRETER = pathlib.Path("/opt/python3.6")

#: Programs in the images whose first line is written when an image is built: ansible-test sanity takes few first lines, and none of these.
FIRST_LINES = {
    "debian/files/usr/local/sbin/lab-ready": "#!/usr/bin/python3",
    "sles15/files/etc/postfix/system/cond_slp": "#!/bin/bash",
    "sles15/files/etc/postfix/system/config_postfix": "#!/bin/bash",
    "sles15/files/etc/postfix/system/update_chroot": "#!/bin/bash",
    "sles15/files/etc/postfix/system/update_postmaps": "#!/bin/bash",
    "sles15/files/etc/postfix/system/wait_qmgr": "#!/bin/bash",
    "sles15/files/usr/sbin/config.postfix": "#!/bin/bash",
    "world/files/usr/local/lib/sink/sink.py": "#!/usr/bin/python3",
    "world/files/usr/local/sbin/sinkctl": "#!/usr/bin/python3",
}


class LabError(Exception):
    """Something the lab needs is not there; the text says what to do."""


class Image(t.NamedTuple):
    """An image: the build context under images/ and the image it stands on (a Debian release for the first one)."""

    context: str
    base: str


class Host(t.NamedTuple):
    """A host of the inventory. `extra` are the host parts of addresses that it has besides its own."""

    name: str
    address: str
    image: str
    extra: t.Tuple[int, ...]

    @property
    def number(self) -> str:
        return self.address.rpartition(".")[2]

    @property
    def addresses(self) -> t.Tuple[str, ...]:
        return self.address, IPV6 + self.number

    @property
    def container(self) -> str:
        return f"{LABEL}-{self.name}"


TESTING = "forky"
RELEASES = {"bookworm", "trixie", TESTING}
IMAGES = {
    "debian12": Image("debian", "bookworm"),
    "debian13": Image("debian", "trixie"),
    "debian14": Image("debian", TESTING),
    "debian12-bare": Image("relay", "debian12"),
    "debian13-bare": Image("relay", "debian13"),
    "debian14-bare": Image("relay", "debian14"),
    "debian12-postfix": Image("postfix", "debian12-bare"),
    "debian13-postfix": Image("postfix", "debian13-bare"),
    "debian14-postfix": Image("postfix", "debian14-bare"),
    "debian12-sendmail": Image("sendmail", "debian12-bare"),
    "debian13-sendmail": Image("sendmail", "debian13-bare"),
    "debian14-sendmail": Image("sendmail", "debian14-bare"),
    "sles15": Image("sles15", "debian12-bare"),
    "dns": Image("dns", "debian13"),
    "world": Image("world", "debian13"),
}


def say(text: str) -> None:
    """One line of progress, at once."""
    print(text, flush=True)


# -- commands --------------------------------------------------------------------------------------------------------
SUDO = [] if os.geteuid() == 0 else ["sudo", "-n"]


def run(argv: t.Sequence[str], check: bool = True, stdin: str | None = None, **more: t.Any) -> str:
    """Runs a command and returns what it printed; LabError with its last lines when it fails."""
    done = subprocess.run(argv, input=stdin, text=True, capture_output=True, **more)
    if check and done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
        raise LabError(f"{' '.join(argv[:6])} ... ended with {done.returncode}:\n{tail}")
    return done.stdout.strip()


def succeeds(argv: t.Sequence[str]) -> bool:
    return subprocess.run(argv, capture_output=True).returncode == 0


class Podman:
    """podman with the settings that work on this machine, and the reasons for those that are not its defaults."""

    def __init__(self) -> None:
        if not shutil.which("podman"):
            raise LabError("podman is missing: apt-get install $(grep -v '^#' molecule/requirements-apt.txt)")
        self.notes: t.List[str] = []
        self.command = [*SUDO, "podman", *self._manager(), *self._runtime()]
        self.ulimits = self._ulimits()

    def _manager(self) -> t.List[str]:
        if pathlib.Path("/run/systemd/system").exists():
            return []
        self.notes.append("cgroup manager cgroupfs: this machine is not run by systemd")
        return ["--cgroup-manager", "cgroupfs"]

    def _runtime(self) -> t.List[str]:
        wanted = run([*SUDO, "podman", "info", "--format", "{{.Host.OCIRuntime.Name}}"], check=False)
        if not shutil.which("runc"):
            return []
        if wanted != "runc":
            self.notes.append(f"runtime runc: podman would use {wanted or 'one that is not there'}")
        return ["--runtime", shutil.which("runc") or "runc"]

    def _ulimits(self) -> t.List[str]:
        files = _within(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        processes = _within(PROCESSES, resource.getrlimit(resource.RLIMIT_NPROC)[1])
        self.notes.append(
            f"ulimits nofile={files} nproc={processes}: podman's own can be more than this machine allows"
        )
        return [f"--ulimit=nofile={files}:{files}", f"--ulimit=nproc={processes}:{processes}"]

    def __call__(self, *argv: str, check: bool = True, stdin: str | None = None) -> str:
        return run([*self.command, *argv], check=check, stdin=stdin)

    def has(self, *argv: str) -> bool:
        return succeeds([*self.command, *argv])


def _within(wanted: int, hard_limit: int) -> int:
    return wanted if hard_limit < 0 else min(wanted, hard_limit)


# -- inventory -------------------------------------------------------------------------------------------------------
def hosts_of(inventory: str, wanted: str, variant: str) -> t.List[Host]:
    """The hosts of the group `lab`, in the inventory's order, dns first because the others ask it as they start."""
    beside = pathlib.Path(sys.executable).with_name("ansible-inventory")
    command = str(beside) if beside.exists() else "ansible-inventory"
    listing = json.loads(run([command, "-i", inventory, "--list"]))
    variables = listing["_meta"]["hostvars"]
    names = [name for name, host in variables.items() if "lab_image" in host]
    chosen = [name for name in re.split(r"[,\s]+", wanted) if name] or names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        raise LabError(f"not in the lab's inventory: {', '.join(unknown)}; there are {', '.join(names)}")
    hosts = [host_from(name, variables[name], variant) for name in names if name in chosen]
    return sorted(hosts, key=lambda host: host.name != "dns")


def host_from(name: str, variables: t.Mapping[str, t.Any], variant: str) -> Host:
    """A Host from its inventory variables; the bare variant is the same Debian release without an MTA."""
    image = str(variables["lab_image"])
    release = re.fullmatch(r"(debian\d+)-(?:postfix|sendmail)", image)
    if variant == "bare" and release:
        image = f"{release.group(1)}-bare"
    return Host(name, variables["ansible_host"], image, numbers(str(variables.get("lab_extra_addresses", ""))))


def numbers(text: str) -> t.Tuple[int, ...]:
    """The numbers in a list of numbers and ranges: "3 51-53" is (3, 51, 52, 53)."""
    found: t.List[int] = []
    for part in text.split():
        first, _dash, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return tuple(found)


# -- images ----------------------------------------------------------------------------------------------------------
def digest(*parts: bytes) -> str:
    joined = hashlib.sha256()
    for part in parts:
        joined.update(hashlib.sha256(part).digest())
    return joined.hexdigest()[:16]


class Part(t.NamedTuple):
    """A file of a build context: its path there, whether it can be run, and its content."""

    path: pathlib.Path
    executable: bool
    content: bytes


def context_of(name: str) -> t.Iterator[Part]:
    """The files of a build context; a program of FIRST_LINES has its first line here."""
    directory = HERE / "images" / name
    for path in sorted(directory.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            relative, content = path.relative_to(directory), path.read_bytes()
            first_line = FIRST_LINES.get(f"{name}/{relative}")
            if first_line:
                yield Part(relative, True, f"{first_line}\n".encode() + content)
            else:
                yield Part(relative, os.access(path, os.X_OK), content)


def context_digest(name: str) -> bytes:
    """One value for the paths, modes and contents of a build context."""
    lines = [
        f"{part.path} {'x' if part.executable else '-'} {hashlib.sha256(part.content).hexdigest()}"
        for part in context_of(name)
    ]
    return "\n".join(lines).encode()


def write_context(name: str, directory: pathlib.Path) -> None:
    """Write a build context to a directory."""
    for part in context_of(name):
        target = directory / part.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(part.content)
        target.chmod(0o755 if part.executable else 0o644)


def image_tag(name: str) -> str:
    """The full name of an image of ours, with the digest of all it is made of as its tag."""
    if name in RELEASES:
        return f"localhost/{LABEL}/{name}:{digest(ROOT_PACKAGES.encode())}"
    image = IMAGES.get(name) or Image("debian", name)
    base = image_tag(image.base) if image.base in IMAGES or image.base in RELEASES else image.base
    own = name if name in IMAGES else "foreign/" + digest(name.encode())
    return f"localhost/{LABEL}/{own}:{digest(base.encode(), context_digest(image.context))}"


def ensure_image(podman: Podman, name: str) -> str:
    """Builds an image, and those it stands on, unless they are there.

    A name that is not ours is an image that podman can get: it is given what makes it a host of the lab.
    """
    tag = image_tag(name)
    if podman.has("image", "exists", tag):
        return tag
    began = time.monotonic()
    if name in RELEASES:
        bootstrap(podman, name, tag)
    else:
        build(podman, IMAGES.get(name) or Image("debian", name), tag)
    say(f"image {name}: built in {time.monotonic() - began:.0f} s")
    return tag


def missing_images(podman: Podman, name: str) -> t.List[str]:
    """What is to be built for an image: those that it stands on first, itself last."""
    if podman.has("image", "exists", image_tag(name)):
        return []
    base = "" if name in RELEASES else (IMAGES.get(name) or Image("debian", name)).base
    below = missing_images(podman, base) if base in IMAGES or base in RELEASES else []
    return [*below, name]


def forget_older(podman: Podman) -> None:
    """Removes images of ours that are made of what is not there any more; podman keeps what a container still uses."""
    current = {image_tag(name) for name in (*IMAGES, *RELEASES)}
    foreign = f"localhost/{LABEL}/foreign/"
    for known in podman(
        "images", "--format={{.Repository}}:{{.Tag}}", f"--filter=reference=localhost/{LABEL}/*"
    ).split():
        if known not in current and not known.startswith(foreign):
            podman("rmi", known, check=False)


def bootstrap(podman: Podman, release: str, tag: str) -> None:
    """A minimal Debian from its archive, by way of this machine's apt proxy if it has one."""
    CACHE.mkdir(parents=True, exist_ok=True)
    tarball = CACHE / f"{release}.tar"
    proxies = [line for line in run(["apt-config", "dump"], check=False).splitlines() if "::Proxy" in line]
    mirror = os.environ.get("LAB_DEBIAN_MIRROR", "http://deb.debian.org")
    # What a mirror has of testing can be some weeks old, and apt takes it for expired.
    valid = "[check-valid-until=no] " if release == TESTING else ""
    sources = "\n".join(
        f"deb {valid}{mirror}/{archive} {suite} main"
        for archive, suite in (
            ("debian", release),
            ("debian", f"{release}-updates"),
            ("debian-security", f"{release}-security"),
        )
    )
    options = [f"--aptopt={line}" for line in (*proxies, 'APT::Install-Recommends "false"')]
    argv = [*SUDO, "nice", "mmdebstrap", "--quiet", "--variant=minbase", f"--include={ROOT_PACKAGES}", *options]
    try:
        run([*argv, release, str(tarball), "-"], stdin=sources)
        podman("import", "--quiet", str(tarball), tag)
    finally:
        run([*SUDO, "rm", "-f", str(tarball)])


def build(podman: Podman, image: Image, tag: str) -> None:
    ours = image.base in IMAGES or image.base in RELEASES
    base = ensure_image(podman, image.base) if ours else image.base
    arguments = ["--isolation=chroot", "--network=host", "--pull=missing", "--layers=false", f"--build-arg=BASE={base}"]
    with tempfile.TemporaryDirectory() as context:
        write_context(image.context, pathlib.Path(context))
        run(["nice", *podman.command, "build", "--quiet", *arguments, f"--label={LABEL}=image", "--tag", tag, context])


# -- keys and certificates -------------------------------------------------------------------------------------------
def ensure_key() -> None:
    CACHE.mkdir(parents=True, exist_ok=True, mode=0o700)
    (CACHE / "cp").mkdir(exist_ok=True, mode=0o700)
    key = CACHE / "id_ed25519"
    if not key.exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "postmaster-lab", "-f", str(key)])


def ensure_authority() -> pathlib.Path:
    """The lab's own certificate authority; returns its directory."""
    directory = CACHE / "ca"
    if not (directory / "ca.pem").exists():
        directory.mkdir(exist_ok=True, mode=0o700)
        subject = [
            "-subj",
            "/O=postmaster lab/CN=postmaster lab CA",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ]
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"]
        files = ["-keyout", str(directory / "ca.key"), "-out", str(directory / "ca.pem")]
        run(["openssl", "req", "-x509", *curve, *subject, *files])
    return directory


def certificate_names(host: Host) -> t.List[str]:
    """Subject alternative names: the host's own, and for world those of the mail exchangers it plays."""
    names = [f"DNS:{host.name}.lab.test", *(f"IP:{address}" for address in host.addresses)]
    if host.name == "world":
        domains = ("ok", "defer", "reject", "stall", "tls", "third", "served", "blackhole")
        for number, domain in enumerate(domains, start=1):
            names += [f"DNS:mx{number}.{domain}.test", f"DNS:{domain}.test", f"IP:{IPV4}{50 + number}"]
    return names


def ensure_certificate(host: Host, directory: pathlib.Path) -> None:
    """A key and a certificate of the lab's authority for one host."""
    authority = ensure_authority()
    if (directory / "cert.pem").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    key, request, extensions = (directory / name for name in ("key.pem", "request.pem", "extensions"))
    usage = "keyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n"
    extensions.write_text(f"{usage}subjectAltName={','.join(certificate_names(host))}\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run(["openssl", "req", *curve, "-subj", f"/CN={host.name}.lab.test", "-keyout", str(key), "-out", str(request)])
    signer = ["-CA", str(authority / "ca.pem"), "-CAkey", str(authority / "ca.key"), "-CAcreateserial"]
    issue = ["openssl", "x509", "-req", "-in", str(request), *signer, "-days", "3650", "-extfile", str(extensions)]
    run([*issue, "-out", str(directory / "cert.pem")])
    shutil.copy(authority / "ca.pem", directory / "ca.pem")
    request.unlink()
    extensions.unlink()


def ensure_identity(host: Host) -> pathlib.Path:
    """What /usr/local/sbin/lab-boot in the container reads: the directory that is bound at /lab."""
    directory = CACHE / "hosts" / host.name
    ensure_certificate(host, directory / "ssl")
    extra = [prefix + str(number) for number in host.extra for prefix in (IPV4, IPV6)]
    lines = {
        "LAB_NAME": f"{host.name}.lab.test",
        "LAB_ADDRESSES": " ".join(host.addresses),
        "LAB_EXTRA": " ".join(extra),
    }
    (directory / "host").write_text("".join(f'{key}="{value}"\n' for key, value in lines.items()))
    shutil.copy(CACHE / "id_ed25519.pub", directory / "authorized_keys")
    return directory


def python36() -> pathlib.Path | None:
    """The newest Python 3.6 that pyenv has on this machine: SLES 15's interpreter."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv")
    found = sorted((root / "versions").glob("3.6.*/bin/python3.6"))
    return found[-1].parent.parent if found else None


def ensure_python36() -> pathlib.Path | None:
    """A copy of that Python without its tests, in the cache; None when this machine has none."""
    source, target = python36(), CACHE / "python3.6"
    if not (target / "bin/python3.6").exists() and source:
        unneeded = shutil.ignore_patterns("test", "tests", "__pycache__", "*.a", "idlelib", "tkinter", "include")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, symlinks=True, ignore=unneeded)
    if (target / "bin/python3.6").exists() and not list(target.glob("lib/python3.6/site-packages/dns")):
        # What dns_info needs on the host; 2.2 is the last that runs on Python 3.6. Without it dns_info says so there.
        run([str(target / "bin/python3.6"), "-m", "pip", "--quiet", "install", "dnspython>=2.2,<2.3"], check=False)
    return target if (target / "bin/python3.6").exists() else None


# -- containers ------------------------------------------------------------------------------------------------------
def ensure_network(podman: Podman) -> None:
    if podman.has("network", "exists", NETWORK):
        return
    ipv4 = [f"--subnet={IPV4}0/24", f"--gateway={IPV4}1"]
    ipv6 = ["--ipv6", f"--subnet={IPV6}/64", f"--gateway={IPV6}1"]
    podman("network", "create", "--disable-dns", f"--label={LABEL}=network", *ipv4, *ipv6, NETWORK)
    say(f"network {NETWORK}: {IPV4}0/24 and {IPV6}/64")


def is_running(podman: Podman, host: Host, image: str) -> bool:
    """True when the host's container runs from this very image, and not only in podman's books.

    A machine that was stopped hard, or a snapshot of one, comes up with containers that are "Up" without a process.
    """
    seen = podman("inspect", "--format", "{{.State.Running}} {{.ImageName}}", host.container, check=False)
    return seen == f"true {image}" and podman.has("exec", host.container, "true")


def start(podman: Podman, host: Host, image: str) -> None:
    """A new container for a host. /etc is a volume, so that directories in it can be renamed as on a real file system."""
    remove(podman, host)
    identity = ensure_identity(host)
    options = [
        *("--name", host.container, "--hostname", f"{host.name}.lab.test", f"--label={LABEL}=host"),
        *("--network", NETWORK, f"--ip={host.addresses[0]}", f"--ip6={host.addresses[1]}"),
        *("--dns=none", "--no-hosts", "--systemd=always", "--stop-signal=SIGRTMIN+3", "--stop-timeout=5"),
        *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"),
        *(f"--cap-add={capability}" for capability in CAPABILITIES),
        *("--volume=/etc", f"--volume={identity}:/lab:ro"),
        *podman.ulimits,
    ]
    interpreter = ensure_python36() if host.image == "sles15" else None
    if interpreter:
        options.append(f"--volume={interpreter}:{INTERPRETER}:ro")
    podman("run", "--detach", *options, image, "/sbin/init")


def remove(podman: Podman, host: Host) -> bool:
    """Removes a host's container with its volumes and its ssh master connection."""
    (CACHE / "cp" / host.address).unlink(missing_ok=True)
    if not podman.has("container", "exists", host.container):
        return False
    removal = ("rm", "--force", "--time=0", "--volumes", host.container)
    # Of a container whose process is gone, podman learns so while it fails to stop it.
    if not podman.has(*removal):
        podman(*removal)
    return True


def wait_until_ready(podman: Podman, host: Host) -> str:
    """Blocks until the host answers, from inside and by ssh; returns '' or what is missing."""
    missing = podman("exec", host.container, "/usr/local/sbin/lab-ready", str(READY_SECONDS), check=False)
    return f"{host.name}: {missing}" if missing else ""


def create(arguments: argparse.Namespace) -> None:
    """Images, network, keys, then the hosts that are not there yet (or all of them, when they are to be reset)."""
    podman = Podman()
    hosts = hosts_of(arguments.inventory, arguments.hosts, arguments.variant)
    for note in podman.notes:
        say(f"podman: {note}")
    ensure_key()
    tags = {host.name: ensure_image(podman, host.image) for host in hosts}
    ensure_network(podman)
    fresh = [host for host in hosts if start_if_needed(podman, host, tags[host.name], arguments.reset)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        report("\n".join(filter(None, pool.map(lambda host: wait_until_ready(podman, host), fresh))))
    if fresh:
        forget_older(podman)
    report_interpreter(podman, hosts)
    say(f"ready: {' '.join(host.name for host in hosts)}")


def missing(arguments: argparse.Namespace) -> None:
    """Prints the images that are to be built, one a line."""
    podman = Podman()
    hosts = hosts_of(arguments.inventory, arguments.hosts, arguments.variant)
    names = [name for host in hosts for name in missing_images(podman, host.image)]
    print("\n".join(dict.fromkeys(names)))


def build_one(arguments: argparse.Namespace) -> None:
    """Builds one image unless it is there."""
    ensure_image(Podman(), arguments.image)


def start_if_needed(podman: Podman, host: Host, image: str, reset: bool) -> bool:
    """Starts a host that does not run from its image, or is a relay to be reset; True when it did."""
    if is_running(podman, host, image) and not (reset and is_relay(host)):
        return False
    began = time.monotonic()
    start(podman, host, image)
    say(f"host {host.name}: {host.address} from {host.image}, started in {time.monotonic() - began:.1f} s")
    if host.name == "dns":
        # The others ask it while they boot.
        report(wait_until_ready(podman, host))
    return True


def is_relay(host: Host) -> bool:
    """What is reset is a relay; dns and world have commands that put them back (labdns reset, sinkctl reset)."""
    return host.image not in ("dns", "world")


def report(problem: str) -> None:
    if problem:
        raise LabError(problem)


def report_interpreter(podman: Podman, hosts: t.Sequence[Host]) -> None:
    """Says which Python the SLES host is managed with: a real 3.6, or the image's own where this machine has none."""
    for host in hosts:
        if host.image == "sles15":
            interpreter = f"{INTERPRETER}/bin/python3.6"
            version = podman("exec", host.container, interpreter, "-c", "import sys; print(sys.version[:6])")
            missing = ": this machine has no pyenv Python 3.6, so the image's own stands in"
            real = "" if version.startswith("3.6") else missing
            say(f"host {host.name}: interpreter Python {version}{real}")


def destroy(arguments: argparse.Namespace) -> None:
    """Removes the lab's own containers, and its network when no host is left. Images stay: they are the cache."""
    podman = Podman()
    for host in hosts_of(arguments.inventory, arguments.hosts, "stock"):
        if remove(podman, host):
            say(f"host {host.name}: removed")
    if not podman("ps", "--all", "--quiet", f"--filter=label={LABEL}=host") and podman.has(
        "network", "exists", NETWORK
    ):
        removed = podman.has("network", "rm", NETWORK)
        say(f"network {NETWORK}: {'removed' if removed else 'kept, because containers that are not the lab use it'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    actions = {"create": create, "missing": missing, "build": build_one, "destroy": destroy}
    for name, action in actions.items():
        command = commands.add_parser(name)
        command.set_defaults(action=action)
        if name == "build":
            command.add_argument("image")
            continue
        command.add_argument("--inventory", default=str(HERE / "inventory"))
        command.add_argument("--hosts", default="", help="only these, comma separated; default all")
        if name == "create":
            command.add_argument("--reset", action="store_true", help="new containers for the relays")
        if name != "destroy":
            command.add_argument(
                "--variant", choices=("stock", "bare"), default="stock", help="bare: relays without an MTA"
            )
    arguments = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        # One at a time: two runs that create the same lab end with one lab.
        with open(CACHE / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            arguments.action(arguments)
    except LabError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
