# The checks of scripts/dist-check, which reads this file and has `check`, `skip`, `make_root` and `inside`.

need_roots() { # names
  local name
  for name in "$@"; do
    case $name in
      *-gcc) make_root "$name" "${name%-gcc}" gcc g++ libc6-dev cmake make pkg-config ;;
      *) make_root "$name" "$name" python3 python3-venv man-db bash zsh fish ;;
    esac
  done
}

check_roots() { need_roots bullseye bookworm trixie bullseye-gcc bookworm-gcc; }

check_files() {
  check "SHA256SUMS" "$dist" checksums
  check "names and versions" "$dist" python3 tests/dist/files.py "$dist" "$version"
  check "paths of this machine" "every file, unpacked" paths
}

checksums() {
  cd "$dist"
  sha256sum --quiet --check SHA256SUMS
  diff <(cut -c67- SHA256SUMS) <(find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%f\n' | LC_ALL=C sort)
  echo "$(wc -l <SHA256SUMS) files"
}

paths() { # nothing names a folder of the machine that built
  local file folder=$work/unpacked name
  for file in "$dist"/*; do
    name=$folder/$(basename "$file")
    mkdir -p "$name"
    case $file in
      *.whl) python3 -m zipfile -e "$file" "$name" ;;
      *.tar.gz | *.crate) tar -xf "$file" -C "$name" ;;
      *.deb) dpkg-deb -x "$file" "$name" ;;
      *) cp "$file" "$name" ;;
    esac
  done
  if grep -rlaF -e "$root" -e "${CARGO_HOME:-$HOME/.cargo}/" -e "${RUSTUP_HOME:-$HOME/.rustup}/" -e "$HOME/.c" "$folder"; then
    echo "These files name a folder of the machine that built them." >&2
    return 1
  fi
  echo "none in $(find "$folder" -type f | wc -l) files"
  rm -rf "$folder"
}

check_sdist() {
  need_roots bookworm
  check "sdist, without Rust" "Debian 12" sdist_without_rust
  check "sdist, with Rust" "this machine, a new environment" sdist_with_rust
}

sdist_without_rust() { # maturin comes from a folder, since the root has no network
  local wheels=$work/backend
  "$tools/python" -m pip download -q --no-deps -d "$wheels" -r <(grep '^maturin==' scripts/dist-requirements.txt)
  inside "$roots/bookworm" '
    python3 -m venv v
    if v/bin/pip install --no-index --find-links /repository/target/dist-check/backend /dist/projectcor-'"$version"'.tar.gz >out.txt 2>&1; then
      echo "pip installed the sdist without Rust" >&2; exit 1
    fi
    grep -q Traceback out.txt && { cat out.txt; exit 1; }
    grep -o "projectcor is built from source, which needs Rust .*" out.txt'
}

sdist_with_rust() {
  python3 -m venv "$work/sdist"
  # A profile that is quick to build: the same sources.
  MATURIN_PEP517_ARGS="--profile demo" CARGO_TARGET_DIR=$root/target/dist-check-build \
    "$work/sdist/bin/pip" install -q --no-cache-dir "$dist/projectcor-$version.tar.gz"
  cd "$work/sdist"
  bin/python "$root/tests/dist/smoke.py"
}

check_wheels() {
  local wheel suite python= found
  need_roots bullseye bookworm trixie
  wheel=projectcor-$version-cp39-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl
  for suite in bullseye bookworm trixie; do
    check "wheel abi3, manylinux" "Debian $suite, no compiler" in_python "$roots/$suite" "$wheel"
  done
  for wheel in "$dist"/*manylinux*.whl; do
    check "wheel $(cut -d- -f3,4 <<<"${wheel##*/}"), glibc" "auditwheel" audit "$wheel"
  done
  wheel=$dist/projectcor-$version-cp39-abi3-musllinux_1_2_x86_64.whl
  check "wheel abi3, musllinux" "readelf" needs_musl "$wheel"
  if [ -n "${MUSL_PYTHON:-}" ]; then
    check "wheel abi3, musllinux" "this machine, musl" in_environment "$MUSL_PYTHON" "$wheel"
  else
    skip "wheel abi3, musllinux" "not run" "MUSL_PYTHON=PATH names a Python that is linked with musl"
  fi
  wheel=$(echo "$dist"/projectcor-"$version"-cp314-cp314t-manylinux*.whl)
  for found in ${FREE_THREADED:-$(command -v python3.14t || true)}; do
    if "$found" -c "import sys; sys.exit(sys.version_info[:2] != (3, 14) or sys._is_gil_enabled())"; then
      python=$found
    fi
  done
  if [ -n "${FREE_THREADED:-}" ] && [ -z "$python" ]; then
    echo "dist-check: FREE_THREADED=$FREE_THREADED is no Python 3.14 without the GIL" >&2
    exit 2
  fi
  if [ -n "$python" ]; then
    check "wheel cp314t, manylinux" "this machine" in_environment "$python" "$wheel"
  else
    skip "wheel cp314t, manylinux" "built, not run" "no python3.14t here; FREE_THREADED=PATH names one"
  fi
}

in_python() { # root, wheel
  inside "$1" '
    if command -v cc gcc cargo; then exit 1; fi
    python3 -m venv v
    v/bin/pip install -q --no-index /dist/'"$2"'
    v/bin/python /repository/tests/dist/smoke.py
    printf "%s, " "$(ldd --version | head -1 | sed "s/.* /glibc /")" "$(v/bin/python -V)"; echo update, sync, state, demo'
}

in_environment() { # Python, wheel
  rm -rf "$work/environment"
  "$1" -m venv "$work/environment"
  "$work/environment/bin/pip" install -q --no-index "$2"
  cd "$work/environment"
  PYTHON_GIL= bin/python -W error "$root/tests/dist/smoke.py"
}

modules() { # wheel: unpacks it, prints the paths of its shared libraries
  local folder
  folder=$(mktemp -d "$work/wheel.XXXXXX")
  python3 -m zipfile -e "$1" "$folder"
  find "$folder" -name '*.so'
}

newest_glibc() { objdump -T "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1; }

audit() {
  local newest
  # Its last lines are wrapped to the width of a terminal.
  "$tools/auditwheel" show "$1" | tr '\n' ' ' | grep -E 'consistent with the following platform tag: *"manylinux_2_17_x86_64"'
  newest=$(newest_glibc "$(modules "$1")")
  [ "$(printf '%s\n' "$newest" GLIBC_2.17 | sort -V | tail -1)" = GLIBC_2.17 ]
  echo "newest symbol $newest"
}

needs_musl() {
  local library
  library=$(modules "$1")
  [ -z "$(newest_glibc "$library")" ]
  readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort >"$work/needed"
  echo libc.so | diff "$work/needed" -
  echo "needs libc.so alone, no symbol of glibc"
}

check_crates() { check "crates" "a program of a user" crates; }

crates() {
  local crate folder=$work/crates patches=()
  mkdir -p "$folder/app"
  for crate in cor-core cor-http cor-sandbox cor-sync cor-cli; do
    tar -xf "$dist/$crate-$version.crate" -C "$folder"
    [ -f "$folder/$crate-$version/LICENSE" ]
    [ -f "$folder/$crate-$version/README.md" ]
    patches+=(--config "patch.crates-io.$crate.path='$folder/$crate-$version'")
  done
  # Dependencies are the newest that the manifests allow, as in a program of a user.
  sed "s/@VERSION@/$version/" tests/dist/crates/Cargo.toml.in >"$folder/app/Cargo.toml"
  cp tests/dist/crates/main.rs "$folder/app/"
  cd "$folder/app"
  export CARGO_TARGET_DIR=$root/target/dist-check-build
  cargo "${patches[@]:0:8}" run --quiet
  cd "$folder/cor-cli-$version"
  # As cargo install builds it, in the profile that is quick.
  printf '\n[workspace]\n' >>Cargo.toml
  cargo "${patches[@]:0:8}" build --quiet
  "$CARGO_TARGET_DIR/debug/cor" demo >demo.txt
  grep -q 'Website relaunch, phase 2' demo.txt
  echo "cor-http, cor-sandbox, cor-sync in a program; cor demo"
}

check_c() {
  need_roots bullseye-gcc bookworm-gcc
  check "C archive" "Debian 12 with gcc" in_c "$roots/bookworm-gcc" archive
  check "C archive" "Debian 11 with gcc" in_c "$roots/bullseye-gcc" archive
  check "C Debian package" "Debian 12 with gcc" in_c "$roots/bookworm-gcc" package
  check "C archive, glibc" "objdump" c_symbols
}

in_c() { # root, archive or package
  local install='tar -xf /dist/projectcor-c-'$version-$gnu'.tar.gz; prefix=$PWD/projectcor-c-'$version-$gnu
  # The package has to be found without any of this.
  install+='; export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib CMAKE_PREFIX_PATH=$prefix'
  [ "$2" = archive ] || install='dpkg -i /dist/libprojectcor-dev_'$version'_amd64.deb >/dev/null; prefix=/usr'
  inside "$1" "$install"'
    if command -v cargo; then exit 1; fi
    tar -xf /dist/cor-'"$version-$musl"'.tar.gz
    mkdir programs
    gcc /repository/examples/c/update.c $(pkg-config --cflags --libs projectcor) -o programs/pkg_config
    g++ -std=c++17 /repository/examples/cpp/update.cpp $(pkg-config --cflags --libs projectcor) -o programs/cpp
    gcc /repository/examples/c/update.c $(pkg-config --cflags projectcor) $prefix/lib/libprojectcor.a \
      $(pkg-config --static --libs-only-l projectcor | sed s/-lprojectcor//) -o programs/pkg_config_static
    cmake -S /repository/tests/dist/cmake -B build -DEXAMPLE=/repository/examples/c/update.c >/dev/null
    cmake --build build >/dev/null
    cp build/app_projectcor build/app_static programs/
    cor-'"$version-$musl"'/cor sandbox --example --port 0 >sandbox.txt 2>&1 &
    until address=$(grep -o "http://127.0.0.1:[0-9]*" sandbox.txt | head -1) && [ -n "$address" ]; do kill -0 $!; sleep 0.1; done
    export COR_BASE_URL=$address COR_ACCESS_TOKEN=sandbox-token
    for program in programs/*; do
      $program SF-OPP-12345 SALESFORCE "by $program" >out.txt
      grep -q "by $program" out.txt
    done
    [ "$(ldd programs/pkg_config_static | grep -c projectcor)" = 0 ]
    [ "$(ldd programs/pkg_config | grep -c "libprojectcor.so.'"${version%%.*}"'")" = 1 ]
    kill $!
    ls programs | tr "\n" " "'
}

c_symbols() {
  local newest
  tar -xf "$dist/projectcor-c-$version-$gnu.tar.gz" -C "$work"
  newest=$(newest_glibc "$work/projectcor-c-$version-$gnu/lib/libprojectcor.so.$version")
  [ "$(printf '%s\n' "$newest" GLIBC_2.17 | sort -V | tail -1)" = GLIBC_2.17 ]
  echo "newest symbol $newest; needs $(readelf -d "$work/projectcor-c-$version-$gnu/lib/libprojectcor.so" |
    sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | tr '\n' ' ')"
}

check_program() {
  need_roots bullseye bookworm
  check "program, archive" "Debian 11, glibc 2.31" in_program "$roots/bullseye" archive
  check "program, archive" "Debian 12, glibc 2.36" in_program "$roots/bookworm" archive
  check "program, Debian package" "Debian 12" in_program "$roots/bookworm" package
}

in_program() { # root, archive or package
  local install='tar -xf /dist/cor-'$version-$musl'.tar.gz; folder=$PWD/cor-'$version-$musl
  [ "$2" = archive ] || install='dpkg -i /dist/cor_'$version'_amd64.deb >/dev/null; folder='
  inside "$1" "$install"'
    sh /repository/tests/dist/program.sh "$folder"
    echo "demo, update, sync, state, manual pages, completions"'
}
