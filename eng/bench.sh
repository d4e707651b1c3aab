#!/usr/bin/env bash
# Builds the benchmarks in Release and runs them with the arguments given.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
exec dotnet run --project bench/Insula.Benchmarks -c Release -v quiet -- "$@"
