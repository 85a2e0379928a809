#!/bin/sh
# Make the virtual environment $1 and install what requirements.lock names, each file checked against its hash.
set -eu
venv=$1

stop() {
    echo "$1" >&2
    exit 1
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    stop "Python 3.11 or newer is needed and was not found; install it (Debian: apt-get install python3 python3-venv)."
}

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null \
        || stop "This $("$python" --version) cannot make virtual environments; install its venv module (Debian: apt-get install python3-venv)."
    echo "Making $venv with $("$python" --version) …"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1
echo "Installing the locked packages (about 5 GB, most of it torch: half a minute from a warm cache, minutes from the network) …"
started=$(date +%s)
if "$venv/bin/python" -m pip install --quiet --quiet uv; then
    UV_NO_PROGRESS=1 VIRTUAL_ENV="$PWD/$venv" "$venv/bin/uv" pip sync --quiet --require-hashes requirements.lock
else
    echo "uv could not be installed; going on with pip, which is slower."
    "$venv/bin/python" -m pip install --quiet --require-hashes --requirement requirements.lock
fi
echo "Installed in $(($(date +%s) - started)) s."
