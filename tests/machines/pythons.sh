#!/usr/bin/env bash
# Run the core tests on every Python that is here, with the newest and the lowest versions: make test-pythons
#
# For each Python from 3.9 to 3.14, or those of PYTHONS="3.9 3.13", two environments below CACHE (by default in the user's cache), made anew each time:
# "newest" has what pip would take; "lowest" has of each dependency the oldest version that setup.cfg admits and that has a
# wheel for that Python, as `uv pip install --resolution lowest-direct --only-binary :all:` finds it.
set -uo pipefail
unset CI # there a skipped test fails, and here some packages are left out
cd "$(dirname "$0")/../.." || exit 1
uv=$PWD/.venv/bin/uv
cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/planet_vector-pythons
tools=(pytest pytest-xdist httpx hypothesis jsonschema)

# What depends on versions. Left out are QGIS, browsers and Dask, and what measures one GDAL against another.
core=(tests/test_names.py tests/test_query.py tests/test_config.py tests/test_geometry.py tests/test_paging.py
  tests/test_paging_uncounted.py tests/test_second_catalog.py
  tests/test_threads.py tests/test_cli_search.py tests/test_cli_credentials.py tests/test_secrecy.py
  tests/vector/test_result_cache.py tests/vector/test_decoding.py tests/vector/test_driver.py tests/vector/test_faults.py
  tests/vector/test_basemap_layers.py tests/vector/test_rows.py tests/raster/test_credential_files.py tests/raster/test_open.py
  tests/test_forks.py tests/test_workers.py tests/vector/test_interrupts.py
  tests/vector/test_interrupts_in_gdal.py tests/vector/test_result.py tests/vector/test_row_format.py tests/vector/test_disk_cache.py
  tests/raster/test_session.py tests/raster/test_band_stack.py tests/raster/test_commands.py
  tests/raster/test_whole_or_error.py tests/server/test_list.py tests/server/test_conditional.py
  tests/server/test_http_connections.py tests/server/test_index_files.py tests/server/test_strict.py
  tests/server/test_watching.py)

interpreters() {
  local version python
  for version in ${PYTHONS:-3.9 3.10 3.11 3.12 3.13 3.14}; do
    # A shim of a version manager is on PATH, too, and runs only where that version is chosen.
    for python in "python$version" "$HOME"/.pyenv/versions/"$version".*/bin/python; do
      python=$(command -v "$python") && "$python" -c 'import ssl' 2>/dev/null && echo "$python" && break
    done
  done
}

failed=0 found=0
for python in $(interpreters); do
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  for resolution in newest lowest; do
    found=$((found + 1))
    environment=$cache/$version-$resolution
    rm -rf "$environment"
    options=()
    # Bounds that the authors of old versions could not know of: pyogrio 0.7 fails with pandas 3.
    [ "$resolution" = lowest ] && options=(--resolution lowest-direct --only-binary :all: --no-binary planet-vector
      --constraint tests/machines/lowest.txt)
    echo "== Python $version, $resolution versions"
    if ! { "$uv" venv -q --python "$python" "$environment" &&
      "$uv" pip install -q "${options[@]}" --python "$environment/bin/python" -e '.[server,geo]' &&
      "$uv" pip install -q --python "$environment/bin/python" "${tools[@]}"; }; then
      echo "Python $version, $resolution: cannot be installed"
      failed=1
      continue
    fi
    # What newer libraries say to older ones is no fault of these tests.
    options=()
    [ "$resolution" = lowest ] && options=(-W default)
    .venv/bin/python tests/machines/record.py "Python $version, $resolution" -- \
      "$environment/bin/python" -m pytest "${core[@]}" -n 2 --dist loadfile "${options[@]}" "$@" || failed=1
  done
done
[ "$found" -gt 0 ] || { echo "No Python from 3.9 to 3.14 is here." >&2; exit 1; }
exit $failed
