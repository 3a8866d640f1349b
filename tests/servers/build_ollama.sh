#!/bin/sh
# Builds a real Ollama server for the tests from the Go module proxy, PyPI and Debian; prints the binary's path.
# Once built it is kept in ~/.cache/dafe-test/ollama (delete the folder to build again). Needs go, gcc, pip and, for two
# headers, Debian's nlohmann-json3-dev and libstb-dev: installed, or fetched here with apt-get download.
set -eu

version=0.17.4
cache="${DAFE_TEST_CACHE:-$HOME/.cache/dafe-test}/ollama"
binary="$cache/bin/ollama-$version"
[ -x "$binary" ] && { echo "$binary"; exit 0; }

PATH="$PATH:/usr/local/go/bin"
python="${PYTHON:-python3}"
command -v go >/dev/null || { echo "Building Ollama needs Go: install it or set DAFE_TEST_OLLAMA." >&2; exit 4; }
command -v gcc >/dev/null || { echo "Building Ollama needs gcc: install it or set DAFE_TEST_OLLAMA." >&2; exit 4; }

# Go module archives leave out folders called "vendor": three headers of Ollama's are missing and come from elsewhere.
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$work/include" "$cache/bin"
(
    cd "$work"
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary miniaudio miniaudio==1.71
    tar -xzf miniaudio-1.71.tar.gz
    mkdir -p include/miniaudio
    cp "$(find miniaudio-1.71 -name miniaudio.h | head -n 1)" include/miniaudio/miniaudio.h
    if [ ! -e /usr/include/nlohmann/json.hpp ] || [ ! -e /usr/include/stb/stb_image.h ]; then
        apt-get download -qq nlohmann-json3-dev libstb-dev
        for package in *.deb; do dpkg -x "$package" debian; done
        cp -r debian/usr/include/. include/
    fi
) >&2

# Without AVX2 the ggml backend generates ten times slower; without the version flag /api/version says 0.0.0.
flags="-O3"
grep -qs avx2 /proc/cpuinfo && flags="-O3 -march=x86-64-v3"
CPATH="$work/include" CGO_CFLAGS="$flags" CGO_CXXFLAGS="$flags" GOBIN="$work/bin" \
    nice -n 10 go install -ldflags "-X=github.com/ollama/ollama/version.Version=$version" \
    "github.com/ollama/ollama@v$version" >&2
mv "$work/bin/ollama" "$binary"
echo "$binary"
