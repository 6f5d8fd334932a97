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

# Nothing of npm's is installed with spillway: these packages only build and test it. $1: the folder of a package-lock.json
audit () {
  local report found
  report=$(timeout 1m npm audit --prefix "$1" --json --audit-level=high 2> /dev/null)
  found=$?
  if ! grep -q '"auditReportVersion"' <<< "$report"; then
    skip "npm's packages in $1: the registry tells no advisories"
  elif [ "$found" != 0 ]; then
    npm audit --prefix "$1" --audit-level=high || status=1
  else
    echo "npm's packages in $1: no advisory of a high severity"
  fi
}

for folder in . __tests__/api __tests__/recipes __tests__/pack __tests__/bundlers benches; do
  audit "$folder"
done

exit "$status"
