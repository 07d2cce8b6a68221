# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Would this sender, recipient or client be refused, by which line, and who wrote it when? The MTA's own tables are asked.

Private to the collection: it can change at any time.
"""

import datetime
import os
import typing as t

from .. import _files, _mta
from .._driver.access import Facts, access_of
from .._driver.lookup import lookup_of
from .._errors import OptionError
from .._model import access, blocks
from .._model.host import Host
from .._model.sources import Source
from .._runner import Runner
from . import exposed

_PROBE = "postmaster-mta-probe"
_REFUSING = (access.REJECT, access.DEFER)

ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    {place: {"type": "list", "elements": "str"} for place in access.PLACES},
    limit={"type": "int", "default": access.SHOWN},
    **_mta.ARGUMENT_SPEC,
)


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Return the answers to what was asked; the rules of ours where nothing was asked.

    :raises OptionError: a subject that is none.
    """
    hosts = exposed.chosen(runner or Runner(), params["mta"], params["instance"])
    questions = [_question(place, text) for place in access.PLACES for text in params[place] or ()]
    answers: t.List[t.Dict[str, t.Any]] = []
    rules: t.List[t.Dict[str, t.Any]] = []
    for host in hosts:
        facts, own = access_of(host.mta).facts(host), {"instance": host.instance.name}
        answers += [dict(_answer(host, facts, question), **own) for question in questions]
        if not questions:
            rules += [dict(rule, **own) for rule in rules_of(host, facts, _now())]
    first = hosts[0].instance
    expired = [rule["rule"] for rule in rules if rule["expired"]]
    return {
        "mta": first.mta,
        "instance": first.name if len(hosts) == 1 else _mta.ALL,
        "config_directory": first.config_directory,
        "answers": answers,
        "instances": [host.instance.name for host in hosts],
        "rules": rules[: params["limit"] or None],
        "count": len(rules),
        "expired": expired[: params["limit"] or None],
    }


class Question(t.NamedTuple):
    """What is asked about one sender, recipient or client.

    :param subject: what the MTA would see.
    :param text: what the user wrote.
    """

    place: str
    subject: str
    text: str


def _question(place: str, text: str) -> Question:
    return Question(place, _subject(place, text), text)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def _subject(place: str, text: str) -> str:
    """Return what the MTA would see. A domain alone stands for an address in it."""
    try:
        pattern, kind = access.pattern(place, text)
    except ValueError as why:
        raise OptionError(place, text, str(why))
    if kind == access.NETWORK and "/" in pattern:
        raise OptionError(place, text, "expected one address, not a network")
    if kind == access.USER:
        raise OptionError(place, text, "expected an address or a domain")
    return f"{_PROBE}@{pattern}" if kind == access.DOMAIN and place != access.CONNECT else pattern


def _answer(host: Host, facts: Facts, question: "Question") -> t.Dict[str, t.Any]:
    driver, place = lookup_of(host.mta), question.place
    entry = driver.explain(host, facts, place, question.subject)
    answer: t.Dict[str, t.Any] = {"place": place, "asked": question.text, "refused": False, "action": "none"}
    answer.update(code=None, status="", text="")
    if entry is None:
        return answer
    action, code, status, reply = driver.meaning(entry.value, place)
    answer.update(action=action or "other", code=code or None, status=status, text=reply, value=entry.value)
    answer.update(refused=action in _REFUSING, table=entry.table, key=entry.key)
    answer.update(_origin(os.path.join(host.instance.config_directory, entry.table), entry.key))
    return answer


def _origin(path: str, key: str) -> t.Dict[str, t.Any]:
    """Return who wrote the line, and which line it is."""
    data = _files.read(path) or b""
    line = blocks.unmanaged(Source(path, data), {key}).get(key.lower())
    if line is None:
        return {"line": None, "by_hand": True}
    head = data.rfind(blocks.MARK.encode(), 0, line.start)
    if head >= 0 and (not head or data[head - 1 : head] == b"\n"):
        block = blocks.read_block(data, head, path)
        if block.end > line.start:
            expired = access.expired(block.block.note, _now())
            own = {"line": blocks.line_number(data, line.start), "by_hand": False, "expired": expired}
            return dict(own, **_said(block.block))
    return {"line": blocks.line_number(data, line.start), "by_hand": True}


def _said(block: blocks.Block) -> t.Dict[str, t.Any]:
    return dict(block.note._asdict(), rule=block.title)


def rules_of(host: Host, facts: Facts, now: datetime.datetime) -> t.List[t.Dict[str, t.Any]]:
    """Return every rule of ours, in the order of the tables."""
    driver = access_of(host.mta)
    rules: t.Dict[str, t.Dict[str, t.Any]] = {}
    names = [name for place in access.PLACES for name in driver.names(facts, place)]
    for name in dict.fromkeys(names):
        path = os.path.join(host.instance.config_directory, name)
        for placed in blocks.all_blocks(_files.read(path) or b"", path):
            block = placed.block
            if not access.is_rule(block.title):
                continue
            if block.title not in rules:
                rules[block.title] = _rule(host, name, block, now)
            elif block.lines[0].endswith("\tDISCARD"):
                rules[block.title].update(action=access.DISCARD)
    return list(rules.values())


def _rule(host: Host, table: str, block: blocks.Block, now: datetime.datetime) -> t.Dict[str, t.Any]:
    """Return a rule as the module does: who wrote it, and what the MTA answers by it."""
    place = block.title.split(" ")[0]
    action, code, status, text = lookup_of(host.mta).meaning(block.lines[0].partition("\t")[2], place)
    return {
        **_said(block),
        "table": table,
        "action": action,
        "code": code or None,
        "status": status,
        "text": text,
        "expired": access.expired(block.note, now),
    }
