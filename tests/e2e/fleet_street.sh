#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The street of ./dev run, small and fast: every reading that a meter took arrives, Ctrl-C stops all of it,
# the next run goes on from there, and a port in use is told by name. Ports 18420-18427.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
export METERPAY_BIN=${BIN_DIR:-$root/build/bin}
for program in meterpay meterpayd meterpay-operator meterpay-fleet; do
    if [ ! -x "$METERPAY_BIN/$program" ]; then
        echo "fleet_street: $program is not built"
        exit 77
    fi
done
for program in mosquitto jq curl sqlite3 ss; do
    if ! command -v "$program" >/dev/null; then
        echo "fleet_street: $program is not installed"
        exit 77
    fi
done

work=$(mktemp -d)
street=$work/street
log=$work/log
other=
cleanup() {
    status=$?
    [ -z "$other" ] || kill "$other" 2>/dev/null || true
    if [ $status -ne 0 ]; then
        tail -n 30 "$log" || true
        tail -n 15 "$street"/log/*.log 2>/dev/null || true
        echo "fleet_street: the folder is kept: $work"
    else
        rm -rf "$work"
    fi
}
trap cleanup EXIT

fail() { echo "fleet_street: FAILED: $*"; exit 1; }

run() {
    "$root/sim/run_street.sh" --dir "$street" --homes 3 --seed 11 --meters-port 18420 \
        --mqtt-port 18421 --coap-port 18422 --operator-port 18423 "$@"
}

listeners() { ss -Hltun | grep -cE ':1842[0-3][[:space:]]' || true; }

# 1. Six hours: what the meters took is what the gateway has.
run --speed 1200 --hours 6 --truth "$work/truth.jsonl" >"$log" 2>&1 || fail "the first run"
taken=$(grep -c '"seq":' "$work/truth.jsonl")
[ "$taken" -ge $((9 * 23)) ] || fail "only $taken readings were taken"
grep -q '^waiting    0 records' "$log" || fail "not every reading got its receipt"
[ "$(listeners)" -eq 0 ] || fail "something still listens after the first run"
# The gateway alone, for its books.
"$METERPAY_BIN/meterpayd" --dir "$street" >>"$log" 2>&1 &
other=$!
for _ in $(seq 100); do
    "$METERPAY_BIN/meterpay" status --json --dir "$street" >/dev/null 2>&1 && break
    sleep 0.1
done
"$METERPAY_BIN/meterpay" ledger check --dir "$street" >>"$log" 2>&1 || fail "ledger check"
"$METERPAY_BIN/meterpay" export readings --format jsonl --dir "$street" >"$work/export.jsonl"
kill -TERM "$other" && wait "$other" || fail "meterpayd did not stop well"
other=
jq -r 'select(.seq) | "\(.meter) \(.time_us) \(.total)"' "$work/truth.jsonl" | sort >"$work/truth"
jq -r '"\(.meter) \(.time_us) \(.total_units)"' "$work/export.jsonl" | sort >"$work/export"
cmp "$work/truth" "$work/export" || fail "the gateway's readings are not those that the meters took"

# The same meters on virtual time, with nobody to talk to, take the same readings. Runs begin and end at
# different moments, so the hours that both have are compared.
"$METERPAY_BIN/meterpay-fleet" --homes 3 --seed 11 --via none --hours 48 --truth "$work/alone.jsonl" \
    --start "$(TZ=UTC-8 date +%Y-%m-01)" >/dev/null
common() {
    awk -v low="$low" -v high="$high" '$2 >= low && $2 <= high' "$1"
}
jq -r 'select(.seq) | "\(.meter) \(.time_us) \(.total)"' "$work/alone.jsonl" | sort >"$work/alone"
low=$(($(awk '{print $2}' "$work/truth" | sort -n | head -n 1) + 900000000))
high=$(($(awk '{print $2}' "$work/truth" | sort -n | tail -n 1) - 900000000))
cmp <(common "$work/truth") <(common "$work/alone") || fail "readings hang on the network"

# 2. A port in use is told by name, and by the option that changes it.
python3 -c 'import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 18423)); s.listen(); time.sleep(60)' &
other=$!
for _ in $(seq 50); do [ "$(listeners)" -eq 1 ] && break; sleep 0.1; done
if run >"$work/busy" 2>&1; then fail "a port in use was not noticed"; fi
grep -q 'port 18423 is in use by .*the wallet operator needs it' "$work/busy" ||
    fail "the port's message: $(cat "$work/busy")"
grep -q -- '--operator-port' "$work/busy" || fail "the port's advice"
kill "$other"
wait "$other" 2>/dev/null || true
other=

# 3. The second run goes on, and Ctrl-C stops everything.
set -m # a process group of its own, as a terminal gives it
run --speed 1200 >"$work/second" 2>&1 &
second=$!
set +m
for _ in $(seq 300); do
    grep -q 'readings,' "$work/second" && break
    kill -0 "$second" 2>/dev/null || break
    sleep 0.1
done
# Meanwhile a third-party meter: one frame of DL/T 645-2007 by hand, forward active energy 1234.56 kWh.
export METERPAY_DIR=$street
"$METERPAY_BIN/meterpay" meter add pRAW-000012345678 --household home-0001 --tariff zhanjiang-power \
    --accept carrier --new-key "$work/key" >>"$log" 2>&1 || fail "the third-party meter was not added"
printf 'one\t68785634120000 68 91 08 33333433 89674533 XX 16\t-\t{}\n' >"$work/dlt645.tsv"
sum=$((0x68 + 0x78 + 0x56 + 0x34 + 0x12 + 0x68 + 0x91 + 0x08 + 0x33 * 3 + 0x34 + 0x89 + 0x67 + 0x45 + 0x33))
sed -i "s/XX/$(printf %02x $((sum % 256)))/" "$work/dlt645.tsv"
for _ in $(seq 100); do
    grep -q '^pRAW-000012345678:' "$street/broker/psk" && break
    sleep 0.1
done
for _ in $(seq 20); do # the broker reads its keys again a moment after the file is there
    "$METERPAY_BIN/meterpay-fleet" replay "$work/dlt645.tsv" --as pRAW-000012345678 \
        --key-file "$work/key" >>"$log" 2>&1 && break
    sleep 0.5
done
for _ in $(seq 50); do
    "$METERPAY_BIN/meterpay" readings pRAW-000012345678 >"$work/raw" 2>&1 || true
    grep -q '1234.560' "$work/raw" && break
    sleep 0.1
done
grep -q '1234.560 *kWh *accepted' "$work/raw" || fail "the replayed frame: $(cat "$work/raw")"
unset METERPAY_DIR
kill -INT "-$second"
status=0
wait "$second" || status=$?
cat "$work/second" >>"$log"
[ $status -eq 130 ] || fail "Ctrl-C ended the street with $status"
grep -q '^street: going on from' "$work/second" || fail "the second run began anew"
[ "$(listeners)" -eq 0 ] || fail "something still listens after Ctrl-C"
first=$(sed -nE 's/^.*  ([0-9,]+) readings,.*/\1/p' "$work/second" | head -n 1 | tr -d ,)
[ "${first:-0}" -ge "$taken" ] || fail "the second run forgot readings: $first of $taken"
if run --seed 12 >"$work/seed" 2>&1; then fail "another seed was taken"; fi
grep -q 'another --dir for seed 12' "$work/seed" || fail "the seed's message: $(cat "$work/seed")"

# 4. The same seed gives the same readings.
fleet() { "$METERPAY_BIN/meterpay-fleet" --via none --start 2026-07-01 --meters 9 --hours 48 "$@"; }
fleet --seed 5 --truth "$work/a" >/dev/null
fleet --seed 5 --truth "$work/b" --loss 30 --reorder 20 >"$work/out"
fleet --seed 6 --truth "$work/c" >/dev/null
[ "$(head -n 1 "$work/out")" = "seed 5" ] || fail "the seed is not printed first"
cmp "$work/a" "$work/b" || fail "the same seed gave other readings"
if cmp -s "$work/a" "$work/c"; then fail "another seed gave the same readings"; fi
echo "fleet_street: passed ($taken readings, all in the gateway's books)"
