# Works with GNU make 3.81 and later.
SHELL := /bin/bash
export SETUP_PYTHON := $(PYTHON)
override PYTHON := .venv/bin/python
NB :=
ARGS :=
export COURSE := notebooks/assignments
SANDBOX := on

# A newer compiler has new warnings: they are errors only with the version that the project is checked with.
LEVEL := $(shell . tools/versions.sh && rustc --version | grep -q " $$rust_version\." && echo -D || echo -W)

# A panic ends the whole program in WebAssembly. So its message must not be held back until the test has ended (--nocapture), and
# the other programs are still to be run (--no-fail-fast).
WASM_TESTS := tools/wasm.sh test --quiet --no-fail-fast $(or $(ARGS),--tests) -- --nocapture

# JupyterLab refuses to run as root, which containers do, unless it is told.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

# Jupyter's files all live in .venv: nothing of the user's own set-up is read or written.
JUPYTER := $(CURDIR)/.venv/jupyter
export JUPYTER_PREFER_ENV_PATH := 1
export JUPYTER_CONFIG_DIR := $(JUPYTER)/config
export JUPYTER_DATA_DIR := $(JUPYTER)/data
export JUPYTER_RUNTIME_DIR := $(JUPYTER)/runtime
export JUPYTERLAB_SETTINGS_DIR := $(JUPYTER)/config/lab/user-settings
export JUPYTERLAB_WORKSPACES_DIR := $(JUPYTER)/config/lab/workspaces
export IPYTHONDIR := $(JUPYTER)/ipython
unexport JUPYTER_PATH JUPYTER_CONFIG_PATH JUPYTERLAB_DIR

# The clone may be below "My Projects": in quotes, and with its spaces escaped where make itself reads it.
SIGNED := $(subst $() ,\ ,$(JUPYTER)/signed)
JUPYTERLAB := "$(CURDIR)/$(PYTHON)" -m jupyterlab $(AS_ROOT)

OWN := $(filter-out notebooks/assignments,$(COURSE))

# Grading needs nbgrader, which is installed where Python is new enough for it.
TEACH := $(PYTHON) -c 'import nbgrader' 2> /dev/null || { echo 'zero-init: assignments need Python 3.11 or later; .venv has an older one' >&2; exit 1; };

.PHONY: help doctor lab teach test test-format test-rust test-python test-wasm notebooks figures site release course collect grade-check grade give-back bench bench-kernel bench-page reference setup clean

help:
	@echo 'make lab        open JupyterLab on the notebooks (ARGS=--no-browser and the like reach it)'
	@echo 'make teach      the same for instructors: with nbgrader'"'"'s formgrader and menu (COURSE=… for a course of one'"'"'s own)'
	@echo 'make doctor     say what this machine has of what is needed, and what to do about the rest'
	@echo 'make test       run every check: format, lints, tests, documentation, and each notebook on the real kernel'
	@echo 'make test-wasm  run the Rust tests on a second platform, WebAssembly: the same bits everywhere (ARGS="--test same_bits")'
	@echo 'make notebooks  execute the notebooks in place (NB=notebooks/NAME.ipynb for one)'
	@echo 'make figures    draw the figures that pages show outside of notebooks again: notebooks/figures'
	@echo 'make site       make the notebooks, as committed, into pages to read without Jupyter: site/index.html'
	@echo 'make release    make the students'"'"' versions of the assignments'
	@echo 'make grade      grade what is in notebooks/assignments/submitted (the README there has all of these)'
	@echo 'make course     make a course of one'"'"'s own, outside of this repository (DIR=…)'
	@echo 'make grade-check  grade submissions whose points are known, to see that the grading works'
	@echo 'make collect    take submissions out of a learning platform'"'"'s archive (ASSIGNMENT=… ARCHIVE=… TABLE=…)'
	@echo 'make give-back  put points and pages into the platform'"'"'s form (ASSIGNMENT=… TABLE=…)'
	@echo 'make bench      time training beside NumPy and JAX (and PyTorch, where .venv-bench has it), mostly on one core'
	@echo 'make bench-kernel  time the kernel beside a stock one: 3 rounds, about 20 minutes (ARGS="1 no notebooks": 2)'
	@echo 'make bench-page  time the section of the pages that answers questions, beside the native program'
	@echo 'make reference  make the reference figures of the tests again (ARGS=--check: only compare), and try the claims in NumPy'
	@echo 'make setup      only install what the others need; done once, it is instant'
	@echo 'make clean      remove .venv, .venv-bench, .venv-reference, site and target; the kernel, shared by all clones of this user, stays'

doctor:
	@tools/doctor.sh

setup:
	@tools/setup.sh

# JupyterLab shows figures only in notebooks that it trusts, so those of the repository are signed first.
$(SIGNED): $(wildcard notebooks/*.ipynb) | setup
	@$(PYTHON) -m nbformat.sign notebooks/*.ipynb > /dev/null 2>&1 && touch "$@" || true

# Readers and students see nothing of nbgrader but Validate.
lab: setup $(SIGNED)
	@cd notebooks && exec $(JUPYTERLAB) --LabApp.default_url=/lab/tree/$(notdir $(firstword $(sort $(wildcard notebooks/*.ipynb)))) $(ARGS)

# The same JupyterLab, with the rest of nbgrader. A course of one's own has it opened on that: the formgrader shows nothing that is
# outside of the folder it is opened on.
teach: setup $(SIGNED)
	@$(TEACH) course="$$(cd "$${COURSE/#\~/$$HOME}" && pwd)" && cd $(if $(OWN),"$$course",notebooks) && JUPYTER_CONFIG_PATH="$(CURDIR)/.venv/etc/teach" \
	  ZERO_INIT_COURSE="$$course" exec $(JUPYTERLAB) --LabApp.default_url=/lab$(if $(OWN),,/tree/assignments) $(ARGS)

test:
	@tools/setup.sh test
	@$(MAKE) --no-print-directory test-format
	@$(MAKE) --no-print-directory -j 2 test-rust test-python

test-format:
	@echo '== Formatting' && cargo fmt --all --check && $(PYTHON) -m ruff format --quiet --check && $(PYTHON) -m ruff check --quiet

# Cargo takes the packed crate for the crate itself, and would compile each of the two again after the other. Compiled in another
# way, they are two, and cargo keeps both.
test-rust:
	@echo '== Lints' && cargo clippy --quiet --workspace --all-features --all-targets --locked -- $(LEVEL) warnings \
	  && cargo clippy --quiet --package exercise --locked -- $(LEVEL) warnings
	@echo '== Unit, integration and documentation tests' && unset MAKEFLAGS && cargo test --quiet --workspace --all-features --locked
	@if [ -n "$$ZERO_INIT_CI$$ALL" ]; then echo '== The same bits in WebAssembly' && $(WASM_TESTS); fi
	@echo '== Documentation' && RUSTDOCFLAGS='$(LEVEL) warnings' cargo doc --quiet --workspace --all-features --no-deps --locked
	@echo '== Package' && CARGO_PROFILE_DEV_OPT_LEVEL=0 cargo package --quiet --locked --offline --allow-dirty

test-python:
	@echo '== Types in Python' && $(PYTHON) -m mypy --no-error-summary
	@echo '== Notebooks and tools' && $(PYTHON) -m pytest --quiet -p no:cacheprovider -n 2 --dist loadfile --no-loadscope-reorder tests

test-wasm:
	@ALL=1 tools/setup.sh test
	@$(WASM_TESTS)

notebooks: setup
	@$(PYTHON) tools/notebooks.py $(NB)

figures:
	@cargo run --quiet --locked --example figures

site: setup
	@tools/wasm.sh build --quiet --profile page --package page || { rm -f target/wasm32-wasip1/page/page.wasm; \
	  echo 'zero-init: so the pages answer no questions of their readers' >&2; }
	@$(PYTHON) tools/website.py

# What is said on make's command line is also in the environment. There, a name keeps its spaces and apostrophes.
release: setup
	@$(TEACH) $(PYTHON) notebooks/assignments/grading/release.py --course "$$COURSE" $(ARGS)

# SANDBOX=off runs student code without bubblewrap.
grade: setup
	@$(TEACH) SANDBOX=$(SANDBOX) $(PYTHON) notebooks/assignments/grading/grade.py --course "$$COURSE" $(if $(SCHEDULER),--scheduler $(SCHEDULER)) $(ARGS)

grade-check: setup
	@$(TEACH) SANDBOX=$(SANDBOX) $(PYTHON) notebooks/assignments/grading/check.py --course "$$COURSE" $(ARGS)

course: setup
	@$(TEACH) $(PYTHON) notebooks/assignments/grading/new_course.py "$$DIR"

collect: setup
	@$(TEACH) $(PYTHON) notebooks/assignments/grading/platforms.py --course "$$COURSE" collect "$$ASSIGNMENT" "$$ARCHIVE" $(if $(TABLE),"$$TABLE")

give-back: setup
	@$(TEACH) $(PYTHON) notebooks/assignments/grading/platforms.py --course "$$COURSE" give-back "$$ASSIGNMENT" "$$TABLE"

# The benchmark and the reference figures need large packages that nothing else needs: each has an environment of its own.
.venv-bench/complete: benches/requirements.txt
.venv-reference/complete: tests/reference/requirements.txt
.venv-bench/complete .venv-reference/complete:
	@python3 -m venv --clear $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check install --quiet -r $<
	@touch $@

bench: .venv-bench/complete
	@BENCH_PYTHON="$(CURDIR)/.venv-bench/bin/python" cargo bench --quiet --locked --bench speed

reference: .venv-reference/complete
	@.venv-reference/bin/python tests/reference/generate.py $(ARGS)
	@.venv-reference/bin/python tests/reference/claims.py

bench-page: site
	@tools/setup.sh test
	@$(PYTHON) tools/bench_page.py

bench-kernel: setup
	@$(PYTHON) tools/bench_kernel.py $(ARGS)

clean:
	rm -rf .venv .venv-bench .venv-reference site target
