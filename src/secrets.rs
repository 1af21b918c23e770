//! Secrets at rest: encrypted (sealed) with a key outside the database, so that a copy of the database does not reveal
//! them.

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a key.
const KEY: usize = 32;

/// Bytes of the nonce before the ciphertext.
const NONCE: usize = 12;

/// File of the key in the folder of an embedded database.
pub(crate) const KEY_FILE: &str = "secret.key";

/// An error of a key or of a sealed secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No key is configured.
    #[error("there is no key for secrets")]
    NoKey,
    /// The text is not a key.
    #[error("a key is 32 bytes in base64")]
    NotAKey,
    /// The key file cannot be read or created.
    #[error("the key file {0}: {1}")]
    File(String, String),
    /// The secret was sealed with another key or for another owner, or is damaged.
    #[error("a stored secret cannot be decrypted: it was encrypted with another key")]
    Sealed,
    /// The operating system returned no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
}

/// The configured keys.
#[derive(Debug, Clone, Default)]
pub struct KeySource {
    /// The key for sealing.
    pub current: Option<SecretString>,
    /// The previous key.
    pub previous: Option<SecretString>,
}

impl KeySource {
    /// The keys; `None` if there are none.
    ///
    /// # Errors
    /// [`SecretError::NotAKey`].
    pub(crate) fn keys(&self) -> Result<Option<SecretKeys>, SecretError> {
        let current = self.current.as_ref();
        current
            .map(|current| SecretKeys::read(current, self.previous.as_ref()))
            .transpose()
    }
}

/// The keys that seal and open secrets. Clones share them.
#[derive(Clone)]
pub struct SecretKeys(Arc<Keys>);

struct Keys {
    current: RandomizedNonceKey,
    /// Opens secrets that were sealed with the previous key.
    previous: Option<RandomizedNonceKey>,
}

impl std::fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKeys")
    }
}

/// A new key, as text.
///
/// # Errors
/// [`SecretError::Random`].
pub fn generate_key() -> Result<SecretString, SecretError> {
    Ok(STANDARD.encode(random::<KEY>()?).into())
}

/// Random bytes of the operating system.
///
/// # Errors
/// [`SecretError::Random`].
pub(crate) fn random<const N: usize>() -> Result<[u8; N], SecretError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| SecretError::Random(error.to_string()))?;
    Ok(bytes)
}

/// The text of a key file.
///
/// # Errors
/// [`SecretError::File`].
pub(crate) fn read_key_file(file: &Path) -> Result<SecretString, SecretError> {
    let text = std::fs::read_to_string(file).map_err(|error| about(file, &error.to_string()))?;
    Ok(text.trim().to_owned().into())
}

/// The key in a folder, created if there is none, readable only by this user. If several programs create it at once,
/// all get the same key.
///
/// # Errors
/// [`SecretError::File`] or [`SecretError::Random`].
pub(crate) fn key_in(folder: &Path) -> Result<SecretString, SecretError> {
    let file = folder.join(KEY_FILE);
    if file.exists() {
        return read_key_file(&file);
    }
    let key = generate_key()?;
    let draft = folder.join(format!("{KEY_FILE}.{:x}", u64::from_be_bytes(random()?)));
    let made = write_private(&draft, key.expose_secret())
        // The first program wins: a link does not replace an existing file.
        .and_then(|()| match std::fs::hard_link(&draft, &file) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            outcome => outcome,
        });
    let _ = std::fs::remove_file(&draft);
    made.map_err(|error| about(&file, &error.to_string()))?;
    read_key_file(&file)
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    writeln!(opened, "{text}")?;
    opened.sync_all()
}

fn about(file: &Path, problem: &str) -> SecretError {
    SecretError::File(file.display().to_string(), problem.to_owned())
}

impl SecretKeys {
    /// Reads keys from their text.
    ///
    /// # Errors
    /// [`SecretError::NotAKey`].
    pub(crate) fn read(
        current: &SecretString,
        previous: Option<&SecretString>,
    ) -> Result<Self, SecretError> {
        Ok(Self(Arc::new(Keys {
            current: read_key(current)?,
            previous: previous.map(read_key).transpose()?,
        })))
    }

    /// Seals a secret. `owner` identifies its owner, and is needed to open it.
    ///
    /// # Errors
    /// [`SecretError::Sealed`] if the cipher fails.
    pub(crate) fn seal(&self, owner: &str, secret: &[u8]) -> Result<String, SecretError> {
        let mut sealed = secret.to_vec();
        let aad = Aad::from(owner.as_bytes());
        let nonce = self.0.current.seal_in_place_append_tag(aad, &mut sealed);
        let nonce = nonce.map_err(|_| SecretError::Sealed)?;
        Ok(STANDARD.encode([nonce.as_ref().as_slice(), &sealed].concat()))
    }

    /// Opens a secret that was sealed for an owner, with the current or the previous key.
    ///
    /// # Errors
    /// [`SecretError::Sealed`].
    pub(crate) fn open(&self, owner: &str, sealed: &str) -> Result<Vec<u8>, SecretError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| SecretError::Sealed)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or(SecretError::Sealed)?;
        let nonce = <&[u8; NONCE]>::try_from(nonce).map_err(|_| SecretError::Sealed)?;
        let open = |key: &RandomizedNonceKey| {
            let mut sealed = sealed.to_vec();
            let aad = Aad::from(owner.as_bytes());
            let opened = key.open_in_place(nonce.into(), aad, &mut sealed).ok()?;
            Some(opened.to_vec())
        };
        open(&self.0.current)
            .or_else(|| self.0.previous.as_ref().and_then(open))
            .ok_or(SecretError::Sealed)
    }
}

fn read_key(text: &SecretString) -> Result<RandomizedNonceKey, SecretError> {
    let bytes = STANDARD.decode(text.expose_secret().trim());
    let bytes = bytes.ok().filter(|bytes| bytes.len() == KEY);
    let bytes = bytes.ok_or(SecretError::NotAKey)?;
    RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SecretError::NotAKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_opens_for_its_owner_and_with_its_key() {
        let (first, second) = (generate_key().unwrap(), generate_key().unwrap());
        let keys = SecretKeys::read(&first, None).unwrap();
        let sealed = keys.seal("a", b"secret").unwrap();
        assert!(!sealed.contains("secret"));
        assert_eq!(keys.open("a", &sealed).unwrap(), b"secret");
        assert_eq!(keys.open("b", &sealed), Err(SecretError::Sealed));
        let after = SecretKeys::read(&second, Some(&first)).unwrap();
        assert_eq!(after.open("a", &sealed).unwrap(), b"secret");
        let later = SecretKeys::read(&second, None).unwrap();
        assert_eq!(later.open("a", &sealed), Err(SecretError::Sealed));
        for damaged in ["", "?", "AAAA", &sealed.replace(['A', 'B'], "C")] {
            assert_eq!(later.open("a", damaged), Err(SecretError::Sealed));
        }
    }

    #[test]
    fn a_key_has_32_bytes() {
        for text in ["", "c2hvcnQ=", "not base64"] {
            let read = SecretKeys::read(&text.to_owned().into(), None);
            assert_eq!(read.err(), Some(SecretError::NotAKey), "{text}");
        }
    }

    #[test]
    fn a_folder_has_one_key_for_its_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let folder = folder.path().to_owned();
                std::thread::spawn(move || key_in(&folder).unwrap().expose_secret().to_owned())
            })
            .collect();
        let keys: std::collections::BTreeSet<_> =
            threads.into_iter().map(|one| one.join().unwrap()).collect();
        assert_eq!(keys.len(), 1);
        let file = folder.path().join(KEY_FILE);
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
