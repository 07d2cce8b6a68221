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

from ansible_collections.postmaster.mta.plugins.plugin_utils import _queue_report

#: What one call of the module returns at most, in messages and in bytes.
PIECE_MESSAGES = 200
PIECE_BYTES = 8 << 20
_ID = re.compile(r"[A-Za-z0-9]{6,32}\Z")

Message = t.Mapping[str, t.Any]


def directory(dest: pathlib.Path, host: str) -> pathlib.Path:
    """Where the files of a host lie; its name is one part of the path, whatever is in it."""
    return dest / (re.sub(r"[^A-Za-z0-9._:@-]", "_", host).lstrip(".") or "_")


def there(place: pathlib.Path, message: Message) -> bool:
    """Whether a message is saved already, as whole as it can be had."""
    try:
        known = json.loads((place / f"{_name(message)}.json").read_text(encoding="utf-8"))
        size = (place / f"{_name(message)}.eml").stat().st_size
    except (OSError, ValueError):
        return False
    return (
        known.get("arrival") == message["arrival"]
        and size == known.get("saved")
        and (not known.get("cut") or message["cut"])
    )


def pieces(messages: t.Sequence[Message]) -> t.Iterator[list[Message]]:
    """The messages in portions that one answer of the module can hold."""
    piece: list[Message] = []
    size = 0
    for one in messages:
        if piece and (len(piece) == PIECE_MESSAGES or size + one["size"] > PIECE_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(one)
        size += one["size"]
    if piece:
        yield piece


def save(place: pathlib.Path, message: Message, instance: str, host: str) -> None:
    """Write a message and its envelope; the envelope comes last, so where it is there the message is whole."""
    content = base64.b64decode(message["content"])
    envelope = {name: value for name, value in message.items() if name != "content"}
    envelope.update(host=host, instance=instance, saved=len(content), sha256=hashlib.sha256(content).hexdigest())
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = _name(message)
    _write(place / f"{name}.eml", content)
    _write(place / f"{name}.json", json.dumps(envelope, indent=2, sort_keys=True).encode() + b"\n")


def _name(message: Message) -> str:
    """The queue ID, which came from the host and becomes a file name here."""
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


def table(results: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """One line for each host: what it catches, how much is caught, and what was done.

    :param results: what capture, capture_info or capture_save returned, or why it did not, by host.
    """
    rows: list[tuple[str, ...]] = [("HOST", "INSTANCE", "CATCHES", "CAUGHT", "DONE")]
    troubles = []
    for host, result in sorted(results.items()):
        if "capture_instance" in result and not result.get("failed"):
            routes = ", ".join(result.get("routes") or ()) or "-"
            rows.append(
                (
                    host,
                    result["capture_instance"],
                    routes[:60],
                    str(result.get("caught", result.get("count", 0))),
                    _done(result),
                )
            )
        else:
            troubles.append(f"{host}: {result.get('msg') or 'it did not answer'}")
    lines = _queue_report._table(rows, right=(3,)) if len(rows) > 1 else []
    return lines + troubles


def _done(result: t.Mapping[str, t.Any]) -> str:
    said = [f"{word} {result[word]}" for word in ("released", "deleted") if result.get(word)]
    if "saved" in result:
        said.append(f"saved {len(result['saved'])} in {result['dest']}")
    if result.get("truncated"):
        said.append("there are more")
    return ", ".join(said) or ("changed" if result.get("changed") else "nothing")
