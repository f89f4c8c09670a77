# SPDX-License-Identifier: GPL-3.0-or-later
#
# Fetch and unpack a Debian source package; sourced by the scripts beside this one.
#
# The source comes from the mirrors that this machine's apt is configured with, through a private
# list of deb-src lines: no file of the system's apt is changed. The caller sets $name (for messages),
# $cache, $package, $version, $orig_file, $orig_sha256, $packaging_revision, $packaging_sha256 and
# $source_dir.

apt_etc=${METERPAY_APT_ETC:-/etc/apt}

say() { echo "$name: $*" >&2; }
die() { say "$*"; exit 1; }

# Turn the machine's own "deb" lines into "deb-src" lines in a folder of ours.
write_private_sources() {
    local into=$1 file n=0
    mkdir -p "$into"
    for file in "$apt_etc"/sources.list "$apt_etc"/sources.list.d/*.list; do
        [ -f "$file" ] || continue
        n=$((n + 1))
        sed -nE 's/^[[:space:]]*deb(-src)?[[:space:]]/deb-src /p' "$file" | sort -u \
            >"$into/private-$n.list"
    done
    for file in "$apt_etc"/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        n=$((n + 1))
        sed -E 's/^Types:.*/Types: deb-src/' "$file" >"$into/private-$n.sources"
    done
    [ "$n" -gt 0 ] || die "no apt sources found below $apt_etc, so no mirror to fetch from"
}

check_sha256() {
    local file=$1 want=$2 got
    got=$(sha256sum "$file" | cut -d' ' -f1)
    [ "$got" = "$want" ] || die "$(basename "$file") has SHA-256 $got, expected $want"
}

fetch_source() {
    [ -f "$source_dir/.complete" ] && return
    for tool in apt-get dpkg-source; do
        command -v "$tool" >/dev/null || die "$tool is missing; run ./dev setup"
    done
    local work=$cache/$package-fetch revision dsc
    rm -rf "$work" "$source_dir"
    mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/download"
    write_private_sources "$work/sources.list.d"
    local apt=(apt-get -q -q
        -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$work/sources.list.d"
        -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work"
        -o "Dir::Cache::Archives=$work/archives" -o "APT::Sandbox::User="
        -o "Acquire::Languages=none" -o "Acquire::Retries=3")
    say "fetching the source of $version from this machine's Debian mirror"
    "${apt[@]}" update >&2 || say "apt-get update reported a problem; trying with what it got"
    (cd "$work/download" && "${apt[@]}" source --only-source --download-only "$package" >&2) ||
        die "the source package could not be fetched; is the mirror reachable?"
    check_sha256 "$work/download/$orig_file" "$orig_sha256"
    dsc=$(echo "$work"/download/"$package"_*.dsc)
    revision=$(sed -n 's/^Version: //p' "$dsc" | tail -n 1)
    if [ "$revision" = "$packaging_revision" ]; then
        check_sha256 "$work/download/${package}_$revision.debian.tar.xz" "$packaging_sha256"
    else
        say "Debian's revision is $revision, not the known $packaging_revision: vouched for by the archive only"
    fi
    # dpkg-source also copies the archive beside the folder that it unpacks into.
    dpkg-source --no-check --extract "$dsc" "$source_dir" >/dev/null ||
        die "the source package could not be unpacked"
    rm -rf "$work" "$cache/$orig_file"
    echo "$revision" >"$source_dir/.complete"
}
