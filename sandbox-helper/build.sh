#!/bin/sh
# Builds lambent-sandbox for one machine: build.sh [linux-x64|linux-arm64] [output]
# The same compiler gives the same bytes: no paths, times or build ids go into the program.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-linux-x64}
output=${2:-$here/prebuilt/$target/lambent-sandbox}
case $target in
  linux-x64) compiler=${CC:-cc} ;;
  linux-arm64) compiler=${CC_ARM64:-aarch64-linux-gnu-gcc} ;;
  *) echo "unknown target $target" >&2; exit 64 ;;
esac
mkdir -p "$(dirname "$output")"
cd "$here/src"
LC_ALL=C "$compiler" -std=gnu11 -O2 -static -Wall -Wextra -Werror -fno-ident -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
  -ffile-prefix-map="$here"=. -Wl,--build-id=none -Wl,-z,relro,-z,now -s \
  -o "$output" first.c main.c mounts.c net.c root.c seccomp.c selftest.c spawner.c tmpimage.c veth.c wire.c
