//! The store: SQL on PostgreSQL and SQLite. The only layer that accesses tables.
//!
//! Each statement is written once, in the subset of SQL that both databases share; differences are in `db` and the
//! migrations. The first value of every statement is the tenant, except in statements of the operator about tenants and
//! tokens.

mod activity;
mod changes;
mod db;
mod delivery;
mod directory;
mod handle;
mod logged_request;
mod operator;
mod request_log;
mod request_search;
mod resources;
mod shared;
mod upkeep;

pub use activity::health::{Health, HealthTime};
pub use activity::read::{FailureGroup, FailurePlace, FailureQuery, HourFigures};
pub use activity::tally::HourCounts;
pub use changes::{
    AuditedChange, Author, ChangeAction, ChangedMember, FeedEnds, FeedKey, FeedRow, Numbering,
    ResourceChange,
};
pub use db::error::StoreError;
pub use db::settings::PoolSettings;
pub use delivery::acknowledgement::Acknowledgements;
pub use delivery::attempt::{AttemptQuery, FailedAttempt};
pub use delivery::endpoint::{Endpoint, EndpointChange, EndpointKind, EndpointStatus, NewEndpoint};
pub use delivery::held::HeldEvent;
pub use delivery::lease::EndpointState;
pub use delivery::progress::{EndpointProgress, LaneMark};
pub use delivery::signing_key::{KeyState, SigningKey};
pub use delivery::time::DeliveryTime;
pub use directory::{DirectoryState, Views};
pub use handle::Store;
pub use logged_request::{Entry, LoggedRequest, Outcome, TenantKey};
pub use operator::act::{Act, KeptAnswer};
pub use operator::audit_list::{AuditQuery, AuditRow};
pub use operator::feed_token::ALL_TENANTS;
pub use operator::operator_token::{
    NewOperatorToken, OperatorRole, OperatorScope, OperatorTokenInfo,
};
pub use operator::schema::{
    Configured, ConfiguredSchema, KeptSchema, ReplacedSchema, SchemaDocument,
};
pub use operator::tenant::{
    PasswordPolicy, PutWithoutMembers, Status, Tenant, TenantChange, TenantInfo, UsernameFormat,
};
pub use operator::tenant_figures::FiguresQuery;
pub use operator::tenant_page::CountedTypes;
pub use operator::tenant_query::{TenantOrder, TenantPage, TenantPlace, TenantQuery};
pub use operator::token::{NewToken, StoredToken, TokenInfo, TokenScope};
pub use operator::token_list::{EndingQuery, TokenQuery};
pub use operator::transfer::{MemberRow, Until};
pub use request_log::{FailedRequest, LeftOut, LogQuery, LoggedUser};
pub use request_search::{LogPage, LogSearch};
pub use resources::document::NewDocument;
pub use resources::ids::{CatalogIds, TypeIds};
pub use resources::proof::{CallerSnapshot, ConfirmedScope, ScopeClaim};
pub use resources::read::member_stream::MemberStream;
pub use resources::read::page::{
    Bookmark, BookmarkValue, ListTarget, Page, PageRequest, PageStart, SortOrder,
};
pub use resources::read::stored::{Documents, Related, Relations, StoredResource};
pub use resources::read::sweep::SweptMember;
pub use resources::scope::Scope;
pub use resources::write::context::{
    Creating, Current, ImportOverrides, ReservedSeq, WriteContext, WriteOutcome,
};
pub use resources::write::member_delta::{MemberDelta, MemberKey};
pub use upkeep::finding::{Fault, Finding, IndexedPaths, LiveCounts, StalePart, Unrepaired};
pub use upkeep::holders::Holder;
pub use upkeep::reindex::Reindexed;
pub use upkeep::verify::Verified;
pub(crate) use upkeep::verify::VerifyRequest;
