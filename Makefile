# Every command a person needs; `make help` lists them. CI runs the same ones.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export UV_PYTHON_DOWNLOADS := never
# Behind a proxy that inspects TLS, only the system's store has the certificate of the proxy. pip uses this store too.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS := true
endif
# Many processes import the same modules: each is compiled once, also where the environment (a container's) forbids it.
unexport PYTHONDONTWRITEBYTECODE

UV := .uv/bin/uv
PY := .venv/bin/python
INSTALLED := .venv/.installed
# The tools that look at what is deployed; apart from the project's own, whose versions theirs would hold back.
TOOLS := .tools/.installed
# Sphinx and its theme; apart from the project for the same reason.
SITE := .docs/.installed
MERMAID := docs/theme/node_modules/.package-lock.json

.PHONY: help install clients consoles screenshots demo up test faults bench check audit format schema docs infra terraform clean

help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'Python 3.11 or newer is missing. Install it, for example: apt-get install python3 python3-venv' >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'The module venv of Python is missing. Install it, for example: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Installing uv into .uv'
	@python3 -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

$(INSTALLED): pyproject.toml uv.lock | $(UV)
	@echo 'Installing the locked dependencies into .venv (480 MB; a few minutes the first time)'
	@$(UV) sync --frozen --compile-bytecode --extra sandbox
	@touch $@

install: $(INSTALLED) ## Install the locked dependencies into .venv

# The files are committed, so the pages need neither npm nor a CDN. This is for a new version.
consoles: $(INSTALLED) ## Write the vendored files of GraphiQL, Swagger UI and the dashboard anew, by version and hash (needs npm)
	@npm ci --prefix .ci/consoles --ignore-scripts --silent --no-audit --no-fund
	@PYTHONPATH=. $(PY) .ci/consoles/vendor $(ARGS)

# Generated from the committed schemas, so that a client that no longer fits fails here.
clients: $(INSTALLED) ## Install and build the clients of docs/how-to/clients.md, which the tests then run (needs npm)
	@npm ci --prefix examples/clients --ignore-scripts --silent --no-audit --no-fund
	@npm run --prefix examples/clients --silent build >/dev/null
	@$(UV) venv --quiet --clear .local/clients
	@$(UV) pip install --quiet --python .local/clients/bin/python --requirement examples/clients/requirements.txt
	@cd examples/clients && ../../.local/clients/bin/ariadne-codegen --config ariadne.toml >/dev/null

screenshots: $(INSTALLED) ## Take the screenshots of README from a running stack (needs npm and a Chromium)
	@PYTHONPATH=. $(PY) .ci/screenshots

demo: $(INSTALLED) ## Sync real stones from a simulated supplier and serve them (ARGS="--stones N --once --seed S --json FILE")
	@exec $(PY) -m sandbox demo $(ARGS)

up: $(INSTALLED) ## The whole stack with one sync done, until SIGTERM (ARGS="--stones N --json FILE --port 3000")
	@exec $(PY) -m sandbox up $(ARGS)

test: $(INSTALLED) ## Run every test (ARGS="-k name" for some)
	@$(PY) -m pytest -n 4 $(ARGS)

faults: $(INSTALLED) ## Kill the sync's processes again and again and compare what they leave (ARGS="--kills N --seed S --json FILE")
	@exec $(PY) -m tests.faults $(ARGS)

bench: $(INSTALLED) ## Measure how fast it is, beside limits of the same run (ARGS="--help", "search --stones 450000 --json FILE")
	@exec $(PY) -m benchmarks $(ARGS)

check: $(INSTALLED) ## What must hold before a commit: lint, format, types, directions, language, security, generated files
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@$(PY) .ci/language
	@.venv/bin/bandit -q -c pyproject.toml -r app sync inventory migrations
	@$(PY) -m app schema --check
	@$(PY) .ci/database-page --check

audit: $(INSTALLED) ## Ask the advisory database about the locked dependencies (needs the network)
	@$(UV) export --frozen --quiet --no-emit-project --extra sandbox | .venv/bin/pip-audit --disable-pip --strict -r /dev/stdin

$(TOOLS): .ci/tools.txt | $(UV)
	@$(UV) venv --quiet --clear .tools
	@$(UV) pip install --quiet --python .tools/bin/python --requirement $<
	@touch $@

infra: $(TOOLS) ## Look at what is deployed without deploying it: Terraform, images, scripts, workflows
	@if command -v terraform >/dev/null; then terraform fmt -check -recursive infra/terraform; else echo "terraform is not installed: its format is not checked"; fi
	@.tools/bin/checkov --config-file infra/terraform/.checkov.yaml
	@.tools/bin/hadolint docker/Dockerfile
	@PATH="$$PWD/.tools/bin:$$PATH" shellcheck .ci/run .github/pin docker/inspect infra/rollout tests/delivery/*.sh
	@PATH="$$PWD/.tools/bin:$$PATH" actionlint
	@.tools/bin/zizmor --offline --quiet .github

terraform: ## Validate and test every module and environment (needs terraform and its registry)
	@for directory in infra/terraform/modules/* infra/terraform/environments/*; do \
		terraform -chdir=$$directory init -backend=false -input=false; \
		terraform -chdir=$$directory validate; \
		terraform -chdir=$$directory test; \
	done

format: $(INSTALLED) ## Format the code and mend what can be mended
	@.venv/bin/ruff check --fix-only .
	@.venv/bin/ruff format .

schema: $(INSTALLED) ## Write schema.graphql (and what else is generated) from the code
	@$(PY) -m app schema
	@$(PY) .ci/database-page

$(SITE): pyproject.toml uv.lock | $(UV)
	@UV_PROJECT_ENVIRONMENT=.docs $(UV) sync --frozen --quiet --only-group docs --no-install-project
	@touch $@

# Without it the diagrams are shown as text: so neither a missing npm nor a missing network is an error.
$(MERMAID): docs/theme/package-lock.json
	@! command -v npm >/dev/null || npm ci --prefix docs/theme --ignore-scripts --silent --no-audit --no-fund \
		--fetch-retries=1 --fetch-timeout=20000 || echo "Mermaid: npm could not install it; the diagrams stay text." >&2

docs: $(SITE) $(MERMAID) ## Build the documentation into dist/docs, links and anchors checked; it can be read offline
	@rm -rf dist/docs
	@.docs/bin/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env --builder html docs dist/docs
	@echo "dist/docs/index.html"

clean: ## Remove what was installed and generated
	@rm -rf .venv .uv .tools .docs .local dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .ci/consoles/node_modules docs/theme/node_modules
