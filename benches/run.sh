#!/usr/bin/env bash
# Measures every target of docs/performance.md and its floor, and prints whether it is met.
#   benches/run.sh [--users 100000] [--large 1000000] [--minutes 10] [OPTIONS…]
# OPTIONS are those of `cargo bench --bench load -- targets --help`. JSON lines go to target/load/results.jsonl unless
# --out names another file. PostgreSQL and pgbench are installed from the packages of the system if they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

# Each side runs once in each round; the time to fill the tenants is extra.
runs=200
minutes=10
options=()
out=''
while (($# > 0)); do
  case $1 in
  --minutes) minutes=${2:?--minutes needs a number} && shift 2 ;;
  --out) out=${2:?--out needs a file} && shift 2 ;;
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0" && exit ;;
  *) options+=("$1") && shift ;;
  esac
done

install_postgresql() {
  local root=()
  ((EUID == 0)) || root=(sudo)
  echo '== install PostgreSQL'
  "${root[@]}" apt-get update -q &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql postgresql-contrib
}
{ tests/postgres bindir && [[ -x $(tests/postgres bindir)/pgbench ]]; } >/dev/null 2>&1 || install_postgresql

mkdir -p target/load
if [[ -z $out ]]; then
  out=target/load/results.jsonl
  rm -f "$out"
fi
seconds=$(awk -v m="$minutes" -v t=$runs 'BEGIN { s = m * 60 / t; print (s < 1 ? 1 : s) }')
cargo bench --quiet --bench load -- targets --seconds "$seconds" --out "$(realpath -m "$out")" "${options[@]}"
echo "JSON lines: $out; as Markdown: cargo bench --bench load -- report $out"
