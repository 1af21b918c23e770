//! Imports lines into a tenant: first resources, concurrently, then the memberships between them. Another run continues
//! after an interruption, because a matching resource costs only a read.

use super::imported::Imported;
use super::jsonl::{Line, Record, parse};
use super::memberships::{MembershipOutcome, TargetMembers};
use super::record::{Importer, Outcome, Past, Present};
use super::spill::{Entry, Spill};
use super::twins::Twins;
use crate::audit::{AuditAction, AuditEntry};
use crate::error::{Result, ScimError};
use crate::operator::handle::Operator;
use crate::resource::LeftOut;
use crate::resource::limits::ValueLimits;
use std::collections::HashSet;
use std::io::BufRead;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Maximum number of ignored names in an error.
const NAMED: usize = 5;

/// Options of an import.
#[derive(Debug, Clone, Copy)]
pub struct ImportRequest<'a> {
    /// Name of the tenant.
    pub tenant: &'a str,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// Number of resources that are written concurrently.
    pub side_by_side: usize,
    /// Reaction to a line that cannot be imported.
    pub on_error: OnError,
    /// Whether to ignore undeclared values; otherwise a line with any of them cannot be imported.
    pub drop_unknown: bool,
}

/// Reaction to a line that cannot be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Stops reading.
    Stop,
    /// Continues with the next line.
    Skip,
}

/// The progress of an import.
#[derive(Debug)]
pub enum ImportStep<'a> {
    /// Number of bytes read.
    Read(u64),
    /// The members of a resource are written.
    Members,
    /// A line could not be imported, or not as a whole.
    Problem {
        /// Number of the line, from 1.
        line: u64,
        /// The problem.
        detail: &'a str,
    },
}

impl Operator {
    /// Imports lines into a tenant.
    ///
    /// # Errors
    /// 404 for an unknown tenant; errors of the input and of the database. Errors of lines are reported and counted
    /// instead.
    pub async fn import(
        &self,
        import: &ImportRequest<'_>,
        input: &mut dyn BufRead,
        on_step: &mut dyn FnMut(ImportStep<'_>),
    ) -> crate::operator::error::Result<Imported> {
        let caller = self.caller_in(import.tenant).await?;
        if !import.dry_run {
            let entry = AuditEntry::new(AuditAction::Import).in_tenant(import.tenant);
            self.record(entry).await?;
        }
        let importer = Importer {
            service: self.service.clone(),
            caller,
            dry_run: import.dry_run,
        };
        let mut run = Run {
            importer,
            limits: ValueLimits {
                members: usize::MAX,
                ..self.service.limits().values
            },
            import: *import,
            window: Vec::new(),
            ids: HashSet::new(),
            twins: Twins::default(),
            last: None,
            spill: Spill::new()?,
            done: Imported::default(),
            is_stopped: false,
            on_step,
        };
        Box::pin(run.read(input)).await?;
        Ok(Box::pin(run.settle()).await?)
    }
}

struct Run<'a> {
    importer: Importer,
    limits: ValueLimits,
    import: ImportRequest<'a>,
    /// Resources to be written concurrently.
    window: Vec<Record>,
    ids: HashSet<Uuid>,
    twins: Twins,
    /// The resource of the last line, and its entry if it was written.
    last: Option<(Uuid, Option<Entry>)>,
    spill: Spill,
    done: Imported,
    is_stopped: bool,
    on_step: &'a mut dyn FnMut(ImportStep<'_>),
}

impl Run<'_> {
    async fn read(&mut self, input: &mut dyn BufRead) -> Result<()> {
        let mut text = Vec::new();
        let mut number = 0;
        while !self.is_stopped {
            text.clear();
            let read = input.read_until(b'\n', &mut text).map_err(|error| {
                ScimError::invalid_value(format!(
                    "The input cannot be read after line {number}: {error}."
                ))
            })?;
            if read == 0 {
                break;
            }
            number += 1;
            (self.on_step)(ImportStep::Read(read as u64));
            let line = text
                .strip_prefix("\u{feff}".as_bytes())
                .unwrap_or(&text)
                .trim_ascii();
            if !line.is_empty() {
                self.line(number, line).await?;
            }
        }
        self.flush().await
    }

    async fn line(&mut self, number: u64, text: &[u8]) -> Result<()> {
        let mut left_out = Vec::new();
        let parsed = parse(
            &self.importer.caller,
            &self.limits,
            number,
            text,
            &mut left_out,
        );
        match parsed {
            Ok(Line::Resource(record)) => match self.admit(&record, &left_out) {
                Ok(()) => {
                    self.done.note(&left_out);
                    self.push(*record).await
                }
                Err(error) => self.refuse(number, Some(record.id), error).await,
            },
            Ok(Line::Members { group, members }) => {
                self.flush().await?;
                self.continued(number, group, members)
            }
            Err(error) => self.refuse(number, None, error).await,
        }
    }

    fn admit(&mut self, record: &Record, left_out: &[LeftOut]) -> Result<()> {
        self.keeps_all(left_out)?;
        self.twins.admit(record)
    }

    async fn push(&mut self, record: Record) -> Result<()> {
        if self.ids.contains(&record.id) {
            self.flush().await?;
        }
        self.ids.insert(record.id);
        self.window.push(record);
        if self.window.len() >= self.import.side_by_side {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// Reports problems in the order of their lines.
    async fn refuse(&mut self, number: u64, id: Option<Uuid>, error: ScimError) -> Result<()> {
        self.flush().await?;
        if self.is_stopped {
            return Ok(());
        }
        self.last = id.map(|id| (id, None)).or(self.last.take());
        self.problem(number, error)
    }

    /// Adds members that continue those of the resource on the previous line.
    fn continued(&mut self, line: u64, group: Uuid, members: Vec<Uuid>) -> Result<()> {
        match &self.last {
            Some((id, Some(head))) if *id == group => self.spill.push(&Entry {
                line,
                is_first: false,
                members,
                ..head.clone()
            }),
            // The outcome of the resource has been reported.
            Some((id, None)) if *id == group => Ok(()),
            _ if self.is_stopped => Ok(()),
            _ => self.problem(
                line,
                ScimError::invalid_value(format!(
                    "Members of {group} must follow the line of that resource."
                )),
            ),
        }
    }

    /// # Errors
    /// 400 if a part of a line would be ignored and `drop_unknown` is not set.
    fn keeps_all(&mut self, left_out: &[LeftOut]) -> Result<()> {
        if self.import.drop_unknown || left_out.is_empty() {
            return Ok(());
        }
        self.done.undeclared += 1;
        let names: Vec<_> = left_out
            .iter()
            .take(NAMED)
            .map(ToString::to_string)
            .collect();
        let more = if left_out.len() > NAMED { ", …" } else { "" };
        let detail = format!(
            "No schema of the tenant declares a part of this line: {}{more}. Add the schemas, or \
             remove it.",
            names.join(", ")
        );
        Err(ScimError::invalid_value(detail))
    }

    /// Reports a line that cannot be imported. A failure of the database is not an error of a line.
    fn problem(&mut self, line: u64, error: ScimError) -> Result<()> {
        if error.status() >= 500 {
            return Err(error);
        }
        self.failed(line, &error.to_string());
        Ok(())
    }

    fn failed(&mut self, line: u64, detail: &str) {
        self.done.failed += 1;
        self.is_stopped |= self.import.on_error == OnError::Stop;
        (self.on_step)(ImportStep::Problem { line, detail });
    }

    /// Writes the resources of the window; their order of creation is that of the input.
    async fn flush(&mut self) -> Result<()> {
        let records = std::mem::take(&mut self.window);
        let ids: Vec<Uuid> = self.ids.drain().collect();
        let importer = &self.importer;
        let (store, scope) = (&importer.service.store, importer.caller.scope());
        let mut found = store.find_many(scope, &ids).await?;
        let keeps = importer.service.keeps_passwords(&importer.caller);
        let mut digests = store
            .password_digests(scope, if keeps { &ids } else { &[] })
            .await?;
        let absent: Vec<Uuid> = ids
            .iter()
            .filter(|id| !found.contains_key(id))
            .copied()
            .collect();
        let deleted = store.last_versions(scope, &absent).await?;
        let mut tasks = JoinSet::new();
        for (i, record) in records.into_iter().enumerate() {
            let digest = digests.remove(&record.id);
            let past = match found.remove(&record.id) {
                Some(found) => Past::Present(Present { found, digest }),
                None => {
                    let place = store.place(
                        importer.layout(&record.resource_type)?,
                        importer.service.clock.now(),
                    );
                    Past::Absent(place, deleted.get(&record.id).copied())
                }
            };
            let importer = importer.clone();
            tasks.spawn(async move { (i, importer.write(&record, past).await, record) });
        }
        let mut written = tasks.join_all().await;
        written.sort_by_key(|(i, ..)| *i);
        written
            .into_iter()
            .try_for_each(|(_, outcome, record)| self.written(record, outcome))
    }

    fn written(&mut self, record: Record, outcome: Result<Outcome>) -> Result<()> {
        let (id, line) = (record.id, record.number);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                self.last = Some((id, None));
                return self.problem(line, error);
            }
        };
        let type_name = record.resource_type.name();
        self.done.count(type_name, outcome);
        let head = Entry {
            line,
            group: id,
            resource_type: type_name.to_string(),
            is_first: true,
            is_new: outcome == Outcome::Created,
            meta: record.meta.filter(|_| record.is_state),
            is_unchanged: outcome == Outcome::Unchanged,
            members: Vec::new(),
        };
        if let Some(members) = record.members {
            self.spill.push(&Entry {
                members,
                ..head.clone()
            })?;
        }
        self.last = Some((id, record.resource_type.members().map(|_| head)));
        Ok(())
    }

    /// Writes the memberships.
    async fn settle(mut self) -> Result<Imported> {
        if self.is_stopped {
            return Ok(self.done);
        }
        let spill = std::mem::replace(&mut self.spill, Spill::new()?);
        let mut tasks = JoinSet::new();
        let mut target: Option<TargetMembers> = None;
        for entry in spill.entries()? {
            let mut entry = entry?;
            let members = std::mem::take(&mut entry.members);
            if entry.is_first || target.is_none() {
                self.start(&mut tasks, target.replace(TargetMembers::new(entry)))
                    .await?;
                if self.is_stopped {
                    break;
                }
            }
            if let Some(target) = &mut target {
                target.absorb(&self.importer, &members).await?;
            }
        }
        if !self.is_stopped {
            self.start(&mut tasks, target).await?;
        }
        while let Some(settled) = tasks.join_next().await {
            let (head, settled) = settled.map_err(ScimError::internal)?;
            self.settled(&head, settled)?;
        }
        Ok(self.done)
    }

    /// Starts writing the members of a resource concurrently with others, up to a limit.
    async fn start(
        &mut self,
        tasks: &mut JoinSet<(Entry, Result<MembershipOutcome>)>,
        target: Option<TargetMembers>,
    ) -> Result<()> {
        let Some(target) = target else { return Ok(()) };
        if tasks.len() >= self.import.side_by_side
            && let Some(settled) = tasks.join_next().await
        {
            let (head, settled) = settled.map_err(ScimError::internal)?;
            self.settled(&head, settled)?;
        }
        let importer = self.importer.clone();
        tasks.spawn(async move { (target.head.clone(), target.settle(&importer).await) });
        Ok(())
    }

    fn settled(&mut self, head: &Entry, settled: Result<MembershipOutcome>) -> Result<()> {
        let settled = match settled {
            Ok(settled) => settled,
            Err(error) => return self.problem(head.line, error),
        };
        (self.on_step)(ImportStep::Members);
        self.done.joined += settled.joined;
        self.done.left += settled.left;
        if head.is_unchanged && settled.joined + settled.left > 0 {
            self.done.count_as_updated(&head.resource_type);
        }
        if let Some(problem) = settled.problem {
            self.failed(head.line, &problem);
        }
        Ok(())
    }
}
