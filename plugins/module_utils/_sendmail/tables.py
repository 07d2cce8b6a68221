# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail's tables: their text, their compilation under a new name, and whether the compiled form is up to date.

Private to the collection: it can change at any time.
"""

import ipaddress
import os
import stat
import typing as t

from .. import _files
from .._addresses import Network
from .._errors import CommandError, Refused
from .._model.host import COMPILED_SUFFIXES, Files, Host
from . import discover as instance

BEGIN = "# BEGIN postmaster.mta relay policy"
END = "# END postmaster.mta relay policy"
#: An IPv6 network that is not on a 16-bit boundary becomes one entry for each group that it covers, up to this many.
MOST_PREFIXES = 256
#: The file that tells whether a compiled table is there, by table type.
SUFFIXES = {kind: suffixes[-1] for kind, suffixes in COMPILED_SUFFIXES.items()}

ALIASES = "aliases.postmaster"
#: Our part of the access map; the hand-written access is asked after it and stays as it is.
ACCESS = "access.postmaster"
TABLES = (ACCESS, "mailertable", "capture")

Entries = t.Sequence[t.Tuple[str, str]]


def prefixes(network: Network) -> t.Tuple[str, ...]:
    """The keys that stand for a network in class R and the access map, which know whole octets (IPv4) or groups (IPv6) only.

    :raises ValueError: an IPv6 network that would need more than MOST_PREFIXES keys.
    """
    width = 8 if network.version == 4 else 16
    groups = -(-network.prefixlen // width)
    if groups == 0:
        raise ValueError("the whole address space is an open relay, not a network")
    count = 1 << (groups * width - network.prefixlen)
    if count > MOST_PREFIXES:
        raise ValueError(
            f"sendmail would need {count} entries for it; a network with a prefix of {_boundary(network)} needs one"
        )
    step = 1 << (network.max_prefixlen - groups * width)
    first = int(network.network_address)
    return tuple(_prefix(first + number * step, network.version, groups) for number in range(count))


def _boundary(network: Network) -> str:
    width = 8 if network.version == 4 else 16
    return f"/{network.prefixlen // width * width or width} or /{-(-network.prefixlen // width) * width}"


def _prefix(address: int, version: int, groups: int) -> str:
    if version == 4:
        return ".".join(str(ipaddress.IPv4Address(address)).split(".")[:groups])
    parts = ipaddress.IPv6Address(address).exploded.split(":")[:groups]
    return "IPv6:" + ":".join(format(int(part, 16), "x") for part in parts)


def networks(keys: t.Iterable[str]) -> t.Tuple[Network, ...]:
    """The networks that keys stand for, in the order of the keys, neighbours put together: the way back from prefixes()."""
    found = [network for network in map(network_of, keys) if network]
    joined = []  # type: t.List[Network]
    for version in (4, 6):
        joined += ipaddress.collapse_addresses(network for network in found if network.version == version)
    return tuple(sorted(joined, key=lambda network: _first_inside(network, found)))


def _first_inside(network: Network, found: t.Sequence[Network]) -> int:
    for number, one in enumerate(found):
        if (
            one.version == network.version
            and network.network_address <= one.network_address <= network.broadcast_address
        ):
            return number
    return len(found)


def network_of(key: str) -> t.Optional[Network]:
    """The network of one key; None where it is none."""
    six = key.lower().startswith("ipv6:")
    text = key[5:] if six else key
    groups = text.split(":" if six else ".")
    if "::" not in text:
        missing = (8 if six else 4) - len(groups)
        text = (":" if six else ".").join(groups + ["0"] * missing)
    prefix = 128 if "::" in key else (16 if six else 8) * len(groups)
    try:
        return ipaddress.ip_network(f"{text}/{prefix}")
    except ValueError:
        return None


# --- sources ------------------------------------------------------------------------------------------------------


def with_block(current: t.Optional[bytes], entries: Entries) -> bytes:
    """A table source with our entries in one marked block; every line outside the block stays byte for byte."""
    text = (current or b"").decode("utf-8", "surrogateescape")
    before, dummy, after = split_block(text)
    block = "".join(f"{key}\t{value}\n" for key, value in entries)
    if before and not before.endswith("\n"):
        before += "\n"
    inside = f"{BEGIN}\n{block}{END}\n" if block else ""
    return (before + inside + after).encode("utf-8", "surrogateescape")


def split_block(text: str) -> t.Tuple[str, str, str]:
    """What stands before our block, in it and behind it; without a block everything stands before it."""
    start = text.find(BEGIN + "\n")
    end = text.find(END + "\n", start)
    if start < 0 or end < 0:
        return text, "", ""
    return text[:start], text[start + len(BEGIN) + 1 : end], text[end + len(END) + 1 :]


def entries_of(text: str) -> t.Tuple[t.Tuple[int, str, str], ...]:
    """Line number, key and value of each entry of a makemap source (makemap(8)): # begins a comment in the first column only."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            parts = line.split(None, 1)
            found.append((number, parts[0], parts[1].strip() if len(parts) > 1 else ""))
    return tuple(found)


def access_text(entries: Entries) -> bytes:
    """The source of our part of the access map."""
    head = "# Written by postmaster.mta; the file access is asked after this one and is yours.\n"
    return (head + "".join(f"{key}\t{value}\n" for key, value in entries)).encode("ascii")


def aliases_text(aliases: t.Iterable[t.Tuple[str, t.Sequence[str]]]) -> bytes:
    """The source of our own aliases, which are asked before the system's (aliases(5))."""
    lines = [f"{name}: {', '.join(targets)}\n" for name, targets in aliases]
    return "".join(
        ["# Written by postmaster.mta; the system's own aliases file is consulted after this one.\n"] + lines
    ).encode("ascii")


def alias_entries(text: str) -> t.Tuple[t.Tuple[str, str], ...]:
    """The entries of our own aliases file, which has one line for each."""
    found = []
    for line in text.split("\n"):
        name, colon, targets = line.partition(":")
        if colon and not line.startswith("#"):
            found.append((name.strip(), targets.strip()))
    return tuple(found)


# --- what is broken before we come ----------------------------------------------------------------------------------

#: Files of the configuration directory that are read, written or started from.
_READ = ("sendmail.mc", "sendmail.cf", "access", ACCESS, "mailertable", ALIASES, "aliases", "local-host-names")
_READ += ("relay-domains", "sendmail.conf", "Makefile", "virtusertable", "genericstable", "domaintable")


def broken(host: Host) -> t.Tuple[str, ...]:
    """What is wrong with the host before anything is changed and no run of ours would mend, with file and line.

    A sendmail.cf or a table of ours that somebody spoilt is no such thing: the run writes it anew.
    """
    directory = host.instance.config_directory
    findings = _open_doors(directory) + [finding for name in _READ for finding in _unreadable(directory, name)]
    if findings or not os.path.isdir(directory):
        return tuple(findings)
    for name, judge in (("access", _entry_defects), ("mailertable", _route_defects), ("aliases", _alias_defects)):
        findings += [f"{directory}/{name}:{number}: {why}" for number, why in judge(_text(directory, name))]
    return tuple(findings + (_start_defects(host, directory) if host.instance.primary else []))


def _open_doors(directory: str) -> t.List[str]:
    """sendmail takes no table from a place that others may write to (op.me, DontBlameSendmail)."""
    paths = [directory] + [os.path.join(directory, name) for name in _READ]
    modes = [(path, stat.S_IMODE(os.stat(path).st_mode)) for path in paths if os.path.exists(path)]
    return [
        f"{path}: others than its owner may write to it (mode {mode:04o}), and sendmail distrusts that"
        for path, mode in modes
        if mode & (stat.S_IWGRP | stat.S_IWOTH)
    ]


def _unreadable(directory: str, name: str) -> t.List[str]:
    path = os.path.join(directory, name)
    if os.path.islink(path) and not os.path.exists(path):
        return [f"{path}: a symbolic link to nowhere"]
    if os.path.exists(path) and not os.path.isfile(path):
        return [f"{path}: not a file"]
    return []


def _text(directory: str, name: str) -> str:
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


Defects = t.List[t.Tuple[int, str]]


def _entry_defects(text: str) -> Defects:
    """What makemap refuses: a key without a value, a key that stands twice."""
    first = {}  # type: t.Dict[str, int]
    found = []  # type: Defects
    for number, key, value in entries_of(text):
        before = first.setdefault(key.lower(), number)
        if before != number:
            found.append((number, f"{key} stands in line {before} already"))
        elif not value:
            found.append((number, f"{key} has no value"))
    return found


def _route_defects(text: str) -> Defects:
    strange = [(number, f"{value} is not mailer:host") for number, dummy, value in entries_of(text) if ":" not in value]
    known = _entry_defects(text)
    return known + [one for one in strange if one[0] not in dict(known)]


def _alias_defects(text: str) -> Defects:
    """Lines that newaliases refuses (aliases(5)); a line that begins with a blank goes on with the one before."""
    found = []  # type: Defects
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and line[0] not in "# \t" and not line.partition(":")[1]:
            found.append((number, f"{line.strip()} has no colon"))
    return found


def _start_defects(host: Host, directory: str) -> t.List[str]:
    """What the service's start script (Debian) reads: a shell file, and a Makefile without which it starts nothing."""
    conf, makefile = os.path.join(directory, "sendmail.conf"), os.path.join(directory, "Makefile")
    findings = []  # type: t.List[str]
    if os.path.exists(conf):
        said = host.runner.run(["sh", "-n", conf], timeout=30, check=False)
        findings += [line if conf in line else f"{conf}: {line}" for line in said.err.split("\n") if line.strip()]
    if os.path.exists(makefile):
        if not _text(directory, "Makefile").strip():
            return findings + [f"{makefile}: empty, and the service would not start"]
        # A target that nobody has: make reads the file, does nothing, and says what it could not read.
        said = host.runner.run(
            ["make", "-q", "-f", makefile, "none-of-that-name"], timeout=60, check=False, cwd=directory
        )
        findings += [line for line in said.err.split("\n") if line.startswith(f"{makefile}:") and "***" in line]
    return findings


# --- compiled tables ----------------------------------------------------------------------------------------------


def compiled_name(host: Host, name: str) -> str:
    """The file that makemap makes of a table."""
    return name + SUFFIXES.get(host.capabilities.default_table_type, ".db")


def stale(host: Host, files: Files) -> t.Tuple[str, ...]:
    """The compiled tables that must be made: those that are missing or do not hold what the wanted source says."""
    directory = host.instance.config_directory
    found = []
    for name in TABLES + (ALIASES,):
        wanted = files.get(name)
        if wanted is not None and wanted.content is not None and not _holds(host, directory, name, wanted.content):
            found.append(compiled_name(host, name))
    return tuple(found)


def _holds(host: Host, directory: str, name: str, content: bytes) -> bool:
    path = os.path.join(directory, compiled_name(host, name))
    if not os.path.exists(path):
        return False
    try:
        return dump(host, path, name) == wanted_entries(name, content)
    except CommandError:
        return False


def wanted_entries(name: str, content: bytes) -> t.FrozenSet[t.Tuple[str, str]]:
    """What the compiled form of a source must hold; makemap folds keys to lower case."""
    text = content.decode("utf-8", "surrogateescape")
    if name == ALIASES:
        return frozenset(alias_entries(text)) | {("@", "@")}
    return frozenset((key.lower(), value) for dummy, key, value in entries_of(text))


def dump(host: Host, path: str, name: str) -> t.FrozenSet[t.Tuple[str, str]]:
    """The entries of a compiled table (makemap -u). Aliases carry their terminating NULs."""
    kind = host.capabilities.default_table_type
    options = ["-N"] if name == ALIASES else []
    base = path[: -len(SUFFIXES.get(kind, ".db"))]
    result = host.runner.run(["makemap", "-u"] + options + [kind, base], timeout=120)
    pairs = [line.replace("\0", "").partition("\t") for line in result.out.split("\n") if line]
    return frozenset((key, value.strip()) for key, dummy, value in pairs)


def build(host: Host, stage: str, names: t.Sequence[str]) -> None:
    """Compile tables inside the stage: under a new name, compared with the source, flushed, then renamed.

    :param names: compiled tables as stale() returns them, or their sources.
    :raises Refused: naming file and line of what makemap did not take; it exits 65 after it has written the rest.
    """
    for name in names:
        suffix = SUFFIXES.get(host.capabilities.default_table_type, ".db")
        _build_one(host, stage, name[: -len(suffix)] if name.endswith(suffix) else name)


def _build_one(host: Host, stage: str, name: str) -> None:
    kind = host.capabilities.default_table_type
    suffix = SUFFIXES.get(kind, ".db")
    fresh = os.path.join(stage, f".{name}.new")
    with open(os.path.join(stage, name), "rb") as file:
        content = file.read()
    try:
        _make(host, name, content, fresh, kind)
        _compare(host, name, content, fresh + suffix)
        _settle(os.path.join(stage, name + suffix), fresh + suffix)
    finally:
        if os.path.exists(fresh + suffix):
            os.unlink(fresh + suffix)


def _make(host: Host, name: str, content: bytes, fresh: str, kind: str) -> None:
    source = content.decode("utf-8", "surrogateescape")
    options = []  # type: t.List[str]
    if name == ALIASES:
        # The entry @ says that the table is complete; sendmail waits for it (AliasWait).
        source = "".join(f"{key}\t{value}\n" for key, value in alias_entries(source)) + "@\t@\n"
        options = ["-N"]
    result = host.runner.run(["makemap"] + options + [kind, fresh], stdin=source, timeout=120, check=False)
    if result.rc or result.err.strip():
        raise Refused(
            [_blame(name, line) for line in (result.err or result.out or "makemap failed").strip().split("\n")]
        )


def _blame(name: str, line: str) -> str:
    """C(makemap: /path: line 3: text) with the path that the postmaster knows."""
    where, marker, rest = line.partition(": line ")
    return f"{name}:{rest}" if marker else f"{name}: {line}"


def _compare(host: Host, name: str, content: bytes, path: str) -> None:
    wanted = wanted_entries(name, content)
    held = dump(host, path, name)
    if wanted != held:
        different = sorted(wanted ^ held)[0]
        raise Refused([f"{name}: the compiled table does not hold what its source says, for instance {different[0]!r}"])


def _settle(path: str, fresh: str) -> None:
    """Give the new table the owner and the mode of the old one, or those that the daemon accepts, and move it there."""
    known = instance.the_layout()
    if os.path.exists(path):
        old = os.stat(path)
        owner, group, mode = old.st_uid, old.st_gid, old.st_mode & 0o7777
    else:
        owner, group, mode = _uid(known.table_owner), _gid(known.group), 0o640
    os.chown(fresh, owner, group)
    os.chmod(fresh, mode)
    _files.put(fresh, path)


def _uid(name: str) -> int:
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return 0


def _gid(name: str) -> int:
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return 0
