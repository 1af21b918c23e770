//! Detects a truncated file of the embedded database.

use crate::store::db::error::StoreError;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Sizes in bytes of the database header, the WAL header and the frame header of each page in the WAL (SQLite file
/// format, sections 1.3 and 4.1).
const HEADER: usize = 100;
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// Compares the length of a file with its header. A missing part can be in the WAL, if the program ended during a
/// checkpoint; anything beyond the WAL is lost.
///
/// # Errors
/// [`StoreError::Damaged`] if data is lost, or the file is not a database.
pub(in crate::store) fn check_length(file: &Path) -> Result<(), StoreError> {
    match shortage(file) {
        Ok(None) => Ok(()),
        Ok(Some(problem)) => Err(StoreError::Damaged(problem)),
        Err(error) => Err(StoreError::Fault(sqlx::Error::Io(error))),
    }
}

fn shortage(file: &Path) -> io::Result<Option<String>> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(None);
    }
    let mut header = [0; HEADER];
    match File::open(file)?.read_exact(&mut header) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Ok(Some(format!(
                "its file ends after {length} bytes, within the header"
            )));
        }
        read => read?,
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Ok(Some("its file is not an SQLite database".to_owned()));
    }
    let (page, pages) = (page_size(&header), number(&header, 28));
    // Versions of SQLite before 3.7.0 do not maintain the number of pages, so it is not usable.
    if page == 0 || number(&header, 24) != number(&header, 92) {
        return Ok(None);
    }
    let log = std::fs::metadata(log_of(file)).map_or(0, |log| log.len());
    let logged = log.saturating_sub(LOG_HEADER) / (FRAME_HEADER + page);
    let missing = pages.saturating_sub(length / page);
    Ok((missing > logged).then(|| {
        format!(
            "its file has {length} bytes, and should have {}: {pages} pages of {page} bytes",
            pages * page
        )
    }))
}

fn log_of(file: &Path) -> std::path::PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn page_size(header: &[u8; HEADER]) -> u64 {
    match u64::from(u16::from_be_bytes([header[16], header[17]])) {
        1 => 65_536,
        size => size,
    }
}

fn number(header: &[u8; HEADER], at: usize) -> u64 {
    header
        .iter()
        .skip(at)
        .take(4)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
