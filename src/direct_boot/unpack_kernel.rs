//! The kernel proper, out of the compressed image that boot loaders take.
//!
//! QEMU enters one for x86 directly (PVH), without the real-mode setup code and without the guest unpacking it: under
//! emulation that saves seconds. <https://docs.kernel.org/arch/x86/boot.html> One for arm64 is in a program for UEFI
//! (`CONFIG_EFI_ZBOOT`), of which not every QEMU understands every compression.
//! <https://docs.kernel.org/arch/arm64/booting.html>

use std::io::{Cursor, Read};

use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, elf};

/// Larger kernels are not unpacked. Bytes.
const KERNEL_MAX: u64 = 512 << 20;
/// The note that says where to enter. <https://xenbits.xen.org/docs/unstable/misc/pvh.html>
const PHYS32_ENTRY: u32 = 18;

/// The unpacked kernel, if this is a compressed one that QEMU can enter directly.
pub fn unpack(image: &[u8]) -> Option<Vec<u8>> {
    if let Some(payload) = zboot_payload(image) {
        return decompress(payload).filter(|kernel| kernel.get(0x38..0x3c) == Some(b"ARM\x64"));
    }
    let kernel = decompress(payload(image)?)?;
    has_pvh_entry(&kernel).then_some(kernel)
}

/// The compressed kernel in a program for UEFI, and the four bytes behind it: its length, but for gzip.
fn zboot_payload(image: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?) as usize);
    if image.get(..8)? != b"MZ\0\0zimg" {
        return None;
    }
    let begin = number(8)?;
    let end = begin.checked_add(number(12)?)?;
    let trailer = image.get(end..)?.len().min(4);
    image.get(begin..end + trailer)
}

/// The compressed kernel in a bzImage: fields `setup_sects`, `header`, `payload_offset`, `payload_length`.
fn payload(image: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?) as usize);
    if image.get(0x202..0x206)? != b"HdrS" && image.get(0x202..0x206)? != b"SrdH" {
        return None;
    }
    let setup = (usize::from(*image.get(0x1f1)?) + 1) * 512;
    let begin = setup.checked_add(number(0x248)?)?;
    image.get(begin..begin.checked_add(number(0x24c)?)?)
}

fn decompress(payload: &[u8]) -> Option<Vec<u8>> {
    let mut kernel = Vec::new();
    match payload {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            // The kernel's own length follows the frame; the decoder stops before it.
            let mut decoder = ruzstd::decoding::StreamingDecoder::new(payload).ok()?;
            decoder.by_ref().take(KERNEL_MAX).read_to_end(&mut kernel).ok()?;
        }
        [0x1f, 0x8b, ..] => {
            flate2::read::GzDecoder::new(payload).take(KERNEL_MAX).read_to_end(&mut kernel).ok()?;
        }
        [0xfd, b'7', b'z', b'X', b'Z', ..] => {
            lzma_rs::xz_decompress(&mut Cursor::new(payload.get(..payload.len() - 4)?), &mut kernel).ok()?;
        }
        _ => return None,
    }
    Some(kernel)
}

fn has_pvh_entry(kernel: &[u8]) -> bool {
    let look = || -> object::Result<bool> {
        let file = ElfFile64::<Endianness>::parse(kernel)?;
        let endian = file.endian();
        for header in file.elf_header().program_headers(endian, kernel)? {
            let Some(mut notes) = header.notes(endian, kernel)? else { continue };
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
        let compressed =
            ruzstd::encoding::compress_to_vec(&kernel[..], ruzstd::encoding::CompressionLevel::Uncompressed);
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
    fn payloads_are_unpacked() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"kernel").unwrap();
        assert_eq!(decompress(&gzip.finish().unwrap()).unwrap(), b"kernel");
        let mut xz = Vec::new();
        lzma_rs::xz_compress(&mut Cursor::new(b"kernel"), &mut xz).unwrap();
        xz.extend([6, 0, 0, 0]);
        assert_eq!(decompress(&xz).unwrap(), b"kernel");
        let mut zstd = ruzstd::encoding::compress_to_vec(
            &b"kernel"[..],
            ruzstd::encoding::CompressionLevel::Uncompressed,
        );
        zstd.extend([6, 0, 0, 0]);
        assert_eq!(decompress(&zstd).unwrap(), b"kernel");
        assert_eq!(decompress(b"unknown"), None);
    }
}
