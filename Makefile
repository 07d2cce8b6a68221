# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything is set up once under .cache/; `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help release certify test test-fast setup lint unit unit-main sanity sanity-whole ansible-lint docs molecule lab-test features lab lab-destroy demo proof bench clean

VENV := .cache/venv
GATES := .cache/venv-gates
RULEBOOK := .cache/venv-rulebook
# A managed node's oldest Python; its newest one is asked by sanity (compile, import) in the gate. Of long tests the gate runs a share
# (tests/unit/share.py); `make proof` runs them whole, also under the newest.
UNIT_PYTHONS := main 3.6
# What needs no lab runs beside what does; the last lane has the right of way.
LANES := lint,ansible-lint,docs,sanity,unit molecule,lab-test

# Ansible finds the collection, its configuration and its tools wherever the tree is checked out.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.cache/collections
# Where the tests of a target leave their JUnit files; tools/stages.py gives each target a directory of its own.
export RESULTS ?= .cache/results

# -- set-up: once ----------------------------------------------------------------------------------------------------
.cache/apt: tools/requirements-apt.txt
	@mkdir -p .cache && tools/apt.sh $^ && touch $@

.cache/apt-lab: tools/requirements-apt.txt $(wildcard molecule/requirements-apt.txt)
	@mkdir -p .cache && tools/apt.sh $^ && touch $@

$(VENV)/.ready: requirements-dev.txt | .cache/apt
	@tools/venv.sh $(VENV) $< 3.11 3.12 3.10

# ansible-rulebook needs Java 17 or newer, whoever brought it.
.cache/apt-proof: tests/proof/requirements-apt.txt
	@mkdir -p .cache && { command -v java >/dev/null || tools/apt.sh $^; } && touch $@

$(RULEBOOK)/.ready: tests/proof/requirements-rulebook.txt | .cache/apt .cache/apt-proof
	@tools/venv.sh $(RULEBOOK) $< 3.11 3.12 3.10

$(GATES)/.ready: tools/requirements-gates.txt | .cache/apt
	@tools/venv.sh $(GATES) $< 3.11 3.12 3.13

.cache/collections: | $(VENV)/.ready
	@tools/collection.sh

# -- gates -----------------------------------------------------------------------------------------------------------
test: ## every gate, those of the lab beside the others; at the end the slowest tests, a table of times, and what failed
	@python3 tools/stages.py setup $(LANES)

test-fast: ## lint, types and the unit tests of the development Python: before a commit
	@python3 tools/stages.py setup lint,unit-main

setup: $(VENV)/.ready .cache/collections .cache/apt-lab ## what the gates of the lab need (Python 3.6 as well); the linters' environment is made beside them
	@tools/unit.sh --prepare $(UNIT_PYTHONS)

lint: $(GATES)/.ready ## ruff, mypy --strict, yamllint, shellcheck, codespell, reuse, and the workflow files
	$(GATES)/bin/ruff check --output-format concise .
	$(GATES)/bin/ruff format --check .
	tools/mypy.sh $(GATES)
	$(GATES)/bin/yamllint --strict .
	$(GATES)/bin/codespell .
	$(GATES)/bin/reuse lint --quiet || $(GATES)/bin/reuse lint --lines
	$(GATES)/bin/actionlint
	$(GATES)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(GATES)/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(GATES)/bin/check-jsonschema --check-metaschema docs/schemas/*.json extensions/eda/schemas/*.json
	shellcheck tools/*.sh .ci/run

unit: $(VENV)/.ready ## unit tests under the development Python and 3.6, side by side
	@tools/unit.sh $(UNIT_PYTHONS)

unit-main: $(VENV)/.ready ## unit tests under the development Python
	@tools/unit.sh main

sanity: $(VENV)/.ready $(GATES)/.ready ## ansible-test sanity, no ignores, on the oldest and newest supported core here, of what is published
	@tools/sanity.sh $(VENV) $(GATES)

sanity-whole: $(VENV)/.ready $(GATES)/.ready ## the same over the whole tree, and all that each core has
	@tools/sanity.sh --whole $(VENV) $(GATES)

ansible-lint: $(GATES)/.ready .cache/collections ## ansible-lint, profile production
	@tools/ansible-lint.sh $(GATES)

docs: $(GATES)/.ready .cache/collections ## documentation, changelog, and every EXAMPLES block against its argument spec
	@tools/docs.sh $(GATES)

molecule: $(VENV)/.ready .cache/collections .cache/apt-lab ## check, converge, idempotence and verify: with three instances on a relay of each MTA, with one on every relay
	@if [ ! -e molecule/default/converge.yml ]; then echo "molecule: molecule/default/converge.yml is not there yet"; exit 1; fi
	molecule test --scenario-name instances
	molecule test --scenario-name default

# -- release ---------------------------------------------------------------------------------------------------------
release: $(GATES)/.ready ## prepare the release that galaxy.yml names: changelog, tarball and tag text under dist/ (REHEARSE=1: tree untouched)
	$(GATES)/bin/python tools/release.py $(if $(REHEARSE),--rehearse)

certify: $(VENV)/.ready $(GATES)/.ready .cache/collections ## what Galaxy and Automation Hub ask, on every supported core (STEPS="importer lint": some)
	$(GATES)/bin/python tools/certify.py $(STEPS)

# -- the lab ---------------------------------------------------------------------------------------------------------
lab: $(VENV)/.ready .cache/collections .cache/apt-lab ## start the lab: real relays and their outside world in containers
	ansible-playbook -i molecule/inventory molecule/shared/create.yml

lab-destroy: $(VENV)/.ready .cache/collections ## stop and remove the lab
	ansible-playbook -i molecule/inventory molecule/shared/destroy.yml

lab-test: lab ## tests against the running lab
	python tools/lab_tests.py

features: lab ## each of the features of docs/docsite/rst/features.rst, observed on the relays of the lab (HOSTS="pf13 or sm13": these)
	LAB_EVERY_HOST=1 pytest -q -s tests/lab/test_features.py $(if $(HOSTS),-k "$(HOSTS)")

demo: lab ## stock machines become a proven fleet
	ANSIBLE_STDOUT_CALLBACK=postmaster.mta.brief ansible-playbook -i molecule/inventory playbooks/harden-relay.yml

proof: lab $(RULEBOOK)/.ready ## the heavy goals, each with its figure
	LAB_EVERY_HOST=1 $(MAKE) molecule
	@UNIT_WHOLE=1 tools/unit.sh main 3.13
	pytest -s tests/proof --junitxml=$(RESULTS)/proof.xml
	LAB_EVERY_HOST=1 python tools/lab_tests.py

bench: lab ## throughput and run-time figures
	python tests/bench

clean: ## remove what make has made here (the lab: make lab-destroy)
	rm -rf .cache .ansible .nox .ruff_cache .hypothesis

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'
