//! The tables of moby's pattern matcher and of Go's `filepath.Match`, and what podman 4.3 does.

use super::*;

#[track_caller]
fn check(patterns: &str, path: &str, ignored: bool) {
    let ignore = Ignore::parse(patterns).unwrap_or_else(|error| panic!("{patterns:?}: {error}"));
    assert_eq!(ignore.ignores(path), ignored, "{patterns:?} on {path:?}");
}

#[test]
fn patterns_match_as_in_moby() {
    for (pattern, path, ignored) in [
        ("**", "file", true),
        ("**/", "file", true),
        ("**", "dir/file", true),
        ("**/**", "dir/file", true),
        ("dir/**", "dir/file", true),
        ("dir/**", "dir/dir2/file", true),
        ("**/dir", "dir", true),
        ("**/dir", "dir/file", true),
        ("**/dir2/*", "dir/dir2/file", true),
        ("**/dir2/**", "dir/dir2/dir3/file", true),
        ("**file", "file", true),
        ("**file", "dir/file", true),
        ("**/file", "dir/dir/file", true),
        ("**/file*", "dir/dir/file.txt", true),
        ("**/file*txt", "dir/dir/file.txt", true),
        ("**/file*.txt*", "dir/dir/file.txt", true),
        ("**/**/*.txt", "dir/dir/file.txt", true),
        ("**/**/*.txt2", "dir/dir/file.txt", false),
        ("**/*.txt", "file.txt", true),
        ("a**/*.txt", "a/file.txt", true),
        ("a**/*.txt", "a/dir/dir/file.txt", true),
        ("a/*.txt", "a/dir/file.txt", false),
        ("a/*.txt", "a/file.txt", true),
        ("a/*.txt**", "a/file.txt", true),
        ("a[b-d]e", "ae", false),
        ("a[b-d]e", "ace", true),
        ("a[b-d]e", "aae", false),
        ("a[^b-d]e", "aze", true),
        (".*", ".foo", true),
        (".*", "foo", false),
        ("abc.def", "abcdef", false),
        ("abc.def", "abc.def", true),
        ("abc.def", "abcZdef", false),
        ("abc?def", "abcZdef", true),
        ("abc?def", "abcdef", false),
        ("**/foo/bar", "dir/dir2/foo/bar", true),
        ("abc/**", "abc", false),
        ("abc/**", "abc/def/ghi", true),
        ("**/.foo", ".foo", true),
        ("**/.foo", "bar.foo", false),
        ("a(b)c/def", "a(b)c/xyz", false),
        ("a\\\\", "a\\", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "ab", false),
        ("*", "abc", true),
        ("a*", "ab/c", true),
        ("a*/b", "a/c/b", false),
        ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
        ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("a*b?c*x", "abxbbxdbxebxczzy", false),
        ("ab[e-g]", "abc", false),
        ("ab[^c]", "abc", false),
        ("a?b", "a☺b", true),
        ("a[^a]b", "a☺b", true),
        ("a???b", "a☺b", false),
        ("[a-ζ]*", "α", true),
        ("*[a-ζ]", "A", false),
        ("a?b", "a/b", false),
        ("[\\]a]", "]", true),
        ("[\\-x]", "-", true),
        ("[x\\-]", "z", false),
        ("[&&a]", "&", true),
        ("*x", "xxx", true),
        ("**\n!util/docker/web", "util/docker/web/foo", false),
        (
            "**\n!util/docker/web\nutil/docker/web/foo",
            "util/docker/web/foo",
            true,
        ),
        ("**\n!dist/*.whl", "dist/proxy-2.4.0+g08.whl", false),
        ("!file.go\n*.go", "file.go", true),
        ("*.go\n!file.go", "file.go", false),
        ("docs/\n!docs/README.md", "docs/README.md", false),
        ("docs\n!docs/README.md", "docs/other", true),
        ("docs/*\n!docs/README.md", "docs/README.md", false),
        ("docs\n  !docs/README.md  ", "docs/README.md", false),
    ] {
        check(pattern, path, ignored);
    }
}

#[test]
fn patterns_that_podman_refuses_are_errors() {
    for pattern in [
        "!", "[]a]", "[-]", "[x-]", "[-x]", "\\", "[a-b-c]", "[", "[^", "[^bc", "a[",
    ] {
        assert!(Ignore::parse(pattern).is_err(), "{pattern}");
    }
}

/// Each row was tried with `COPY . /` and podman 4.3.1.
#[test]
fn lines_are_read_as_podman_reads_them() {
    for (text, path, ignored) in [
        ("/docs/", "docs", true),
        ("/", "docs", false),
        ("./docs", "docs/x", true),
        ("../docs", "docs", false),
        ("docs/../target", "target", true),
        ("docs/../target", "docs", false),
        ("#docs", "docs", false),
        (" #docs", "docs", false),
        ("docs \r\ntarget\r\n", "target/x", true),
        ("\u{feff}docs", "docs", true),
        ("*\n!docs/*.md", "docs/README.md", false),
        ("*\n!docs/*.md", "docs/other", true),
        ("*\n!docs/*.md", "target/x", true),
        ("a[!b]*", "aab", false),
        ("docs\n!docs", "docs/x", false),
        ("target/", "target/x/y", true),
        ("target", "src/target", false),
    ] {
        check(text, path, ignored);
    }
}

/// podman 4.3 leaves `aab` out, newer versions leave `a+b` out.
#[test]
fn a_file_counts_where_versions_of_podman_differ() {
    for path in ["a+b", "aab"] {
        check("a+b", path, false);
    }
    check("*\n!a+b", "a+b", false);
    check("*\n!a+b", "aab", false);
    check("x(", "x(", true);
}

#[test]
fn a_folder_is_pruned_unless_a_pattern_may_include_something_in_it() {
    for (text, folder, pruned) in [
        ("target", "target", true),
        ("target", "target/debug", true),
        ("target/*", "target", false),
        ("*\n!docs/a/b", "target", true),
        ("*\n!docs/a/b", "docs", false),
        ("*\n!docs/a/b", "docs/a", false),
        ("*\n!docs/a/b", "docs/x", true),
        ("*\n!**/keep", "target", false),
        ("*\n!t?rget/x", "target", false),
    ] {
        let ignore = Ignore::parse(text).unwrap();
        assert_eq!(ignore.prunes(folder), pruned, "{text:?} on {folder:?}");
    }
}

#[test]
fn the_file_beside_the_containerfile_decides_before_those_of_the_context() {
    let names = |chosen| candidates(Path::new("/c"), Path::new("/f/Cf"), chosen);
    let wanted = [
        "/f/Cf.dockerignore",
        "/f/Cf.containerignore",
        "/c/.containerignore",
        "/c/.dockerignore",
    ];
    assert_eq!(names(None), wanted.map(PathBuf::from));
    assert_eq!(names(Some(Path::new("/x"))), [PathBuf::from("/x")]);
}
