#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Build wolfSSL once from Debian's source package, as a private static library.
#
#   cmake/wolfssl-build.sh            build when the cache lacks it; prints the prefix
#   cmake/wolfssl-build.sh --prefix   print the prefix only
#   cmake/wolfssl-build.sh --source   fetch and unpack the source only; prints its folder
#   cmake/wolfssl-build.sh --private-sources FOLDER   write the private list only (for its test)
#
# Debian's binary has no AES-NI, DTLS 1.3, connection ID or static pre-shared keys, hence a build
# of our own. The source comes from the mirrors that this machine's apt is configured with, through
# a private list of deb-src lines: no file of the system's apt is changed. What is unpacked stays
# in .cache/wolfssl-src, because the firmware is built from the same source.
set -euo pipefail

name=wolfssl
package=wolfssl
version=5.5.4
orig_file=wolfssl_$version.orig.tar.gz
# The upstream archive never changes within a Debian release. Debian's own part may get a security
# fix: another revision is taken when the archive's signature vouches for it, and is named then.
orig_sha256=b7ee150e49def77c765bc02aac92ddeb0bebefd4cb12aa263d8f95e405221fb8
packaging_revision=5.5.4-2+deb12u3
packaging_sha256=79565eb855d557eb062cb88b033b6fe96e2a6e598236021b81b9840bef5ab6f4

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${METERPAY_CACHE:-$root/.cache}
source_dir=$cache/wolfssl-src
cflags="-O2 -g0 -fPIC -fvisibility=hidden -DWOLFSSL_STATIC_PSK"
options=(
    --enable-static --disable-shared --disable-examples --disable-crypttests
    --enable-dtls --enable-dtls13 --enable-dtlscid --enable-psk --enable-tls13
    --enable-aesccm --enable-aesctr --enable-cmac --enable-siphash
    --enable-ed25519 --enable-curve25519 --enable-hkdf
    --enable-sp --enable-sp-asm
)
# AES-NI and AVX code exists for this processor only; elsewhere wolfSSL's C code serves.
if [ "$(uname -m)" = x86_64 ]; then
    options+=(--enable-intelasm)
fi

. "$root/cmake/debian-source.sh"

options_hash=$(printf '%s\n' "$version" "$cflags" "${options[@]}" | sha256sum | cut -c1-12)
prefix=$cache/wolfssl-$version-$options_hash

# Built beside the source, which stays as Debian ships it: the firmware configures it differently.
build_library() {
    [ -f "$prefix/.complete" ] && return
    fetch_source
    local work=$cache/wolfssl-build log=$cache/wolfssl-build.log
    rm -rf "$work" "$prefix"
    cp -a "$source_dir" "$work"
    say "building $version (about half a minute)"
    if ! (
        cd "$work"
        ./autogen.sh
        CC=gcc CFLAGS=$cflags ./configure --prefix="$prefix" --libdir="$prefix/lib" "${options[@]}"
        make -j"$(nproc)"
        make install
    ) >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "the build failed; all of it is in $log"
    fi
    cp "$source_dir/.complete" "$prefix/.complete"
    rm -rf "$work" "$log"
}

mkdir -p "$cache"
case ${1:-} in
    --prefix) ;;
    --private-sources)
        [ $# -eq 2 ] || die "usage: $0 --private-sources FOLDER"
        write_private_sources "$2"
        exit
        ;;
    --source)
        exec 9>"$cache/wolfssl.lock"
        flock 9
        fetch_source
        prefix=$source_dir
        ;;
    '')
        # Several build trees may be configured at once: one builds, the others wait for it.
        exec 9>"$cache/wolfssl.lock"
        flock 9
        build_library
        ;;
    *) die "usage: $0 [--prefix | --source]" ;;
esac
echo "$prefix"
