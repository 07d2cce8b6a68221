# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of a capture instance as files on the controller, and as a table.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import re
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.postmaster.mta.plugins.plugin_utils import tables
from ansible_collections.postmaster.mta.plugins.plugin_utils.tables import Column

#: The messages and the bytes that one call of the module returns at most.
PIECE_MESSAGES = 200
PIECE_BYTES = 8 << 20
_ID = re.compile(r"[A-Za-z0-9]{6,32}\Z")

Message = t.Mapping[str, t.Any]


def directory(dest: pathlib.Path, host: str) -> pathlib.Path:
    """Return the directory for the files of a host. Its name becomes one part of the path, whatever is in it."""
    return dest / (re.sub(r"[^A-Za-z0-9._:@-]", "_", host).lstrip(".") or "_")


def there(place: pathlib.Path, message: Message) -> bool:
    """Return whether a message is saved already, and is as complete as it can be."""
    try:
        record = json.loads((place / f"{_name(message)}.json").read_text(encoding="utf-8"))
        size = (place / f"{_name(message)}.eml").stat().st_size
    except (OSError, ValueError):
        return False
    return (
        record.get("arrival") == message["arrival"]
        and size == record.get("saved")
        and (not record.get("cut") or message["cut"])
    )


def pieces(messages: t.Sequence[Message]) -> t.Iterator[list[Message]]:
    """Return the messages in pieces that one answer of the module can hold."""
    piece: list[Message] = []
    size = 0
    for message in messages:
        if piece and (len(piece) == PIECE_MESSAGES or size + message["size"] > PIECE_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(message)
        size += message["size"]
    if piece:
        yield piece


def save(place: pathlib.Path, message: Message, instance: str, host: str) -> None:
    """Write a message and its envelope. The envelope is written last: where it exists, the message is complete."""
    content = base64.b64decode(message["content"])
    envelope = {name: value for name, value in message.items() if name != "content"}
    envelope.update(host=host, instance=instance, saved=len(content), sha256=hashlib.sha256(content).hexdigest())
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = _name(message)
    _write(place / f"{name}.eml", content)
    _write(place / f"{name}.json", json.dumps(envelope, indent=2, sort_keys=True).encode() + b"\n")


def _name(message: Message) -> str:
    """Return the queue ID. It came from the host and becomes a file name here, so it is checked."""
    if not _ID.match(message["id"]):
        raise AnsibleError(f"not a queue ID: {message['id']!r}")
    return str(message["id"])


def _write(path: pathlib.Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    temporary.replace(path)


def table(results: t.Mapping[str, t.Mapping[str, t.Any]], check_mode: bool = False) -> list[str]:
    """Return one line for each host: what it catches, how much is caught, and what was done.

    :param results: what capture, capture_info or capture_save returned, or why it did not, by host.
    """
    columns = [
        Column("HOST"),
        Column("INSTANCE", least=8),
        Column("CATCHES", least=12),
        Column("CAUGHT", right=True),
        Column("WOULD BE DONE" if check_mode else "DONE", least=20),
    ]
    rows = []
    troubles = []
    for host, result in sorted(results.items()):
        if "capture_instance" in result and not result.get("failed"):
            routes = ", ".join(result.get("routes") or ()) or "-"
            caught = result.get("caught", result.get("count", 0))
            rows.append((host, result["capture_instance"], routes, caught, _done(result)))
        else:
            troubles += tables.sentence(f"{host}: {result.get('msg') or 'it did not answer'}")
    return (tables.table(columns, rows) if rows else []) + troubles


def _done(result: t.Mapping[str, t.Any]) -> str:
    words = [f"{word} {result[word]}" for word in ("released", "deleted") if result.get(word)]
    if "saved" in result:
        words.append(f"saved {len(result['saved'])} in {result['dest']}")
    if result.get("gone"):
        words.append(f"{result['gone']} left the queue meanwhile")
    if result.get("truncated"):
        words.append("there are more")
    return ", ".join(words) or ("changed" if result.get("changed") else "nothing")
