#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A street that runs: wallet operator, broker, gateway and a fleet of meters on one fast clock, all real
# programs on this machine. Ctrl-C stops them in order; the next run goes on from there.
set -euo pipefail
umask 077

# A shell that puts this in the background has it ignore SIGINT, and what is ignored from the start cannot be
# trapped: start again without that, so that `kill -INT` stops the street as Ctrl-C does.
ignored=$(sed -n 's/^SigIgn:[[:space:]]*//p' "/proc/$$/status")
if (((0x$ignored & 2) != 0)); then
    exec env --default-signal=INT "$0" "$@"
fi

root=$(cd "$(dirname "$0")/.." && pwd)
bin=${METERPAY_BIN:-$root/build/bin}

usage() {
    cat <<'END'
usage: ./dev run [OPTION VALUE]...

  --dir DIR            where everything is kept (run/street)
  --homes N            homes, three meters each (60; later runs may have more)
  --seed S             what the homes and their days follow from (by chance, then kept)
  --speed X            simulated seconds a second (600)
  --hours H            stop after so many simulated hours (run until Ctrl-C)
  --via WAY            mqtt, coap or both (both)
  --truth FILE         write down every reading that a meter took
  --meters-port P      the broker's port for meters (8883)
  --mqtt-port P        the broker's port for the gateway, on 127.0.0.1 (1883)
  --coap-port P        the gateway's CoAP port (5684)
  --operator-port P    the wallet operator's port (8443)

Ports are kept from the first run in DIR; to change them, give another --dir or edit its meterpayd.yaml
and street.conf.
END
}

say() { echo "street: $*"; }
die() { echo "street: $*" >&2; exit 1; }

# ---- what is wanted ---------------------------------------------------------------------------------

dir=$root/run/street
hours=
homes= seed= speed= via=both truth=
declare -A port=([meters]=8883 [mqtt]=1883 [coap]=5684 [operator]=8443)
declare -A port_given=()

is_number() { [[ $1 =~ ^[1-9][0-9]{0,8}$ ]]; }

while [ $# -gt 0 ]; do
    option=$1
    case $option in
    --help | -h) usage; exit 0 ;;
    --*=*) set -- "${option%%=*}" "${option#*=}" "${@:2}"; continue ;;
    esac
    [ $# -ge 2 ] || { usage >&2; die "$option needs a value"; }
    case $option in
    --dir) dir=$2 ;;
    --homes) homes=$2 ;;
    --seed) seed=$2 ;;
    --speed) speed=$2 ;;
    --hours) hours=$2 ;;
    --via) via=$2 ;;
    --truth) truth=$2 ;;
    --meters-port | --mqtt-port | --coap-port | --operator-port)
        name=${option#--}
        port_given[${name%-port}]=$2
        ;;
    *) usage >&2; die "unknown option $option" ;;
    esac
    shift 2
done
[ -z "$homes" ] || is_number "$homes" || die "--homes takes a number, not \"$homes\""
[ -z "$speed" ] || is_number "$speed" || die "--speed takes a number, not \"$speed\""
[[ -z $seed || $seed =~ ^[0-9]{1,18}$ ]] || die "--seed takes a whole number, not \"$seed\""
for name in "${!port_given[@]}"; do
    is_number "${port_given[$name]}" && [ "${port_given[$name]}" -le 65535 ] ||
        die "--$name-port takes a port, not \"${port_given[$name]}\""
done
for program in meterpay meterpayd meterpay-operator meterpay-fleet; do
    [ -x "$bin/$program" ] || die "$bin/$program is missing; run ./dev build first"
done
for program in mosquitto jq curl sqlite3 ss flock setsid; do
    command -v "$program" >/dev/null || die "the program $program is missing; run ./dev setup"
done

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
gateway=$dir # the gateway's directory is the street's
operator=$dir/operator
conf=$dir/street.conf
clock=$dir/clock
logs=$dir/log
mkdir -p "$logs"

exec 9>"$dir/street.lock"
flock -n 9 || die "a street runs in $dir already; stop it, or give another --dir"

# ---- what the first run chose -----------------------------------------------------------------------

declare -A kept=()
if [ -f "$conf" ]; then
    while read -r name value; do
        [[ $name =~ ^[a-z]+$ && $value =~ ^[0-9]+$ ]] && kept[$name]=$value
    done <"$conf"
fi
seed=${seed:-${kept[seed]:-$((RANDOM * 32768 + RANDOM))}}
homes=${homes:-${kept[homes]:-60}}
speed=${speed:-${kept[speed]:-600}}
[ "${kept[seed]:-$seed}" = "$seed" ] ||
    die "the street in $dir has seed ${kept[seed]}; give another --dir for seed $seed"
for name in "${!port[@]}"; do
    value=${port_given[$name]:-${kept[port$name]:-${port[$name]}}}
    [ "${kept[port$name]:-$value}" = "$value" ] ||
        die "the street in $dir uses port ${kept[port$name]} for $name; give another --dir for port $value"
    port[$name]=$value
done

# ---- ports ------------------------------------------------------------------------------------------

# Who listens on a port: "name (process N)", or nothing.
port_user() {
    local flags=$1 number=$2
    ss -H -n -p "$flags" "sport = :$number" 2>/dev/null |
        sed -nE 's/.*users:\(\("([^"]*)",pid=([0-9]+).*/\1 (process \2)/p; t; s/.*/another program/p' | head -n 1
}

need_port() {
    local flags=$1 name=$2 what=$3 user
    user=$(port_user "$flags" "${port[$name]}")
    [ -z "$user" ] || die "port ${port[$name]} is in use by $user, and $what needs it: stop that, or choose
street: another with --$name-port and a new --dir"
}

need_port -lt meters "the broker (for meters)"
need_port -lt mqtt "the broker (for the gateway)"
need_port -lu coap "the gateway's CoAP"
need_port -lt operator "the wallet operator"

# ---- programs ---------------------------------------------------------------------------------------

declare -A pid=()
stopping=

# Start a program in a session of its own, so that Ctrl-C reaches this script only.
start() {
    local name=$1
    shift
    setsid "$@" </dev/null >>"$logs/$name.log" 2>&1 9>&- &
    pid[$name]=$!
}

is_running() { [ -n "${pid[$1]:-}" ] && kill -0 "${pid[$1]}" 2>/dev/null; }

stop() {
    local name=$1 waited=0
    is_running "$name" || return 0
    kill -TERM "${pid[$name]}" 2>/dev/null || true
    while is_running "$name" && [ $waited -lt 300 ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    if is_running "$name"; then
        say "$name does not stop; it is killed (its log: $logs/$name.log)"
        kill -KILL "${pid[$name]}" 2>/dev/null || true
    fi
    wait "${pid[$name]}" 2>/dev/null || true
    unset "pid[$name]"
}

stop_all() {
    [ -z "$stopping" ] || return 0
    stopping=1
    trap '' INT TERM HUP
    # Meters first: they wait a moment for the last receipts. The gateway then closes its books, and
    # the broker and the operator have nobody left to serve.
    for name in fleet gateway broker operator; do
        stop "$name"
    done
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# The terminal was closed: nobody reads what is said from here on.
trap 'exec >/dev/null 2>&1; exit 129' HUP

fail() {
    echo >&2
    say "$1 ended unexpectedly; the last lines of $logs/$1.log:" >&2
    tail -n 12 "$logs/$1.log" >&2 || true
    exit 1
}

# Wait until a condition holds, as long as the program lives.
await() {
    local name=$1 what=$2 tries=0
    shift 2
    until "$@" >/dev/null 2>&1; do
        is_running "$name" || fail "$name"
        tries=$((tries + 1))
        [ $tries -lt 300 ] || die "$what did not come within 30 s; see $logs/$name.log"
        sleep 0.1
    done
}

ctl() { "$bin/meterpay" "$@" --dir "$gateway"; }

# ---- the directory ----------------------------------------------------------------------------------

if [ ! -f "$gateway/meterpayd.yaml" ]; then
    say "making a new street in $dir"
    "$bin/meterpay" init "$gateway" --operator "$operator" \
        --set gateway.id=street1 --set gateway.site=street --set gateway.clock_file="$clock" \
        --set mqtt.port="${port[mqtt]}" --set mqtt.meters_port="${port[meters]}" \
        --set coap.port="${port[coap]}" --set operator.url="https://127.0.0.1:${port[operator]}" \
        --set settle.order_after=6h --set settle.order_min=1.00 \
        --set limits.meters=$((homes * 3 > 10000 ? homes * 3 : 10000)) >"$logs/init.log" 2>&1 ||
        { cat "$logs/init.log" >&2; die "meterpay init failed"; }
fi
{
    printf '%s %s\n' seed "$seed" homes "$homes" speed "$speed"
    for name in "${!port[@]}"; do printf 'port%s %s\n' "$name" "${port[$name]}"; done
} >"$conf.new"
mv "$conf.new" "$conf"

# Simulated time goes on from the last thing that the books say; a new street begins with this month.
last_us=0
if [ -f "$gateway/store.db" ]; then
    last_us=$(sqlite3 "$gateway/store.db" \
        "SELECT coalesce((SELECT time_us FROM block ORDER BY number DESC LIMIT 1), 0)")
fi
if [ "$last_us" -gt 0 ]; then
    start_us=$((last_us + 1000000))
    say "going on from $(TZ=UTC-8 date -d "@$((start_us / 1000000))" '+%Y-%m-%d %H:%M')"
else
    start_us=$(TZ=UTC-8 date -d "$(TZ=UTC-8 date +%Y-%m-01)" +%s)000000
fi
printf 'meterpay-clock 1\norigin_real_us %s\norigin_sim_us %s\nspeed %s\n' \
    "$(($(date +%s%N) / 1000))" "$start_us" "$speed" >"$clock.new"
mv "$clock.new" "$clock"

# ---- starting ---------------------------------------------------------------------------------------

say "starting operator, broker and gateway"
start operator "$bin/meterpay-operator" --dir "$operator" --port "${port[operator]}" --clock "$clock"
await operator "the operator" curl -sf --unix-socket "$operator/admin.sock" http://x/admin/status
# Run by root, Mosquitto would change to another user, who may not read these files.
start broker mosquitto -c "$gateway/broker/mosquitto.conf"
await broker "the broker's port" bash -c "</dev/tcp/127.0.0.1/${port[meters]}"
start gateway "$bin/meterpayd" --dir "$gateway"
await gateway "the gateway" ctl status --json

tariffs=$(ctl tariff list --json)
for name in zhanjiang-power zhanjiang-water zhanjiang-gas; do
    if ! grep -q "\"$name\"" <<<"$tariffs"; then
        ctl tariff load "$gateway/tariffs/$name.yaml" >>"$logs/init.log" 2>&1 ||
            { tail -n 5 "$logs/init.log" >&2; die "the tariff $name cannot be loaded"; }
    fi
done

admin() {
    local target=$1 reply
    reply=$(curl -sS --unix-socket "$operator/admin.sock" "http://x/admin/$target" -d @- \
        -w '\n%{http_code}') && [ "${reply##*$'\n'}" = 200 ] ||
        die "the operator refused $target: $reply"
}

# Meters, households, wallets with money in them, and the households' permissions to take it. All of it may
# be there already from an earlier run.
provision() {
    local homes_list
    mkdir -p "$dir/fleet"
    "$bin/meterpay-fleet" provision --homes "$homes" --seed "$seed" --via "$via" >"$dir/fleet/meters.jsonl"
    ctl meter add --from "$dir/fleet/meters.jsonl" --skip-existing >>"$logs/init.log" 2>&1 ||
        { tail -n 5 "$logs/init.log" >&2; die "the meters cannot be registered"; }
    homes_list=$(seq -f 'home-%04.0f' 1 "$homes")
    # Eight in ten wallets are of class II; the others are small, and will be refused some day.
    awk '{ class = NR % 10 < 8 ? "II" : "IV"; fen = class == "II" ? 2000000 : 200000
           printf "%s{\"id\":\"w-%s\",\"class\":\"%s\",\"type\":\"personal\",\"balance_fen\":%d}",
               NR == 1 ? "[" : ",", $1, class, fen } END { print "]" }' <<<"$homes_list" | admin wallets
    awk '{ printf "%s{\"id\":\"m-%s\",\"wallet\":\"w-%s\",\"gateway\":\"street1\"}",
               NR == 1 ? "[" : ",", $1, $1 } END { print "]" }' <<<"$homes_list" | admin mandates
    { printf 'household\twallet\tmandate\n'
      awk '{ printf "%s\tw-%s\tm-%s\n", $1, $1, $1 }' <<<"$homes_list"; } |
        ctl wallet bind --from - --skip-existing >>"$logs/init.log" 2>&1 ||
        { tail -n 5 "$logs/init.log" >&2; die "the wallets cannot be bound"; }
}

marker=$dir/fleet/provisioned
if [ "$(cat "$marker" 2>/dev/null || true)" != "$homes $seed" ]; then
    say "registering $((homes * 3)) meters and $homes wallets"
    provision
    echo "$homes $seed" >"$marker"
fi

# The gateway gathers new meters' keys before it hands them to the broker.
keys_are_there() { [ "$(wc -l <"$gateway/broker/psk")" -ge $((homes * 3)) ]; }
await gateway "the meters' keys at the broker" keys_are_there

fleet=(--dir "$gateway" --homes "$homes" --seed "$seed" --via "$via" --no-register --quiet --drain 8)
[ -z "$hours" ] || fleet+=(--hours "$hours")
[ -z "$truth" ] || fleet+=(--truth "$truth")
start fleet "$bin/meterpay-fleet" run "${fleet[@]}"

cat <<END
street: $homes homes, $((homes * 3)) meters, seed $seed, $speed times real time
  API        $gateway/api.sock
             curl --unix-socket $gateway/api.sock http://localhost/v1/status
  ask it     export METERPAY_DIR=$gateway PATH=$bin:\$PATH
             meterpay bill home-0001 $(TZ=UTC-8 date -d "@$((start_us / 1000000))" +%Y-%m) --explain
  logs       $logs
  Ctrl-C stops everything; the next ./dev run goes on from there.
END

# ---- the line that moves ----------------------------------------------------------------------------

line() {
    ctl status --json 2>/dev/null | jq -r '
        def n: tostring | [scan(".")] | reverse | [range(0; length; 3) as $i | .[$i:$i+3] | reverse | join("")]
            | reverse | join(",");
        def yuan: floor as $fen | ($fen / 100 | floor | n) + "." + ($fen % 100 + 100 | tostring | .[1:]);
        "\(.time | tostring | .[0:16] | sub("T"; " "))  \(.readings | n) readings, "
        + "\(.messages.refused | n) refused | charged \(.money.charged_ufen / 1000000 | yuan) yuan, "
        + "settled \(.money.settled_fen | yuan) yuan | \(.orders.unsure) unsure"
        + (if (.alarms | map(select(.raised)) | length) > 0 then
            " | ALARM: \(.alarms | map(select(.raised) | .alarm) | join(", "))" else "" end)'
}

every=1
[ -t 1 ] || every=5
while true; do
    for name in operator broker gateway; do
        is_running "$name" || fail "$name"
    done
    if ! is_running fleet; then
        status=0
        wait "${pid[fleet]}" || status=$?
        unset "pid[fleet]"
        [ $status -eq 0 ] && [ -n "$hours" ] || fail fleet
        break
    fi
    text=$(line || true)
    if [ -t 1 ]; then
        [ -z "$text" ] || printf '\r\033[K%.*s' "$(($(tput cols 2>/dev/null || echo 120) - 1))" "$text"
    else
        [ -z "$text" ] || echo "$text"
    fi
    # A sleep in the background can be interrupted: bash runs a trap only between commands.
    sleep "$every" 9>&- &
    wait $! || true
done
echo
line || true
say "the $hours hours are over"
stop_all
tail -n 12 "$logs/fleet.log"
