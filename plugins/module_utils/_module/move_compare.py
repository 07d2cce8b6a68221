# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module move_compare returns: the same envelopes asked of sendmail and of a shadow of Postfix.

Private to the collection: it can change at any time.
"""

import difflib
import os
import time
import typing as t

from .. import _files, _mta
from .._driver.replay import Asked, replay_of
from .._errors import OptionError
from .._log import sources
from .._log.conditions import Selection
from .._log.deliveries import Internal, peer, readable
from .._model import replay as _replay
from .._model.host import Host
from .._model.log import CLIENT, MESSAGE, ORIGINAL, RECIPIENT, SENDER
from .._model.move import NOT_CONVERTED, Row
from .._model.replay import Comparison, Difference, Envelope
from .._runner import Runner
from . import log_info

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "instance": {"type": "str"},
    "postfix": {"type": "str"},
    "path": {"type": "list", "elements": "str"},
    "days": {"type": "int", "default": 7},
    "limit": {"type": "int", "default": 100000},
    "made_up": {"type": "bool", "default": True},
    "accept": {"type": "list", "elements": "str", "default": []},
    "show": {"type": "int", "default": 50},
}
_DAY = 86400.0
#: Envelopes that are compared at a time: what is known of them all is kept in memory.
_LOT = 50000


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Ask both MTAs, and return what differs.

    :raises OptionError: one of the two is not there.
    :raises PostmasterError: one of the two cannot be asked.
    """
    for name in ("days", "limit", "show"):
        if params[name] < 0:
            raise OptionError(name, params[name], "0 or more; 0 is all")
    runner = runner or Runner()
    old = _mta.find(runner, "sendmail", params["instance"])
    new = _mta.find(runner, "postfix", params["postfix"])
    from .._sendmail.move import move

    notes: t.List[str] = []
    rows = move(old).rows
    _check_accepted(params["accept"], rows)
    comparison = Comparison(rows, frozenset(params["accept"]))
    logged = list(_logged(runner, params, notes))
    invented = _invented(old) if params["made_up"] else []
    envelopes = list(dict.fromkeys(invented + logged))
    with replay_of(old.mta).asking(old) as before, replay_of(new.mta).asking(new) as after:
        for start in range(0, len(envelopes), _LOT):
            _compare(before, after, envelopes[start : start + _LOT], comparison)
        shown = comparison.differences[: params["show"] or None]
        facts = _facts((before, after), shown)
    return {
        "instance": old.instance.name,
        "postfix": new.instance.config_directory,
        "logged": len(logged),
        "made_up": len(envelopes) - len(logged),
        "asked": comparison.asked,
        "alike": comparison.alike,
        "differences": facts,
        "unexplained": sum(item.times for item in comparison.differences if not item.is_explained),
        "explained": sum(item.times for item in comparison.differences if item.is_explained),
        "not_shown": len(comparison.differences) - len(shown),
        "notes": notes,
    }


def _check_accepted(accepted: t.Sequence[str], rows: t.Sequence[Row]) -> None:
    """Refuse a place that is none, or where everything is converted: a slip would accept something else.

    :raises OptionError: naming the place.
    """
    places = {row.where for row in rows if row.verdict == NOT_CONVERTED}
    for place in accepted:
        if place not in places:
            near = difflib.get_close_matches(place, sorted(places), 1)
            nearest = f"; nearest: {near[0]}" if near else ""
            raise OptionError("accept", place, f"no row of move_info that is not converted has this place{nearest}")


def _compare(old: Asked, new: Asked, envelopes: t.Sequence[Envelope], comparison: Comparison) -> None:
    before, after = old.answers(envelopes), new.answers(envelopes)
    for mail, first, second in zip(envelopes, before, after):
        comparison.take(mail, first, second)


def _facts(both: t.Sequence[Asked], differences: t.Sequence[Difference]) -> t.List[t.Dict[str, t.Any]]:
    """Return differences as plain data, with the rule of each side about the example."""
    ruled = [item for item in differences if item.kind != _replay.CODE]
    asked = [(item.example, item.kind != _replay.DECISION) for item in ruled]
    said = [mta.rules(asked) if asked else [] for mta in both]
    rules = dict(zip(ruled, zip(*said)))
    facts = []
    for item in differences:
        old_rule, new_rule = rules.get(item, ("", ""))
        said_of = dict(item._asdict(), example=dict(item.example._asdict()), explained=item.is_explained)
        facts.append(dict(said_of, old_rule=old_rule, new_rule=new_rule))
    return facts


# --- where envelopes come from --------------------------------------------------------------------------------------


def _logged(runner: Runner, params: t.Mapping[str, t.Any], notes: t.List[str]) -> t.Iterator[Envelope]:
    """Yield each different envelope of the log once, up to the limit."""
    since = time.time() - params["days"] * _DAY if params["days"] else 0.0
    paths = tuple(params["path"] or sources.back_to(sources.discover(runner), since))
    order = log_info.Order(paths, Selection(since=since), Internal(), time.time())
    seen: t.Set[Envelope] = set()
    strange = 0
    for dummy, raws in log_info.Log(runner, order).blocks():
        for raw in raws:
            mail = _envelope(raw)
            if mail is None:
                strange += 1
            elif mail not in seen:
                if params["limit"] and len(seen) >= params["limit"]:
                    notes.append(
                        f"the log has more than {params['limit']} different envelopes: the others are not asked"
                    )
                    return
                seen.add(mail)
                yield mail
    if strange:
        notes.append(
            f"{strange} deliveries of the log are not asked: no client, no sender, or an address that is no plain one"
        )


def _envelope(raw: t.Sequence[t.Any]) -> t.Optional[Envelope]:
    message = raw[MESSAGE]
    name, address = peer(message[CLIENT])
    if address is None or message[SENDER] is None:
        return None
    recipient = readable(raw[ORIGINAL] or raw[RECIPIENT])
    client = (name or "").partition("[")[0]
    forged = b"may be forged" in (message[CLIENT] or b"")
    mail = Envelope(address, "" if forged or client == "unknown" else client, readable(message[SENDER]), recipient)
    return mail if _replay.is_askable(mail) else None


def _invented(host: Host) -> t.List[Envelope]:
    """Return envelopes about every key of the tables and classes of sendmail."""
    from .._sendmail.compile import map_entries
    from .._sendmail.lookup import TAGS
    from .._sendmail.networks import network_of

    directory = host.instance.config_directory
    keys: t.Dict[str, t.List[str]] = {"to": [], "from": [], "connect": []}
    for name in ("local-host-names", "relay-domains", "mailertable", "virtusertable", "domaintable"):
        for entry in map_entries(_text(directory, name)):
            keys["connect" if network_of(entry.key) else "to"].append(entry.key)
    keys["from"] += [entry.key for entry in map_entries(_text(directory, "genericstable"))]
    tags = {tag.lower(): place for place, tag in TAGS.items()}
    for entry in map_entries(_text(directory, "access")):
        tag, colon, rest = entry.key.partition(":")
        untagged = ["connect"] if network_of(entry.key) else ["to", "from", "connect"]
        tagged = [tags[tag.lower()]] if tag.lower() in tags else []
        for place in tagged if colon else untagged:
            keys[place].append(rest if colon else entry.key)
    networks = [network_of(key) for key in keys["connect"]]
    clients = [str(network[1 if network.num_addresses > 1 else 0]) for network in networks if network]
    return _replay.made_up(keys["to"], keys["from"], clients)


def _text(directory: str, name: str) -> str:
    return (_files.read(os.path.join(directory, name)) or b"").decode("utf-8", "surrogateescape")
