#!/usr/bin/env bash
# What is known of the packages that others have written: licences, sources and
# advisories of the crates (deny.toml), advisories of npm's packages.
#
# What needs a tool or a network that is not here is passed over, and told.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0

skip () {
  echo "not checked: $*"
}

# Asks `cargo deny` for the rest of the arguments.
deny () {
  timeout 2m cargo deny --all-features "$@" || status=1
}

if cargo deny --version > /dev/null 2>&1; then
  deny check bans licenses sources
  if timeout 1m cargo deny fetch db > /dev/null 2>&1; then
    deny --offline check advisories
  else
    skip 'advisories of crates: the database can not be fetched'
  fi
else
  skip 'crates: cargo-deny is not installed (cargo install cargo-deny)'
fi

# Nothing of npm's is installed with spillway: these packages only build and test it.
report=$(timeout 1m npm audit --json --audit-level=high 2> /dev/null)
found=$?
if ! grep -q '"auditReportVersion"' <<< "$report"; then
  skip "npm's packages: the registry tells no advisories"
elif [ "$found" != 0 ]; then
  npm audit --audit-level=high || status=1
else
  echo "npm's packages: no advisory of a high severity"
fi

exit "$status"
