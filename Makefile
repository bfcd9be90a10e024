# The commands of this project. `make app` and `make test` do their own set-up; `make help` lists all.
#
#   PYTHON=/path/to/python3.11   which Python makes .venv (else the first of python3.11 ... python3 that fits)
#   ARGS="..."                   passed on to the command, e.g. make app ARGS="--port 8600"
#   WORKERS=2                    processes for the tests (else one per core, four at most)

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check
WORKERS ?= logical
SIMULATIONS ?= $(basename $(notdir $(sort $(wildcard benchmarks/simulate_*.py))))
BENCHMARKS ?= $(filter-out $(SIMULATIONS) turns,$(basename $(notdir $(sort $(wildcard benchmarks/[a-z]*.py)))))
SOURCES := app.py fundus_core pages scripts benchmarks tests

# One thread per test process: several processes with several threads each wait for one another.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE
# Tests start many processes of ours: each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help app demo test test-fast test-slow test-browser load soak bench simulations first-results model-cards backbone-costs pretraining-study upstream-study studies-report trust-study explanations-study segmentation-study story screenshots realism readme \
	lint format types check hooks constraints sbom lock clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

# --- Using it

app: $(VENV)/.runtime ## Open the dashboard in the browser (sets up .venv first)
	@$(RUN) -m fundus_core app $(ARGS)

demo: $(VENV)/.runtime ## Draw the synthetic demo photographs into workspace/demo
	@$(RUN) -m fundus_core demo workspace/demo $(ARGS)

# --- Testing it

test: check test-fast test-browser ## Every check and test but the slow ones (sets everything up first)

check: lint types ## Linter, formatter, spelling, types

lint: $(VENV)/.development
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/typos

types: $(VENV)/.development
	@$(VENV)/bin/mypy

test-fast: $(VENV)/.development ## Unit, contract and page tests
	@$(RUN) -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal -q $(ARGS)

test-browser: $(VENV)/.browser ## The whole line in a browser
	@FUNDUS_BROWSER="$$(cat $(VENV)/.browser)" $(RUN) -m pytest -m browser -n 2 --dist loadfile --no-loadscope-reorder -q $(ARGS)

test-slow: $(VENV)/.development ## Simulations and full studies
	@$(RUN) -m pytest -m slow -n $(WORKERS) --maxprocesses 4 -q $(ARGS)

load: $(VENV)/.development ## 20 readers for ten minutes on 20,000 photographs; 200 reruns of every page (half an hour)
	@$(RUN) -m tests.load.run --sessions 20 --minutes 10
	@$(RUN) -m tests.load.run --pages-rerun 200

soak: $(VENV)/.development ## Five readers for an hour: errors and memory
	@$(RUN) -m tests.load.run --soak --sessions 5 --minutes 60

bench: $(VENV)/.browser ## Measure every claim of speed; results are printed (an hour and a half)
	@export FUNDUS_BROWSER="$$(cat $(VENV)/.browser)"; for script in $(BENCHMARKS); do echo "== $$script"; \
		$(RUN) -m benchmarks.$$script $(ARGS) || failed="$$failed $$script"; done; test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

simulations: $(VENV)/.runtime ## Make the tables of docs/coverage.md, calibration.md, ... (hours)
	@for script in $(SIMULATIONS); do echo "== $$script"; $(RUN) -m benchmarks.$$script $(ARGS) || exit 1; done

# --- Showing it

first-results: $(VENV)/.runtime ## Make docs/first-results.md from the photographs of FUNDUS_REAL_DATA
	@PYTHONPATH=. $(RUN) scripts/first_results.py

model-cards: $(VENV)/.runtime ## Write the model card of every weights file that is shipped
	@PYTHONPATH=. $(RUN) scripts/model_cards.py

backbone-costs: $(VENV)/.runtime ## Measure time and memory of every backbone into docs/backbones.md
	@$(RUN) -m scripts.backbone_costs $(ARGS)

pretraining-study: $(VENV)/.runtime ## Make docs/pretraining.md from the photographs of FUNDUS_REAL_DATA
	@PYTHONPATH=. $(RUN) scripts/pretraining_study.py $(ARGS)

upstream-study: $(VENV)/.runtime ## Make docs/upstream.md: which upstream task is worth most
	@PYTHONPATH=. $(RUN) scripts/upstream_study.py $(ARGS)

studies-report: $(VENV)/.runtime ## Make docs/studies.md: run every study (an hour) and write its tables
	@PYTHONPATH=. $(RUN) scripts/studies_report.py $(ARGS)

trust-study: $(VENV)/.runtime ## Make docs/trust.md: does the light tell a trained network from a random one
	@PYTHONPATH=. $(RUN) scripts/trust_study.py $(ARGS)

explanations-study: $(VENV)/.runtime ## Make docs/explanations.md: which maps point at lesions
	@PYTHONPATH=. $(RUN) scripts/explanations_study.py $(ARGS)

segmentation-study: $(VENV)/.runtime ## Make docs/segmentation.md: vessels, trained here and published (45 minutes)
	@PYTHONPATH=. $(RUN) scripts/segmentation_study.py $(ARGS)

story: $(VENV)/.runtime ## Make fundus_core/story: scores of the networks fine-tuned on the demo
	@PYTHONPATH=. $(RUN) scripts/story.py $(ARGS)

screenshots: $(VENV)/.browser ## Make the README's pictures of every page from the demo photographs
	@FUNDUS_BROWSER="$$(cat $(VENV)/.browser)" PYTHONPATH=. $(RUN) scripts/screenshots.py

realism: $(VENV)/.runtime ## Compare the phantoms with the photographs of FUNDUS_REAL_DATA, in figures and to the eye
	@PYTHONPATH=. $(RUN) scripts/realism.py $(ARGS)

readme: $(VENV)/.runtime ## Write the table of backbones into README.md
	@PYTHONPATH=. $(RUN) scripts/readme.py

# --- Changing it

format: $(VENV)/.development ## Format the code and mend what the linter can
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

hooks: $(VENV)/.development ## Run the checks before every commit
	@$(VENV)/bin/pre-commit install

constraints: $(VENV)/.development ## Write down the versions of everything installed
	@$(RUN) scripts/constraints.py > constraints.tmp && mv constraints.tmp constraints.txt

sbom: $(VENV)/.development ## Write sbom.json: every package with version and licence (CycloneDX)
	@$(RUN) -m scripts.sbom

# Without an index's name and without paths: whoever installs chooses where files come from.
LOCK := $(VENV)/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate --constraint constraints.txt
LOCK_IS := \# Every file of every package by its SHA-256; Linux, Python 3.11. Written by `make lock`.

lock: $(VENV)/.development ## Write requirements.lock and requirements-dev.lock: pins with hashes
	@grep -i '^authlib==' requirements-dev.txt | $(LOCK) requirements.txt - > lock.tmp
	@{ echo '$(LOCK_IS)'; cat lock.tmp; } > requirements.lock
	@$(LOCK) requirements.txt requirements-dev.txt > lock.tmp
	@{ echo '$(LOCK_IS)'; cat lock.tmp; } > requirements-dev.lock
	@rm lock.tmp

clean: ## Remove what make made: .venv and caches; the workspace stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build ./*.egg-info constraints.tmp lock.tmp
	@find $(wildcard $(SOURCES)) -type d -name __pycache__ -prune -exec rm -rf {} +

# --- Set-up: a stamp file per step, so that nothing is installed twice

$(VENV)/bin/python:
	@python=$$(sh scripts/find_python.sh "$(PYTHON)") && "$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: requirements.txt constraints.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing requirements.txt into $(VENV) (some minutes, once)"
	@$(PIP) install --quiet --constraint constraints.txt --requirement requirements.txt
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing requirements-dev.txt into $(VENV)"
	@$(PIP) install --quiet --constraint constraints.txt --requirement requirements-dev.txt
	@touch $@

$(VENV)/.browser: scripts/browser.py $(VENV)/.development
	@$(RUN) scripts/browser.py > $@
