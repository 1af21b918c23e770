//! What the operator does: tenants, tokens, schemas, export and import, verification, the directory.

mod admin;
mod caller;
mod compliance;
mod directory;
mod error;
mod index_drift;
mod open;
mod requests;
mod schemas;
mod settings;
mod tenants;
mod tokens;
mod transfer;

pub use admin::IssuedToken;
pub use caller::naming_attribute;
pub use directory::{DirectoryState, Views};
pub use error::OperatorError;
pub use index_drift::IndexDrift;
pub use schemas::{
    KnownSchema, SchemaChange, SchemaOrigin, SchemaOutcome, SchemaPlan, SchemaRefusal, SchemaStep,
    Survey,
};
pub use settings::{DatabaseTarget, ServiceSettings, StartError};
pub use tokens::EndingTokens;
pub use transfer::{Counts, Export, Exported, Import, Imported, OnError, Step};

use crate::access::catalogs::Catalogs;
use crate::clock::Clock;
use crate::protocol::Service;
use crate::request_log::UserDigests;
use crate::store::Store;
use std::sync::Arc;

/// Name of the tenant that every server has.
pub const DEFAULT_TENANT: &str = "default";

/// What the operator of one database does. Clones share their parts with the service that they give.
#[derive(Debug, Clone)]
pub struct Operator {
    store: Store,
    clock: Clock,
    catalogs: Arc<Catalogs>,
    digests: Arc<UserDigests>,
    service: Service,
    not_in_force: Vec<&'static str>,
}

impl Operator {
    /// The operations of the protocol over the same database.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Keys of the configuration that say something else than the database has, as only a server or a
    /// migration puts them into force.
    pub fn not_in_force(&self) -> &[&'static str] {
        &self.not_in_force
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
