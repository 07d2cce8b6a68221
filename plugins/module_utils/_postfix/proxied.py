# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let proxymap(8) serve the clients of before, while a reload takes C(proxy:) tables out of a configuration or puts others in.

An smtpd(8) that talks to a client during a reload keeps its old configuration. Its next lookup goes to a new proxymap, which serves no
table that the new configuration does not name: smtpd dies, and the client loses the connection.

Private to the collection: it can change at any time.
"""

import contextlib
import os
import re
import typing as t

from .. import _files, _proc
from .._clock import comes_true
from .._model.host import Host
from . import compile as compiled
from . import main_cf, master_cf
from .parameters import MalformedValue, defaults, expand

_TABLE = re.compile(r"\bproxy:[a-z]+:[^\s,{}]+")
_APPROVED = "proxy_read_maps"
#: How long the processes of before may take to end; who talks longer than that is rare.
_PATIENCE = 10.0


def changed(host: Host, before: t.Tuple[bytes, bytes], after: t.Tuple[bytes, bytes]) -> t.Tuple[str, ...]:
    """Return the C(proxy:) tables that only one of two configurations names.

    :param before: main.cf and master.cf.
    """
    return tuple(sorted(_named(host, *before) ^ _named(host, *after)))


@contextlib.contextmanager
def served(host: Host, tables: t.Sequence[str], pid: int) -> t.Iterator[None]:
    """Let a reload leave these tables approved until the processes of before have ended.

    :param pid: the master, whose processes those are.
    """
    path = os.path.join(host.instance.config_directory, "main.cf")
    content = _files.read(path) if tables else None
    if content is None:
        yield
        return
    known = os.stat(path)
    main = main_cf.parse(content)
    value = main.values.get(_APPROVED, defaults(host.runner).get(_APPROVED, ""))
    _files.write_new(path, main_cf.edit(main, {_APPROVED: " ".join([value, *tables])}), 0o644, like=path)
    compiled.settle(path)
    try:
        children = _proc.children(pid)
        yield
        comes_true(lambda: not set(children) & set(_proc.children(pid)), _PATIENCE, 0.1)
    finally:
        _files.write_new(path, content, 0o644, like=path)
        os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))


def _named(host: Host, main: bytes, master_file: bytes) -> t.Set[str]:
    values = dict(defaults(host.runner), **main_cf.parse(main).values)
    values["config_directory"] = host.instance.config_directory
    texts = [(value, values) for name, value in values.items() if name != _APPROVED]
    for service in master_cf.parse(master_file).services.values():
        own = dict(values, **service.option_values)
        texts += [(value, own) for dummy, value in service.options]
    named: t.Set[str] = set()
    for value, known in texts:
        if "$" in value or "proxy:" in value:
            with contextlib.suppress(MalformedValue):
                named.update(_TABLE.findall(expand(value, known)))
    return named
