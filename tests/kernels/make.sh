#!/bin/sh
# Makes the compressed kernels of this folder as the kernel's build does (scripts/Makefile.lib, scripts/xz_wrap.sh).
# Needs gcc for x86-64, gzip, xz and zstd. The "kernel" is a small ELF file with the PVH note and with calls, which
# xz's filter for x86 rewrites.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/vmlinux.S" <<'END'
.globl _start
_start:
.rept 40
    call target
    nop
.endr
target:
    ret
.section .note.Xen, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long 0x1000000
END
gcc -nostdlib -static -Wl,--build-id=none,-n,-s,-z,noseparate-code -o "$work/vmlinux" "$work/vmlinux.S"

# The length, little-endian, follows all but gzip, which ends with it anyway.
length() {
    size=$(wc -c < "$work/vmlinux")
    printf "\\$(printf %o $((size & 255)))\\$(printf %o $((size >> 8)))\\0\\0"
}
gzip -n -f -9 < "$work/vmlinux" > vmlinux.gz
{ xz --check=crc32 --threads=1 --x86 --lzma2=dict=128MiB < "$work/vmlinux"; length; } > vmlinux.xz
{ zstd -22 --ultra < "$work/vmlinux"; length; } > vmlinux.zst
