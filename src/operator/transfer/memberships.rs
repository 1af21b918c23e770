//! Memberships of an import, after all resources exist: the current and the imported members of a resource are merged
//! in order, so that only the difference is written.

use super::format::MEMBERS_OF_LINE;
use super::record::Importer;
use super::spill::Entry;
use crate::error::{ErrorStatus, Result, ScimError};
use crate::protocol::members::joinable;
use crate::reason::Reason;
use crate::resource::Meta;
use crate::store::{
    ImportOverrides, MemberDelta, MemberKey, Relations, StoredResource, WriteOutcome,
};
use uuid::Uuid;

/// The new members of a resource, with eight bytes of memory for each.
#[derive(Debug)]
pub(super) struct TargetMembers {
    pub(super) head: Entry,
    keys: Vec<MemberKey>,
    /// Some of the missing members, whose number is in `missing_count`.
    missing: Vec<Uuid>,
    missing_count: u64,
}

/// The changes of the members of a resource.
#[derive(Debug, Default)]
pub(super) struct MembershipOutcome {
    pub(super) joined: u64,
    pub(super) left: u64,
    /// Errors of the line.
    pub(super) problem: Option<String>,
}

/// Maximum number of missing members in an error.
const NAMED: usize = 5;

impl TargetMembers {
    pub(super) fn new(head: Entry) -> Self {
        Self {
            head,
            keys: Vec::new(),
            missing: Vec::new(),
            missing_count: 0,
        }
    }

    /// Adds the members of another line.
    pub(super) async fn absorb(&mut self, importer: &Importer, members: &[Uuid]) -> Result<()> {
        let caller = &importer.caller;
        let Some(resource_type) = caller.catalog.by_name(&self.head.resource_type) else {
            return Ok(());
        };
        for part in members.chunks(MEMBERS_OF_LINE) {
            let found =
                joinable(&importer.service.store, caller.scope(), resource_type, part).await?;
            self.keys.extend(found.values());
            let missing = part.iter().filter(|id| !found.contains_key(id)).copied();
            for id in missing {
                self.missing_count += 1;
                if self.missing.len() < NAMED {
                    self.missing.push(id);
                }
            }
        }
        Ok(())
    }

    /// Sets the members of the resource.
    pub(super) async fn settle(mut self, importer: &Importer) -> Result<MembershipOutcome> {
        self.keys.sort_unstable();
        self.keys.dedup();
        let mut settled = MembershipOutcome::default();
        let caller = &importer.caller;
        let found = match caller.catalog.by_name(&self.head.resource_type) {
            Some(resource_type) => {
                importer
                    .service
                    .store
                    .find(
                        caller.scope(),
                        resource_type,
                        self.head.group,
                        Relations::default(),
                    )
                    .await?
                    .1
            }
            None => None,
        };
        match found {
            Some(group) => self.change(importer, &group, &mut settled).await?,
            None if importer.dry_run => settled.joined = self.keys.len() as u64,
            None => settled.problem = Some("The resource was deleted.".to_owned()),
        }
        if importer.dry_run {
            // In a dry run, missing members may be created by other lines.
            settled.joined += self.missing_count;
        } else if self.missing_count > 0 {
            settled.problem = Some(self.complaint());
        }
        Ok(settled)
    }

    fn complaint(&self) -> String {
        let named: Vec<String> = self.missing.iter().map(Uuid::to_string).collect();
        let more = self.missing_count.saturating_sub(NAMED as u64);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!(
            "There are no resources that could be members with the ids {}{more}.",
            named.join(", ")
        )
    }

    async fn change(
        &self,
        importer: &Importer,
        group: &StoredResource,
        settled: &mut MembershipOutcome,
    ) -> Result<()> {
        let mut target = self.keys.iter().copied().peekable();
        let version = group.meta.version;
        let mut part = Part {
            importer,
            head: &self.head,
            group,
            version,
            join: Vec::new(),
            leave: Vec::new(),
        };
        let mut after = None;
        loop {
            let scope = importer.caller.scope();
            let page = importer
                .service
                .store
                .members_page(scope, group, None, after, MEMBERS_OF_LINE)
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for has in page.iter().map(|member| member.key) {
                while let Some(joins) = target.next_if(|key| *key < has) {
                    part.join.push(joins);
                    part.write_if(MEMBERS_OF_LINE, settled).await?;
                }
                if target.next_if_eq(&has).is_none() {
                    part.leave.push(has);
                }
            }
            part.write_if(MEMBERS_OF_LINE, settled).await?;
        }
        for joins in target {
            part.join.push(joins);
            part.write_if(MEMBERS_OF_LINE, settled).await?;
        }
        part.write_if(1, settled).await
    }
}

/// Changes that are written with one batch.
struct Part<'a> {
    importer: &'a Importer,
    head: &'a Entry,
    group: &'a StoredResource,
    /// The current version of the group.
    version: i64,
    join: Vec<MemberKey>,
    leave: Vec<MemberKey>,
}

impl Part<'_> {
    /// Writes the collected changes, if there are enough.
    async fn write_if(&mut self, least: usize, settled: &mut MembershipOutcome) -> Result<()> {
        if self.join.len() + self.leave.len() < least {
            return Ok(());
        }
        settled.joined += self.join.len() as u64;
        settled.left += self.leave.len() as u64;
        let mut delta = MemberDelta::default();
        delta.add(self.join.drain(..));
        delta.remove(self.leave.drain(..));
        if self.importer.dry_run {
            return Ok(());
        }
        let author = self
            .importer
            .caller
            .author(self.importer.service.clock.now());
        let mut writing = self
            .importer
            .caller
            .writing(&self.group.resource_type, &author)?;
        let meta = match self.head.is_new {
            true => Some(Meta {
                version: self.version + 1,
                ..self.group.meta
            }),
            false => self
                .head
                .meta
                .map(|meta| meta.after(self.version, author.at)),
        };
        writing.given = ImportOverrides { meta, place: None };
        match self
            .importer
            .service
            .store
            .change_members(&writing, self.group, &delta)
            .await?
        {
            WriteOutcome::Stale => Err(ScimError::new(
                ErrorStatus::CONFLICT,
                "A resource was deleted while its members were imported.",
            )
            .because(Reason::VersionConflict)),
            WriteOutcome::Done(version) => {
                self.version = version;
                Ok(())
            }
            WriteOutcome::NoSeat | WriteOutcome::Nothing => Ok(()),
        }
    }
}
