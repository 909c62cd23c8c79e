# Everything runs in a virtual environment of its own, .venv, which any target makes when needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
TESTING := $(VENV)/installed-for-tests
SOURCES := mttcg bus plugins tests bench distribution docs examples

# tests and benchmarks start many processes, which are not to compile our modules again and again
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help venv run test nightly replay check lint format guests docs linux run-linux site cookbook bench bench-quick bench-peers clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP) ## make the virtual environment .venv (Python 3.11 or later, PYTHON=... to choose)

$(STAMP): pyproject.toml
	$(PYTHON) .ci/make_venv.py $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# what only tests, checks, benchmarks and documents need takes longer to install than the rest
$(TESTING): $(STAMP)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

run: $(STAMP) ## run the demo: a guest with 4 harts, counted and traced
	$(BIN)/mttcg demo

# what plugins see has to be the same on both engines; the first run is on the default one
ON_BOTH_ENGINES = tests/examples $(addprefix tests/instrument/test_instrument_,branches.py check.py counts.py lifecycle.py linked.py memory.py plugins.py sites.py sometimes.py state.py tables.py timed.py) \
	$(addprefix tests/plugins/test_plugins_,cache.py callgraph.py coverage.py execlog.py howvec.py locks.py races.py sharing.py timeline.py)

# two tests at a time: most wait for processes
PYTEST = $(BIN)/python -m pytest -n 2 --dist worksteal

test: $(TESTING) ## run the tests
	$(PYTEST)
	MTTCG_TEST_ENGINE=unicorn $(PYTEST) $(ON_BOTH_ENGINES)

nightly: $(TESTING) ## run a million random instructions in each tier and engine (their counts checked), a million rounds of each litmus test, 100,000 of code that vCPUs write, 400,000 random virtio requests, 1,000 random programs below page tables, 200 random kills, 1,000 loads of a plugin, boots of Debian whose counts are checked, its CPUs at work, 50 boots in a row, and what it costs when idle
	MTTCG_CONTROL_LOADS=1000 $(BIN)/python -m pytest tests/run/test_run_control_leaks.py -s -o timeout=0
	MTTCG_RANDOM_INSTRUCTIONS=1000000 $(PYTEST) $(addprefix tests/engine/test_,llvm_random.py switching_random.py plans_random.py predecode.py) -o timeout=0
	MTTCG_LITMUS_ROUNDS=1000000 $(BIN)/python -m pytest tests/litmus/test_litmus.py -o timeout=0
	MTTCG_FUZZED_REQUESTS=100000 $(BIN)/python -m pytest tests/machine/test_virtio_queue.py -o timeout=0
	MTTCG_TRANSLATED_PROGRAMS=170 $(PYTEST) tests/engine/test_translated_random.py -o timeout=0
	MTTCG_TRACKING_ROUNDS=100000 $(BIN)/python -m pytest tests/engine/test_store_tracking.py tests/engine/test_native_versions.py -o timeout=0
	MTTCG_RANDOM_KILLS=200 $(BIN)/python -m pytest tests/run/test_run_kills.py -o timeout=0
	MTTCG_CHECK_LINUX=1 $(BIN)/python -m pytest $(addprefix tests/firmware/test_linux,.py _work.py _counts.py _restored.py) $(addprefix tests/linux/test_debian_,chosen.py deterministic.py events.py inputs.py functions.py processes.py profile.py switches.py syscalls.py) tests/linux/test_exec_plugins.py -o timeout=0
	MTTCG_LINUX_BOOTS=50 $(BIN)/python -m pytest tests/firmware/test_linux_boots.py -o timeout=0
	$(BIN)/python -m bench.linux_idle --smp 8

replay: $(TESTING) ## show what changed between OLD=revision and NEW=. in the text made of the guests' code
	$(BIN)/python tests/replay/replay.py $(OLD) $(or $(NEW),.) $(patsubst %,--but '%',$(BUT))

check: lint test ## everything that has to pass: lint, types, tests

lint: $(TESTING) ## ruff (rules and format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(TESTING) ## format the sources in place
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

IMAGES = $(HOME)/.cache/mttcg/images/debian-riscv64

linux: $(STAMP) ## fetch Debian's kernel for RISC-V, and make an initramfs for it (needs apt)
	$(BIN)/mttcg images get debian-riscv64 --if-needed

# boots with four vCPUs, counted and traced by two plugins, says what there is, and powers off
run-linux: linux ## boot Debian's kernel on four vCPUs, with plugins
	$(BIN)/mttcg run --kernel $(IMAGES)/Image --initrd $(IMAGES)/initrd.cpio.gz --memory 512M --smp 4 \
		--append 'console=ttyS0 run="uname -a; nproc; cat /proc/interrupts"' --plugin icount --plugin hotblocks,top=10

guests: $(TESTING) ## build the example guests (needs no compiler but the pip package ziglang)
	$(BIN)/python examples/guests/build.py
	$(BIN)/python .ci/build_init.py

docs: $(TESTING) ## write the pages, or parts of pages, that come from the sources
	$(BIN)/python docs/reference.py

site: $(TESTING) ## build the documentation site, into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

cookbook: $(TESTING) ## run every recipe of docs/cookbook.py, and write its page and picture
	$(BIN)/python docs/cookbook.py

bench: $(TESTING) ## run all benchmarks (half an hour); then make docs
	$(BIN)/mttcg bench all --runs 5 --json bench/results/full.json --html bench/results/full.html

# what a change is likely to make slower, in less than 3 minutes
QUICK = engines.mix engines.calls plugins.llvm-inline bus.records-shared startup

bench-quick: $(TESTING) ## run a small part of the benchmarks (3 minutes)
	$(BIN)/mttcg bench $(QUICK) --runs 3 --patience 10 --engines llvm --plugins empty,icount,hotblocks,access-probe --json bench/results/quick.json

bench-peers: $(TESTING) ## install the emulators that we compare with, into .peers (Debian, PyPI)
	$(BIN)/python -m mttcg_bench.peers.install

clean: ## remove the virtual environment and all that tools left behind
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find $(wildcard $(SOURCES)) -name __pycache__ -type d -prune -exec rm -rf {} +
