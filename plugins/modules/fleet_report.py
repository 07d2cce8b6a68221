#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One report of what the relays of a play answered."""

DOCUMENTATION = r"""
module: fleet_report
short_description: Write one report of what the relays of a play answered
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - Merges the figures of the mail logs, the queues, the certificates, the campaigns and the changes of all hosts of the play into one report.
  - The form follows from the ending of O(dest). The HTML page needs nothing else, no script and no request, and its pictures can be read
    without colour.
  - An hour that no log covers is shown as a gap, never as an hour without mail.
  - Fails when a relay could not be asked, after the report is written.
  - Runs on the controller only. Let it run once.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.info_module
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
options:
  log:
    description:
      - The variable in which each host registered the result of M(postmaster.mta.log_info) with its C(tables).
    type: str
    required: true
  queue:
    description:
      - The variable with the result of M(postmaster.mta.queue_info).
    type: str
  host:
    description:
      - The variable with the result of M(postmaster.mta.host_info), for the certificates.
    type: str
  campaigns:
    description:
      - The variable with the result of M(postmaster.mta.campaign_info).
    type: str
  history:
    description:
      - The variable with what was changed on each host.
    type: str
  title:
    description:
      - The title of the report.
    type: str
    default: Mail report
  since:
    description:
      - The beginning of the time that was asked for, as M(postmaster.mta.log_info) takes it. Without it, the report covers what the logs cover.
    type: str
  until:
    description:
      - Its end; now without one.
    type: str
  top:
    description:
      - Rows of each ranking.
    type: int
    default: 10
  dest:
    description:
      - A file on the controller that ends in C(.html), C(.csv), C(.json) or C(.txt). Without one, the report is shown as text.
    type: path
"""

EXAMPLES = r"""
- name: Count what the logs say
  postmaster.mta.log_info:
    summary: true
    tables: true
  register: report_log

- name: Show the report of the fleet
  postmaster.mta.fleet_report:
    log: report_log
  run_once: true
"""

RETURN = r"""
lines:
  description: The report as text.
  type: list
  elements: str
  returned: success
figures:
  description: The C(totals) of the logs, and how many messages are C(waiting).
  type: dict
  returned: success
missing:
  description: The relays that could not be asked, with the reason.
  type: dict
  returned: success
"""
