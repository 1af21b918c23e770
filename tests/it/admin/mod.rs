//! The management API on its listener.

mod listener;
