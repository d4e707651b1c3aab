#!/usr/bin/env bash
# Runs the unmodified clients against a server: the one that INSULA_URL and INSULA_KEY name, or one of its own on a free
# port and an empty data folder, which it stops afterwards. Ends with the summary of node:test.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cd "$here"
[[ -d node_modules ]] || npm ci --no-audit --no-fund --loglevel=error

if [[ -z ${INSULA_URL:-} ]]; then
  # Settings of the caller's own server must not reach this one.
  for name in ${!INSULA_@}; do unset "$name"; done
  data=$(mktemp -d)
  coproc server { exec env INSULA_WEBHOOKS_PRIVATE=on ../../insula up --data "$data/insula" --urls http://127.0.0.1:0 --json 2>"$data/log"; }
  pid=$server_PID
  stop() {
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    rm -rf "$data"
  }
  trap stop EXIT
  # The first start may have to build.
  if ! read -r -t 600 ready <&"${server[0]}"; then
    echo "interop: the server did not start; its log:" >&2
    tail -50 "$data/log" >&2
    exit 1
  fi
  read -r INSULA_URL INSULA_KEY INTEROP_OPERATOR_KEY < <(node -e 'const r = JSON.parse(process.argv[1]); console.log(r.url, r.tenant_key, r.operator_key)' "$ready")
  export INSULA_URL INSULA_KEY INTEROP_OPERATOR_KEY
fi

node --test --test-reporter=spec
