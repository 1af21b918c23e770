//! Input of the inner loops: the built-in types, one user, and a caller of an empty tenant.

use crate::users::User;
use scimd::access::Caller;
use scimd::clock::{Clock, Timestamp};
use scimd::operator::{DatabaseTarget, Operator, ServiceSettings};
use scimd::protocol::ServiceLimits;
use scimd::request_log::Record;
use scimd::resource::accept::accept;
use scimd::resource::limits::ValueLimits;
use scimd::resource::{Acceptance, Attributes, Conformance, Meta};
use scimd::schema::{Catalog, ResourceType};
use scimd::store::{
    CatalogIds, ConfirmedScope, NewDocument, Page, PoolSettings, Store, StoredResource, TokenScope,
};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::sync::{Arc, LazyLock};

pub(crate) static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

pub(crate) struct Fixture {
    pub(crate) user: Arc<ResourceType>,
    pub(crate) group: Arc<ResourceType>,
    pub(crate) limits: ValueLimits,
    pub(crate) caller: Caller,
    pub(crate) layout: Arc<CatalogIds>,
    pub(crate) scope: ConfirmedScope,
}

impl Fixture {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(Self::over_nothing())
    }

    /// A caller and the ids of a tenant come from a database; it is not measured.
    async fn over_nothing() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = ServiceSettings {
            database: DatabaseTarget::Sqlite {
                data_dir: folder.path().to_owned(),
            },
            pool: PoolSettings::default(),
            public_url: "https://scim.example.com/scim/v2".to_owned(),
            schema_files: None,
            searchable: None,
            record: Record::None,
            keeps_documents: true,
            token_warn_days: 30,
            support: None,
            limits: ServiceLimits::default(),
        };
        let operator = Operator::open(&settings, Clock::system()).await.unwrap();
        let issued = operator
            .issue_token("default", "bench", TokenScope::ReadWrite, None)
            .await
            .unwrap();
        let bearer = format!("Bearer {}", issued.text.expose_secret());
        let caller = operator
            .service()
            .access()
            .authenticate(Some(&bearer), &Arc::default())
            .await
            .unwrap();
        let store = Store::sqlite(&folder.path().join("scimd.db"), &PoolSettings::default())
            .await
            .unwrap();
        let layout = store.catalog_ids(&caller.catalog).await.unwrap();
        let tenant = store.token(&issued.id).await.unwrap().unwrap().tenant;
        let of = |catalog: &Catalog, name: &str| catalog.by_name(name).unwrap().clone();
        Self {
            user: of(&caller.catalog, "User"),
            group: of(&caller.catalog, "Group"),
            limits: ValueLimits::default(),
            scope: ConfirmedScope::just_read(tenant.scope(layout.clone())),
            caller,
            layout,
        }
    }

    pub(crate) fn acceptance(&self) -> Acceptance<'_> {
        Acceptance::new(Conformance::Lenient, &self.limits)
    }

    /// The stored attributes of a user.
    pub(crate) fn attributes(&self, number: u64) -> Attributes {
        let Value::Object(body) = User::new(1, number).body() else {
            return Attributes::default();
        };
        accept(&self.user, body, &mut self.acceptance())
            .unwrap()
            .attributes
    }

    /// A user from a read.
    pub(crate) fn found(&self, number: u64) -> StoredResource {
        let at = Timestamp::from_micros(1_800_000_000_000_000);
        let meta = Meta {
            version: 3,
            created: at,
            modified: at,
        };
        let written = NewDocument::new(&self.user, self.attributes(number), None);
        StoredResource::fresh(&self.user, User::new(1, number).id(), meta, written)
    }

    /// The page of a list that a read finds.
    pub(crate) fn page(&self, count: u64) -> Page {
        Page {
            lacks_relations: false,
            total: 100_000,
            gone: 0,
            found: (0..count).map(|number| self.found(number)).collect(),
        }
    }
}
