//! Reads which container images are logically bound to a system.
//! <https://bootc-dev.github.io/bootc/logically-bound-images.html>

use super::Error;
use super::image_files::ImageFiles;
use crate::image::Facts;

/// The folder of links to quadlet's `.image` and `.container` files.
const FOLDER: &str = "usr/lib/bootc/bound-images.d";

/// Adds the names of the bound images to the facts, or the reason why bootc can't read them.
pub fn read(image: &ImageFiles, facts: &mut Facts) {
    for file in image.names(FOLDER) {
        let path = format!("{FOLDER}/{file}");
        match bound_by(&file, image.text(&path)) {
            Ok(name) if facts.bound_images.contains(&name) => {}
            Ok(name) => facts.bound_images.push(name),
            Err(problem) => facts.bound_problem = Some(format!("/{path}: {problem}")),
        }
    }
}

/// Returns the image that a file binds. It refuses what bootc refuses.
/// <https://github.com/bootc-dev/bootc/blob/main/crates/lib/src/boundimage.rs>
fn bound_by(file: &str, text: Result<Option<String>, Error>) -> Result<String, String> {
    let section = match file.rsplit_once('.') {
        Some((_, "image")) => "Image",
        Some((_, "container")) => "Container",
        _ => return Err("the name ends neither in .image nor in .container".into()),
    };
    let text = match text {
        Ok(Some(text)) => text,
        Ok(None) => return Err("the link leads nowhere".into()),
        Err(error) => return Err(crate::text::error_chain(&error)),
    };
    if section == "Image" && value(&text, section, "AuthFile").is_some() {
        return Err("bootc supports no `AuthFile=` for bound images".into());
    }
    let name = value(&text, section, "Image")
        .ok_or_else(|| format!("section [{section}] has no `Image=`"))?;
    let plain = name.replace("%%", "\0");
    if plain.is_empty() || plain.contains('%') {
        return Err(format!("bootc can't use the name `{name}`"));
    }
    Ok(plain.replace('\0', "%"))
}

/// Returns the last value of a key in a section of a unit file.
fn value<'a>(text: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let (mut here, mut found) = (false, None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            here = name.strip_suffix(']') == Some(section);
        } else if let Some((name, value)) = line.split_once('=')
            && here
            && name.trim() == key
        {
            found = Some(value.trim());
        }
    }
    found
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn images_are_bound_by_links_to_quadlets_files() {
        let dir = tempfile::tempdir().unwrap();
        let units = dir.path().join("usr/share/containers/systemd");
        let links = dir.path().join(FOLDER);
        for folder in [&units, &links] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let facts = || {
            let mut facts = Facts::default();
            read(&ImageFiles::new(dir.path()).unwrap(), &mut facts);
            facts
        };
        let bind = |file: &str, text: &str| {
            std::fs::write(units.join(file), text).unwrap();
            let target = format!("/usr/share/containers/systemd/{file}");
            symlink(target, links.join(file)).unwrap();
        };
        assert_eq!(facts(), Facts::default());
        bind("a.image", "# x\n[Image]\nImage=quay.io/example/a:1\n");
        bind(
            "b.container",
            "[Unit]\nImage=no\n[Container]\nImage = localhost/%%b\nPodmanArgs=-q\n",
        );
        bind("c.image", "[Image]\nImage=quay.io/example/a:1\n");
        let facts_now = facts();
        assert_eq!(
            facts_now.bound_images,
            ["quay.io/example/a:1", "localhost/%b"]
        );
        assert_eq!(facts_now.bound_problem, None);
        for (file, text, problem) in [
            ("d.image", "[Container]\nImage=x\n", "has no `Image=`"),
            ("e.container", "[Container]\nImage=x:%a\n", "x:%a"),
            ("f.image", "[Image]\nImage=x\nAuthFile=/x\n", "AuthFile"),
            ("g.pod", "[Pod]\n", "neither in .image"),
        ] {
            bind(file, text);
            let found = facts().bound_problem.unwrap();
            assert!(
                found.contains(problem) && found.contains(file),
                "{found}: {file}"
            );
            std::fs::remove_file(links.join(file)).unwrap();
        }
        symlink("nowhere", links.join("h.image")).unwrap();
        assert!(facts().bound_problem.unwrap().contains("leads nowhere"));
    }
}
