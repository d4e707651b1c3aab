#!/usr/bin/env bash
# Writes the generated pages of docs/reference anew: the tests that compare them write them when they are told to.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
for suite in Insula.Tests Insula.Server.Tests; do
  UPDATE_REFERENCE=1 dotnet run --project "tests/$suite" -c Release -v quiet -- -noLogo -noColor -class '*PageTests' -class '*OpenApi*' >/dev/null
done
git status --short docs/reference
