# Everything from a bare machine: `make demo` shows the main job, `make test` proves it.
#
# Two environments, made when a target first needs them:
#   .venv        with the wheels of fiona, rasterio and pyogrio; PYTHON3=… chooses its Python
#   .venv-qgis   of Debian's own Python, where QGIS and osgeo are; what it has not, pip adds
# A file .done-* in each says that a step was done; it is done again when the packaging changes.

SHELL := /bin/bash
PYTHON := .venv/bin/python
PIP := -m pip --disable-pip-version-check -qq install
PACKAGING := setup.cfg setup.py

# GDAL's programs run the driver in the system's Python library, with what .venv holds: so .venv is of that Python
# where there is one that will do, and of another on PATH elsewhere. Up to 3.13 there are wheels of all there is to
# install; for 3.14 there is none of fiona, without which there is no fio.
GOOD := -c 'import sys; sys.exit(not (3, 9) <= sys.version_info < (3, 14))'
ANY := -c 'import sys; sys.exit(sys.version_info < (3, 9))'
SYSTEM := $(if $(shell command -v dpkg-query),/usr/bin/python3)
PYTHON3 = $(shell \
  for python in $(SYSTEM) python3 python3.13 python3.12 python3.11 python3.10 python3.9; do \
    $$python $(GOOD) 2>/dev/null && echo $$python && exit; \
  done; \
  for python in $(SYSTEM) python3; do $$python $(ANY) 2>/dev/null && echo $$python && exit; done; echo python3)
# gdal-bin does not ask for the library: it is loaded when it is needed, and missed then.
LIBPYTHON = libpython$(shell /usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' || echo 3.11)

DEMO_PACKAGES = gdal-bin python3-venv $(LIBPYTHON)
PLUGIN_PACKAGES = qttools5-dev-tools
TEST_PACKAGES = $(DEMO_PACKAGES) $(PLUGIN_PACKAGES) python3-gdal python3-qgis qgis xauth xvfb chromium procps openssl
LONG_PACKAGES = python3-pyqt6

.PHONY: help
help:  ## Print this list.
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 20

.PHONY: demo
demo: .venv/.done-demo | demo-packages  ## Show the main job, on a sample archive and a service of its own.
	@$(PYTHON) demo/main_job.py

# In several processes, as tests wait for services; QGIS needs more of a processor, and what measures how long its main
# thread is held up has the machine to itself.
THREE = -n 3 --dist loadfile
TWO = -n 2 --dist loadfile
QGIS_PYTEST = QT_QPA_PLATFORM=offscreen PYTHONPATH=/usr/share/qgis/python/plugins .venv-qgis/bin/python -m pytest

# Two tiers: `make test` is for each change, `make test-all` for what is to be called done. CONTRIBUTING.md has more.
.PHONY: test
test:  ## Run the suite here, and a smoke test in another Debian.
	@failed=0; export FAILED="$$(mktemp)"; trap 'rm -f "$$FAILED"' EXIT; \
	$(MAKE) --no-print-directory test-here || failed=1; \
	$(MAKE) --no-print-directory test-smoke || failed=1; \
	if [ -s "$$FAILED" ]; then echo "What failed here:"; cat "$$FAILED"; fi; \
	exit $$failed

.PHONY: test-all
test-all: | long-packages  ## Run everything: the suite with what takes long, the suite in other Debians, the core on each Python.
	@failed=0; \
	$(RECORD) "$(MACHINE)" -- $(MAKE) --no-print-directory test-here ARGS="-m 'long or not long'" || failed=1; \
	for suite in trixie forky; do $(MAKE) --no-print-directory test-debian SUITE=$$suite || failed=1; done; \
	$(MAKE) --no-print-directory test-debian-dist || failed=1; \
	$(MAKE) --no-print-directory test-pythons || failed=1; \
	$(DEBIAN) forky make test-pythons || failed=1; \
	$(RECORD) --take "$$($(DEBIAN) forky)"; \
	exit $$failed

.PHONY: test-here
test-here: .venv/.done-test .venv-qgis/.done-test | test-packages  ## Run the suite on this machine.
	@failed=0; \
	$(PYTHON) -m pytest tests --ignore=tests/qgis $(THREE) $(ARGS) || failed=1; \
	$(QGIS_PYTEST) tests/qgis --ignore=tests/qgis/test_responsive.py $(TWO) $(ARGS) || failed=1; \
	$(QGIS_PYTEST) tests/qgis/test_responsive.py $(ARGS) || failed=1; \
	exit $$failed

DEBIAN = tests/machines/debian.sh
RECORD = $(PYTHON) tests/machines/record.py
MACHINE = $(shell . /etc/os-release 2>/dev/null; echo "$${ID^} $${VERSION_CODENAME:-$$(uname -s)}")
SUITE = trixie

.PHONY: test-debian
test-debian: .venv/.done-test  ## Run the suite in a chroot of another Debian: SUITE=trixie or SUITE=forky (as root).
	@$(DEBIAN) $(SUITE) make test-here-recorded MACHINE="Debian $(SUITE)" ARGS="$(ARGS)"; code=$$?; \
	$(RECORD) --take "$$($(DEBIAN) $(SUITE))"; exit $$code

.PHONY: test-here-recorded
test-here-recorded: .venv/.done-test
	@$(RECORD) "$(MACHINE)" -- $(MAKE) --no-print-directory test-here ARGS="$(ARGS)"

.PHONY: test-dist
test-dist: .venv/.done-test  ## Run README's recipes with the wheel and the sdist, in environments of their own.
	@$(PYTHON) -m pytest tests/test_packaging.py -m "long or not long" $(ARGS)

.PHONY: test-debian-dist
test-debian-dist:  ## Do so in a chroot of another Debian: SUITE=trixie or SUITE=forky (as root).
	@$(DEBIAN) $(SUITE) make test-dist ARGS="$(ARGS)"

.PHONY: test-pythons
test-pythons: .venv/.done-test | test-packages  ## Run the core tests on each Python, with newest and lowest versions.
	@tests/machines/pythons.sh $(ARGS)

# What another Debian is likeliest to break: the driver in its GDAL, the plugin in its QGIS, keys where /tmp is no home.
SMOKE = tests/test_demo.py tests/test_threads.py tests/test_install.py tests/raster/test_credential_files.py \
  tests/raster/test_session.py tests/vector/test_driver.py
SMOKE_QGIS = tests/qgis/test_plugin.py tests/qgis/test_layers.py tests/qgis/test_locator.py tests/qgis/test_products.py \
  tests/qgis/test_desktop.py

.PHONY: test-smoke
test-smoke:  ## Run a smoke test in a chroot of Debian trixie (as root).
	@if [ "$$(id -u)" = 0 ] || [ -n "$$CI" ]; then $(DEBIAN) trixie make test-smoke-here; \
	else echo "Left out: the smoke test in another Debian, which takes root (make test-smoke)."; fi

.PHONY: test-smoke-here
test-smoke-here: .venv/.done-test .venv-qgis/.done-test | test-packages
	@failed=0; \
	$(PYTHON) -m pytest $(SMOKE) $(THREE) $(ARGS) || failed=1; \
	$(QGIS_PYTEST) $(SMOKE_QGIS) $(TWO) $(ARGS) || failed=1; \
	exit $$failed

# By itself, as it takes a third more of the processor's time. The plugin is not measured: QGIS runs it.
.PHONY: coverage
coverage: .venv/.done-test | test-packages  ## Run the suite on this machine, and say how much of the package it runs.
	@rm -rf .coverage; failed=0; \
	$(PYTHON) -m coverage run -m pytest tests --ignore=tests/qgis $(THREE) $(ARGS) || failed=1; \
	$(PYTHON) -m coverage combine --quiet && $(PYTHON) -m coverage report || failed=1; \
	exit $$failed

.PHONY: lint
lint: .venv/.done-test  ## Check style, spelling, types, docstrings, wording, and that imports go down only.
	@.venv/bin/ruff check . && .venv/bin/ruff format --check --quiet . && .venv/bin/codespell \
	  && .venv/bin/mypy && .venv/bin/lint-imports --no-logo \
	  && $(PYTHON) tools/count_any.py && $(PYTHON) tools/count_docstrings.py && $(PYTHON) tools/check_words.py

.PHONY: format
format: .venv/.done-test  ## Lay out the code as `make lint` wants it.
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

.PHONY: bench
bench: .venv/.done-test  ## Measure, and compare with what is promised.
	@for program in $(filter-out benchmarks/postgis.py,$(wildcard benchmarks/*.py)); do \
	  echo "$$program"; $(PYTHON) $$program || exit 1; \
	done

.PHONY: docs
docs: .venv/.done-test demo/quicklook.png | test-packages  ## Write the generated parts of the documentation, and build its site.
	@$(PYTHON) docs/generate.py
	@$(MAKE) --no-print-directory site

.PHONY: site
site: .venv/.done-test  ## Build the site of the documentation into site/, and check its links.
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet
	@$(PYTHON) docs/check_site.py

demo/quicklook.png:
	@$(MAKE) --no-print-directory demo

.PHONY: dist
dist: .venv/.done-test  ## Build the sdist, and the wheel from it, into dist/.
	@rm -rf build *.egg-info
	@$(PYTHON) -m build -q --outdir dist . && $(PYTHON) -m twine --no-color check --strict dist/planet_vector-* && ls dist

.PHONY: plugin
plugin: .venv/.done-demo | plugin-packages  ## Build the QGIS plugin into dist/.
	@$(PYTHON) qgis_plugin/build.py

.PHONY: clean
clean:  ## Remove what these targets made, but the system's packages.
	rm -rf .venv .venv-qgis build dist site *.egg-info demo/archive demo/quicklook.png
	rm -rf .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

.venv/bin/python: | demo-packages
	@$(PYTHON3) $(ANY) || { echo "planet_vector needs Python 3.9 or later; say which: make PYTHON3=…"; exit 1; }
	@$(PYTHON3) $(GOOD) || echo "fiona has no wheel for this Python, so fio is left out; with Python 3.13 it is there: make PYTHON3=python3.13"
	@echo "Making .venv …"
	@$(PYTHON3) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/.done-demo: $(PACKAGING) | .venv/bin/python
	@echo "Installing the package and its libraries into .venv …"
	@$(PYTHON) $(PIP) -e '.[server,geo]'
	@touch $@

.venv/.done-test: .venv/.done-demo
	@echo "Installing the test tools into .venv …"
	@$(PYTHON) $(PIP) -e '.[server,geo,xarray,dev,docs]'
	@touch $@

# QGIS and its numpy are of the system: nothing may come between them, so no dependency is pulled in.
.venv-qgis/.done-test: $(PACKAGING) | test-packages
	@echo "Making .venv-qgis …"
	@rm -rf .venv-qgis && /usr/bin/python3 -m venv --system-site-packages .venv-qgis
	@.venv-qgis/bin/python $(PIP) pytest pytest-xdist pytest-qgis==5.0.2 click && \
	  .venv-qgis/bin/python $(PIP) --no-deps -e .
	@touch $@

# The system's packages: installed where that may be done, else named.
.PHONY: demo-packages plugin-packages test-packages long-packages
demo-packages: ; @$(call system-packages,$(DEMO_PACKAGES))
plugin-packages: ; @$(call system-packages,$(PLUGIN_PACKAGES))
test-packages: ; @$(call system-packages,$(TEST_PACKAGES))
long-packages: ; @$(call system-packages,$(LONG_PACKAGES))

define system-packages
if ! command -v dpkg-query >/dev/null; then \
  command -v ogrinfo >/dev/null || { echo "Install GDAL's command line tools (ogrinfo) first."; exit 1; }; \
  exit 0; \
fi; \
missing=$$(for package in $(1); do \
  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo -n "$$package "; done); \
[ -z "$$missing" ] && exit 0; \
if [ "$$(id -u)" = 0 ]; then sudo=""; \
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo="sudo"; \
else echo "Missing packages of the system; install them with: sudo apt-get update && sudo apt-get install --no-install-recommends $$missing"; exit 1; fi; \
echo "Installing $$missing…"; \
$$sudo apt-get update -qq && \
$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null
endef
