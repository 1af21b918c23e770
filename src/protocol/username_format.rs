//! The format that a tenant requires of the names of its users.

use crate::error::{Result, ScimError};
use crate::model::TypeRoles;
use crate::reason::Reason;
use crate::resource::Attributes;
use crate::schema::ResourceType;
use crate::store::{Tenant, UsernameFormat};
use serde_json::Value;

/// Checks the names of a resource with a seat against the format of its tenant. An unchanged name is not checked: the
/// user can be changed and deactivated regardless of the current format.
///
/// # Errors
/// 400 `invalidValue` for a name of another format.
pub(crate) fn check_names(
    tenant: &Tenant,
    resource_type: &ResourceType,
    before: Option<&Attributes>,
    attributes: &Attributes,
) -> Result<()> {
    if tenant.username_format == UsernameFormat::Any || resource_type.seat().is_none() {
        return Ok(());
    }
    for attribute in resource_type
        .schema()
        .attributes()
        .iter()
        .filter(|a| a.is_unique())
    {
        let name = attribute.name().as_ref();
        let is = attributes
            .get(name)
            .filter(|is| before.and_then(|before| before.get(name)) != Some(is));
        if is
            .and_then(Value::as_str)
            .is_some_and(|value| !is_email(value))
        {
            return Err(ScimError::invalid_value(format!(
                "This application requires an e-mail address as \"{name}\": map an e-mail attribute to it in your identity provider."
            ))
            .because(Reason::UsernameFormat));
        }
    }
    Ok(())
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let plain = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
    };
    plain(local) && domain.split('.').all(plain)
}
