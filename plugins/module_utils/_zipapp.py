# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file that runs without a controller: the package of this very process as a zip archive that Python executes.

Private to the collection: it can change at any time.

The same files give the same bytes, so that a second run has nothing to write.
"""

import io
import os
import typing as t
import zipfile

from . import _files

_PACKAGE = "ansible_collections/postmaster/mta/plugins/module_utils"
#: Every file in the archive has the time stamp of the archive format's first day: when it was made says nothing.
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_START = """\
import sys
from ansible_collections.postmaster.mta.plugins.module_utils.{package} import {module}
sys.exit({module}.main(sys.argv[1:]))
"""


def content(package: str, module: str) -> bytes:
    """Return the archive; it calls the function main of one module with the arguments, and exits with what that returns."""
    files = {f"{_PACKAGE}/{name}": source for name, source in _sources()}
    for path in list(files):
        # A zip archive knows no package without its __init__.py, and not every one is there.
        folders = path.split("/")[:-1]
        for count in range(1, len(folders) + 1):
            files.setdefault("/".join(folders[:count]) + "/__init__.py", b"")
    files["__main__.py"] = _START.format(package=package, module=module).encode("ascii")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, source in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, source)
    return stream.getvalue()


def _sources() -> t.Iterator[t.Tuple[str, bytes]]:
    """Yield the files of the package, from the archive or the directory in which they are."""
    top = os.path.dirname(os.path.abspath(__file__))
    if os.path.isdir(top):
        for parent, _dummy, names in os.walk(top):
            for name in sorted(names):
                if name.endswith(".py"):
                    path = os.path.join(parent, name)
                    yield os.path.relpath(path, top).replace(os.sep, "/"), _files.read(path) or b""
        return
    # The archive that Ansible has sent, or one of ours.
    outer = top
    while not os.path.isfile(outer) and outer != os.path.dirname(outer):
        outer = os.path.dirname(outer)
    inner = os.path.relpath(top, outer).replace(os.sep, "/")
    with zipfile.ZipFile(outer) as archive:
        for name in archive.namelist():
            if name.startswith(inner + "/") and name.endswith(".py"):
                yield name[len(inner) + 1 :], archive.read(name)


__all__ = ("content",)
