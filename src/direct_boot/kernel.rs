//! The kernel and the initramfs of an image: two files, or a unified kernel image (UKI).

use std::cmp::Ordering;
use std::io::Read;

use object::read::pe::PeFile64;
use object::{Object, ObjectSection};

use super::error::{Error, ImageContext};
use super::image_files::ImageFiles;

/// Limit for a kernel, an initramfs or a UKI. The largest UKIs that we know have 200 MB. Bytes.
const FILE_MAX: u64 = 1 << 30;

/// The place of an image's kernel.
#[derive(Debug)]
pub struct Location {
    /// The kernel's version, which is the name of its modules' folder. `None` for a UKI in `/boot`,
    /// which has its version inside.
    pub version: Option<String>,
    /// A UKI, or a kernel and an initramfs.
    pub files: Vec<String>,
    /// What newer kernels lack.
    pub skipped: Vec<String>,
}

#[derive(Debug)]
pub struct Kernel {
    /// The name of the kernel's modules' folder.
    pub version: String,
    pub kernel: Vec<u8>,
    pub initramfs: Vec<u8>,
    /// The command line in a UKI.
    pub kargs: Vec<String>,
}

/// Finds the newest kernel of the image that has all its files.
///
/// # Errors
/// The image has no complete kernel.
pub fn locate(image: &ImageFiles) -> Result<Location, Error> {
    let modules = "usr/lib/modules";
    let mut versions = image.names(modules);
    versions.sort_by(|a, b| compare_versions(b, a));
    let mut skipped = Vec::new();
    for version in versions {
        let folder = format!("{modules}/{version}");
        let uki = format!("{folder}/{version}.efi");
        if image.has(&uki) {
            return Ok(Location {
                version: Some(version),
                files: vec![uki],
                skipped,
            });
        }
        let files = ["vmlinuz", "initramfs.img"].map(|name| format!("{folder}/{name}"));
        let missing: Vec<&String> = files.iter().filter(|file| !image.has(file)).collect();
        match missing[..] {
            [] => {
                return Ok(Location {
                    version: Some(version),
                    files: files.to_vec(),
                    skipped,
                });
            }
            [file] => skipped.push(format!("/{file} doesn't exist")),
            // A kernel that was removed may leave its folder.
            _ => {}
        }
    }
    let folder = "boot/EFI/Linux";
    let uki = image
        .names(folder)
        .into_iter()
        .rev()
        .find(|name| name.ends_with(".efi"));
    match uki {
        // The kernel in it may be one whose files are elsewhere, too.
        Some(uki) => Ok(Location {
            version: None,
            files: vec![format!("{folder}/{uki}")],
            skipped: vec![],
        }),
        None if skipped.is_empty() => Err(Error::NoKernel),
        None => Err(Error::IncompleteKernels(skipped.join(", "))),
    }
}

impl Location {
    /// Reads the kernel.
    pub fn read(&self, image: &ImageFiles) -> Result<Kernel, Error> {
        match (&self.files[..], &self.version) {
            ([kernel, initramfs], Some(version)) => Ok(Kernel {
                version: version.clone(),
                kernel: read(image, kernel)?,
                initramfs: read(image, initramfs)?,
                kargs: vec![],
            }),
            (files, version) => {
                let path = files.first().map(String::as_str).unwrap_or_default();
                let uki = split_uki(&read(image, path)?).map_err(|reason| Error::Uki {
                    path: format!("/{path}").into(),
                    reason,
                })?;
                Ok(Kernel {
                    version: version.clone().unwrap_or(uki.version),
                    ..uki
                })
            }
        }
    }
}

/// Reads the sections of a unified kernel image.
/// <https://uapi-group.org/specifications/specs/unified_kernel_image/>
fn split_uki(bytes: &[u8]) -> Result<Kernel, String> {
    let file = PeFile64::parse(bytes).map_err(|e| e.to_string())?;
    let section = |name: &str| {
        let section = file
            .section_by_name(name)
            .ok_or_else(|| format!("it has no section {name}"))?;
        let data = section.data().map_err(|e| e.to_string())?;
        // The file pads a section. Its virtual size is the true one.
        let length = usize::try_from(section.size())
            .unwrap_or(data.len())
            .min(data.len());
        Ok::<_, String>(&data[..length])
    };
    let text = |name: &str| {
        let data = section(name).unwrap_or_default();
        String::from_utf8_lossy(data)
            .trim_matches(['\0', '\n', ' '])
            .to_owned()
    };
    Ok(Kernel {
        version: text(".uname"),
        kernel: section(".linux")?.to_vec(),
        initramfs: section(".initrd")?.to_vec(),
        kargs: text(".cmdline")
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
    })
}

fn read(image: &ImageFiles, path: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    image
        .open(path)?
        .take(FILE_MAX)
        .read_to_end(&mut bytes)
        .in_image(path)?;
    Ok(bytes)
}

/// Compares numbers by value and all else as text: 6.12.107 is newer than 6.12.9.
fn compare_versions(a: &str, b: &str) -> Ordering {
    let parts = |v: &str| -> Vec<(u64, String)> {
        v.split(|c: char| !c.is_ascii_alphanumeric())
            .map(|part| (part.parse().unwrap_or(0), part.to_owned()))
            .collect()
    };
    let key = |v: &str| {
        parts(v)
            .into_iter()
            .map(|(n, s)| (n, if n > 0 { String::new() } else { s }))
            .collect::<Vec<_>>()
    };
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(image: &ImageFiles) -> Result<Kernel, Error> {
        locate(image)?.read(image)
    }

    fn image(files: &[(&str, &[u8])]) -> (tempfile::TempDir, ImageFiles) {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let image = ImageFiles::new(dir.path()).unwrap();
        (dir, image)
    }

    #[test]
    fn the_newest_kernel_is_used() {
        let (_dir, image) = image(&[
            ("usr/lib/modules/6.12.9-1/vmlinuz", b"old"),
            ("usr/lib/modules/6.12.9-1/initramfs.img", b"old"),
            ("usr/lib/modules/6.12.107-1/vmlinuz", b"new"),
            ("usr/lib/modules/6.12.107-1/initramfs.img", b"ram"),
            ("usr/lib/modules/7.0.0-only-modules/modules.dep", b""),
        ]);
        let kernel = find(&image).unwrap();
        assert_eq!(
            (kernel.version.as_str(), kernel.kernel.as_slice()),
            ("6.12.107-1", b"new".as_slice())
        );
    }

    #[test]
    fn a_newer_kernel_without_all_its_files_is_skipped() {
        let (_dir, image) = image(&[
            ("usr/lib/modules/6.12/vmlinuz", b"whole"),
            ("usr/lib/modules/6.12/initramfs.img", b"ram"),
            ("usr/lib/modules/99.0/vmlinuz", b"half"),
            ("usr/lib/modules/6.1/vmlinuz", b"old and half"),
        ]);
        let found = locate(&image).unwrap();
        assert_eq!(found.version.as_deref(), Some("6.12"));
        assert_eq!(
            found.skipped,
            ["/usr/lib/modules/99.0/initramfs.img doesn't exist"]
        );
    }

    #[test]
    fn the_error_names_the_missing_file() {
        let (_dir, empty) = image(&[("usr/lib/os-release", b"")]);
        assert!(matches!(find(&empty), Err(Error::NoKernel)));
        let (_dir, bare) = image(&[
            ("usr/lib/modules/6.1/vmlinuz", b"x"),
            ("usr/lib/modules/7.0/initramfs.img", b"x"),
        ]);
        let message = find(&bare).unwrap_err().to_string();
        for file in ["6.1/initramfs.img", "7.0/vmlinuz"] {
            let missing = format!("/usr/lib/modules/{file} doesn't exist");
            assert!(message.contains(&missing), "{message}");
        }
        let (_dir, broken) = image(&[("boot/EFI/Linux/a.efi", b"MZ but no PE")]);
        assert!(matches!(find(&broken), Err(Error::Uki { .. })));
    }

    #[test]
    fn a_uki_is_split_into_kernel_initramfs_and_kargs() {
        let uki = test_uki(&[
            (".uname", b"6.12.107-1\0"),
            (".cmdline", b"quiet a=b\n"),
            (".linux", b"the kernel"),
            (".initrd", b"the initramfs"),
        ]);
        let (_dir, image) = image(&[("boot/EFI/Linux/os.efi", &uki)]);
        let kernel = find(&image).unwrap();
        assert_eq!(kernel.version, "6.12.107-1");
        assert_eq!(kernel.kernel, b"the kernel");
        assert_eq!(kernel.initramfs, b"the initramfs");
        assert_eq!(kernel.kargs, ["quiet", "a=b"]);
    }

    /// The smallest PE file with these sections.
    fn test_uki(sections: &[(&str, &[u8])]) -> Vec<u8> {
        use object::write::pe::{NtHeaders, Writer};
        let mut out = Vec::new();
        let mut writer = Writer::new(true, 0x1000, 0x200, &mut out);
        writer.reserve_dos_header();
        writer.reserve_nt_headers(0);
        writer.reserve_section_headers(u16::try_from(sections.len()).unwrap());
        let ranges: Vec<_> = sections
            .iter()
            .map(|(name, data)| {
                let mut raw = [0; 8];
                raw[..name.len()].copy_from_slice(name.as_bytes());
                let size = u32::try_from(data.len()).unwrap();
                writer.reserve_section(raw, object::pe::IMAGE_SCN_MEM_READ, size, size)
            })
            .collect();
        writer.write_empty_dos_header().unwrap();
        writer.write_nt_headers(NtHeaders {
            machine: object::pe::IMAGE_FILE_MACHINE_AMD64,
            time_date_stamp: 0,
            characteristics: object::pe::FileFlags(0),
            major_linker_version: 0,
            minor_linker_version: 0,
            address_of_entry_point: 0,
            image_base: 0,
            major_operating_system_version: 0,
            minor_operating_system_version: 0,
            major_image_version: 0,
            minor_image_version: 0,
            major_subsystem_version: 0,
            minor_subsystem_version: 0,
            subsystem: object::pe::IMAGE_SUBSYSTEM_EFI_APPLICATION,
            dll_characteristics: object::pe::DllFlags(0),
            size_of_stack_reserve: 0,
            size_of_stack_commit: 0,
            size_of_heap_reserve: 0,
            size_of_heap_commit: 0,
        });
        writer.write_section_headers();
        for (range, (_, data)) in ranges.iter().zip(sections) {
            writer.write_section(range.file_offset, data);
        }
        out
    }
}
