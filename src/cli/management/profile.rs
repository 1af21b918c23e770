//! Profiles: servers with their operator tokens, in the folder of the user's settings. Each is a file that only this user
//! can read.

use crate::cli::failure::Failure;
use crate::config::Environment;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Name of the default profile.
pub(in crate::cli) const DEFAULT_PROFILE: &str = "default";

/// A server with the operator token for it, which is never printed.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Profile {
    /// URL of the server.
    pub(in crate::cli) server: String,
    /// The operator token.
    pub(in crate::cli) operator_token: String,
    /// Certificates to trust in addition to those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) ca_file: Option<PathBuf>,
}

/// The folder with the profiles of a user.
#[derive(Debug)]
pub(in crate::cli) struct ProfileFolder(PathBuf);

impl ProfileFolder {
    /// The folder below `XDG_CONFIG_HOME`, or else below `.config` of the home folder.
    pub(in crate::cli) fn of(environment: &Environment) -> Result<Self, Failure> {
        // A relative path must be ignored (XDG Base Directory Specification).
        let absolute = |path: &PathBuf| path.is_absolute();
        let settings = environment.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = || {
            environment
                .get("HOME")
                .map(|home| Path::new(home).join(".config"))
        };
        let found = settings.filter(absolute).or_else(home).filter(absolute);
        found
            .map(|folder| Self(folder.join("scimd").join("profiles")))
            .ok_or_else(|| {
                Failure::Misused(
                    "there is no folder for profiles: set HOME or XDG_CONFIG_HOME".to_owned(),
                )
            })
    }

    /// The file of a profile.
    pub(in crate::cli) fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }

    /// The profile with a name; `None` if it does not exist.
    pub(in crate::cli) fn read(&self, name: &str) -> Result<Option<Profile>, Failure> {
        check_name(name)?;
        let file = self.file(name);
        let unusable = |problem: String| {
            Failure::Misused(format!(
                "{} cannot be read: {problem}; scimd login creates it again",
                file.display()
            ))
        };
        match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| unusable(error.to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unusable(error.to_string())),
        }
    }

    /// Stores a profile, replacing one with the same name.
    pub(in crate::cli) fn write(&self, name: &str, profile: &Profile) -> Result<PathBuf, Failure> {
        check_name(name)?;
        let file = self.file(name);
        self.put(&file, profile).map_err(|error| {
            Failure::Failed(format!("{} cannot be written: {error}", file.display()))
        })?;
        Ok(file)
    }

    fn put(&self, file: &Path, profile: &Profile) -> std::io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        // A new file, so that the token is never in a file with other permissions.
        let fresh = file.with_extension(format!("{}.new", std::process::id()));
        let mut opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        let text = serde_json::to_vec_pretty(profile)?;
        let written = opened.write_all(&text).and_then(|()| opened.sync_all());
        let renamed = written.and_then(|()| std::fs::rename(&fresh, file));
        if renamed.is_err() {
            // The first error is returned.
            let _ = std::fs::remove_file(&fresh);
        }
        renamed
    }

    /// Removes a profile; returns whether it existed.
    pub(in crate::cli) fn remove(&self, name: &str) -> Result<bool, Failure> {
        check_name(name)?;
        let file = self.file(name);
        match std::fs::remove_file(&file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Failure::Failed(format!(
                "{} cannot be removed: {error}",
                file.display()
            ))),
        }
    }
}

/// Refuses a name that could be a path.
pub(in crate::cli) fn check_name(name: &str) -> Result<(), Failure> {
    let is_name = !name.is_empty()
        && name.len() <= 63
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if is_name {
        return Ok(());
    }
    Err(Failure::Misused(format!(
        "\"{name}\" cannot be the name of a profile: use letters, digits, hyphens and underscores, at most 63"
    )))
}
