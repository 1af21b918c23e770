//! What is derived from the provisioning log and written with it: when each tenant was heard of last, what became
//! of each of its actions, failures by reason and day, requests by hour. Lists and pages read it in place of the log.

pub(in crate::store) mod health;
pub(in crate::store) mod read;
pub(in crate::store) mod tally;
pub(in crate::store) mod verify;
pub(in crate::store) mod write;
