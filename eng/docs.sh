#!/usr/bin/env bash
# Writes every generated file anew (docs/reference, the schemas): the tests that compare them write them when told to.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
mkdir -p artifacts
for suite in Insula.Tests Insula.Storage.Tests Insula.Server.Tests; do
  UPDATE_GENERATED=1 dotnet run --project "tests/$suite" -c Release -v quiet -- -noLogo -noColor \
    -class '*PageTests' -class '*OpenApiTests' -class '*SchemaTests' >artifacts/docs.log 2>&1 || { cat artifacts/docs.log >&2; exit 1; }
done
git status --short
