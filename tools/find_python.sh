#!/bin/sh
# Prints a Python that the pinned dependencies support: 3.11 by preference, which alone has everything.
for name in "$PYTHON" python3.11 python3.12 python3.13 python3; do
    [ -n "$name" ] || continue
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        command -v "$name"
        exit 0
    fi
done
echo "No Python 3.11, 3.12 or 3.13 found. Install one (Debian, Ubuntu: sudo apt-get install -y python3.11 python3.11-venv)," >&2
echo "or name it: make setup PYTHON=/path/to/python3.11" >&2
exit 1
