# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of a report: as many cells as the head has, and a sentence where nothing is to be shown."""

from ansible_collections.postmaster.mta.plugins.module_utils._report import figures, tables
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__report import report_sample


def test_each_row_has_a_cell_for_each_title():
    built = tables.tables(report_sample.sample())
    assert len({table.key for table in built}) == len(built)
    for table in built:
        assert all(len(row) == len(table.head) for row in table.rows), table.key
        assert all(number < len(table.head) for number in table.numbers), table.key
        assert all(isinstance(cell, str) for row in table.rows for cell in row), table.key


def test_a_table_without_rows_has_a_sentence():
    for table in tables.tables(report_sample.sample()):
        assert table.rows or table.empty, table.key


def test_a_queue_that_nobody_asked_is_not_an_empty_one():
    ages = {table.key: table.empty for table in tables.tables(report_sample.sample()._replace(queue={}))}
    assert ages["queue_ages"] == ages["queue_domains"] == "The queues were not asked."
    assert tables.queue_ages(report_sample.sample()._replace(queue={})) == []


def test_the_classes_of_delay_are_those_that_are_counted():
    sample = report_sample.sample()
    assert len(tables.delay_steps(sample)) == min(len(sample.delays), len(figures.DELAY_LIMITS) + 1)
