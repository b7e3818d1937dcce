# make run    train, prove, test three claims, and write one page that shows it
# make test   everything the tests know
# Both set up .venv first, from requirements.lock. PYTHON names another interpreter (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
JAX2ONNX := 0.17.1

.PHONY: run test check lint types onnx lock clean
.DELETE_ON_ERROR:

run: .venv/.ready
	$(BIN)/python -m experiments welcome

# Files run in their order: by the number of their tests, the longest would come last and run alone.
test: .venv/.ready
	$(BIN)/python -m pytest -q --numprocesses auto --dist loadfile --no-loadscope-reorder

check: .venv/.ready
	$(BIN)/jaxdl check

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.ready
	$(BIN)/ty check jaxdl experiments benchmarks

# An environment of its own for .venv-onnx/bin/jaxdl export RUN --to onnx: jax2onnx needs other versions than jaxdl.
onnx: .venv/.ready
	$(PYTHON) -m venv .venv-onnx
	$(BIN)/uv pip install --quiet --python .venv-onnx/bin/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python .venv-onnx/bin/python jax2onnx==$(JAX2ONNX) onnxruntime
	$(BIN)/uv pip install --quiet --python .venv-onnx/bin/python --no-deps --editable .

# One universal file of hashed pins without addresses, for every supported Python; commit the result.
lock: .venv/.ready
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --extra report --extra dev pyproject.toml --output-file requirements.lock

# Compiled to bytecode: in containers, which often keep Python from writing it, each start would take two seconds more.
.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "jaxdl needs Python 3.11 or newer, but $(PYTHON) is older: say make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

clean:
	rm -rf .venv .venv-onnx
