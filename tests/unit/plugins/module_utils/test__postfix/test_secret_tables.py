# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret in main.cf or master.cf, which every user of the host may read."""

import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf, shadow
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
    over,
    reader,
)

HOST = make_host("3.10.13")
MAPS = "smtp_sasl_password_maps"
TABLE = "secret_" + MAPS


def rendered(current=None, **native):
    return render(HOST, _policy.parse({}, "none"), Native(**native), current or reader("3.10.13"))


def value(rendering, name=MAPS):
    return main_cf.parse(rendering.files["main.cf"].content).values.get(name)


def lines(file):
    return [line for line in file.content.decode().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    "given,entries",
    [
        ("inline:{ {[relay.example]=user:S3cr3tB} }", ["[relay.example]\tuser:S3cr3tB"]),
        ("inline:{a.test=u:S3cr3t1,b.test=v:S3cr3t2}", ["a.test\tu:S3cr3t1", "b.test\tv:S3cr3t2"]),
        ("inline:{ { a.test = u:S3cr3t with blanks } }", ["a.test\tu:S3cr3t with blanks"]),
    ],
)
@pytest.mark.parametrize("option", ["main", "main_secrets"])
def test_inline_entries_become_a_table_that_only_root_may_read(given, entries, option):
    rendering = rendered(**{option: {MAPS: given}})
    assert value(rendering) == f"hash:$config_directory/{TABLE}"
    assert lines(rendering.files[TABLE]) == entries
    assert (rendering.files[TABLE].mode, rendering.files[TABLE].secret) == (0o600, True)
    assert b"S3cr3t" not in rendering.files["main.cf"].content and "S3cr3t" not in repr(rendering.settings)


def test_a_dollar_in_a_password_stays_one():
    assert lines(rendered(main_secrets={MAPS: "static:user:a$$b"}).files[TABLE]) == ["/^/\tuser:a$$b"]
    assert lines(rendered(main_secrets={MAPS: "inline:{a.test=u:a$$b}"}).files[TABLE]) == ["a.test\tu:a$b"]
    with pytest.raises(OptionError, match="written"):
        rendered(main_secrets={MAPS: "static:user:$myhostname"})


def test_tables_beside_the_secret_stay_as_they_are():
    rendering = rendered(main_secrets={MAPS: "hash:/etc/postfix/passwords, inline:{ a.test=u:S3cr3t }"})
    assert value(rendering) == f"hash:/etc/postfix/passwords, hash:$config_directory/{TABLE}_2"


@pytest.mark.parametrize(
    "option,name,given",
    [
        ("main_secrets", "corp_bind_pw", "S3cr3t"),
        ("main", "corp_bind_pw", "S3cr3t"),
        ("main_secrets", "smtp_sasl_tls_security_options", "noanonymous"),
        ("main_secrets", MAPS, "ldap:S3cr3t"),
        ("main", "relayhost", "https://user:S3cr3t@host/"),
        ("main_secrets", MAPS, "inline:{ S3cr3t }"),
    ],
)
def test_what_main_cf_itself_would_have_to_hold_is_refused(option, name, given):
    with pytest.raises(OptionError, match=rf"{option}\.{name}") as caught:
        rendered(**{option: {name: given}})
    assert given not in str(caught.value)


def test_a_secret_in_an_option_of_a_service_is_refused():
    with pytest.raises(OptionError, match="master.smtp/unix.options") as caught:
        rendered(master={"smtp/unix": {"options": {MAPS: "static:user:S3cr3t"}}})
    assert "S3cr3t" not in str(caught.value)


def test_the_name_of_a_file_is_no_secret():
    rendering = rendered(main_secrets={MAPS: "hash:/etc/postfix/passwords"})
    assert value(rendering) == "hash:/etc/postfix/passwords" and TABLE not in rendering.files


def test_a_table_goes_with_its_setting_and_not_before():
    first = rendered(main_secrets={MAPS: "inline:{ a.test=u:S3cr3t }"})
    live = over(reader("3.10.13", {TABLE + ".db": b"compiled"}), first)
    assert TABLE not in rendered(live).files
    gone = rendered(live, main={MAPS: None})
    assert gone.files[TABLE].content is None and gone.files[TABLE + ".db"].content is None


def test_a_table_whose_setting_is_gone_already_goes_and_what_others_wrote_stays(tmp_path):
    first = rendered(main_secrets={MAPS: "inline:{ a.test=u:S3cr3t }"})
    (tmp_path / TABLE).write_bytes(first.files[TABLE].content)
    (tmp_path / "secret_of_mine").write_bytes(b"a b\n")
    host = make_host("3.10.13", tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    after = render(host, _policy.parse({}, "none"), Native(), reader("3.10.13", files))
    assert after.files[TABLE].content is None and "secret_of_mine" not in after.files


def test_the_copy_for_the_trial_can_be_read_by_nobody_else(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"S3cr3t")
    (tmp_path / "a").chmod(0o600)
    seen = []
    monkeypatch.setattr(shadow.os, "chown", lambda path, *dummy: seen.append(os.stat(path).st_mode & 0o7777))
    shadow._copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == b"S3cr3t" and seen == [0o600]
    assert (tmp_path / "b").stat().st_mode & 0o7777 == 0o600
