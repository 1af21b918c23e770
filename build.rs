//! Sets the version of the program with its commit: `BUILD_COMMIT`, or else the commit in `.git` next to this file. It
//! needs neither git nor a network; a source archive results in a version without commit.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Number of printed hexadecimal digits of a commit.
const SHOWN: usize = 12;

#[allow(clippy::print_stdout)] // directives for cargo
fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let package = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let given = env::var("BUILD_COMMIT").ok();
    let is_debug = env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=BUILD_COMMIT");
    if !is_debug {
        watched(&root)
            .iter()
            .for_each(|path| println!("cargo::rerun-if-changed={}", path.display()));
    }
    // The name does not begin with SCIMD_: `cargo run` passes it to the program, which refuses unknown variables with
    // that prefix.
    println!(
        "cargo::rustc-env=VERSION_WITH_COMMIT={}",
        version(&package, is_debug, given.as_deref(), || commit_of(&root))
    );
}

/// The version that the program prints. A debug build would be rebuilt after each commit, so it contains a commit only
/// if one is given.
pub(crate) fn version(
    package: &str,
    is_debug: bool,
    given: Option<&str>,
    find: impl Fn() -> Option<String>,
) -> String {
    let given = given
        .map(str::trim)
        .filter(|commit| !commit.is_empty())
        .map(str::to_owned);
    let found = || if is_debug { None } else { find() };
    match given.or_else(found) {
        Some(commit) => format!(
            "{package} ({})",
            commit.chars().take(SHOWN).collect::<String>()
        ),
        None if is_debug => format!("{package} (debug build)"),
        None => package.to_owned(),
    }
}

/// The commit of the working tree in a folder.
pub(crate) fn commit_of(root: &Path) -> Option<String> {
    let Repository {
        own,
        common,
        branch,
    } = Repository::at(root)?;
    let Some(branch) = branch else {
        return read(&own.join("HEAD")).filter(|text| is_commit(text));
    };
    let loose = [&own, &common]
        .into_iter()
        .find_map(|folder| read(&folder.join(&branch)));
    let packed = || {
        let packed = read(&common.join("packed-refs"))?;
        let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
        lines
            .find(|(_, name)| *name == branch)
            .map(|(commit, _)| commit.to_owned())
    };
    loose.or_else(packed).filter(|text| is_commit(text))
}

/// Files that change when another commit is checked out.
fn watched(root: &Path) -> Vec<PathBuf> {
    let Some(Repository {
        own,
        common,
        branch,
    }) = Repository::at(root)
    else {
        return Vec::new();
    };
    // A packed branch gets a separate file with its next commit: its folder changes.
    let branch = branch.map(|branch| common.join(branch));
    let branch = branch.and_then(|path| {
        path.ancestors()
            .find(|path| path.exists())
            .map(Path::to_owned)
    });
    let all = [
        Some(own.join("HEAD")),
        Some(common.join("packed-refs")),
        branch,
    ];
    all.into_iter()
        .flatten()
        .filter(|path| path.exists())
        .collect()
}

/// The folders of git, and the current branch.
struct Repository {
    /// The folder of this worktree.
    own: PathBuf,
    /// The folder that all worktrees share.
    common: PathBuf,
    /// The branch, such as `refs/heads/main`; `None` if a commit is checked out.
    branch: Option<String>,
}

impl Repository {
    fn at(root: &Path) -> Option<Self> {
        let git = root.join(".git");
        let own = match read(&git) {
            Some(text) => root.join(text.strip_prefix("gitdir:")?.trim()),
            None => git,
        };
        let common =
            read(&own.join("commondir")).map_or_else(|| own.clone(), |folder| own.join(folder));
        let branch = read(&own.join("HEAD"))?
            .strip_prefix("ref:")
            .map(|branch| branch.trim().to_owned());
        Some(Self {
            own,
            common,
            branch,
        })
    }
}

fn is_commit(text: &str) -> bool {
    text.len() >= SHOWN && text.chars().all(|c| c.is_ascii_hexdigit())
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path)
        .ok()
        .map(|text| text.trim().to_owned())
}
