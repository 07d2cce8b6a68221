# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sendmail with every construct in it: each is converted, differs, or is named with its line; nothing is lost."""

import json

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model import access, policy
from ansible_collections.postmaster.mta.plugins.module_utils._model import move as _model
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import move, move_tables
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

pytestmark = pytest.mark.usefixtures("debian")
EVERYTHING = given.CORPUS / "move" / "everything"


@pytest.fixture(name="moved")
def _moved(tmp_path, monkeypatch):
    monkeypatch.setattr(move, "_SCRIPTS", (str(tmp_path / "cron"),))
    for path in EVERYTHING.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace("@DIR@", str(tmp_path)))
    (tmp_path / "cron").write_text("# sendmail -q\n0 * * * * root /usr/sbin/sendmail -C /etc/mail/other.cf -q30m\n")
    (tmp_path / "queue").mkdir()
    for name in ("qfA", "dfA", "hfB"):
        (tmp_path / "queue" / name).write_text("")
    host = given.make_host(directory=tmp_path)
    host = host._replace(instance=host.instance._replace(queue_directories=(str(tmp_path / "queue"),)))
    return move.move(host)


def rows(moved, number):
    return {row.text: row.verdict for row in moved.rows if row.number == number}


def test_every_construct_has_a_row(moved):
    assert {row.number for row in moved.rows} == set(_model.CONSTRUCTS)
    assert {row.verdict for row in moved.rows} == {"converted", "differs", "not converted"}
    assert all(row.sentence and row.where for row in moved.rows)


def test_every_line_of_every_table_has_a_row(moved):
    """Law 3: what stands there is in one of the three."""
    places = {row.where for row in moved.rows}
    for name in (
        "access",
        "mailertable",
        "virtusertable",
        "genericstable",
        "domaintable",
        "relay-domains",
        "local-host-names",
    ):
        count = len((EVERYTHING / name).read_text().splitlines())
        assert {f"{name}:{number}" for number in range(1, count + 1)} <= places, name


def test_every_statement_that_means_something_has_a_row(moved):
    places = {row.where for row in moved.rows}
    frame = ("divert", "include", "OSTYPE", "MAILER", "MAILER_DEFINITIONS", "LOCAL_CONFIG", "LOCAL_RULESETS")
    known = (
        "access_db",
        "blocklist_recipients",
        "mailertable",
        "virtusertable",
        "genericstable",
        "domaintable",
        "masquerade_envelope",
    )
    known += ("confDOMAIN_NAME", "GENERICS_DOMAIN")
    for number, line in enumerate((EVERYTHING / "sendmail.mc").read_text().splitlines(), 1):
        if (
            not line.startswith(tuple(f"{word}(" for word in frame))
            and line not in frame
            and not any(word in line for word in known)
        ):
            assert f"sendmail.mc:{number}" in places, line


def test_what_is_converted_can_be_given_to_postfix(moved):
    assert policy.parse(moved.policy, "none")
    assert moved.policy["relay"]["networks"] == ["10.20.0.0/16", "192.0.2.0/24"]
    assert {"served.example", "third.example.org", "to.example", "plain.example"} <= set(
        moved.policy["relay"]["domains"]
    )
    assert moved.policy["routes"]["default"] == {"host": "smtp.isp.example"}
    assert moved.policy["load"] and "ident" not in moved.policy.get("timeouts", {})
    for rule in moved.rules:
        assert access.parse("rule", rule, {}, move_tables._NOW)
    assert {
        "from": ["moved.example"],
        "action": "reject",
        "code": 550,
        "status": "5.7.1",
        "text": "Go away",
    } in moved.rules


def test_tables_of_addresses(moved):
    assert moved.tables["move_virtual"] == [
        "info@virtual.example root@relay.example.org",
        "all@virtual.example someone@else.example",
        "@c.example carl@relay.example.org",
    ]
    assert moved.tables["move_virtual_patterns"] == ["/^list\\+([^@]*)@virtual\\.example$/ list-${1}@virtual.example"]
    assert moved.tables["move_sender_patterns"] == [
        "/^bob\\+([^@]*)@example\\.org$/ bob${1}@example.org",
        "/^bob\\+([^@]*)@relay\\.example\\.org$/ bob${1}@example.org",
    ]
    # Without limited_masquerade the host's own domains are masked, too.
    own = ("relay.example.org", "local.example.org", "second.example.org")
    assert moved.tables["move_sender_canonical"] == [
        "joe@example.org joe.doe@example.org",
        "joe@relay.example.org joe.doe@example.org",
        *[f"root@{name} root@{name}" for name in ("inside.example.org", *own)],
        "@keep.inside.example.org @keep.inside.example.org",
        *[f"@{name} @example.org" for name in ("inside.example.org", *own)],
    ]
    assert moved.tables["move_canonical"] == ["@old.example @new.example"]
    main = moved.natives["main"]
    assert main["sender_canonical_classes"] == "envelope_sender, header_sender"
    assert main["smtpd_milters"] == (
        "{ inet:127.0.0.1:8894, default_action=tempfail }, { unix:/run/sign.sock, default_action=accept }"
    )
    assert main["smtpd_recipient_restrictions"] == (
        "permit_mynetworks, reject_rbl_client bl.example, reject_rbl_client combined.example=127.0.0.2, reject_rhsbl_sender rh.example"
    )
    assert "587/inet" in moved.natives["master"]


def test_who_may_relay_is_never_widened(moved):
    """A sender and a client without a name become nothing; a name counts where it is verified, as it does for sendmail."""
    assert rows(moved, 29)["From:forged.example RELAY"] == "not converted"
    assert rows(moved, 3)["Connect:[198.51.100.7] RELAY"] == "not converted"
    assert "client.example OK" in moved.tables["move_relay_clients"]
    assert moved.natives["main"]["smtpd_relay_restrictions"] == (
        "permit_mynetworks, check_client_access ${default_database_type}:$config_directory/move_relay_clients,"
        " reject_unauth_destination"
    )
    assert not [rule for rule in moved.rules if rule["action"] == "relay"]


def test_a_single_recipient_is_relayed_where_sendmail_does_it(moved):
    """Without relaytofulladdress the line does nothing."""
    assert "move_relay_recipients" not in moved.tables and rows(moved, 4)["To:one@to2.example RELAY"] == "converted"
    access = move_tables.Access(False, {}, full=True)
    list(access.read(move_tables.Entry(1, "To:one@to2.example", "RELAY"), "to"))
    assert access.recipients == ["one@to2.example"]


def test_every_statement_has_a_row_or_is_part_of_the_frame(moved):
    places = {row.where for row in moved.rows}
    source = move.mc_source.read((EVERYTHING / "sendmail.mc").read_text(), lambda name: None)
    rest = [call for call in source.calls if f"sendmail.mc:{call.line}" not in places]
    assert [call for call in rest if move.about(call)] == []


def test_with_relay_hosts_only_a_name_is_a_whole_name(tmp_path):
    """A key of check_client_access counts for names below it, too."""
    (tmp_path / "sendmail.cf").write_text("O MaxHopCount=9\n")
    (tmp_path / "sendmail.mc").write_text("FEATURE(`relay_hosts_only')dnl\nRELAY_DOMAIN(`one.test')dnl\n")
    moved = move.move(given.make_host(directory=tmp_path))
    assert moved.tables["move_relay_hosts"] == ["/^one\\.test$/ OK"] and "move_relay_clients" not in moved.tables
    assert (
        "check_client_access regexp:$config_directory/move_relay_hosts"
        in moved.natives["main"]["smtpd_relay_restrictions"]
    )


def test_routes_that_the_policy_cannot_say(moved):
    assert moved.tables["move_transport"] == ["b.example smtp:mx.b.example:2525"]


def test_a_secret_is_not_shown(moved):
    assert "hunter2" not in json.dumps([_model.facts(row) for row in moved.rows])


def test_the_queue_and_the_scripts(moved):
    assert rows(moved, 33) == {"1 messages": "differs"} or "not converted" in rows(moved, 33).values()
    script = [row for row in moved.rows if row.number == 28 and row.where.endswith("cron:2")]
    assert script and "-C /etc/mail/other.cf" in script[0].text


def test_without_an_mc_it_says_so(tmp_path):
    (tmp_path / "sendmail.cf").write_text("O MaxHopCount=9\n")
    moved = move.move(given.make_host(directory=tmp_path))
    assert [row.sentence for row in moved.rows if row.where == "sendmail.mc"][0].startswith("there is none")


def test_nothing_to_move(tmp_path):
    with pytest.raises(PostmasterError, match="nothing to move"):
        move.move(given.make_host(directory=tmp_path))


def test_a_limit_that_sendmail_has_not_is_lifted(moved):
    """Postfix by itself refuses more than 10 MB; sendmail without MaxMessageSize takes everything."""
    limits = moved.policy.get("limits", {})
    said = [row.text for row in moved.rows if row.text == "no O MaxMessageSize"]
    assert "message_size" in limits and bool(said) == (limits["message_size"] == 0)


def test_senders_of_unknown_domains_are_refused_to_more_clients(moved):
    verdicts = rows(moved, 31)
    checked = bool(moved.policy.get("session", {}).get("sender_domain_exists"))
    assert (verdicts.get("no accept_unresolvable_domains") == "differs") == checked
