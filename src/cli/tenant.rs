//! `scimd tenant`.

mod guide;
mod list;

use super::arguments::{OrNone, base_url, keyword, label, seats, support};
use super::confirm::confirm;
use super::failure::Failure;
use super::log;
use super::management::{ApiRequest, Management, Place, read_as};
use super::output::{self, moment, print_message};
use crate::admin_api::Method;
use crate::clock::{Clock, Timestamp};
use crate::config::duration;
use crate::operator::{DEFAULT_TENANT, RequestShape, TenantShape, TokenShape};
use crate::resource::Conformance;
use crate::store::{PasswordPolicy, PutWithoutMembers, Status, UsernameFormat};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;

/// Commands of `scimd tenant`.
#[derive(Debug, Subcommand)]
pub(super) enum Tenant {
    /// Creates a tenant
    Create(Change),
    /// Lists the tenants by name
    List(list::List),
    /// Shows a tenant
    Show(Name),
    /// Prints the setup of an identity provider for a tenant: base URL, steps, custom attributes
    Guide(guide::Guide),
    /// Changes the settings of a tenant
    Set(Change),
    /// Refuses the requests of a tenant; its data stays
    Suspend(Name),
    /// Serves a suspended tenant again
    Resume(Name),
    /// Deletes a tenant with all its users, groups and tokens
    Delete(Delete),
}

/// Output as JSON.
#[derive(Debug, Args)]
pub(super) struct Json {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// A tenant by name.
#[derive(Debug, Args)]
pub(super) struct Name {
    /// Name of the tenant
    name: String,
    #[command(flatten)]
    output: Json,
}

/// Arguments of `scimd tenant create` and `set`.
#[derive(Debug, Args)]
pub(super) struct Change {
    #[command(flatten)]
    tenant: Name,
    #[command(flatten)]
    settings: Settings,
}

/// The settings of a tenant.
#[derive(Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Settings")]
struct Settings {
    /// Maximum number of active users, or none for no limit
    #[arg(long, value_name = "N|none", value_parser = seats, allow_negative_numbers = true)]
    seats: Option<OrNone<i64>>,
    /// Accepts what Okta, Entra ID and others send (lenient), or only what the RFCs allow (rfc)
    #[arg(long, value_name = "MODE", value_parser = keyword(&["lenient", "rfc"], Conformance::from_keyword))]
    conformance: Option<Conformance>,
    /// Required format of userName
    #[arg(long, value_name = "FORMAT", value_parser = keyword(UsernameFormat::KEYWORDS, UsernameFormat::from_keyword))]
    username_format: Option<UsernameFormat>,
    /// Whether the displayName of a group is unique
    #[arg(long, value_name = "BOOL")]
    unique_group_names: Option<bool>,
    /// Whether passwords are stored
    #[arg(long, value_name = "POLICY", value_parser = keyword(PasswordPolicy::KEYWORDS, PasswordPolicy::from_keyword))]
    password_policy: Option<PasswordPolicy>,
    /// Effect of a PUT without members on the members of a group, in lenient mode
    #[arg(long, value_name = "POLICY", value_parser = keyword(PutWithoutMembers::KEYWORDS, PutWithoutMembers::from_keyword))]
    put_without_members: Option<PutWithoutMembers>,
    /// Display name of the tenant, or none
    #[arg(long, value_name = "TEXT|none", value_parser = label)]
    display_name: Option<OrNone<String>>,
    /// Id under which the vendor keeps the customer, or none
    #[arg(long, value_name = "TEXT|none", value_parser = label)]
    reference: Option<OrNone<String>>,
    /// URL of the tenant's endpoints if it differs from the server's, or none
    #[arg(long, value_name = "URL|none", value_parser = base_url)]
    base_url: Option<OrNone<String>>,
    /// Support contact of this tenant, in place of server.support: an e-mail address or a URL, or none
    #[arg(long, value_name = "CONTACT|none", value_parser = support)]
    support: Option<OrNone<String>>,
}

/// Arguments of `scimd tenant delete`.
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// Name of the tenant
    name: String,
    /// Skips the confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Json,
}

impl Tenant {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Guide(guide) => guide.run(&place.open().await?, out).await,
            Self::Create(change) => change.create(&place.open().await?, out).await,
            Self::List(list) => list.run(&place.open().await?, out).await,
            Self::Show(name) => name.show(&place.open().await?, out).await,
            Self::Set(change) => change.set(place, out).await,
            Self::Suspend(name) => name.change(Status::Suspended, place, out).await,
            Self::Resume(name) => name.change(Status::Active, place, out).await,
            Self::Delete(delete) => delete.run(&place.open().await?, out).await,
        }
    }
}

#[cfg(test)]
impl Tenant {
    pub(super) fn settings(&self) -> Value {
        match self {
            Self::Create(change) | Self::Set(change) => change.settings.body(),
            _ => Value::Null,
        }
    }
}

/// A request about one tenant.
fn about(method: Method, name: &str) -> ApiRequest {
    ApiRequest::new(method, &["tenants", name])
}

/// A tenant with its status: the last request of its identity provider, and tokens that expire soon.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    #[serde(flatten)]
    tenant: TenantShape,
    last_request: Option<RequestShape>,
    expiring_tokens: Vec<TokenShape>,
}

impl Name {
    async fn show(&self, management: &Management<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let shown = management.call(&about(Method::Get, &self.name)).await?;
        if self.output.json {
            return output::json(out, &shown);
        }
        output::facts(out, &read_as::<Whole>(shown)?.facts())
    }

    async fn change(
        &self,
        status: Status,
        place: &Place,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let request = about(Method::Patch, &self.name);
        let request = request.carrying(json!({"status": status.as_str()}));
        let changed = place.open().await?.call(&request).await?;
        show(changed, &self.output, out)
    }
}

impl Change {
    async fn create(
        &self,
        management: &Management<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let Name { name, output } = &self.tenant;
        let mut body = self.settings.body();
        body["name"] = name.as_str().into();
        let request = ApiRequest::post(&["tenants"]).carrying(body).once();
        show(management.call(&request).await?, output, out)?;
        print_message(&format!(
            "The tenant has no token yet. To issue one: scimd token issue --tenant {name} --name NAME"
        ));
        print_message(&format!(
            "To connect an identity provider: scimd tenant guide {name} --for okta (or entra)"
        ));
        Ok(())
    }

    async fn set(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        if self.settings == Settings::default() {
            let message =
                "nothing to change: at least one setting is required (scimd tenant set --help)";
            return Err(Failure::Misused(message.to_owned()));
        }
        let Name { name, output } = &self.tenant;
        let management = place.open().await?;
        let request = about(Method::Patch, name).carrying(self.settings.body());
        let mut changed = management.call(&request).await?;
        if self.settings.username_format.is_some() {
            let count = noncompliant(&management, name).await?;
            print_noncompliant(name, count);
            changed["noncompliant"] = count.into();
        }
        show(changed, output, out)
    }
}

impl Settings {
    /// The settings as members for the management API.
    fn body(&self) -> Value {
        let given = GivenSettings {
            display_name: self.display_name.as_ref().map(|OrNone(name)| name),
            reference: self.reference.as_ref().map(|OrNone(reference)| reference),
            seats: self.seats.as_ref().map(|OrNone(seats)| seats),
            conformance: self.conformance.map(Conformance::as_str),
            username_format: self.username_format.map(UsernameFormat::as_str),
            unique_group_names: self.unique_group_names,
            password_policy: self.password_policy.map(PasswordPolicy::as_str),
            put_without_members: self.put_without_members.map(PutWithoutMembers::as_str),
            base_url: self.base_url.as_ref().map(|OrNone(url)| url),
            support: self.support.as_ref().map(|OrNone(contact)| contact),
        };
        // Serializing texts, numbers and flags cannot fail.
        serde_json::to_value(given).unwrap_or_default()
    }
}

/// Settings of a tenant as JSON; unset ones are omitted, and removed ones are null.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GivenSettings<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<&'a Option<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conformance: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username_format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_group_names: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    put_without_members: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<&'a Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support: Option<&'a Option<String>>,
}

impl Whole {
    fn facts(&self) -> Vec<(&'static str, String)> {
        let now = Clock::system().now();
        let mut facts = facts(&self.tenant);
        let until = self.tenant.bodies_until.as_deref();
        if let Some(until) = until.filter(|until| Timestamp::parse(until) > Some(now)) {
            let kept = format!("kept until {}", moment(Some(until)));
            facts.push(("request-bodies", kept));
        }
        let last = self.last_request.as_ref();
        let last = last.map_or_else(|| "none".to_owned(), log::summary);
        facts.push(("last-request", last));
        for token in &self.expiring_tokens {
            let end = token.life.expires.as_deref().and_then(Timestamp::parse);
            let left = duration::show(end.map_or(0, |end| end.seconds_since(now)).max(0));
            let text = format!(
                "{} ends in {left}: scimd token rotate {}",
                token.name, token.id
            );
            facts.push(("expiring-token", text));
        }
        facts
    }
}

/// The number of resources of a tenant that do not comply with its rules.
async fn noncompliant(management: &Management<'_>, tenant: &str) -> Result<u64, Failure> {
    let request = ApiRequest::get(&["tenants", tenant, "compliance"]);
    let counted = management.call(&request).await?;
    Ok(counted["noncompliant"].as_u64().unwrap_or(0))
}

/// Reports the number of stored resources of a tenant that do not comply with a new rule.
pub(super) fn print_noncompliant(tenant: &str, count: u64) {
    let what = match count {
        0 => return,
        1 => "1 stored resource does".to_owned(),
        count => format!("{count} stored resources do"),
    };
    print_message(&format!(
        "{what} not comply with the new rules of tenant {tenant}. They stay stored and can be deactivated and changed; \
         a request is refused only if it changes a value that does not comply."
    ));
}

/// Prints a created or changed tenant.
fn show(shown: Value, output: &Json, out: &mut dyn Write) -> Result<(), Failure> {
    if output.json {
        return output::json(out, &shown);
    }
    output::facts(out, &facts(&read_as(shown)?))
}

fn facts(tenant: &TenantShape) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("name", tenant.name.clone()),
        ("display-name", or_none(tenant.display_name.as_ref())),
        ("reference", or_none(tenant.reference.as_ref())),
        ("status", tenant.status.clone()),
        ("health", tenant.health.clone()),
        ("seats", or_none(tenant.seats)),
        (
            "users",
            format!("{}, of which active {}", tenant.users, tenant.active_users),
        ),
        ("groups", tenant.groups.to_string()),
        ("conformance", tenant.conformance.clone()),
        ("username-format", tenant.username_format.clone()),
        ("unique-group-names", tenant.unique_group_names.to_string()),
        ("password-policy", tenant.password_policy.clone()),
        ("put-without-members", tenant.put_without_members.clone()),
        ("base-url", or_none(tenant.base_url.as_ref())),
        ("support", or_none(tenant.support.as_ref())),
        ("created", moment(Some(&tenant.created))),
        ("scim-base-url", tenant.scim_base_url.clone()),
    ];
    let own = tenant.own_scim_base_url.clone();
    facts.extend(own.map(|own| ("own-scim-base-url", own)));
    facts
}

/// A count with a noun: `1 user`, `2 users`.
fn counted(count: i64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

impl Delete {
    async fn run(&self, management: &Management<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let tenant: TenantShape = management.read(&about(Method::Get, &self.name)).await?;
        let tokens = ApiRequest::get(&["tenants", &self.name, "tokens"]).with("limit", 1);
        let tokens = management.call(&tokens.with("total", true)).await?;
        let what = format!(
            "tenant {} with {}, {}, {} and its logs",
            self.name,
            counted(tenant.users, "user"),
            counted(tenant.groups, "group"),
            counted(tokens["total"].as_i64().unwrap_or(0), "token")
        );
        if !self.yes {
            confirm(
                &format!("permanently deletes {what}"),
                &self.name,
                "the name of the tenant",
            )?;
        }
        let request = about(Method::Delete, &self.name).with("confirm", &self.name);
        let deleted = management.call(&request).await?;
        if self.output.json {
            output::json(out, &deleted)?;
        }
        print_message(&format!("Deleted {what}."));
        if self.name == DEFAULT_TENANT {
            print_message(
                "This tenant always exists: it will be created again, empty and without a token.",
            );
        }
        Ok(())
    }
}
