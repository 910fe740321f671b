# Two commands do all the set-up: `make study` runs the paper's study, `make test` the tests.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# What a user has set for Python and Snakemake is for the user's own work; for pip, and for jobs,
# workflow/surroundings.py decides. Scripts of an environment name the place where it was made: here
# tools run as modules. Snakemake's cache is the user's, who may have no place for one.
unexport $(filter PYTHON% SNAKEMAKE_%,$(.VARIABLES))
export PYTHONSAFEPATH := 1
RUN := $(VENV)/bin/python -m
SNAKEMAKE := PYTHONPATH="$(CURDIR)/workflow" XDG_CACHE_HOME="$(CURDIR)/.snakemake/cache" $(RUN) snakemake
# One run at a time in this folder; after one that was killed, the next goes on.
STUDY := $(subst $(RUN) snakemake,$(RUN) alone,$(SNAKEMAKE))
# How far a run is, in place of Snakemake's account of every job; the plugin lies in workflow/.
SHOWN := --logger progress

.PHONY: help environment study demo compare verify claim search publish bench docs lint test \
	fuzz test-cluster clean

help:  ## show what make can do
	@sed -n 's/^\([a-z][a-z_-]*\):.*##/\1\t/p' Makefile

environment: $(READY)  ## install the pinned environment into .venv

$(READY): envs/requirements.txt $(wildcard envs/requirements.lock)
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Give another: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -I workflow/surroundings.py envs/requirements.txt
	@cd $(VENV) && pwd > .ready

# One that was copied or moved here, or whose Python is gone, is made anew. A link to one is not.
HERE := test "$$(cat $(READY))" -ef $(VENV) && $(VENV)/bin/python -I -c 'import pip'
ifneq ($(shell test ! -e $(READY) || { $(HERE); } 2> /dev/null || echo gone),)
$(READY): gone
endif
.PHONY: gone
gone:
	@echo "$(VENV) was made for $$(cat $(READY)), or for a Python that is gone: it is made anew."
	rm -rf $(VENV)

study: $(READY)  ## run the paper's study: networks, tables, figures, report
	$(STUDY) $(SHOWN)
	@$(VENV)/bin/python workflow/verdicts.py config.yaml

demo: $(READY)  ## the same on a small grid, for a first look
	$(STUDY) --configfile workflow/studies/demo.yaml $(SHOWN)
	@$(VENV)/bin/python workflow/verdicts.py config.yaml workflow/studies/demo.yaml

compare: $(READY)  ## compare your networks with the published ones, network by network
	$(STUDY) compare $(SHOWN)
	@cat results/logs/compare.log

verify: $(READY)  ## compute the published tables again, train some networks again, and compare
	$(STUDY) verify --configfile results/published/config.json --config results=results/verified networks=results/published $(SHOWN)
	@cat results/verified/logs/verify.log

# What is given as a claim is a name: nothing in it is for make, or for the shell, to carry out.
override ID := $(value ID)
export ID
# Paths of results have no plus sign.
CLAIM := results/claims/$(subst +,-,$(ID))
claim: $(READY)  ## compute one claim again from published weights: make claim ID=copy-CC-removable
	@case "$$ID" in "" | *[!A-Za-z0-9_+-]*) echo "ID is '$$ID'; allowed: the id of a claim or number in results/published/tables/ledger.csv" >&2; exit 1; esac
	$(STUDY) $(CLAIM)/tables/ledger.csv --configfile results/published/config.json --config results=$(CLAIM) networks=results/published claim=$(ID) $(SHOWN)
	@$(VENV)/bin/python workflow/claim.py $(ID) $(CLAIM)/tables/ledger.csv results/published/tables/ledger.csv

search: $(READY)  ## try other protocols where the paper leaves a choice
	$(STUDY) search --configfile workflow/studies/search.yaml $(SHOWN)

# The site's packages, after make docs, have no part in it.
publish: $(READY)  ## run the published study and the search anew: 390 networks
	$(STUDY) --configfile workflow/studies/published.yaml $(SHOWN)
	$(STUDY) search --configfile workflow/studies/search.yaml --config results=results/published/search $(SHOWN)
	$(RUN) pip freeze --exclude-editable | grep -vixFf envs/docs.txt > results/published/environment.txt

BENCH := PYTHONPATH=workflow OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(VENV)/bin/python
bench: $(READY)  ## time training and diagnosis; on a quiet machine, half an hour
	$(BENCH) tests/benchmark/engines.py
	$(BENCH) tests/benchmark/diagnosis.py

docs: $(VENV)/.docs  ## build these texts and the reference of the package as a site, in site/
	PYTHONPATH=workflow $(VENV)/bin/python docs/configuration.py
	$(RUN) sphinx --conf-dir docs --doctree-dir .snakemake/doctrees --fail-on-warning --keep-going --quiet . site
	@echo "Open site/index.html."

# What writes the site is not in the environment until then.
$(VENV)/.docs: envs/docs.txt $(READY)
	$(VENV)/bin/python -I workflow/surroundings.py envs/docs.txt
	@touch $@

lint: $(READY)  ## check style of Python, notebooks and rules
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile workflow/rules
	$(SNAKEMAKE) --lint

test: $(READY) lint  ## run the tests
	$(RUN) pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

fuzz: $(READY)  ## read 10,000 damaged files and wrong configurations, others at every run
	$(RUN) pytest tests/unit/test_fuzz_readers.py --hypothesis-profile thorough --capture no

test-cluster: $(READY)  ## run the study on a real Slurm of one node; needs root and apt-get
	$(RUN) pytest tests/cluster -rs

clean:  ## remove the site and what runs left in results/, not what is published, nor the environment
	rm -rf .snakemake site
	test ! -d results || find -H results -mindepth 1 -maxdepth 1 ! -name published -exec rm -rf {} +
