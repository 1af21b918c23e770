//! Endpoints that receive changes, their progress, and the keys that sign tokens.

pub(in crate::store) mod acknowledgement;
pub(in crate::store) mod attempt;
pub(in crate::store) mod endpoint;
pub(in crate::store) mod held;
pub(in crate::store) mod lease;
pub(in crate::store) mod progress;
pub(in crate::store) mod signing_key;
pub(in crate::store) mod time;
