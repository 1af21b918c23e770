//! Where index walks have come to. Clients read the pages of a directory in order, by
//! `startIndex`; remembering the last result of a page saves counting all before the next one.

use std::collections::HashMap;
use std::sync::Mutex;

/// Walks that are remembered at a time; all are forgotten when there are more.
const MOST: usize = 4096;

/// A list in order of creation, and a position in it.
pub(crate) type Point = (String, Vec<String>, i64);

/// The last result before a position, and how many resources were gone when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) seq: i64,
    pub(crate) gone: i64,
}

/// The walks of an instance.
#[derive(Debug, Default)]
pub(crate) struct Walks(Mutex<HashMap<Point, Last>>);

impl Walks {
    pub(crate) fn last_before(&self, point: &Point) -> Option<Last> {
        self.0.lock().ok()?.get(point).copied()
    }

    pub(crate) fn remember(&self, point: Point, last: Last) {
        let Ok(mut walks) = self.0.lock() else { return };
        if walks.len() >= MOST {
            walks.clear();
        }
        walks.insert(point, last);
    }
}
