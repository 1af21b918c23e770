//! The right to send from an embedded database.

use std::fs::File;
use std::path::Path;

/// Held by the only process on the machine that sends from an embedded database, until the process ends. While it is
/// held, no other process sends: all other leases in the database belong to processes that have ended.
#[derive(Debug)]
pub struct SoleSender(#[expect(dead_code, reason = "it is held, not read")] File);

impl SoleSender {
    /// Claims the right for the database in a folder; `None` if another process holds it, or the file system has no
    /// locks; in these cases, leases must expire first. The lock is on the folder: closing a file of the database would
    /// release the locks of SQLite.
    pub(crate) fn claim(folder: &Path) -> Option<Self> {
        let folder = File::open(folder).ok()?;
        folder.try_lock().ok()?;
        Some(Self(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_right_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = SoleSender::claim(folder.path());
        assert!(first.is_some());
        assert!(SoleSender::claim(folder.path()).is_none());
        drop(first);
        assert!(SoleSender::claim(folder.path()).is_some());
        assert!(SoleSender::claim(&folder.path().join("none")).is_none());
    }
}
