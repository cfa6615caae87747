# The verbs of this project; `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
POLICIES := .venv-checkov
PY := $(VENV)/bin/python
ONCE ?=
APP ?=
export ONCE APP

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements.txt requirements.lock requirements-dev.txt \
		examples/requirements.txt examples/web/requirements.txt tests/lab/find_python.sh
	@python=$$(PYTHON='$(PYTHON)' sh tests/lab/find_python.sh) || exit 1; \
	echo "Setting up $(VENV) with $$python ..."; \
	"$$python" -m venv --clear $(VENV)
	@sed 's/ --hash.*//' requirements.lock > $(VENV)/deployed.txt # tested is what is deployed
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check \
		-r requirements-dev.txt -c $(VENV)/deployed.txt
	@touch $@

$(POLICIES)/.installed: tests/policies.txt | $(VENV)/.installed
	@echo "Setting up $(POLICIES) ..."
	@$(PY) -m venv --clear $(POLICIES)
	@$(POLICIES)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

setup: $(VENV)/.installed ## install what the lab, the tests and the demo need
	@$(PY) -m tests.lab.packages

demo: setup ## the whole job in about a minute (ONCE=1: end there; APP=ZIP: a package)
	@$(PY) -m tests.lab.demo

lab: setup ## start everything for trying by hand; Ctrl-C ends it
	@$(PY) -m tests.lab up

test: setup ## all tests, against the real parts
	@$(PY) -m pytest -n 3 --dist loadfile $(ARGS) # three on two cores: most tests wait

soak: setup ## the tests that take longer than a minute
	@$(PY) -m pytest -s tests/soak $(ARGS)

check: $(VENV)/.installed $(POLICIES)/.installed ## lint, types, architecture, pages that are made, infra
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/zizmor --offline --quiet --no-progress .github/workflows
	@$(POLICIES)/bin/python -m tests.policies
	@$(PY) -m pytest tests/test_architecture.py tests/test_errors_page.py \
		tests/test_api_description.py tests/test_documents.py tests/test_docs.py tests/test_infra.py \
		tests/test_scale.py

docs: $(VENV)/.installed ## write docs/errors.md, api.md, scale.md, functions/openapi.json
	@$(PY) -m benchmarks.scale
	@$(PY) -m tests.errors_page
	@$(PY) -m tests.api_description
	@$(PY) -m tests.api_page

bench: setup ## speed and memory, side by side (ARGS=--quick: roughly)
	@for file in benchmarks/[a-z]*.py; do \
		$(PY) -m benchmarks.$$(basename $$file .py) $(ARGS) || exit 1; \
	done

pictures: setup ## take pictures of the dashboard's views, into .lab/pictures
	@$(PY) -m tests.lab.pictures $(ARGS)

parse: $(VENV)/.installed ## show what a saved mail becomes (FILE=mail.eml)
	@[ -n "$(FILE)" ] || { echo 'Say which mail: make parse FILE=mail.eml' >&2; exit 2; }
	@$(PY) -m shared.read_mail "$(FILE)"

doctor: $(VENV)/.installed ## what is wrong, and what to do (ACCOUNT=ID: a mailbox too)
	@$(PY) -m shared.doctor $(if $(ACCOUNT),--account '$(ACCOUNT)') $(ARGS)

package: $(VENV)/.installed ## build what is deployed, dist/unseen.zip (ARGS=--help)
	@$(PY) -m infra.package $(ARGS)

lock: ## lock the newest versions of all that requirements.txt needs
	@python=$$(PYTHON='$(PYTHON)' sh tests/lab/find_python.sh) || exit 1; \
	"$$python" -m venv --clear .lab/lock # $(VENV) needs the lock
	@.lab/lock/bin/python -m infra.package --lock

run: $(VENV)/.installed ## the app on this machine, against Microsoft, with local.settings.json
	@$(PY) -m tests.lab.run $(ARGS)

keys: $(VENV)/.installed ## make ENCRYPTION_KEYS and WEBHOOK_SECRET
	@$(PY) -m shared.make_keys

clean: ## remove what was installed or made here
	rm -rf $(VENV) $(POLICIES) node_modules .lab dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup demo lab test soak check docs bench pictures parse doctor package lock run keys \
	clean
