# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and directories: durable writing, hard-linked copies, and the exchange of two directories in one step.

Private to the collection: it can change at any time.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import pwd
import shutil
import stat
import typing as t

_BUFFER = 1 << 20
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
#: What renameat2(2) says where two directories cannot change places: other file system layer, mount point, old kernel.
CANNOT_EXCHANGE = (errno.EXDEV, errno.EBUSY, errno.EINVAL, errno.ENOSYS, errno.EPERM)

#: A directory that is a mount point is changed by copies inside it; their names begin so, and belong to no configuration.
PRIVATE = ".postmaster"

#: What tells a file from a changed one: type and mode, owner, group, size, modification time, inode.
Fingerprint = t.Dict[str, t.Tuple[int, ...]]


def temporary(path: str) -> str:
    """Return the name under which a file is written before it is moved into place."""
    return f"{path}.postmaster-new"


def read(path: str) -> t.Optional[bytes]:
    """Return the content of a file, or None when there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def capacity(path: str) -> int:
    """Return the bytes of the file system of a path; 0 where there is none."""
    try:
        known = os.statvfs(path)
    except OSError:
        return 0
    return known.f_blocks * known.f_frsize


def write_new(path: str, content: bytes, mode: int, like: t.Optional[str] = None) -> None:
    """Write a file under a temporary name, make it durable and move it into place.

    :param like: an existing file whose owner, group, mode, ACL and SELinux context the new one gets.
    """
    write_stream(path, (content,), mode, like)


def write_stream(
    path: str,
    pieces: t.Iterable[t.Union[bytes, bytearray, memoryview]],
    mode: int,
    like: t.Optional[str] = None,
    new: t.Optional[str] = None,
) -> None:
    """Write a file piece by piece, as write_new() does, for content that is too big to hold twice.

    :param new: another temporary name, where two writers can meet.
    """
    new = new or temporary(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb", _BUFFER) as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if like is not None and os.path.exists(like):
                copy_identity(like, new)
            os.fsync(file.fileno())
        os.rename(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise


def keep_json(path: str, record: t.Any) -> None:
    """Keep a record between runs, readable by its owner alone, whole or not at all; the directory is made.

    Two runs can do so at the same time: the last one wins.
    """
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        os.makedirs(directory, 0o700)
    content = json.dumps(record).encode("utf-8")
    write_stream(path, (content,), 0o600, new=temporary(f"{path}.{os.getpid()}"))


def put(new: str, path: str) -> None:
    """Make a finished file durable and move it into place."""
    _fsync(new)
    os.replace(new, path)


def _fsync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_identity(source: str, target: str) -> None:
    """Give a file the owner, group, mode, ACL and security label of another; the time stamps become now."""
    shutil.copystat(source, target)
    known = os.stat(source)
    os.chown(target, known.st_uid, known.st_gid)
    # chown(2) clears the set-id bits, so the mode comes last.
    os.chmod(target, stat.S_IMODE(known.st_mode))
    os.utime(target)


def user(uid: int) -> str:
    """Return the name of a user, or his number where he has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def renew(path: str, new: str) -> None:
    """Replace a file by a copy of itself, so that those who have it open can see that it is gone; none is fine.

    :param new: where the copy is made, on the same file system.
    """
    if not os.path.isfile(path):
        return
    remove(new)
    known = os.stat(path)
    shutil.copyfile(path, new)
    copy_identity(path, new)
    os.utime(new, ns=(known.st_atime_ns, known.st_mtime_ns))
    os.rename(new, path)


def replaced(old: str, new: str) -> t.List[str]:
    """Return the files of one directory that are other files in the second one, or are missing there."""
    inodes = {entry.name: entry.inode() for entry in _entries(new)}
    return [entry.name for entry in _entries(old) if entry.is_file() and inodes.get(entry.name) != entry.inode()]


def _entries(path: str) -> t.List["os.DirEntry[str]"]:
    """Return what is in a directory, without our own copies."""
    with os.scandir(path) as entries:
        return [entry for entry in entries if not entry.name.startswith(PRIVATE)]


def fsync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def exchange(one: str, other: str) -> None:
    """Let two directories change places in one step, so that nobody ever sees half of either (renameat2(2)).

    :raises OSError: with an errno of CANNOT_EXCHANGE where the system cannot.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        renameat2 = libc.renameat2
    except AttributeError:
        raise OSError(errno.ENOSYS, "this C library has no renameat2")
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), one, None, other)
    fsync_directory(os.path.dirname(one))


def link_tree(source: str, target: str) -> None:
    """Copy a directory: the directories are new, every file is the same file under a second name."""
    os.mkdir(target, 0o700)
    for entry in _entries(source):
        inside = os.path.join(target, entry.name)
        if entry.is_dir(follow_symlinks=False):
            link_tree(entry.path, inside)
        else:
            os.link(entry.path, inside, follow_symlinks=False)
    copy_identity(source, target)


def copy_tree(source: str, target: str) -> None:
    """Copy a directory with owners, modes and times; no file of it gets a second name. Sockets and the like are left out."""
    os.mkdir(target, 0o700)
    for entry in _entries(source):
        inside = os.path.join(target, entry.name)
        if entry.is_dir(follow_symlinks=False):
            copy_tree(entry.path, inside)
        elif entry.is_symlink():
            os.symlink(os.readlink(entry.path), inside)
        elif entry.is_file(follow_symlinks=False):
            _copy_file(entry.path, inside)
    known = os.stat(source)
    copy_identity(source, target)
    os.utime(target, ns=(known.st_atime_ns, known.st_mtime_ns))


def _copy_file(source: str, target: str) -> None:
    """Copy a file with owner, mode and times; nobody else can read it meanwhile."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(source, "rb") as original, os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(original, copy, _BUFFER)
    known = os.stat(source)
    copy_identity(source, target)
    os.utime(target, ns=(known.st_atime_ns, known.st_mtime_ns))


def put_tree(source: str, target: str, in_place: t.Callable[[str], bool]) -> None:
    """Make a directory hold the same files as its copy; what is the same there is not touched, and no file gets a second name.

    :param in_place: whether a file, by its name, is written over where it lies, and not replaced by a new one.
    """
    wanted = {entry.name: entry for entry in _entries(source)}
    present = {entry.name: entry for entry in _entries(target)}
    # New names first: a configuration may name a table only when the table is there.
    for name in sorted(wanted, key=lambda name: (name in present, name)):
        _put_entry(wanted[name], present.get(name), os.path.join(target, name), in_place)
    for name in sorted(set(present) - set(wanted)):
        if present[name].is_symlink() or present[name].is_file() or present[name].is_dir():
            remove(os.path.join(target, name))
    fsync_directory(target)


def _put_entry(
    wanted: "os.DirEntry[str]", present: t.Optional["os.DirEntry[str]"], path: str, in_place: t.Callable[[str], bool]
) -> None:
    if wanted.is_symlink():
        _put_link(os.readlink(wanted.path), path)
    elif wanted.is_dir():
        if present is not None and present.is_dir(follow_symlinks=False):
            put_tree(wanted.path, path, in_place)
        else:
            remove(path)
            copy_tree(wanted.path, path)
    elif present is None or not _is_same(wanted, present):
        is_file = present is not None and present.is_file(follow_symlinks=False)
        _put_file(wanted.path, path, is_file and in_place(wanted.name))


def _put_link(target: str, path: str) -> None:
    if not os.path.islink(path) or os.readlink(path) != target:
        remove(path)
        os.symlink(target, path)


def _put_file(source: str, path: str, in_place: bool) -> None:
    """Put a copy of a file at a path: into the file that is there, or as a new file in its place."""
    if in_place:
        make_later(source, path)
        overwrite(source, path)
        return
    new = temporary(path)
    remove(new)
    _copy_file(source, new)
    put(new, path)


def _is_same(one: "os.DirEntry[str]", other: "os.DirEntry[str]") -> bool:
    return copied_mark(one.stat(follow_symlinks=False)) == copied_mark(other.stat(follow_symlinks=False))


def copied_mark(known: os.stat_result) -> t.Tuple[int, ...]:
    """Return what a file has in common with its copy."""
    return known.st_mode, known.st_uid, known.st_gid, known.st_size, known.st_mtime_ns


def make_later(path: str, than: str) -> None:
    """Give a file a time stamp that is a second later than that of another one; by it a reader knows that it must read anew."""
    if os.path.exists(than):
        later = os.stat(than).st_mtime_ns + 1000000000
        if os.stat(path).st_mtime_ns < later:
            os.utime(path, ns=(later, later))


def overwrite(source: str, path: str) -> None:
    """Write content and time stamp of one file over another one where it lies, under the lock that its readers respect."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    with open(source, "rb") as content, os.fdopen(descriptor, "r+b", 0) as file:
        # Readers were built for one of the two kinds of locks, or for the other.
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX)
        os.fchmod(descriptor, stat.S_IMODE(os.stat(source).st_mode))
        shutil.copyfileobj(content, file, _BUFFER)
        file.truncate()
        changed = os.stat(source).st_mtime_ns
        os.utime(descriptor, ns=(changed, changed))
    _fsync(path)


def sync_tree(source: str, target: str) -> None:
    """Make a directory hold the same files as another; each file is replaced in one step, the rest is not touched."""
    wanted = {entry.name: entry for entry in _entries(source)}
    present = {entry.name: entry for entry in _entries(target)}
    # New names first: a configuration may name a table only when the table is there.
    for name in sorted(wanted, key=lambda name: (name in present, name)):
        _sync_entry(wanted[name], present.get(name), os.path.join(target, name))
    for name in sorted(set(present) - set(wanted)):
        remove(os.path.join(target, name))
    fsync_directory(target)


def _sync_entry(wanted: "os.DirEntry[str]", present: t.Optional["os.DirEntry[str]"], path: str) -> None:
    if wanted.is_dir(follow_symlinks=False):
        if present is not None and present.is_dir(follow_symlinks=False):
            sync_tree(wanted.path, path)
        else:
            remove(path)
            link_tree(wanted.path, path)
    elif present is None or present.inode() != wanted.inode():
        new = temporary(path)
        remove(new)
        os.link(wanted.path, new, follow_symlinks=False)
        os.rename(new, path)


def remove(path: str) -> None:
    """Remove a file or a directory with all that is in it; nothing there is fine."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        shutil.rmtree(path)


def fingerprint(directory: str) -> Fingerprint:
    """Return every file below a directory with what changes when somebody changes it."""
    found: Fingerprint = {}
    for parent, directories, files in os.walk(directory):
        directories[:] = [name for name in directories if not name.startswith(PRIVATE)]
        for name in directories + [name for name in files if not name.startswith(PRIVATE)]:
            path = os.path.join(parent, name)
            known = os.lstat(path)
            same: t.Tuple[int, ...] = (known.st_mode, known.st_uid, known.st_gid)
            if not stat.S_ISDIR(known.st_mode):
                same += (known.st_size, known.st_mtime_ns, known.st_ino)
            found[os.path.relpath(path, directory)] = same
    return found


def different(one: Fingerprint, other: Fingerprint) -> t.List[str]:
    """Return the names of the files that are not the same in two fingerprints."""
    files = {name for known in (one, other) for name, marks in known.items() if not stat.S_ISDIR(marks[0])}
    return sorted(name for name in files if one.get(name, ())[-1:] != other.get(name, ())[-1:])


def sentence(problem: OSError, path: str) -> str:
    """Return what the system said, with the file and the file system that it is about.

    :param path: the file where the error itself names none.
    """
    if isinstance(problem, shutil.Error):
        # A list of (source, target, reason), one for each file that could not be copied.
        source, dummy, reason = problem.args[0][0][:3]
        return f"{source}: cannot be copied: {reason}"
    where = problem.filename if isinstance(problem.filename, str) else path
    reason = problem.strerror or str(problem)
    if problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        reason = (
            f"{reason} (file system {mount_of(where)}); the configuration is as it was, and the relay was not touched"
        )
    elif problem.errno == errno.EXDEV:
        reason = f"{reason}: {where} and its directory are on two file systems ({mount_of(where)})"
    return f"{where}: {reason}"


def is_mount(path: str) -> bool:
    """Return whether something is mounted at a path, also a directory of the same file system."""
    if os.path.ismount(path):
        return True
    # proc(5): the fifth field is the mount point, blanks in it written in octal.
    places = [line.split(b" ")[4] for line in (read("/proc/self/mountinfo") or b"").splitlines()]
    return os.fsencode(path).replace(b" ", b"\\040") in places


def mount_of(path: str) -> str:
    """Return where the file system of a path is mounted."""
    path = os.path.abspath(path)
    while not is_mount(path):
        path = os.path.dirname(path)
    return path
