# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import asyncio
import importlib.util
import json
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[4]
CORPUS = ROOT / "tests" / "corpus" / "maillog"

if sys.version_info < (3, 10):
    pytest.skip("event sources run on the controller", allow_module_level=True)

SPEC = importlib.util.spec_from_file_location(
    "mail_log", ROOT / "extensions" / "eda" / "plugins" / "event_source" / "mail_log.py"
)
mail_log = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(mail_log)


class Full(Exception):
    """Ends a source that runs for ever."""


class Queue:
    """Takes so many events."""

    def __init__(self, count):
        self.count = count
        self.events = []

    async def put(self, event):
        self.events.append(event)
        if len(self.events) >= self.count:
            raise Full


def run(args, count):
    queue = Queue(count)
    with pytest.raises(Full):
        asyncio.run(asyncio.wait_for(mail_log.main(queue, {"delay": 0.05, **args}), 20))
    return queue.events


def test_each_campaign_is_told_once(tmp_path):
    log = tmp_path / "mail.log"
    lines = (CORPUS / "postfix-3.7-iso.log").read_bytes().splitlines(True)
    source = mail_log.Source({"path": str(log)})
    assert source.look() == []
    first = [b"emalsrv" in line for line in lines].index(True) + 1
    log.write_bytes(b"".join(lines[:first]))
    before = source.look()
    log.write_bytes(b"".join(lines))
    after = source.look()
    keys = [event["campaign"]["key"] for event in before + after]
    assert sorted(keys) == ["complains.linkedbrand.test", "emalsrv.brand.test", "emalsrv.mailbrand.test"]
    assert before and after and source.look() == []


def test_the_source_follows_files_and_commands():
    path = str(CORPUS / "sendmail-8.17-loglevel9-iso.log")
    for args in ({"path": [path]}, {"command": ["cat", path]}):
        events = run(args, 3)
        assert {event["campaign"]["kind"] for event in events} == {"pattern"}


def test_only_domains_that_were_told_can_be_confirmed(tmp_path):
    confirm = tmp_path / "confirm"
    confirm.write_text("emalsrv.brand.test\n")  # before the source has started
    source = mail_log.Source({"path": str(CORPUS / "postfix-3.7-iso.log"), "confirm": str(confirm)})
    assert all("campaign" in event for event in source.look())
    with confirm.open("a") as stream:
        stream.write("gmail.example\nEMALSRV.brand.test\nemalsrv.mail")
    (event,) = source.look()
    assert event["confirmed"]["domain"] == "emalsrv.brand.test"
    assert event["confirmed"]["campaign"]["command"].endswith("domain=emalsrv.brand.test")
    with confirm.open("a") as stream:
        stream.write("brand.test\n")
    assert [event["confirmed"]["domain"] for event in source.look()] == ["emalsrv.mailbrand.test"]


def test_a_domain_that_is_a_template_cannot_be_confirmed(tmp_path):
    confirm = tmp_path / "confirm"
    source = mail_log.Source({"path": str(CORPUS / "postfix-3.7-iso.log"), "confirm": str(confirm)})
    source.look()
    evil = "{{lookup('pipe','id')}}.brand.test"
    source._by_domain[evil] = source._by_domain["emalsrv.brand.test"]
    confirm.write_text(f"{evil}\nemalsrv.brand.test\n")
    assert [event["confirmed"]["domain"] for event in source.look()] == ["emalsrv.brand.test"]


def test_events_and_arguments_are_those_of_the_schema(tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("yaml")
    schema = json.loads((ROOT / "extensions" / "eda" / "schemas" / "mail_log.json").read_text())
    confirm = tmp_path / "confirm"
    source = mail_log.Source({"path": str(CORPUS / "postfix-3.7-iso.log"), "confirm": str(confirm)})
    events = source.look()
    confirm.write_text("emalsrv.brand.test\n")
    events += source.look()
    assert [sorted(event) for event in events] == [["campaign"]] * 3 + [["confirmed"]]
    for event in events:
        jsonschema.validate(event, schema)
    arguments = {"$ref": "#/definitions/arguments", "definitions": schema["definitions"]}
    jsonschema.validate(yaml.safe_load(mail_log.EXAMPLES)[0]["postmaster.mta.mail_log"], arguments)
    for wrong in ({}, {"path": "a", "command": ["b"]}, {"path": "a", "pathh": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, arguments)


def test_the_library_is_loaded_under_a_name_of_its_own():
    assert mail_log._library("_runner").__name__ == "postmaster_mta_plugins.module_utils._runner"


def test_the_rulebook_gives_the_playbooks_what_they_know():
    yaml = pytest.importorskip("yaml")  # Python 3.6 has no Ansible here, and no rulebooks either
    (rules,) = [
        one["rules"]
        for one in yaml.safe_load((ROOT / "extensions" / "eda" / "rulebooks" / "campaigns.yml").read_text())
    ]
    actions = [action for rule in rules for action in rule.get("actions", [rule.get("action")])]
    calls = [action["run_playbook"] for action in actions if "run_playbook" in action]
    assert len(calls) == 2
    for call in calls:
        spec = ROOT / "playbooks" / "argument_specs" / f"{call['name'].rpartition('.')[2]}.yml"
        assert set(call["extra_vars"]) <= set(yaml.safe_load(spec.read_text())["options"])


@pytest.mark.parametrize(
    "args", [{}, {"path": "a", "command": ["b"]}, {"path": "a", "pathh": 1}, {"path": "a", "messages": 1}]
)
def test_arguments_that_cannot_be_meant(args):
    with pytest.raises(ValueError):
        mail_log.Source(args)


def test_a_command_that_ends_is_an_error():
    with pytest.raises(RuntimeError, match="has ended"):
        asyncio.run(asyncio.wait_for(mail_log.main(Queue(9), {"command": ["false"], "delay": 0.05}), 20))
