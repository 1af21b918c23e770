//! Which requests of the provisioning log a search or a stream returns.

use crate::store::logged_request::{LoggedRequest, Outcome};
use crate::store::request_log::LoggedUser;
use uuid::Uuid;

/// A filter of logged requests: all by default. A search evaluates it in SQL, a stream with [`LogFilter::takes`].
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Only refused or failed requests.
    pub failed: bool,
    /// Only requests with this outcome.
    pub outcome: Option<Outcome>,
    /// Only requests with this action.
    pub action: Option<String>,
    /// Only requests about this user.
    pub user: Option<LoggedUser>,
    /// Only requests about this resource.
    pub resource: Option<Uuid>,
    /// Only requests with the token of this id or name.
    pub token: Option<String>,
    /// Only requests of clients whose user agent begins with this text.
    pub client: Option<String>,
}

impl LogFilter {
    /// Whether a request is wanted. The ids of resources that get the name are added to the user: reads by id have no
    /// name in the log.
    pub(crate) fn takes(&mut self, request: &LoggedRequest) -> bool {
        self.takes_properties(request) && self.takes_user(request)
    }

    fn takes_properties(&self, request: &LoggedRequest) -> bool {
        let (token, client) = (self.token.as_ref(), self.client.as_ref());
        (!self.failed || has_failed(request))
            && (self.outcome.is_none() || self.outcome == request.outcome)
            && (self.action.is_none() || self.action == request.action)
            && (self.resource.is_none() || self.resource == request.resource)
            && token.is_none_or(|token| {
                [&request.token_id, &request.token_name]
                    .iter()
                    .any(|own| ***own == **token)
            })
            && client.is_none_or(|start| {
                request
                    .client
                    .as_ref()
                    .is_some_and(|own| own.starts_with(start))
            })
    }

    fn takes_user(&mut self, request: &LoggedRequest) -> bool {
        let Some(user) = &mut self.user else {
            return true;
        };
        let id = request.resource;
        let is_known = id.is_some_and(|id| user.resource == Some(id) || user.earlier.contains(&id));
        let named = &request.user_digests;
        let is_named = named.iter().any(|digest| user.digests.contains(digest));
        if is_named && !is_known && !has_failed(request) {
            user.earlier.extend(id);
        }
        is_named || is_known
    }
}

fn has_failed(request: &LoggedRequest) -> bool {
    matches!(request.outcome, Some(Outcome::Refused | Outcome::Failed))
}
