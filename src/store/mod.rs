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
mod request_about;
mod request_filter;
mod request_log;
mod request_record;
mod request_rows;
mod request_search;
mod resources;
mod shared;
mod upkeep;

pub(crate) use activity::health::HealthTime;

pub use activity::health::Health;
pub use activity::read::FailureQuery;
pub(crate) use activity::read::{FailureGroup, FailurePlace, HourFigures};
pub use activity::tally::HourCounts;
pub use changes::ResourceChange;
pub(crate) use changes::{
    AuditedChange, Author, ChangeAction, ChangedMember, FeedEnds, FeedKey, FeedRow,
};
pub(crate) use db::error::StoreError;
pub use db::settings::PoolSettings;
pub(crate) use delivery::acknowledgement::Acknowledgements;
pub use delivery::attempt::AttemptQuery;
pub(crate) use delivery::attempt::FailedAttempt;
pub(crate) use delivery::endpoint::{Endpoint, EndpointChange, NewEndpoint};
pub use delivery::endpoint::{EndpointKind, EndpointStatus};
pub(crate) use delivery::held::HeldEvent;
pub(crate) use delivery::progress::{EndpointProgress, LaneMark};
pub(crate) use delivery::signing_key::{KeyState, SigningKey};
pub(crate) use delivery::time::DeliveryTime;
pub use directory::DirectoryState;
pub(crate) use directory::Views;
pub use handle::Store;
pub(crate) use logged_request::TenantKey;
pub use logged_request::{LogPosition, LoggedRequest, Outcome};
pub(crate) use operator::act::{Act, KeptAnswer};
pub use operator::audit_list::{AuditQuery, AuditRow};
pub(crate) use operator::feed_token::ALL_TENANTS;
pub(crate) use operator::operator_token::{NewOperatorToken, OperatorTokenInfo};
pub use operator::operator_token::{OperatorRole, OperatorScope};
pub(crate) use operator::schema::{
    Configured, ConfiguredSchema, KeptSchema, ReplacedSchema, SchemaDocument,
};
pub use operator::tenant::{
    PasswordPolicy, PutWithoutMembers, Status, TenantChange, UsernameFormat,
};
pub(crate) use operator::tenant::{Tenant, TenantInfo};
pub(crate) use operator::tenant_figures::FiguresQuery;
pub(crate) use operator::tenant_page::CountedTypes;
pub use operator::tenant_query::TenantQuery;
pub(crate) use operator::tenant_query::{TenantOrder, TenantPage, TenantPlace};
pub use operator::token::TokenScope;
pub(crate) use operator::token::{NewToken, StoredToken, TokenInfo};
pub(crate) use operator::token_list::EndingQuery;
pub use operator::token_list::TokenQuery;
pub(crate) use operator::transfer::{MemberRow, Until};
pub use request_filter::LogFilter;
pub use request_log::LogQuery;
pub(crate) use request_log::{FailedRequest, LoggedUser};
pub(crate) use request_rows::{RequestRow, RequestRows};
pub(crate) use request_search::LogPage;
pub use request_search::LogSearch;
pub use resources::document::NewDocument;
pub use resources::ids::CatalogIds;
pub(crate) use resources::ids::TypeIds;
pub use resources::proof::ConfirmedScope;
pub(crate) use resources::proof::{CallerSnapshot, ScopeClaim};
pub(crate) use resources::read::member_stream::MemberStream;
pub(crate) use resources::read::page::{Bookmark, BookmarkValue, SortOrder};
pub use resources::read::page::{ListTarget, Page, PageRequest, PageStart};
pub(crate) use resources::read::stored::Related;
pub use resources::read::stored::{Documents, Relations, StoredResource};
pub(crate) use resources::read::sweep::SweptMember;
pub(crate) use resources::scope::Scope;
pub(crate) use resources::write::context::{
    Creating, Current, ImportOverrides, ReservedSeq, WriteContext, WriteOutcome,
};
pub(crate) use resources::write::member_by_id::{MoveById, MovedGroup};
pub(crate) use resources::write::member_delta::{MemberDelta, MemberKey};
pub(crate) use upkeep::finding::Finding;
pub use upkeep::finding::Unrepaired;
pub(crate) use upkeep::holders::Holder;
pub(crate) use upkeep::verified::Verified;
pub(crate) use upkeep::verify::VerifyRequest;
