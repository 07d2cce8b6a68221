# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix's compiled tables: which files postmap(1) makes of a source, how they are made, and what is in them.

Private to the collection: it can change at any time.

A compiled table is never written in place: postmap(1) that is killed leaves an empty one, whose lookups find nothing without
an error. It is made under a new name, compared with its source, and moved.
"""

import os
import re
import shutil
import tempfile
import time
import typing as t

from .. import _files
from .._errors import Refused
from .._model.host import COMPILED_SUFFIXES, Host

# A part of the contract: _driver/compile.py.
from .._model.host import compiled_names as compiled_names  # pylint: disable=useless-import-alias
from . import main_cf
from .logical_lines import BLANKS, read_document

#: A table that another file has replaced is opened anew; nothing is compared.
WATCHES_FILES = False


def make(host: Host, stage: str, name: str, kind: str, compare: bool = True, aliases: bool = False) -> None:
    """Compile one table in the stage under a new name, and move it.

    :param compare: dump it and compare it with its source; the time this takes grows with the table.
    :raises Refused: what postmap(1) warned about; it ends with 0 whatever it skips.
    """
    if kind not in COMPILED_SUFFIXES:
        return
    source = os.path.join(stage, name)
    scratch = tempfile.mkdtemp(prefix=".build-", dir=os.path.dirname(source))
    try:
        copy = os.path.join(scratch, os.path.basename(name))
        os.link(source, copy)
        result = host.runner.run(command(host, kind, copy, aliases), check=False, timeout=600)
        problems = _complaints(result.err, scratch, name)
        if result.rc or problems:
            raise Refused(problems or [f"{name}: {kind} table not made: exit status {result.rc}"])
        kind = _made_as(kind, result.err)
        if compare:
            _compare(host, kind, copy, name, aliases)
        for built, target in zip(compiled_names(kind, copy), compiled_names(kind, source)):
            _move(built, target, like=source)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _made_as(kind: str, said: str) -> str:
    """Return the type of the table that was made: from 3.11 on Postfix can make another one than it is told to."""
    redirected = re.search(r": redirecting \w+:\S* to (\w+):", said)
    return redirected.group(1) if redirected else kind


def finish(stage: str) -> None:
    """Do what remains when all files are in the stage."""
    settle(os.path.join(stage, "main.cf"))


def entries(content: bytes, aliases: bool = False) -> t.Dict[str, str]:
    """Return what a source says, as postmap(1) and postalias(1) understand it: keys in lower case, the first of two counts."""
    entries: t.Dict[str, str] = {}
    for line in read_document(content, "").logical:
        key, value = _alias_entry(line.text) if aliases else _map_entry(line.text)
        if key:
            entries.setdefault(key, value)
    return entries


def parse_dump(text: str, aliases: bool = False) -> t.Dict[str, str]:
    """Parse the output of C(postmap -s), key, TAB, value, or of C(postalias -s), where a colon follows the key.

    The entries that postalias adds for NIS are left out (postalias(1)).
    """
    pairs = [line.partition("\t") for line in text.split("\n") if line]
    if not aliases:
        return {key: value for key, dummy, value in pairs}
    named = {key[:-1] if key.endswith(":") else key: value for key, dummy, value in pairs}
    return {key: value for key, value in named.items() if key != "@" and not key.startswith("YP_")}


def settle(path: str) -> None:
    """Set the time of a main.cf that was just written three seconds back.

    Every Postfix program that finds a main.cf of the last second fears that it is being written, and reads it again and again
    until it is older (dict_load_file_xt() in dict.c): after a reload nothing would be answered for two seconds.
    """
    try:
        earlier = time.time() - 3
        if os.stat(path).st_mtime > earlier:
            os.utime(path, (earlier, earlier))
    except OSError:
        pass


def command(host: Host, kind: str, path: str, aliases: bool, *options: str) -> t.List[str]:
    """Return the command line of postmap(1), or of postalias(1) for aliases."""
    program = "postalias" if aliases else "postmap"
    return [program, "-c", host.instance.config_directory] + list(options) + [f"{kind}:{path}"]


def _complaints(output: str, scratch: str, name: str) -> t.List[str]:
    """Return postmap's warnings with the name of the file instead of that of its copy."""
    texts = []
    for line in main_cf.complaints(output):
        match = re.search(r"\w+: (?:warning|fatal|error|panic): (.*)\Z", line)
        text = (match.group(1) if match else line).strip()
        if text:
            texts.append(re.sub(r"(, line | line |:)(\d+):", r":\2:", text.replace(scratch + "/", "")))
    base = os.path.basename(name)
    suffixes = {suffix for suffixes in COMPILED_SUFFIXES.values() for suffix in suffixes}
    compiled = re.escape(base) + "(?:" + "|".join(map(re.escape, sorted(suffixes))) + r")\b"
    texts = [re.sub(compiled, base, text) for text in texts]
    return [text if base in text else f"{name}: {text}" for text in texts]


def _compare(host: Host, kind: str, copy: str, name: str, aliases: bool) -> None:
    """Compare a table with its source. A line that starts with a blank vanishes without a warning: it joins the one before."""
    dump = parse_dump(host.runner.run(command(host, kind, copy, aliases, "-s")).out, aliases)
    wanted = entries(_files.read(copy) or b"", aliases)
    if dump != wanted:
        missing = sorted(set(wanted.items()) ^ set(dump.items()))
        raise Refused([f"{name}: the compiled table is not what its source says, first at {missing[0][0]!r}"])


def _move(built: str, target: str, like: str) -> None:
    attributes = os.stat(like)
    os.chown(built, attributes.st_uid, attributes.st_gid)
    os.chmod(built, attributes.st_mode & 0o7777)
    _files.put(built, target)


def _map_entry(line: str) -> t.Tuple[str, str]:
    """Split C(key value); a key in double quotes may contain blanks (postmap(1))."""
    if line.startswith('"') and '"' in line[1:]:
        key, dummy, value = line[1:].partition('"')
    else:
        parts = line.split(None, 1)
        key, value = (parts + ["", ""])[:2]
    return key.lower(), value.strip(BLANKS)


def _alias_entry(line: str) -> t.Tuple[str, str]:
    key, colon, value = line.partition(":")
    if line.startswith('"'):
        quoted, dummy, rest = line[1:].partition('"')
        key, value = quoted, rest.partition(":")[2]
    return key.strip(BLANKS).lower() if colon else "", value.strip(BLANKS)
