# make lab    set up and open the first lesson        make test        set up and run every test (an hour)
# make clean  remove what was installed and built      make test-quick  the short way through them (< 4 min)
# make bench  speed and quality, printed again         make bench-quick the same in minutes (< 10 min)
# make mutants  faults and small changes in the formulas: which of them do the tests notice?
# make soak   the long tests of the grader: killed again and again, on a cluster, every attack (< 60 min)
#
# On Linux the plain torch wheel brings gigabytes of CUDA libraries. `make lab TORCH=cpu` takes the CPU build from
# PyTorch's own index instead. PYTHON=python3.12 chooses another interpreter (3.11 to 3.14).

PYTHON ?= python3
TORCH  ?= default
# empty is off: what isn't compiled once is compiled at every start, which takes seconds for PyTorch's optimisers
export PYTHONDONTWRITEBYTECODE :=
VENV   := .venv
# Windows puts the programs of an environment into Scripts; everything else into bin
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP    := $(BIN)/python -m pip --disable-pip-version-check
# --no-compile: half the time; Python compiles each file when it is first imported
PINNED := $(PIP) install --no-compile -c constraints.txt
# what the first optimiser imports; the grader's sandbox is read-only and would compile it anew for every batch
COMPILE := $(BIN)/python -c 'import torch; torch.optim.Adam([torch.ones(1, requires_grad=True)])'
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu

ifeq ($(filter $(TORCH),default cpu),)
$(error TORCH is '$(TORCH)'; it can be 'cpu' (PyTorch's own CPU index) or left out)
endif

# the notebooks that `make notebooks` runs: FILES=notebooks/07_gan.ipynb for one
FILES := notebooks solutions
NBVAL := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -c tests/notebooks/nbval/pytest.ini --rootdir=. -n 2 --dist loadscope

.PHONY: bench bench-quick with-opponents mutants soak lab setup setup-test test test-quick lint types unit notebooks notebooks-smoke format checkpoints images build clean
.DEFAULT_GOAL := lab

lab: setup
	$(BIN)/course lab

setup: $(VENV)/.installed
setup-test: $(VENV)/.installed-test

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || \
	  { echo "$(PYTHON) is missing, or isn't Python 3.11 to 3.14; try: make PYTHON=python3.12 $(or $(MAKECMDGOALS),lab)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "no venv; on Debian and Ubuntu: sudo apt install python3-venv"; rm -rf $(VENV); exit 1; }
	@touch $@

# torch first and by itself, so that only torch ever comes from its index; a build that fits the pin is kept
$(VENV)/.torch-$(TORCH): constraints.txt | $(VENV)/.python
	@echo "Installing into $(VENV): about a minute with the CPU build, more with the CUDA libraries"
ifeq ($(TORCH),cpu)
	$(PINNED) --no-deps --index-url $(TORCH_CPU_INDEX) torch
endif
	@touch $@

$(VENV)/.installed: pyproject.toml constraints.txt $(VENV)/.torch-$(TORCH)
	$(PINNED) -e .
	@$(COMPILE)
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PINNED) -e '.[test]'
	@touch $@

# Everything. The quick parts first: a slip shows after a minute, not after the lessons have trained.
test: lint types unit notebooks-smoke notebooks

test-quick: setup-test lint types
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not browser"
	COURSE_SMOKE=1 $(NBVAL) $(FILES)

lint: setup-test
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: setup-test
	$(BIN)/mypy

# A test that ends its worker is named at once; with another worker in its place pytest-xdist would stumble on it
unit: setup-test
	$(BIN)/python -m pytest -n 2 --dist loadgroup --max-worker-restart=0

# Every cell of every lesson and solution as they are read: full size, marked outputs compared, memory measured
notebooks: setup-test
	$(NBVAL) $(FILES)

# The same cells small: the path that COURSE_SMOKE=1 takes
notebooks-smoke: setup-test
	COURSE_SMOKE=1 $(NBVAL) $(FILES)

# First every fault of the lists in tests/mutants, then a mutation tool over objectives, metrics and training steps
mutants: setup-test
	$(PINNED) -q -e '.[mutants]'
	$(BIN)/python tests/mutants/faults.py
	$(BIN)/python tests/mutants/tool.py

# What is claimed of speed and quality. Long parts keep their rows in benchmarks/results and go on where they stopped.
# In an environment of its own: nbgrader puts a menu into every JupyterLab that it is installed beside.
bench bench-quick:
	@$(MAKE) VENV=$(VENV)-bench with-opponents
	$(subst $(VENV)/,$(VENV)-bench/,$(BIN))/python benchmarks/run.py$(if $(filter bench-quick,$@), --quick)

with-opponents: $(VENV)/.installed-bench

$(VENV)/.installed-bench: $(VENV)/.installed
	$(PINNED) -e '.[bench]'
	@touch $@

# A class of 300 graded by a grader that is killed 20 times and once finds the disk full; then a small one for real; then
# 300 on a cluster that loses a worker; then every hostile submission, every answer of the bank and every mistake of a
# training, of which `make test` takes some of each kind
soak: setup-test
	$(BIN)/python tests/grading/soak/durability.py
	$(BIN)/python tests/grading/soak/durability.py --real --submissions 24 --kills 6
	COURSE_SOAK=1 $(BIN)/python -m pytest tests/grading/test_cluster.py
	HOSTILE=all $(BIN)/python -m pytest tests/grading/test_hostile.py
	BANK=all $(BIN)/python -m pytest -n 2 tests/exercises/test_answers.py tests/exercises/test_mutation.py

format: setup-test
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

# The weights that lessons show and compare, trained again from their fixed seeds
checkpoints: setup
	$(BIN)/python -m course_lib.training.ship

# The pictures of the README, out of the committed lessons
images: setup-test
	$(BIN)/python docs/make_images.py
	$(BIN)/python docs/make_moving_picture.py

build: setup
	$(BIN)/course build

clean:
	rm -rf $(VENV) $(VENV)-bench build dist course_lib.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
