//! `scimd tenant`.

mod guide;
mod list;
mod urls;

use self::urls::urls_of;
use super::arguments::{OrNone, base_url, keyword, label, seats, support};
use super::confirm::confirm;
use super::failure::Failure;
use super::output::{self, moment, say};
use super::{log, open};
use crate::clock::Timestamp;
use crate::config::{Config, duration};
use crate::operator::{
    DEFAULT_TENANT, Operator, TenantUrls, TokenLife, deleted_tenant_as_json, request_as_json,
    tenant_as_json, token_as_json,
};
use crate::resource::Conformance;
use crate::store::{
    LoggedRequest, PasswordPolicy, PutWithoutMembers, Status, TenantChange, TenantInfo, TokenInfo,
    UsernameFormat,
};
use clap::{Args, Subcommand};
use serde_json::Value;
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
    /// What people call the tenant, or none
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
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Create(change) => change.create(config, out).await,
            Self::List(list) => list.run(config, out).await,
            Self::Guide(guide) => guide.run(config, out).await,
            Self::Show(Name { name, output }) => {
                State::of(&open::existing(config).await?, name, config)
                    .await?
                    .show(output, out)
            }
            Self::Set(change) => change.set(config, out).await,
            Self::Suspend(name) => name.change(&status(Status::Suspended), config, out).await,
            Self::Resume(name) => name.change(&status(Status::Active), config, out).await,
            Self::Delete(delete) => delete.run(config, out).await,
        }
    }
}

#[cfg(test)]
impl Tenant {
    pub(super) fn settings(&self) -> TenantChange {
        match self {
            Self::Create(change) | Self::Set(change) => change.settings.change(),
            _ => TenantChange::default(),
        }
    }
}

impl Name {
    async fn change(
        &self,
        change: &TenantChange,
        config: &Config,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let tenant = open::existing(config)
            .await?
            .change_tenant(&self.name, change)
            .await?;
        show(&tenant, config, &self.output, out)
    }
}

impl Change {
    async fn create(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let Name { name, output } = &self.tenant;
        let tenant = open::existing(config)
            .await?
            .create_tenant(name, &self.settings.change())
            .await?;
        show(&tenant, config, output, out)?;
        say(&format!(
            "The tenant has no token yet. To issue one: scimd token issue --tenant {name} --name NAME"
        ));
        say(&format!(
            "To connect an identity provider: scimd tenant guide {name} --for okta (or entra)"
        ));
        Ok(())
    }

    async fn set(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        if self.settings == Settings::default() {
            let message = "nothing to change: give at least one setting (scimd tenant set --help)";
            return Err(Failure::Misused(message.to_owned()));
        }
        let Name { name, output } = &self.tenant;
        let operator = open::existing(config).await?;
        let tenant = operator
            .change_tenant(name, &self.settings.change())
            .await?;
        if self.settings.username_format.is_none() {
            return show(&tenant, config, output, out);
        }
        let noncompliant = operator.noncompliant(name).await?;
        say_noncompliant(name, noncompliant);
        if output.json {
            let mut whole = tenant_as_json(&tenant, &urls_of(&tenant, config));
            whole["noncompliant"] = noncompliant.into();
            return output::json(out, &whole);
        }
        show(&tenant, config, output, out)
    }
}

impl Settings {
    fn change(&self) -> TenantChange {
        TenantChange {
            status: None,
            seats: self.seats.clone().map(|OrNone(seats)| seats),
            conformance: self.conformance,
            username_format: self.username_format,
            unique_group_names: self.unique_group_names,
            password_policy: self.password_policy,
            put_without_members: self.put_without_members,
            base_url: self.base_url.clone().map(|OrNone(url)| url),
            bodies_until: None,
            support: self.support.clone().map(|OrNone(contact)| contact),
            display_name: self.display_name.clone().map(|OrNone(name)| name),
            reference: self.reference.clone().map(|OrNone(reference)| reference),
        }
    }
}

/// A tenant with what becomes of it: what its identity provider did last, and what ends soon.
struct State {
    info: TenantInfo,
    urls: TenantUrls,
    last: Option<LoggedRequest>,
    expiring: Vec<TokenInfo>,
    now: Timestamp,
}

impl State {
    async fn of(operator: &Operator, name: &str, config: &Config) -> Result<Self, Failure> {
        let info = operator.tenant(name).await?;
        let mut expiring = Vec::new();
        let mut ending = operator.ending_tokens(Some(name), config.tokens.warn_days);
        while let Some(token) = ending.next().await? {
            expiring.push(token);
        }
        let urls = urls_of(&info, config);
        Ok(Self {
            urls,
            last: operator.last_request(name).await?,
            expiring,
            now: operator.clock().now(),
            info,
        })
    }

    fn show(&self, output: &Json, out: &mut dyn Write) -> Result<(), Failure> {
        if output.json {
            return output::json(out, &self.as_json());
        }
        let mut facts = facts(&self.info, &self.urls);
        if let Some(until) = self
            .info
            .settings
            .bodies_until
            .filter(|until| *until > self.now)
        {
            facts.push((
                "request-bodies",
                format!("kept until {}", moment(Some(until))),
            ));
        }
        facts.push((
            "last-request",
            self.last
                .as_ref()
                .map_or_else(|| "none".to_owned(), log::summary),
        ));
        for token in &self.expiring {
            let left = duration::show(TokenLife::from(token).left(self.now).unwrap_or_default());
            let text = format!(
                "{} ends in {left}: scimd token rotate {}",
                token.name, token.id
            );
            facts.push(("expiring-token", text));
        }
        output::facts(out, &facts)
    }

    fn as_json(&self) -> Value {
        let mut whole = tenant_as_json(&self.info, &self.urls);
        let name = &self.info.settings.name;
        let expiring = self
            .expiring
            .iter()
            .map(|token| token_as_json(token, "expiring", self.now));
        whole["lastRequest"] = self
            .last
            .as_ref()
            .map(|request| request_as_json(name, request))
            .into();
        whole["expiringTokens"] = expiring.collect();
        whole
    }
}

/// Says how many stored resources of a tenant do not comply with a rule that has just come.
pub(super) fn say_noncompliant(tenant: &str, count: u64) {
    let what = match count {
        0 => return,
        1 => "1 stored resource does".to_owned(),
        count => format!("{count} stored resources do"),
    };
    say(&format!(
        "{what} not comply with the new rules of tenant {tenant}. They stay stored and can be deactivated and changed; \
         a request is refused only if it changes a value that does not comply."
    ));
}

fn status(status: Status) -> TenantChange {
    TenantChange {
        status: Some(status),
        ..TenantChange::default()
    }
}

fn show(
    info: &TenantInfo,
    config: &Config,
    output: &Json,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let urls = urls_of(info, config);
    if output.json {
        return output::json(out, &tenant_as_json(info, &urls));
    }
    output::facts(out, &facts(info, &urls))
}

fn facts(info: &TenantInfo, urls: &TenantUrls) -> Vec<(&'static str, String)> {
    let tenant = &info.settings;
    let mut facts = vec![
        ("name", tenant.name.clone()),
        ("display-name", or_none(tenant.display_name.as_ref())),
        ("reference", or_none(tenant.reference.as_ref())),
        ("status", tenant.status.as_str().to_owned()),
        ("health", info.health.as_str().to_owned()),
        ("seats", or_none(tenant.seats)),
        (
            "users",
            format!("{}, of which active {}", info.users, info.active_users),
        ),
        ("groups", info.groups.to_string()),
        ("conformance", tenant.conformance.as_str().to_owned()),
        (
            "username-format",
            tenant.username_format.as_str().to_owned(),
        ),
        ("unique-group-names", tenant.unique_group_names.to_string()),
        (
            "password-policy",
            tenant.password_policy.as_str().to_owned(),
        ),
        (
            "put-without-members",
            tenant.put_without_members.as_str().to_owned(),
        ),
        ("base-url", or_none(tenant.base_url.as_ref())),
        ("support", or_none(tenant.support.as_ref())),
        ("created", moment(Some(info.created))),
        ("scim-base-url", urls.scim.clone()),
    ];
    facts.extend(urls.own.clone().map(|own| ("own-scim-base-url", own)));
    facts
}

/// A number of things: `1 user`, `2 users`.
fn counted(count: i64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

impl Delete {
    async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let info = operator.tenant(&self.name).await?;
        let tokens = operator.count_tokens(&self.name).await?;
        let what = format!(
            "tenant {} with {}, {}, {} and its logs",
            self.name,
            counted(info.users, "user"),
            counted(info.groups, "group"),
            counted(tokens, "token")
        );
        if !self.yes {
            confirm(
                &format!("permanently deletes {what}"),
                &self.name,
                "the name of the tenant",
            )?;
        }
        operator.delete_tenant(&self.name).await?;
        if self.output.json {
            output::json(out, &deleted_tenant_as_json(&info, tokens))?;
        }
        say(&format!("Deleted {what}."));
        if self.name == DEFAULT_TENANT {
            say("This tenant always exists: it will be created again, empty and without a token.");
        }
        Ok(())
    }
}
