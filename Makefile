# Two commands do all the set-up: `make study` runs the paper's study, `make test` the tests.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help environment study demo compare verify search publish bench lint test test-cluster clean

help:  ## show what make can do
	@sed -n 's/^\([a-z][a-z_-]*\):.*##/\1\t/p' Makefile

environment: $(READY)  ## install the pinned environment into .venv

$(READY): envs/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Give another: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet --requirement envs/requirements.txt
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --editable .
	@touch $@

study: $(READY)  ## run the paper's study: networks, tables, figures, report
	snakemake
	@echo "Open results/report.html; tables are in results/tables, figures in results/figures."

demo: $(READY)  ## the same on a small grid, for a first look
	snakemake --configfile workflow/studies/demo.yaml
	@echo "Open results/demo/report.html; tables are in results/demo/tables."

compare: $(READY)  ## compare your networks with the published ones, network by network
	snakemake compare
	@cat results/logs/compare.log

verify: $(READY)  ## compute the published tables again, train some networks again, and compare
	snakemake verify --configfile results/published/config.json --config results=results/verified networks=results/published
	@cat results/verified/logs/verify.log

search: $(READY)  ## try other protocols where the paper leaves a choice
	snakemake search --configfile workflow/studies/search.yaml

publish: $(READY)  ## run the published study anew: ten networks a cell
	snakemake --configfile workflow/studies/published.yaml
	pip freeze --exclude-editable > results/published/environment.txt

bench: $(READY)  ## time the training engines; on a quiet machine, some minutes
	PYTHONPATH=workflow OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python tests/benchmark/engines.py

lint: $(READY)  ## check style of Python, notebooks and rules
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow/rules
	snakemake --lint

test: $(READY) lint  ## run the tests
	pytest --numprocesses logical --maxprocesses 4 --dist loadfile

test-cluster: $(READY)  ## run the study on a real Slurm of one node; needs root and apt-get
	pytest tests/cluster -rs

clean:  ## remove what runs left in results/, not what is published, nor the environment
	rm -rf .snakemake
	test ! -d results || find results -mindepth 1 -maxdepth 1 ! -name published -exec rm -rf {} +
