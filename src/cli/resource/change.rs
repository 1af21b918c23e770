//! `scimd user deactivate`, `scimd user delete` and `scimd group delete`.

use super::{Resources, Target, text};
use crate::cli::confirm::confirm;
use crate::cli::failure::Failure;
use crate::cli::management::{ApiRequest, Place};
use crate::cli::output::{self, print_message};
use crate::model::TypeRoles;
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;

/// Arguments of `scimd user deactivate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Deactivate {
    #[command(flatten)]
    target: Target,
}

/// Arguments of `scimd user delete` and `scimd group delete`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    #[command(flatten)]
    target: Target,
    /// Skips the confirmation
    #[arg(long)]
    yes: bool,
}

impl Deactivate {
    pub(super) async fn run(
        &self,
        type_name: &str,
        place: &Place,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let Target { resource, of, json } = &self.target;
        let resources = Resources::open(place, of, type_name).await?;
        let id = resources.id(resource).await?;
        let before = resources.read_alone(&id).await?;
        let seat = resources
            .resource_type
            .seat()
            .map_or("active", |attribute| attribute.name().as_ref());
        let was_active = before.get(seat).and_then(Value::as_bool) == Some(true);
        let path = ["tenants", &of.tenant, "users", &id, "deactivate"];
        resources.management.call(&ApiRequest::post(&path)).await?;
        if *json {
            output::json(out, &resources.read_alone(&id).await?)?;
        }
        let name = resources.name_of(&before);
        let result = if was_active {
            "Deactivated"
        } else {
            "Already inactive:"
        };
        print_message(&format!(
            "{result} {} {name} ({id}) of tenant {}.",
            resources.word(),
            of.tenant
        ));
        Ok(())
    }
}

impl Delete {
    pub(super) async fn run(
        &self,
        type_name: &str,
        place: &Place,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let Target { resource, of, json } = &self.target;
        let resources = Resources::open(place, of, type_name).await?;
        let id = resources.id(resource).await?;
        let before = resources.read_alone(&id).await?;
        let name = resources.name_of(&before);
        let what = format!("{} {name} ({id}) of tenant {}", resources.word(), of.tenant);
        if !self.yes {
            let word = format!("its {}", resources.name_attribute());
            confirm(
                &format!("permanently deletes {what} and its memberships"),
                &name,
                &word,
            )?;
        }
        let kind = format!("{}s", resources.word());
        let request = ApiRequest::delete(&["tenants", &of.tenant, &kind, &id]);
        resources.management.call(&request).await?;
        if *json {
            let named = resources.name_attribute();
            output::json(
                out,
                &json!({"deleted": id, "tenant": of.tenant, named: text(&before, named)}),
            )?;
        }
        print_message(&format!("Deleted {what}."));
        Ok(())
    }
}
