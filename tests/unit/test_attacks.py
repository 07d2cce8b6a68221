# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was tried against the collection, each with the tests that hold it: none of them may go without another in its place."""

import pathlib
import re

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
UTILS = "unit/plugins/module_utils"
CHANGE, POSTFIX, SENDMAIL = f"{UTILS}/test__change.py", f"{UTILS}/test__postfix", f"{UTILS}/test__sendmail"

ATTACKS = {
    # secrets
    "a secret in main.cf": (
        f"{POSTFIX}/test_secret_tables.py::test_inline_entries_become_a_table_that_only_root_may_read",
        f"{POSTFIX}/test_secret_tables.py::test_what_main_cf_itself_would_have_to_hold_is_refused",
    ),
    "a secret in the copy that is tried": (
        f"{POSTFIX}/test_secret_tables.py::test_the_copy_for_the_trial_can_be_read_by_nobody_else",
    ),
    "a secret in any file, argument or environment": (
        "lab/test_transaction.py::test_no_other_user_of_the_host_sees_a_secret",
    ),
    "a secret in diffs, results and logs": (
        "lab/test_transaction.py::test_secrets_do_not_get_out",
        f"{UTILS}/test__module/test_drift.py::test_no_diff_of_any_module_shows_what_was_a_secret_once",
    ),
    "certificates and keys that are none": (
        f"{POSTFIX}/test_check.py::test_a_key_that_everybody_may_read",
        f"{SENDMAIL}/test_check.py::test_certificates_and_keys",
    ),
    "authorities that are none": (
        f"{POSTFIX}/test_check.py::test_what_postfix_lets_pass_in_main_cf_is_found_with_its_setting",
        f"{SENDMAIL}/test_check.py::test_missing_authorities_and_useless_ciphers_are_findings",
    ),
    "check mode promises what the run refuses": (
        f"{CHANGE}::test_check_mode_refuses_what_the_run_refuses_and_touches_nothing",
        "proof/test_force.py::test_check_mode_says_what_the_run_says",
    ),
    "the lock directory is a link": (f"{CHANGE}::test_a_lock_directory_that_is_a_link_is_not_followed",),
    # in force
    "a domain that is gone is taken, one that came is refused": (
        "lab/test_in_force.py::test_a_served_domain_comes_and_goes_at_once",
        "proof/test_in_force_options.py::test_an_option_is_in_force_when_the_module_says_so",
        f"{POSTFIX}/test_daemon.py::test_a_table_needs_a_reload_where_the_daemons_do_not_look_before_the_next_client",
    ),
    "rules are in force late": ("proof/test_in_force_options.py::test_a_rule_is_in_force_when_the_module_says_so",),
    "a connection sees half a change": (
        "lab/test_under_change.py::test_no_connection_sees_half_a_change",
        "proof/test_force.py::test_no_connection_sees_half_a_change",
        f"{CHANGE}::test_an_mta_that_watches_its_files_sees_none_of_them_change_places",
    ),
    "the connection of the controller is cut": (
        f"{CHANGE}::test_killed_anywhere_it_is_old_or_new_and_the_next_run_heals",
    ),
    # killed, or the host fails
    "killed at any moment": (
        "proof/test_force.py::test_killed_at_any_moment_the_next_run_has_it_up_and_whole",
        f"{CHANGE}::test_killed_between_stop_and_start_the_next_run_starts_it",
    ),
    "down for ever": (
        f"{CHANGE}::test_the_next_run_of_any_module_starts_it_or_says_that_it_is_down",
        f"{CHANGE}::test_what_was_down_and_should_be_stays_so_with_a_warning",
    ),
    "a trial that is killed leaves a daemon": (
        f"{UTILS}/test__scratch.py::test_whoever_is_killed_leaves_no_directory_and_no_process",
        f"{POSTFIX}/test_shadow.py::test_what_a_killed_run_left_is_swept_and_nothing_else",
        f"{SENDMAIL}/test_shadow.py::test_the_shadow_ends_with_what_works_in_its_directory",
    ),
    "instances that are killed": (
        f"{UTILS}/test__module/test_expire_instance.py::test_a_run_that_is_killed_half_way_is_rolled_back",
    ),
    "a reload that kills the daemon": (
        f"{CHANGE}::test_a_daemon_that_dies_of_the_change_runs_again_with_the_old_files",
        f"{CHANGE}::test_one_that_does_not_start_again_is_said_to_be_down_first_of_all",
    ),
    "a reload that fails": (
        f"{CHANGE}::test_what_fails_live_is_taken_back",
        f"{UTILS}/test__errors.py::test_that_the_relay_is_down_comes_first",
    ),
    "full disks": (
        f"{CHANGE}::test_a_full_disk_anywhere_leaves_old_or_new",
        f"{CHANGE}::test_a_full_disk_names_its_file_system",
    ),
    "broken hosts": ("lab/test_transaction.py::test_a_broken_host_is_told_and_left_alone",),
    "a mount point": (f"{CHANGE}::test_a_mount_point_is_changed_from_inside",),
    "sockets, pipes, dangling links, names that are no text": (
        f"{CHANGE}::test_what_is_no_plain_file_stays_where_it_is",
    ),
    "main.cf is a link": (f"{CHANGE}::test_a_symbolic_link_is_not_replaced_without_a_word",),
    # open
    "public suffixes, and natives that open a relay": (
        f"{POSTFIX}/test_judgement.py::test_what_lets_strangers_relay_is_a_finding",
        f"{SENDMAIL}/test_judgement.py::test_what_lets_strangers_relay_is_a_finding",
        "proof/test_judgement.py::test_a_relay_is_judged_as_it_shows_itself",
    ),
    "permission before the control": (
        f"{POSTFIX}/test_settings.py::test_the_relay_control_stands_in_one_place",
        "lab/test_in_force.py::test_what_makes_a_relay_open_or_dead_is_refused_by_name",
    ),
    "address tricks": ("lab/test_open_relay.py::test_every_probe_is_refused",),
    "rules that let strangers relay": ("lab/test_access.py::test_what_is_taken_in_for_a_recipient_opens_no_relay",),
    "rules that are the Internet together": (
        f"{UTILS}/test__module/test_access_wide.py::test_the_internet_in_pieces_and_in_several_runs",
    ),
    "hostile values": (
        f"{UTILS}/test__model/test_policy.py::test_no_hostile_value_comes_through",
        f"{POSTFIX}/test_render.py::test_a_hostile_policy_is_refused_or_sets_what_it_means",
        f"{SENDMAIL}/test_render.py::test_a_hostile_policy_value_never_becomes_a_second_setting",
    ),
    # dead
    "natives that kill a relay": (
        f"{POSTFIX}/test_judgement.py::test_what_stops_all_mail_is_a_finding",
        f"{POSTFIX}/test_judgement.py::test_what_ordinary_mail_does_not_pass_is_a_finding",
        f"{SENDMAIL}/test_judgement.py::test_what_stops_all_mail_is_a_finding",
        f"{SENDMAIL}/test_judgement.py::test_what_rulesets_do_with_ordinary_mail_is_a_finding",
    ),
    "services that are missing": (f"{POSTFIX}/test_judgement.py::test_a_service_that_is_needed_must_be_defined",),
    # the operator's eyes
    "what strangers write, shown": (
        "unit/plugins/plugin_utils/test_tables.py::test_control_characters_are_harmless",
        f"{UTILS}/test__report/test_hostile.py::test_no_cell_is_a_formula",
        f"{UTILS}/test__model/test_finding.py::test_what_came_from_outside_is_escaped_and_cut",
    ),
    "confirmations that are templates": (
        "unit/extensions/eda/test_mail_log.py::test_a_domain_that_is_a_template_cannot_be_confirmed",
    ),
}


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_what_was_tried_has_its_tests(attack):
    for place in ATTACKS[attack]:
        path, dummy, name = place.partition("::")
        content = (TESTS / path).read_text(encoding="utf-8")
        assert re.search(rf"^ *(async )?def {name}\(", content, re.MULTILINE), place
