#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Fetch lwIP, the boards' UDP/IP, once from Debian's source package; print its folder. There is no
# binary package for a Cortex-M, so the boards compile the files they need.
set -euo pipefail

name=lwip
package=lwip
version=2.1.3
orig_file=lwip_$version+dfsg1.orig.tar.xz
orig_sha256=0a8276d09fc4e97bbba2f953d74af2388fc2195ea156be9d7589e297a68fde24
packaging_revision=2.1.3+dfsg1-2
packaging_sha256=c5a48413d362cc757032cdd58f528f75eb64ee781ca46ca24f010b49b0e62a90

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${METERPAY_CACHE:-$root/.cache}
source_dir=$cache/lwip-src
. "$root/cmake/debian-source.sh"

mkdir -p "$cache"
exec 9>"$cache/lwip.lock"
flock 9
fetch_source
echo "$source_dir"
