//! `scimd --version`, and the commit of a build.

#[allow(dead_code)]
#[path = "../../../build.rs"]
mod build;

use super::{SCIMD, printed};
use std::path::Path;
use std::process::Command;

const COMMIT: &str = "99e22f9a0c3d4e5f60718293a4b5c6d7e8f90a1b";

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn the_version_is_that_of_the_package() {
    let text = printed(&std::env::temp_dir(), "--version");
    assert!(
        text.starts_with(&format!("scimd {}", env!("CARGO_PKG_VERSION"))),
        "{text}"
    );
}

/// Cargo passes the variables of the build script to programs that `cargo run` and `cargo test` start.
#[test]
fn the_environment_of_cargo_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(SCIMD)
        .arg("check")
        .arg("--data-dir")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_commit_is_found_in_every_layout_of_git() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert_eq!(build::commit_of(root), None, "a source archive has none");
    write(root, ".git/HEAD", &format!("{COMMIT}\n"));
    assert_eq!(
        build::commit_of(root).as_deref(),
        Some(COMMIT),
        "a commit that was checked out"
    );
    write(root, ".git/HEAD", "ref: refs/heads/main\n");
    assert_eq!(
        build::commit_of(root),
        None,
        "a repository without a commit"
    );
    write(
        root,
        ".git/packed-refs",
        &format!(
            "# pack-refs\n{COMMIT} refs/heads/main\n^{}\n",
            "0".repeat(40)
        ),
    );
    assert_eq!(build::commit_of(root).as_deref(), Some(COMMIT), "packed");
    let newer = COMMIT.replace('9', "8");
    write(root, ".git/refs/heads/main", &newer);
    assert_eq!(
        build::commit_of(root).as_deref(),
        Some(newer.as_str()),
        "a loose one is newer"
    );
    let tree = root.join("tree");
    write(&tree, ".git", "gitdir: ../.git/worktrees/tree\n");
    write(root, ".git/worktrees/tree/HEAD", "ref: refs/heads/side\n");
    write(root, ".git/worktrees/tree/commondir", "../..\n");
    write(root, ".git/refs/heads/side", COMMIT);
    assert_eq!(
        build::commit_of(&tree).as_deref(),
        Some(COMMIT),
        "another worktree"
    );
    write(root, ".git/refs/heads/side", "not a commit");
    assert_eq!(build::commit_of(&tree), None);
}

#[test]
fn a_version_names_the_commit_of_a_release() {
    let commit = || Some(COMMIT.to_owned());
    assert_eq!(
        build::version("0.1.0", false, None, commit),
        "0.1.0 (99e22f9a0c3d)"
    );
    assert_eq!(
        build::version("0.1.0", false, Some("abcdef0"), commit),
        "0.1.0 (abcdef0)"
    );
    assert_eq!(
        build::version("0.1.0", true, Some("abcdef0"), commit),
        "0.1.0 (abcdef0)"
    );
    assert_eq!(build::version("0.1.0", false, Some(""), || None), "0.1.0");
    assert_eq!(
        build::version("0.1.0", true, None, commit),
        "0.1.0 (debug build)"
    );
}
