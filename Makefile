# make run    check all gradients, train a population, test five claims, and write one HTML page
# make test   run all tests
# make docs   build the site in docs/_build/html; PAGES="course/losses" builds some pages only, for a quick look
# make check  compare every hand-derived gradient with jax.vjp
# make lint, make types   check style and types
# make onnx   create the environment for export to ONNX
# make lock   update requirements.lock
# All create .venv first, from requirements.lock. Choose another interpreter (3.11 or newer) by PYTHON=python3.12.
PYTHON ?= python3
BIN := .venv/bin
JAX2ONNX := 0.17.1

.PHONY: run test docs check lint types onnx lock clean
.DELETE_ON_ERROR:

run: .venv/.ready
	$(BIN)/python -m experiments welcome

# Keep the order of the files (tests/conftest.py puts the longest first): xdist would sort them by their number of tests.
test: .venv/.ready
	$(BIN)/python -m pytest -q --numprocesses auto --dist loadfile --no-loadscope-reorder

# Forget the pages that were read if the build fails: Sphinx shows a warning only when it reads a page.
docs: .venv/.ready
	@$(BIN)/python -c 'import myst_nb, sphinx_book_theme, math_core, altair' 2>/dev/null || { \
	  echo "make docs needs the extra docs. Install it with: $(BIN)/python -m pip install '.[docs]'"; exit 1; }
	@JAXDL_PAGES="$(PAGES)" $(BIN)/python -m sphinx -j 2 -q -b html $(if $(PAGES),,-W) -n --keep-going \
	  -d docs/_build/doctrees docs docs/_build/html || { rm -rf docs/_build/doctrees; exit 1; }
	@echo "docs/_build/html/index.html"

check: .venv/.ready
	$(BIN)/jaxdl check

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.ready
	$(BIN)/ty check jaxdl experiments benchmarks

# A separate environment for .venv-onnx/bin/jaxdl export RUN --to onnx, because jax2onnx needs other versions than jaxdl.
onnx: .venv/.ready
	$(PYTHON) -m venv .venv-onnx
	$(BIN)/uv pip install --quiet --python .venv-onnx/bin/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python .venv-onnx/bin/python jax2onnx==$(JAX2ONNX) onnxruntime
	$(BIN)/uv pip install --quiet --python .venv-onnx/bin/python --no-deps --editable .

# Pins with hashes and without addresses, in one file for every supported Python. Commit the result.
lock: .venv/.ready
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --extra report --extra docs --extra dev pyproject.toml --output-file requirements.lock

# Compile to bytecode: containers often keep Python from writing it, and then each start takes two seconds longer.
.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "jaxdl needs Python 3.11 or newer, but $(PYTHON) is older. Use make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

clean:
	rm -rf .venv .venv-onnx
