# Everything starts here: `make up` for a living home, `make test` for all that CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FOREIGN := .venv-foreign/.installed

# Whether a Node recent enough to build the pages is here.
NODE := $(shell node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' \
	2>/dev/null && echo here)

.PHONY: up test ready check bench lock format shots system clean ui ui-check ui-not-checked

up: $(STAMP)
	$(BIN)/setaria up

# The lock file pins names, versions and hashes; the project itself is installed without looking anything up.
# The flywheel's kernels are compiled here, once, and kept beside the sources.
$(STAMP): requirements.lock pyproject.toml
	PYTHON=$(PYTHON) ./.ci/system venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	(nohup $(BIN)/python -m setaria.flywheel.warm >/dev/null 2>&1 &)  # a minute or two, beside whatever comes next
	touch $@

# Programs of others that tests talk to, each in an environment of its own.
$(FOREIGN): tests/foreign/requirements.txt
	$(PYTHON) -m venv .venv-foreign
	.venv-foreign/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/foreign/requirements.txt
	touch $@

system:
	PYTHON=$(PYTHON) ./.ci/system test

# Half of what the tests do is wait for a browser or a hub: three at a time keep two cores busy.
test: system
	$(MAKE) --no-print-directory --jobs=3 ready
	$(BIN)/python -m pytest -n 3 --dist loadfile

ready: $(STAMP) $(FOREIGN) check $(if $(NODE),ui-check,ui-not-checked)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: system $(STAMP) $(FOREIGN)
	$(BIN)/python -m bench

shots: system $(STAMP)
	$(BIN)/python docs/shots/make.py

# The interface: only who changes it needs Node. What is built is committed.
ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund
	touch $@

ui: $(STAMP) ui/node_modules/.package-lock.json
	$(BIN)/python ui/describe.py ui/openapi.json
	cd ui && npm run -s types && npm run -s check && npm run -s build
	$(BIN)/python ui/stamp.py write

# Builds once more, beside, and compares every byte with what is committed.
ui-check: $(STAMP) ui/node_modules/.package-lock.json
	mkdir -p build
	$(BIN)/python ui/describe.py build/openapi.json
	cmp build/openapi.json ui/openapi.json
	cd ui && npm run -s check && npm run -s build -- --outDir ../build/static --emptyOutDir
	cp src/setaria/web/static/built-from.txt build/static/
	diff --recursive src/setaria/web/static build/static
	$(BIN)/python ui/stamp.py check

# On a machine without a recent Node the digest of the sources is compared alone (tests/web/test_web_built.py).
ui-not-checked:
	@echo "No Node 20.19 or later here: the pages are not built again to compare."

lock: $(STAMP)
	$(BIN)/python -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --no-annotate \
	    --extra dev --extra postgres --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .venv-foreign build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
