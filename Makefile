.DEFAULT_GOAL := help
.PHONY: help run test check format bench chaos lock

# compiled modules are kept: without them every process of the house starts two seconds later
export PYTHONDONTWRITEBYTECODE :=

PYTHON := .venv/bin/python
UV = $(or $(wildcard .venv/bin/uv),uv)
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; \
		do printf '  make %-8s %s\n' "$$name" "$$text"; done

run: ## start Tidings with everything it needs; PORT=5080 chooses the port
	@bin/bootstrap run
	@exec $(PYTHON) -m app.supervisor --prepare

test: ## the whole suite; ARGS="-k feed" passes on
	@bin/bootstrap dev
	@$(PYTHON) -m pytest -n 2 --dist loadgroup $(ARGS)

check: ## format, lint, types, import contracts, templates, freshness of the reference
	@bin/bootstrap dev
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -c "from importlinter.cli import lint_imports_command as check; check()"
	$(PYTHON) -m djlint templates --lint --quiet
	$(PYTHON) -m flask reference --check

format: ## format the code
	@bin/bootstrap dev
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

bench: ## the benchmarks, as ratios, into docs/benchmarks.md
	@bin/bootstrap dev
	@bin/bootstrap bench
	@$(PYTHON) -m bench

chaos: ## kill everything again and again on both databases; ARGS="--kills 60 --database sqlite" chooses
	@bin/bootstrap dev
	@$(PYTHON) -m tests.chaos $(ARGS)

lock: ## pin the newest versions that fit requirements/*.in
	@bin/bootstrap dev
	$(COMPILE) --upgrade requirements/uv.in -o requirements/uv.txt
	$(COMPILE) --upgrade requirements/run.in -o requirements/run.txt
	$(COMPILE) --upgrade -c requirements/run.txt requirements/dev.in -o requirements/dev.txt
	$(COMPILE) --upgrade -c requirements/dev.txt requirements/bench.in -o requirements/bench.txt
