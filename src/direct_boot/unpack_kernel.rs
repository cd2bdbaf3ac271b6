//! The kernel proper, out of the compressed image that boot loaders take.
//!
//! QEMU enters one for x86 directly (PVH), without the real-mode setup code and without the guest
//! unpacking it: under emulation that saves seconds. <https://docs.kernel.org/arch/x86/boot.html>
//! One for arm64 is in a program for UEFI (`CONFIG_EFI_ZBOOT`), of which not every QEMU understands
//! every compression.
//! <https://docs.kernel.org/arch/arm64/booting.html>

use std::io::Read;

use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, elf};

/// Larger kernels are not unpacked. Bytes.
const KERNEL_MAX: u64 = 512 << 20;
/// Memory for unpacking xz, in KiB: since 6.12 kernels have a dictionary of 128 MiB. The decoder
/// for zstd has a limit like it of its own.
const XZ_MEMORY_MAX: u32 = 160 << 10;
/// The note that says where to enter. <https://xenbits.xen.org/docs/unstable/misc/pvh.html>
const PHYS32_ENTRY: u32 = 18;

/// The unpacked kernel, if this is a compressed one that QEMU can enter directly.
pub fn unpack(image: &[u8]) -> Option<Vec<u8>> {
    if let Some(payload) = zboot_payload(image) {
        return decompress(&mut &payload[..], KERNEL_MAX)
            .filter(|kernel| kernel.get(0x38..0x3c) == Some(b"ARM\x64"));
    }
    let kernel = decompress(&mut payload(image)?, KERNEL_MAX)?;
    has_pvh_entry(&kernel).then_some(kernel)
}

/// The compressed kernel in a program for UEFI, and the four bytes behind it: its length, but for
/// gzip.
fn zboot_payload(image: &[u8]) -> Option<&[u8]> {
    let number =
        |at: usize| Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?) as usize);
    if image.get(..8)? != b"MZ\0\0zimg" {
        return None;
    }
    let begin = number(8)?;
    let end = begin.checked_add(number(12)?)?;
    let trailer = image.get(end..)?.len().min(4);
    image.get(begin..end + trailer)
}

/// The compressed kernel in a bzImage: fields `setup_sects`, `header`, `payload_offset`,
/// `payload_length`.
fn payload(image: &[u8]) -> Option<&[u8]> {
    let number =
        |at: usize| Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?) as usize);
    if image.get(0x202..0x206)? != b"HdrS" && image.get(0x202..0x206)? != b"SrdH" {
        return None;
    }
    let setup = (usize::from(*image.get(0x1f1)?) + 1) * 512;
    let begin = setup.checked_add(number(0x248)?)?;
    image.get(begin..begin.checked_add(number(0x24c)?)?)
}

/// Unpacks what `payload` begins with, unless it has more than `max` bytes, and leaves the bytes behind
/// it in `payload`. Behind a kernel that is its length, but for gzip.
pub fn decompress(payload: &mut &[u8], max: u64) -> Option<Vec<u8>> {
    let decoder: Box<dyn Read + '_> = match *payload {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(ruzstd::decoding::StreamingDecoder::new(payload).ok()?)
        }
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::GzDecoder::new(payload)),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Box::new(lzma_rust2::XzReader::new_mem_limit(
            payload,
            false,
            XZ_MEMORY_MAX,
        )),
        _ => return None,
    };
    let mut kernel = Vec::new();
    let length = decoder.take(max + 1).read_to_end(&mut kernel).ok()?;
    (length as u64 <= max).then_some(kernel)
}

fn has_pvh_entry(kernel: &[u8]) -> bool {
    let look = || -> object::Result<bool> {
        let file = ElfFile64::<Endianness>::parse(kernel)?;
        let endian = file.endian();
        for header in file.elf_header().program_headers(endian, kernel)? {
            let Some(mut notes) = header.notes(endian, kernel)? else {
                continue;
            };
            while let Some(note) = notes.next()? {
                if note.name() == b"Xen" && note.n_type(endian) == elf::NoteType(PHYS32_ENTRY) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    };
    look().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    // `make.sh` beside them makes them.
    const GZIP: &[u8] = include_bytes!("../../tests/kernels/vmlinux.gz");
    const XZ: &[u8] = include_bytes!("../../tests/kernels/vmlinux.xz");
    const ZSTD: &[u8] = include_bytes!("../../tests/kernels/vmlinux.zst");

    #[test]
    fn what_is_no_kernel_stays_packed() {
        assert_eq!(unpack(b""), None);
        assert_eq!(unpack(&[0; 4096]), None);
        let mut broken = vec![0; 4096];
        broken[0x202..0x206].copy_from_slice(b"HdrS");
        broken[0x248..0x250].copy_from_slice(&[0xff; 8]);
        assert_eq!(unpack(&broken), None);
    }

    #[test]
    fn a_kernel_for_arm64_is_taken_out_of_its_program() {
        let mut kernel = vec![7; 0x38];
        kernel.extend(b"ARM\x64 and more");
        let compressed = ruzstd::encoding::compress_to_vec(
            &kernel[..],
            ruzstd::encoding::CompressionLevel::Uncompressed,
        );
        let program = |compressed: &[u8], length: u32| {
            let mut program = b"MZ\0\0zimg".to_vec();
            program.extend([0x40u32, length, 0, 0].map(u32::to_le_bytes).concat());
            program.resize(0x40, 0);
            [&program, compressed, &72u32.to_le_bytes()[..], b"signature"].concat()
        };
        let length = u32::try_from(compressed.len()).unwrap();
        assert_eq!(unpack(&program(&compressed, length)).unwrap(), kernel);
        assert_eq!(unpack(&program(&compressed, u32::MAX)), None);
        assert_eq!(unpack(&program(b"unknown", 7)), None);
    }

    #[test]
    fn kernels_as_real_programs_compress_them_are_unpacked() {
        let kernel = decompress(&mut &GZIP[..], KERNEL_MAX).unwrap();
        assert!(has_pvh_entry(&kernel));
        let length = kernel.len() as u64;
        for compressed in [GZIP, XZ, ZSTD] {
            assert_eq!(
                decompress(&mut &compressed[..], length).as_ref(),
                Some(&kernel)
            );
            assert_eq!(
                decompress(&mut &compressed[..], length - 1),
                None,
                "refused, not cut"
            );
            assert_eq!(
                decompress(&mut &compressed[..compressed.len() / 2], length),
                None
            );
        }
        assert_eq!(decompress(&mut &b"unknown"[..], length), None);
    }

    #[test]
    fn a_dictionary_that_takes_too_much_memory_is_refused() {
        // The header of the first block: its length in words, but for itself and its checksum; then
        // the filters. The size of the dictionary is the last byte of the last one.
        // https://tukaani.org/xz/xz-file-format.txt
        let mut hostile = XZ.to_vec();
        let (begin, end) = (12, 12 + usize::from(XZ[12]) * 4);
        let of_128_mib = XZ[begin..end].iter().rposition(|&byte| byte != 0).unwrap();
        assert_eq!(XZ[begin + of_128_mib], 30);
        hostile[begin + of_128_mib] = 40;
        let mut checksum = flate2::Crc::new();
        checksum.update(&hostile[begin..end]);
        hostile[end..end + 4].copy_from_slice(&checksum.sum().to_le_bytes());
        assert_eq!(decompress(&mut &hostile[..], KERNEL_MAX), None);
    }
}
