//! Kernel and initramfs of an image: as files, or in a unified kernel image.

use std::cmp::Ordering;
use std::io::Read;

use object::read::pe::PeFile64;
use object::{Object, ObjectSection};

use super::Error;
use super::image_files::Tree;

/// Larger UKIs are not read; the largest seen are about 200 MB. Bytes.
const UKI_MAX: u64 = 1 << 30;

/// Where an image's kernel is.
#[derive(Debug)]
pub struct Place {
    /// Its version, as its modules' folder is called; of a UKI outside that only its content tells.
    pub version: Option<String>,
    /// The files that it is in: a UKI, or kernel and initramfs.
    pub files: Vec<String>,
}

/// What to boot.
#[derive(Debug)]
pub struct Kernel {
    /// Its version, as its modules' folder is called.
    pub version: String,
    /// The kernel.
    pub kernel: Vec<u8>,
    /// The initramfs.
    pub initramfs: Vec<u8>,
    /// The command line that a UKI brings.
    pub kargs: Vec<String>,
}

/// Finds the newest kernel of the image.
///
/// # Errors
/// There is none.
pub fn locate(tree: &Tree) -> Result<Place, Error> {
    let modules = "usr/lib/modules";
    let mut versions = tree.names(modules);
    versions.sort_by(|a, b| compare_versions(b, a));
    for version in versions {
        let folder = format!("{modules}/{version}");
        let uki = format!("{folder}/{version}.efi");
        if tree.has(&uki) {
            return Ok(Place { version: Some(version), files: vec![uki] });
        }
        let files = ["vmlinuz", "initramfs.img"].map(|name| format!("{folder}/{name}"));
        match [tree.has(&files[0]), tree.has(&files[1])] {
            [true, true] => return Ok(Place { version: Some(version), files: files.to_vec() }),
            [true, false] => return Err(Error::NoInitramfs(version)),
            [false, _] => {}
        }
    }
    let folder = "boot/EFI/Linux";
    let uki =
        tree.names(folder).into_iter().rev().find(|name| name.ends_with(".efi")).ok_or(Error::NoKernel)?;
    Ok(Place { version: None, files: vec![format!("{folder}/{uki}")] })
}

impl Place {
    /// Reads the kernel.
    ///
    /// # Errors
    /// A file can't be read, or is no UKI.
    pub fn read(&self, tree: &Tree) -> Result<Kernel, Error> {
        match (&self.files[..], &self.version) {
            ([kernel, initramfs], Some(version)) => Ok(Kernel {
                version: version.clone(),
                kernel: read(tree, kernel)?,
                initramfs: read(tree, initramfs)?,
                kargs: vec![],
            }),
            (files, version) => {
                let path = files.first().map(String::as_str).unwrap_or_default();
                let sections = take_apart(&read(tree, path)?)
                    .map_err(|reason| Error::Uki { path: format!("/{path}").into(), reason })?;
                let version = version.clone().unwrap_or(sections.version);
                Ok(Kernel { version, ..sections.kernel })
            }
        }
    }
}

struct Sections {
    version: String,
    kernel: Kernel,
}

/// Takes the parts out of a unified kernel image.
/// <https://uapi-group.org/specifications/specs/unified_kernel_image/>
fn take_apart(bytes: &[u8]) -> Result<Sections, String> {
    let file = PeFile64::parse(bytes).map_err(|e| e.to_string())?;
    let section = |name: &str| {
        let section = file.section_by_name(name).ok_or_else(|| format!("it has no section {name}"))?;
        let data = section.data().map_err(|e| e.to_string())?;
        // On disk a section is padded; its virtual size is the true one.
        let length = usize::try_from(section.size()).unwrap_or(data.len()).min(data.len());
        Ok::<_, String>(&data[..length])
    };
    let text = |name: &str| {
        let data = section(name).unwrap_or_default();
        String::from_utf8_lossy(data).trim_matches(['\0', '\n', ' ']).to_owned()
    };
    Ok(Sections {
        version: text(".uname"),
        kernel: Kernel {
            version: String::new(),
            kernel: section(".linux")?.to_vec(),
            initramfs: section(".initrd")?.to_vec(),
            kargs: text(".cmdline").split_whitespace().map(str::to_owned).collect(),
        },
    })
}

fn read(tree: &Tree, path: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    tree.open(path)?
        .take(UKI_MAX)
        .read_to_end(&mut bytes)
        .map_err(|source| Error::Read { path: format!("/{path}").into(), source })?;
    Ok(bytes)
}

/// Numbers by value, all else by text: 6.12.107 is newer than 6.12.9.
fn compare_versions(a: &str, b: &str) -> Ordering {
    let parts = |v: &str| -> Vec<(u64, String)> {
        v.split(|c: char| !c.is_ascii_alphanumeric())
            .map(|part| (part.parse().unwrap_or(0), part.to_owned()))
            .collect()
    };
    let key = |v: &str| {
        parts(v).into_iter().map(|(n, s)| (n, if n > 0 { String::new() } else { s })).collect::<Vec<_>>()
    };
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(tree: &Tree) -> Result<Kernel, Error> {
        locate(tree)?.read(tree)
    }

    fn tree(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let tree = Tree::new(dir.path()).unwrap();
        (dir, tree)
    }

    #[test]
    fn the_newest_kernel_is_taken() {
        let (_dir, tree) = tree(&[
            ("usr/lib/modules/6.12.9-1/vmlinuz", b"old"),
            ("usr/lib/modules/6.12.9-1/initramfs.img", b"old"),
            ("usr/lib/modules/6.12.107-1/vmlinuz", b"new"),
            ("usr/lib/modules/6.12.107-1/initramfs.img", b"ram"),
            ("usr/lib/modules/7.0.0-only-modules/modules.dep", b""),
        ]);
        let kernel = find(&tree).unwrap();
        assert_eq!((kernel.version.as_str(), kernel.kernel.as_slice()), ("6.12.107-1", b"new".as_slice()));
    }

    #[test]
    fn what_is_missing_is_named() {
        let (_dir, empty) = tree(&[("usr/lib/os-release", b"")]);
        assert!(matches!(find(&empty), Err(Error::NoKernel)));
        let (_dir, bare) = tree(&[("usr/lib/modules/6.1/vmlinuz", b"x")]);
        assert!(matches!(find(&bare), Err(Error::NoInitramfs(v)) if v == "6.1"));
        let (_dir, broken) = tree(&[("boot/EFI/Linux/a.efi", b"MZ but no PE")]);
        assert!(matches!(find(&broken), Err(Error::Uki { .. })));
    }

    #[test]
    fn a_uki_is_taken_apart() {
        let uki = test_uki(&[
            (".uname", b"6.12.107-1\0"),
            (".cmdline", b"quiet a=b\n"),
            (".linux", b"the kernel"),
            (".initrd", b"the initramfs"),
        ]);
        let (_dir, tree) = tree(&[("boot/EFI/Linux/os.efi", &uki)]);
        let kernel = find(&tree).unwrap();
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
