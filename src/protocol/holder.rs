//! Who has a value that must be unique: the refusal of another one says whether that is an active user.

use crate::access::Caller;
use crate::error::ScimError;
use crate::filter::{Operator, Predicate, Target};
use crate::model::{TypeRoles, takes_seat};
use crate::protocol::body::in_use;
use crate::protocol::{Service, render};
use crate::reason::Reason;
use crate::request_log::share_name;
use crate::resource::{Attributes, Key};
use crate::schema::ResourceType;
use crate::store::{Documents, ListTarget, PageRequest, PageStart, Relations};

impl Service {
    /// 409 that says which attribute is in use, and for what reason.
    pub(crate) async fn in_use(
        &self,
        caller: &Caller,
        kind: &ResourceType,
        attributes: &Attributes,
    ) -> ScimError {
        let error = in_use(kind, attributes);
        if kind.seat().is_none() {
            return error;
        }
        match self.holder(caller, kind, attributes).await {
            Some(holder) if !share_name(kind, attributes, &holder) => {
                error.because(Reason::ValueExists)
            }
            Some(holder) if !takes_seat(kind, &holder) => error.because(Reason::UserExistsInactive),
            _ => error,
        }
    }

    /// The attributes of a resource that has a unique value of these.
    async fn holder(
        &self,
        caller: &Caller,
        kind: &ResourceType,
        attributes: &Attributes,
    ) -> Option<Attributes> {
        let unique = kind.leaves().iter().filter(|path| path.end().is_unique());
        let equal = unique.filter_map(|path| {
            let key = Key::of(path.end(), path.value_in(attributes)?)?;
            Some(Predicate::Compare {
                target: Target::Attribute(path.clone()),
                operator: Operator::Equal,
                key,
            })
        });
        let predicate = Predicate::Any(equal.collect());
        let of_type = caller.scope.layout().of_type(kind)?;
        let listed = [ListTarget {
            of_type,
            predicate: Some(&predicate),
        }];
        let window = PageRequest {
            from: PageStart::Skip(0),
            take: 1,
            documents: Documents::All,
        };
        let page = self
            .store
            .list(&caller.scope, &listed, None, &window, Relations::default())
            .await
            .ok()?;
        render::attributes(&page.found.first()?.document).ok()
    }
}
