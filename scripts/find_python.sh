#!/bin/sh
# Prints a Python that can make the virtual environment, or says in one line what is missing.
# Usage: sh scripts/find_python.sh [PYTHON]    with PYTHON, only that one is considered
set -eu

fits='import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'

found=""
for candidate in ${1:-python3.11 python3.12 python3.13 python3 python}; do
    # Run it: a version manager may put a name on the path that only prints an error.
    if "$candidate" -c "$fits" >/dev/null 2>&1; then
        found=$candidate
        break
    fi
done

if [ -z "$found" ]; then
    echo "${1:-Python 3.11, 3.12 or 3.13} was not found or is not Python 3.11 to 3.13: install python3.11, or name one by make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$found" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    echo "$found has no venv module: install it (Debian and Ubuntu: apt-get install python3-venv), then run make again" >&2
    exit 1
fi
echo "$found"
