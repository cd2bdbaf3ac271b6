//! The drivers of an image's kernel that a direct boot loads before it mounts the root.

use std::fs::File;

use super::error::Error;
use super::image_files::ImageFiles;
use super::modules;

/// modprobe's index of the drivers that each driver needs.
const MODPROBE_INDEX: &str = "modules.dep.bin";

/// The drivers to load before the root is mounted: files below `folder`, in load order.
pub struct Drivers {
    /// The folder of the kernel's modules.
    pub folder: String,
    /// For a root of block images.
    pub block: Vec<String>,
    /// For a root over virtiofs; `None` when the kernel lacks them.
    pub virtiofs: Option<Vec<String>>,
    /// For a scratch disk; `None` when the kernel lacks them.
    pub scratch: Option<Vec<String>>,
}

impl Drivers {
    /// Finds the drivers of this kernel.
    ///
    /// # Errors
    /// The kernel lacks one that the root needs, or a file can't be read.
    pub fn find(image: &ImageFiles, version: &str) -> Result<Self, Error> {
        let folder = format!("usr/lib/modules/{version}");
        let text = |name: &str| {
            Ok::<_, Error>(image.text(&format!("{folder}/{name}"))?.unwrap_or_default())
        };
        let (dep, builtin) = (text("modules.dep")?, text("modules.builtin")?);
        let files = |drivers: &[&'static str]| {
            let files = modules::load_order(&dep, &builtin, drivers)?;
            Ok::<_, &'static str>(files.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let block = files(&modules::REQUIRED).map_err(|module| Error::NoDriver {
            kernel: version.to_owned(),
            module,
        })?;
        let virtiofs = files(&modules::VIRTIOFS).ok();
        let scratch = files(&modules::SCRATCH).ok();
        Ok(Self {
            folder,
            block,
            virtiofs,
            scratch,
        })
    }

    /// All files, each once.
    fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = Vec::new();
        let optional = [&self.virtiofs, &self.scratch]
            .into_iter()
            .flatten()
            .flatten();
        for file in self.block.iter().chain(optional) {
            if !files.contains(&file.as_str()) {
                files.push(file);
            }
        }
        files
    }

    /// The paths of all files in the image.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        let files = self.files().into_iter();
        files.map(|file| format!("{}/{file}", self.folder))
    }

    /// Opens the drivers, and the index for modprobe where the image has it.
    pub fn open(&self, image: &ImageFiles) -> Result<Vec<(&str, File)>, Error> {
        let open = |file| Ok((file, image.open(&format!("{}/{file}", self.folder))?));
        let mut files = self
            .files()
            .into_iter()
            .map(open)
            .collect::<Result<Vec<_>, Error>>()?;
        files.extend(open(MODPROBE_INDEX).ok());
        Ok(files)
    }
}
