//! Data derived from the provisioning log and written with it: the last request of each tenant, the last outcomes of
//! its actions, failures by reason and day, requests by hour. Lists and pages read it instead of the log.

pub(in crate::store) mod health;
pub(in crate::store) mod read;
pub(in crate::store) mod tally;
pub(in crate::store) mod verify;
pub(in crate::store) mod write;
