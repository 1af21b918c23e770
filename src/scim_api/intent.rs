//! What a request means by its method and route alone. The service says it more exactly where it
//! reads the query or the body.

use crate::schema::ResourceType;
use crate::scim_api::route::{Target, Verb};
use crate::service::{Action, Deed};

/// What a request to a target means; `None` for what asks for nothing that there is.
pub(crate) fn of(kind: Option<&ResourceType>, target: &Target, verb: Verb) -> Option<Action> {
    match (target, kind) {
        (Target::Config | Target::ResourceTypes(_) | Target::Schemas(_), _) => {
            Some(Action::Discovery)
        }
        (Target::Bulk, _) => Some(Action::Bulk),
        (Target::Root | Target::RootSearch, _) => Some(Action::on_any(Deed::List)),
        (Target::Search(_), Some(kind)) => Some(Action::on(kind, Deed::List)),
        (Target::Collection(_), Some(kind)) => match verb {
            Verb::Get => Some(Action::on(kind, Deed::List)),
            Verb::Post => Some(Action::on(kind, Deed::Create)),
            _ => None,
        },
        (Target::Resource(..), Some(kind)) => match verb {
            Verb::Get => Some(Action::on(kind, Deed::Lookup)),
            Verb::Put | Verb::Patch => Some(Action::on(kind, Deed::Change)),
            Verb::Delete => Some(Action::on(kind, Deed::Delete)),
            _ => None,
        },
        _ => None,
    }
}
