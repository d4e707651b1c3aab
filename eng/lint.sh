#!/usr/bin/env bash
# Checks the format of the sources, then builds everything; warnings are errors.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
dotnet restore Insula.slnx -v quiet -nologo
dotnet format Insula.slnx --verify-no-changes --no-restore --verbosity quiet || { echo "lint: the format differs; run 'make format' and look at the change." >&2; exit 1; }
mkdir -p artifacts
dotnet build Insula.slnx -c Release -v quiet -nologo --no-restore >artifacts/lint.log 2>&1 || { grep -E 'error|warning' artifacts/lint.log | sort -u | head -50 >&2; exit 1; }
echo "lint: ok"
