#!/usr/bin/env bash
# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Gives an environment without ansible-core the module_utils of the development environment's: what a managed node of that
# Python has when a module runs there.
#   tools/module-utils.sh .cache/venv-3.6
set -eu

"$1/bin/python" -c 'import ansible.module_utils.basic' 2>/dev/null && exit 0
source=$(.cache/venv/bin/python -c 'import ansible.module_utils as m; print(m.__path__[0])')
target=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/ansible
mkdir -p "$target"
cat >"$target/__init__.py" <<END
# What Ansible puts at the top of the package that it sends to a managed node.
__version__ = "$(.cache/venv/bin/python -c 'from ansible.release import __version__; print(__version__)')"
__author__ = "Ansible, Inc."
END
ln -sfn "$source" "$target/module_utils"
