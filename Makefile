# SPDX-License-Identifier: Apache-2.0
# Each target is one line; the logic is Python under tools/. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup check test test-all cometbft native demo bench sim docs vectors conformance fmt clean

PYTHON ?= python3
ARGS ?=
SEEDS ?= 200
READY = $(PYTHON) -m tools.setup
RUN = .venv/bin/python -m
unexport VIRTUAL_ENV

help:         ## list the targets
	@$(PYTHON) -m tools.targets
setup:        ## install everything below .venv and .tools; under a second when nothing changed
	@$(READY)
check:        ## style, types, layers, tidy, unit and property tests; under 3 minutes
	@$(READY) && $(RUN) tools.check $(ARGS)
test:         ## every test that needs only Python, but the documents' examples; under 10 minutes
	@$(READY) && $(RUN) pytest -m "not slow and not engine" --ignore=tests/docs $(ARGS)
test-all:     ## the same and all the rest: Pythons, faults, wheel, browser, bench; ARGS=name picks a step
	@$(READY) && $(RUN) tools.test_all $(ARGS)
cometbft:     ## build the pinned CometBFT below .tools; needs a network, fetches Go if there is none
	@$(READY) && $(RUN) tools.cometbft
native:       ## build the optional native part: signatures verified in batches; needs Rust
	@$(READY) && $(RUN) tools.native
demo:         ## start the demonstration network and stay in the foreground; ARGS=--help tells more
	@$(READY) && exec .venv/bin/hanse demo $(ARGS)
bench:        ## measure this machine; ARGS=--help tells more
	@$(READY) && exec .venv/bin/hanse bench $(ARGS)
sim:          ## run seeds of the simulator, SEEDS=20000 for more; ARGS="--seed 7" repeats one
	@$(READY) && $(RUN) tools.sim $(SEEDS) $(ARGS)
docs:         ## write the generated pages again, then run every example in the documentation
	@$(READY) && $(RUN) tools.pages && $(RUN) pytest tests/docs $(ARGS)
vectors:      ## write the portable vectors again; the difference is for the reviewer
	@$(READY) && $(RUN) tools.vectors $(ARGS)
conformance:  ## judge every app by the public vectors of its standards (HANSE_VECTORS)
	@$(READY) && $(RUN) pytest -m vectors $(ARGS)
fmt:          ## lay out the code and sort the imports
	@$(READY) && $(RUN) ruff check --fix-only --quiet . ; $(RUN) ruff format .
clean:        ## remove everything that make has made
	@$(PYTHON) -m tools.clean
