//! The store: SQL on PostgreSQL and SQLite. The only layer that knows tables.
//!
//! Each statement is written once, in the subset that both databases share; what they differ in
//! is in `db` and the migrations. In every statement the first value is the
//! tenant; those about tenants and tokens are the operator's.

mod changes;
mod db;
mod directory;
mod handle;
mod operator;
mod request_log;
mod resources;
mod shared;
mod upkeep;

pub use changes::Author;
pub use db::counters::StoreCounts;
pub use db::error::StoreError;
pub use db::settings::PoolSettings;
pub use directory::{DirectoryState, Views};
pub use handle::Store;
pub use operator::schema::{Configured, ConfiguredSchema, KeptSchema};
pub use operator::tenant::{
    PasswordPolicy, PutWithoutMembers, Status, Tenant, TenantChange, TenantInfo, UsernameFormat,
};
pub use operator::tenant_list::{CountedTypes, TenantQuery};
pub use operator::token::{NewToken, TokenInfo, TokenScope};
pub use operator::token_list::{EndingQuery, TokenQuery};
pub use operator::transfer::{MemberRow, Until};
pub use request_log::{Entry, Left, LogQuery, LoggedRequest, LoggedUser, Outcome, TenantKey};
pub use resources::document::Written;
pub use resources::ids::{Layout, TypeLayout};
pub use resources::proof::Stamp;
pub use resources::read::member_stream::Roll;
pub use resources::read::page::{From, Listed, Mark, MarkValue, Order, Page, Window};
pub use resources::read::stored::{Documents, Found, Related, Relations};
pub use resources::scope::Scope;
pub use resources::write::context::{Before, Change, Given, Place, Writing};
pub use resources::write::member_delta::{MemberDelta, MemberKey};
pub use upkeep::holders::Holder;
pub use upkeep::reindex::Rederived;
pub use upkeep::verify::Verified;
