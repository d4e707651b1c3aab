#!/usr/bin/env bash
# Runs the test suites and adds them up.
#   eng/test.sh              every suite, including the ones that drive Insula with the vendors' own clients
#   eng/test.sh NAME...      only these (Insula.Tests, Insula.Server.Tests, interop, ...)
# The last line is "N passed, N failed, N skipped"; the names of the tests that failed stand right before it. A suite that
# fails, dies without a summary, or runs nothing makes the whole run fail: a suite that silently tests nothing looks just
# like one that passes.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

all=(Insula.Tests Insula.Storage.Tests Insula.Server.Tests Insula.EndToEnd interop)
suites=("${@:-${all[@]}}")
logs=artifacts/test-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0 broken=() endings=$logs/endings
: >"$endings"

# debian ADVICE PACKAGE...
debian() {
  local advice=$1
  shift
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || { echo "test: $advice" >&2; exit 1; }
  echo "Installing $* …"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >"$logs/apt.log" 2>&1 || { tail -20 "$logs/apt.log" >&2; echo "test: installing $* failed. $advice" >&2; exit 1; }
}

# The tests start servers of their own. The one that Debian would make and start with the package is nobody's.
install_postgres() {
  local bin
  for bin in /usr/lib/postgresql/*/bin/initdb; do if [[ -x $bin ]]; then return; fi; done
  if [[ $(id -u) == 0 ]]; then
    mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/insula-tests.conf
  fi
  debian "PostgreSQL is missing (no /usr/lib/postgresql/*/bin). Install Debian's package 'postgresql', or run this as root." postgresql
}

# The test starts one of its own; masked, Debian's does not start with the package.
install_pooler() {
  if [[ -x /usr/sbin/pgbouncer ]]; then return; fi
  if [[ $(id -u) == 0 && -d /etc/systemd/system ]]; then ln -sfn /dev/null /etc/systemd/system/pgbouncer.service; fi
  debian "pgbouncer is missing (no /usr/sbin/pgbouncer). Install Debian's package 'pgbouncer', or run this as root." pgbouncer
}

# Debian packages and npm packages that the chosen suites need. The .NET packages come with the build.
install_needs() {
  local suite
  for suite in "${suites[@]}"; do
    case $suite in
      interop) install_clients ;;
      Insula.Storage.Tests)
        install_postgres
        install_pooler
        ;;
      Insula.Server.Tests | Insula.EndToEnd) install_postgres ;;
    esac
  done
}

install_clients() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then debian "node and npm are missing. Install Node 20 or newer." nodejs npm; fi
  (cd tests/interop && npm ci --no-audit --no-fund --loglevel=error) >"$logs/npm.log" 2>&1 || { cat "$logs/npm.log" >&2; exit 1; }
}

build() {
  local log=$logs/build.log
  echo "Building …"
  dotnet build Insula.slnx -c Release -v quiet -nologo >"$log" 2>&1 || { grep -E 'error|warning' "$log" | sort -u | head -50 >&2; echo "test: the build failed; all of its output is in $log." >&2; exit 1; }
}

# The name of each failed test and the first lines of its message, for the end of the output: where continuous integration
# keeps only that, it is all there is to go by.
dotnet_failures() {
  awk -v suite="$1" '
    function start() { if (++tests == 51) print "  … and more: see the log."; lines = tests > 50 ? 0 : 4 }
    /^    [^ ].* \[FAIL\]$/ { start(); sub(/^ +/, ""); sub(/ \[FAIL\]$/, ""); if (lines) print "  " suite ": " $0; next }
    /^    \[[A-Za-z ]+ Failure \(/ { start(); sub(/^ +/, ""); if (lines) print "  " suite ": " $0; next }
    /^ *Stack Trace:/ || !/^      / { lines = 0 }
    lines > 0 { lines--; print substr($0, 1, 300) }' "$2"
}

interop_failures() {
  awk '
    /failing tests:/ { all = 1; next }
    all && /^✖ / { print "  interop: " $0; lines = 4; next }
    /^ +at / { lines = 0 }
    lines > 0 && /[^ ]/ { lines--; print "    " substr($0, 1, 300) }' "$1"
}

# count SUITE PASSED FAILED SKIPPED EXITCODE
count() {
  passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
  printf '%-22s %5d passed, %d failed, %d skipped  (%d s)\n' "$1" "$2" "$3" "$4" "$((SECONDS - started))"
  if (($2 + $3 == 0)); then broken+=("$1 ran nothing"); fi
  if (($5 != 0 && $3 == 0)); then broken+=("$1 ended with exit code $5"); tail -20 "$logs/$1.log" | cut -c 1-300 >>"$endings"; fi
}

# The runner's summary: "   NAME  Total: 12, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 0.1s"
run_dotnet() {
  local suite=$1 log=$logs/$1.log code=0 total=0 errors=0 bad=0 skips=0 notrun=0
  dotnet "artifacts/bin/$suite/release/$suite.dll" -noLogo -noColor >"$log" 2>&1 || code=$?
  if [[ $(grep -E 'Total: [0-9]+, Errors: [0-9]+' "$log" | tail -1) =~ Total:\ ([0-9]+),\ Errors:\ ([0-9]+),\ Failed:\ ([0-9]+),\ Skipped:\ ([0-9]+),\ Not\ Run:\ ([0-9]+) ]]; then
    total=${BASH_REMATCH[1]} errors=${BASH_REMATCH[2]} bad=${BASH_REMATCH[3]} skips=${BASH_REMATCH[4]} notrun=${BASH_REMATCH[5]}
  fi
  if ((code != 0)); then
    grep -vE '^\s*(Discover|Starting|Finished)|^Ok, passed [0-9]+ tests?\.$' "$log" | tail -150 >&2 || true
    dotnet_failures "$suite" "$log" >>"$endings"
  fi
  count "$suite" $((total - bad - skips - notrun)) $((bad + errors)) "$skips" "$code"
}

# node:test ends with "# pass 5" (piped) or "ℹ pass 5" (terminal).
run_interop() {
  local log=$logs/interop.log code=0 number
  tests/interop/run.sh >"$log" 2>&1 || code=$?
  number() { grep -E "^(#|ℹ) $1 [0-9]+" "$log" | awk '{n += $3} END {print n + 0}'; }
  if ((code != 0)); then tail -150 "$log" >&2; interop_failures "$log" >>"$endings"; fi
  count interop "$(number pass)" "$(number fail)" "$(($(number skipped) + $(number todo)))" "$code"
}

install_needs
build
for suite in "${suites[@]}"; do
  started=$SECONDS
  if [[ $suite == interop ]]; then run_interop; else run_dotnet "$suite"; fi
done

if [[ -s $endings ]]; then echo "What failed (all of it is in $logs/):"; cat "$endings"; fi
for complaint in "${broken[@]}"; do echo "test: $complaint; its output is in $logs/."; done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && ${#broken[@]} == 0))
