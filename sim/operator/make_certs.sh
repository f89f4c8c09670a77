#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Make the keys and certificates that the stand-in operator and one gateway need of each other.
#
#   make_certs.sh --operator DIR [--gateway DIR --id GATEWAY-ID] [--host NAME]...
#
# In the operator's folder:  tls/ca.pem tls/ca.key          the private CA
#                            tls/server.pem tls/server.key  for 127.0.0.1, localhost and each --host
#                            gateways/GATEWAY-ID.pub        the gateway's public signing key
# In the gateway's folder:   operator-ca.pem                the CA's certificate
#                            operator-client.pem .key       TLS client certificate, its CN is the id
#                            operator-sign.key              Ed25519 key that signs requests
#
# What exists is kept, so the script may be run again, for another gateway or another host name (then
# delete tls/server.* first). All files are readable by their owner only. No secret is ever on a command line.
set -euo pipefail
umask 077

die() { echo "make_certs.sh: $*" >&2; exit 1; }
usage() { sed -n '4,17s/^# \{0,1\}//p' "$0"; }

operator= gateway= id=
hosts=(localhost)
while [ $# -gt 0 ]; do
    case $1 in
    --operator) operator=${2-}; shift 2 || die "--operator needs a folder" ;;
    --gateway) gateway=${2-}; shift 2 || die "--gateway needs a folder" ;;
    --id) id=${2-}; shift 2 || die "--id needs a gateway id" ;;
    --host) hosts+=("${2-}"); shift 2 || die "--host needs a name" ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument $1; see --help" ;;
    esac
done
[ -n "$operator" ] || die "--operator DIR is missing; see --help"
[ -z "$gateway" ] || [ -n "$id" ] || die "--gateway needs --id GATEWAY-ID"
[[ -z $id || $id =~ ^[A-Za-z0-9-]{1,24}$ ]] ||
    die "a gateway id is 1 to 24 characters of A-Z a-z 0-9 and dash, not \"$id\""
for host in "${hosts[@]}"; do
    [[ $host =~ ^[A-Za-z0-9.-]{1,200}$ ]] || die "\"$host\" is no host name"
done
command -v openssl >/dev/null || die "the program openssl is missing (Debian package openssl)"

tls=$operator/tls
mkdir -p "$tls" "$operator/gateways"
work=$(mktemp -d "$tls/new-XXXXXX")
trap 'rm -rf "$work"' EXIT

quiet() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; die "openssl failed"; }; }
new_key() { quiet openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# A certificate of our CA: new_certificate COMMON-NAME KEY OUT EXTENSION...
new_certificate() {
    local name=$1 key=$2 out=$3
    shift 3
    { printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n'
      printf '%s\n' "$@"; } >"$work/extensions"
    quiet openssl req -new -key "$key" -subj "/O=meterpay/CN=$name" -out "$work/request"
    quiet openssl x509 -req -in "$work/request" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" \
        -set_serial "0x$(openssl rand -hex 16)" -days 3650 -sha256 -extfile "$work/extensions" -out "$work/pem"
    mv "$work/pem" "$out"
}

if [ ! -s "$tls/ca.pem" ]; then
    new_key "$tls/ca.key"
    quiet openssl req -x509 -new -key "$tls/ca.key" -sha256 -days 3650 \
        -subj "/O=meterpay/CN=meterpay-operator CA" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$work/ca.pem"
    mv "$work/ca.pem" "$tls/ca.pem"
fi
if [ ! -s "$tls/server.pem" ]; then
    names=IP:127.0.0.1,IP:::1
    for host in "${hosts[@]}"; do
        if [[ $host =~ ^[0-9.]+$ ]]; then names+=,IP:$host; else names+=,DNS:$host; fi
    done
    new_key "$tls/server.key"
    new_certificate meterpay-operator "$tls/server.key" "$tls/server.pem" \
        extendedKeyUsage=serverAuth "subjectAltName=$names"
fi
if [ -n "$gateway" ]; then
    mkdir -p "$gateway"
    if [ ! -s "$gateway/operator-client.pem" ]; then
        new_key "$gateway/operator-client.key"
        new_certificate "$id" "$gateway/operator-client.key" "$gateway/operator-client.pem" \
            extendedKeyUsage=clientAuth
    fi
    [ -s "$gateway/operator-sign.key" ] ||
        quiet openssl genpkey -algorithm ED25519 -out "$gateway/operator-sign.key"
    quiet openssl pkey -in "$gateway/operator-sign.key" -pubout -out "$work/pub"
    mv "$work/pub" "$operator/gateways/$id.pub"
    cp "$tls/ca.pem" "$gateway/operator-ca.pem"
fi
