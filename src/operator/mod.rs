//! What the operator does: tenants, tokens, schemas, export and import, verification, the directory.

mod admin;
mod caller;
mod compliance;
mod directory;
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
}

impl Operator {
    /// The operations of the protocol over the same database.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
