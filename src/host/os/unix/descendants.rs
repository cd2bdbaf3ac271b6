//! The children of a process, and their children.

/// Returns the process IDs below a process. Only Linux knows them; on other systems, a build runs
/// in the podman machine.
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut parents = vec![];
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Ok(text) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if let Some(parent) = parent_in(&text) {
            parents.push((parent, child));
        }
    }
    let mut found = vec![];
    let mut todo = vec![pid];
    while let Some(parent) = todo.pop() {
        let children = parents.iter().filter(|(of, _)| *of == parent);
        let children: Vec<u32> = children.map(|(_, child)| *child).collect();
        found.extend(&children);
        todo.extend(children);
    }
    found
}

/// The name before it, in brackets, may contain anything.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_hide_the_parent() {
        assert_eq!(parent_in("7 (a) b (c)) S 5 7 7"), Some(5));
        assert_eq!(parent_in(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_below_its_parent() {
        let parent = rustix::process::getppid().unwrap();
        let parent = parent.as_raw_nonzero().get().cast_unsigned();
        assert!(descendants(parent).contains(&std::process::id()));
    }
}
