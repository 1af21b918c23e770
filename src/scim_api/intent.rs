//! The action of a request by its method and route. The service refines it after parsing the query or the body.

use crate::request_log::{Action, Deed};
use crate::schema::ResourceType;
use crate::scim_api::route::{ScimTarget, Verb};

/// The action of a request to a target; `None` for a target that does not exist.
pub(crate) fn of(
    resource_type: Option<&ResourceType>,
    target: &ScimTarget,
    verb: Verb,
) -> Option<Action> {
    match (target, resource_type) {
        (ScimTarget::Config | ScimTarget::ResourceTypes(_) | ScimTarget::Schemas(_), _) => {
            Some(Action::Discovery)
        }
        (ScimTarget::Bulk, _) => Some(Action::Bulk),
        (ScimTarget::Root | ScimTarget::RootSearch, _) => Some(Action::on_any(Deed::List)),
        (ScimTarget::Search(_), Some(resource_type)) => Some(Action::on(resource_type, Deed::List)),
        (ScimTarget::Collection(_), Some(resource_type)) => match verb {
            Verb::Get => Some(Action::on(resource_type, Deed::List)),
            Verb::Post => Some(Action::on(resource_type, Deed::Create)),
            _ => None,
        },
        (ScimTarget::Resource(..), Some(resource_type)) => match verb {
            Verb::Get => Some(Action::on(resource_type, Deed::Lookup)),
            Verb::Put | Verb::Patch => Some(Action::on(resource_type, Deed::Change)),
            Verb::Delete => Some(Action::on(resource_type, Deed::Delete)),
            _ => None,
        },
        _ => None,
    }
}
