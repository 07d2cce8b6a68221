#!/usr/bin/python

# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install what must run on a relay without a controller."""

DOCUMENTATION = r"""
module: kit
short_description: Install what must run on a relay without a controller
version_added: 1.0.0
author:
  - The postmaster.mta contributors (@postmaster-mta)
description:
  - The kit is one file, an archive of the collection's own Python files. It needs nothing but the Python of the host (3.6 or newer) and is
    run by timers of systemd; where systemd does not run, by cron.
  - Everything of it is below C(/var/lib/postmaster.mta-kit), with the timers and services C(postmaster-mta-kit-*) in C(/etc/systemd/system),
    or C(/etc/cron.d/postmaster-mta-kit). No process stays between two runs.
  - A part that is left out of the options stays as it is. So one play can set the reports, and another one the canary.
  - O(state=absent) removes every file, timer and service of it. Nothing else of the collection needs the kit.
extends_documentation_fragment:
  - postmaster.mta._attributes
  - postmaster.mta._attributes.actiongroup_all
  - postmaster.mta._attributes.posix
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) installs the kit, or renews it where another version stands.
      - V(absent) removes it, with all that it remembers.
    type: str
    choices: [present, absent]
    default: present
  expiry:
    description:
      - Remove the blocks whose last day is over (O(postmaster.mta.access#module:rules[].expires)), by the same transaction as every change.
    type: dict
    suboptions:
      state:
        description:
          - V(absent) removes this part.
        type: str
        choices: [present, absent]
        default: present
      on_calendar:
        description:
          - When, as C(systemd.time(7)) describes it, by the clock of the host. A run that was missed is made up for.
          - cron takes V(hourly), V(daily), V(weekly), V(monthly), C(HH:MM) and C(*:0/MINUTES) only.
        type: str
        default: "*-*-* 00:05"
      instance:
        description:
          - The instance whose blocks expire, by name or directory, V(exposed) or V(all), as in M(postmaster.mta.access).
        type: str
        default: all
seealso:
  - module: postmaster.mta.access
  - module: postmaster.mta.confirm
"""

EXAMPLES = r"""
- name: Blocks end by themselves
  postmaster.mta.kit:
    expiry:
      on_calendar: "*-*-* 00:05"

- name: Blocks stay until somebody removes them; the rest of the kit goes on
  postmaster.mta.kit:
    expiry:
      state: absent

- name: No trace of the kit
  postmaster.mta.kit:
    state: absent
"""

RETURN = r"""
version:
  description: The version of the kit.
  type: str
  returned: success
  sample: 1.0.0
archive:
  description: The file that runs.
  type: str
  returned: success
  sample: /var/lib/postmaster.mta-kit/kit.pyz
jobs:
  description: What runs by itself now, or would in check mode.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The end of the names of its units, behind C(postmaster-mta-kit-).
      type: str
      returned: always
    title:
      description: What it does.
      type: str
      returned: always
    when:
      description: Its calendar expression or interval.
      type: str
      returned: always
  sample:
    - name: expiry
      title: remove the blocks whose last day is over
      when: "*-*-* 00:05"
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: success
  sample: ["create /var/lib/postmaster.mta-kit/kit.pyz", "start postmaster-mta-kit-expiry.timer"]
"""

from ansible.module_utils.basic import AnsibleModule

import ansible_collections.postmaster.mta.plugins.module_utils._startup  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, failure
from ansible_collections.postmaster.mta.plugins.module_utils._module import kit


def main() -> None:
    module = AnsibleModule(argument_spec=kit.ARGUMENT_SPEC, supports_check_mode=True)
    try:
        module.exit_json(**kit.run(module.params, module.check_mode))
    except PostmasterError as problem:
        module.fail_json(**failure(problem))


if __name__ == "__main__":
    main()
