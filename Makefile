# make run        set-up and the demo study in a window (HEADLESS=1: off-screen, simulated readers, all results)
# make test       set-up and all tests
# make check      style, types and import rules alone
# make screenshots, make bench, make package
# make reliability  every promise of the reliability table tried (SIZE=quick: a minute, SIZE=long: hours)
# A second call of any of them starts in seconds.

PYTHON   ?= python3
VENV     ?= .venv
BIN      := $(VENV)/bin
STAMP    := $(VENV)/.installed
DEMO     ?= demo-study
WORKERS  ?= 2
# On the build server the exact versions are installed; elsewhere the ranges of pyproject.toml rule.
ifdef CI
PIP_ARGS := -c constraints.txt
endif

.PHONY: run test check screenshots bench reliability package clean
run: $(STAMP)
ifdef HEADLESS
	QT_QPA_PLATFORM=offscreen $(BIN)/reader-app demo --out $(DEMO) --headless
else
	$(BIN)/reader-app demo --out $(DEMO)
endif

test: $(STAMP) check
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: $(STAMP)
	$(BIN)/ruff check reader_app tests benchmarks
	$(BIN)/ruff format --check -q reader_app tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

screenshots: $(STAMP)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.screens build/screens

bench: $(STAMP)
	for name in startup log open_case interaction importing "analysis --quick" deviations; do \
	  echo "== $$name"; QT_QPA_PLATFORM=offscreen $(BIN)/python -m benchmarks.$$name; done

reliability: $(STAMP)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m benchmarks.reliability $(if $(SIZE),--$(SIZE))

package: $(STAMP)
	$(BIN)/pyinstaller --noconfirm pyinstaller.spec

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[networks,dev]'
	sh .ci/qt-libraries.sh $(BIN)/python
	touch $@

clean:
	rm -rf $(VENV) build dist $(DEMO)
