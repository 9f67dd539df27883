#!/usr/bin/env bash
# Installs the course, its grader and the sandbox into the image; Gradescope runs it once, as root.
set -euo pipefail
cd /autograder/source
apt-get update
apt-get install -y --no-install-recommends bubblewrap make python3 python3-venv
python=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then  # Ubuntu 22.04 has 3.10
  apt-get install -y --no-install-recommends python3.11 python3.11-venv
  python=python3.11
fi
make setup TORCH=cpu PYTHON="$python"
chmod 600 secret
