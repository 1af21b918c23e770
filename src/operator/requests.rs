//! Reading and retention of the provisioning log.

use crate::clock::Timestamp;
use crate::model::TypeRoles;
use crate::operator::error::{OperatorError, Result};
use crate::operator::handle::Operator;
use crate::request_log::notes::{UnknownAttribute, count_unknown};
use crate::request_log::user_name::naming;
use crate::resource::Key;
use crate::store::{
    FailedRequest, LogPage, LogPosition, LogQuery, LogSearch, LoggedRequest, LoggedUser, TenantKey,
};
use serde_json::json;
use uuid::Uuid;

/// Maximum number of latest requests with notes that are searched for unknown attributes.
const NOTED: i64 = 20_000;

/// The digests of the name of a user, and the id.
type UserKeys = (Vec<i64>, Option<Uuid>);

/// The context of sealed references to users of a tenant.
fn user_of(tenant: TenantKey) -> String {
    format!("user of {}", tenant.number())
}

impl Operator {
    /// Requests of a tenant, earliest first.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub async fn requests(
        &self,
        tenant: &str,
        query: &LogQuery,
    ) -> Result<Vec<(LogPosition, LoggedRequest)>> {
        let key = self.tenant(tenant).await?.settings.key();
        Ok(self.store.requests(key, query).await?)
    }

    /// A page of the matching requests of a tenant, latest first.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub async fn search_requests(&self, tenant: &str, search: &LogSearch) -> Result<LogPage> {
        let key = self.tenant(tenant).await?.settings.key();
        Ok(self.store.search_requests(key, search).await?)
    }

    /// The request of a tenant with that id.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub async fn logged_request(&self, tenant: &str, id: &str) -> Result<Option<LoggedRequest>> {
        let key = self.tenant(tenant).await?.settings.key();
        Ok(self.store.logged_request(key, id).await?)
    }

    /// Refused and failed requests of all tenants, earliest first.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub async fn failed_requests(&self, query: &LogQuery) -> Result<Vec<FailedRequest>> {
        Ok(self.store.failures(query).await?)
    }

    /// The search keys of a user of a tenant in the log: the text as a userName, even if the user never existed, or as
    /// an id. Reads by id have no name in the log, so the ids of users that had the name are keys too.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub async fn logged_user(&self, tenant: &str, text: &str) -> Result<LoggedUser> {
        let caller = self.caller_in(tenant).await?;
        let resource = match self.user_id(tenant, text).await {
            Ok(id) => Some(id),
            Err(OperatorError::NoUser { .. }) => None,
            Err(error) => return Err(error),
        };
        let attributes = caller
            .catalog
            .resource_types()
            .iter()
            .flat_map(|resource_type| naming(resource_type));
        let keys = attributes.map(|attribute| Key::text(text, attribute.is_case_exact()));
        let tenant = caller.settings.key();
        let digests: Vec<i64> = keys
            .filter_map(|key| self.digests.of(tenant, &key))
            .collect();
        self.user_of_digests(tenant, (digests, resource)).await
    }

    async fn user_of_digests(
        &self,
        tenant: TenantKey,
        (digests, resource): UserKeys,
    ) -> Result<LoggedUser> {
        let mut earlier = self.store.resources_of_name(tenant, &digests).await?;
        earlier.retain(|id| Some(*id) != resource);
        Ok(LoggedUser {
            digests,
            resource,
            earlier,
        })
    }

    /// A reference to a user of a tenant for [`Operator::referred_user`], which does not contain the name, and the id of
    /// the user who has the name.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub(crate) async fn refer_to_user(
        &self,
        tenant: &str,
        name: &str,
    ) -> Result<(String, Option<Uuid>)> {
        let user = self.logged_user(tenant, name).await?;
        let key = self.tenant(tenant).await?.settings.key();
        let keys = json!([user.digests, user.resource]).to_string();
        Ok((self.seal_place(&user_of(key), &keys)?, user.resource))
    }

    /// The user of a tenant to whom a text refers; `None` if it is no reference.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub(crate) async fn referred_user(
        &self,
        tenant: &str,
        reference: &str,
    ) -> Result<Option<LoggedUser>> {
        let key = self.tenant(tenant).await?.settings.key();
        match self.keys_of_reference(key, reference) {
            Some(keys) => self.user_of_digests(key, keys).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether a text is a reference to a user of a tenant.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub(crate) async fn is_user_reference(&self, tenant: &str, text: &str) -> Result<bool> {
        let key = self.tenant(tenant).await?.settings.key();
        Ok(self.keys_of_reference(key, text).is_some())
    }

    fn keys_of_reference(&self, tenant: TenantKey, reference: &str) -> Option<UserKeys> {
        let opened = self.open_place(&user_of(tenant), reference)?;
        serde_json::from_str(&opened).ok()
    }

    /// The latest request of a tenant.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub async fn last_request(&self, tenant: &str) -> Result<Option<LoggedRequest>> {
        let latest = LogQuery {
            limit: 1,
            ..LogQuery::default()
        };
        Ok(self
            .requests(tenant, &latest)
            .await?
            .pop()
            .map(|(_, request)| request))
    }

    /// Undeclared attributes in the latest requests of a tenant's clients, most frequent first.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub async fn unknown_attributes(&self, tenant: &str) -> Result<Vec<UnknownAttribute>> {
        let key = self.tenant(tenant).await?.settings.key();
        let mut counted = Vec::new();
        for left in self.store.left_out(key, NOTED).await? {
            count_unknown(&left.notes, left.at, &mut counted);
        }
        counted.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        Ok(counted)
    }

    /// The id of a user of a tenant: the text itself, if it is an id, or the id of the user with that userName.
    ///
    /// # Errors
    /// 404 for an unknown tenant or user.
    pub async fn user_id(&self, tenant: &str, text: &str) -> Result<Uuid> {
        let caller = self.caller_in(tenant).await?;
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        for resource_type in caller
            .catalog
            .resource_types()
            .iter()
            .filter(|resource_type| resource_type.seat().is_some())
        {
            let ids = self.ids_of(&caller, resource_type, text).await?;
            if let Some(id) = ids.first().and_then(|id| id.parse().ok()) {
                return Ok(id);
            }
        }
        Err(OperatorError::NoUser {
            user: text.to_owned(),
            tenant: tenant.to_owned(),
        })
    }

    /// Deletes requests of all tenants that are older than this number of days; returns their number.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub async fn forget_requests(&self, days: i64) -> Result<usize> {
        let before = self.clock.now().plus_seconds(-days * 86_400);
        let (mut gone, mut after) = (0, None);
        loop {
            let (holding, last) = self
                .store
                .tenants_with_requests_before(before, after)
                .await?;
            for tenant in holding {
                gone += self.store.forget_requests(tenant, before).await?;
            }
            if last.is_none() {
                return Ok(gone);
            }
            after = last;
        }
    }

    /// Deletes changes of the change feed that are older than this number of days; returns their number.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub async fn forget_changes(&self, days: i64) -> Result<u64> {
        let before = self.clock.now().plus_seconds(-days * 86_400);
        let forgotten = self.store.forget_changes(before).await?;
        let mut tenants = self.each_tenant();
        while let Some(tenant) = tenants.next().await? {
            self.store
                .forget_unnumbered_changes(tenant.number(), before)
                .await?;
        }
        self.store.forget_passes().await?;
        Ok(forgotten)
    }

    /// Records the bodies of a tenant's requests until a time; `None` ends the recording.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub async fn keep_bodies(&self, tenant: &str, until: Option<Timestamp>) -> Result<()> {
        let change = crate::store::TenantChange {
            bodies_until: Some(until),
            ..Default::default()
        };
        self.change_tenant(tenant, &change).await.map(|_| ())
    }
}
