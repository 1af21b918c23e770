//! `scimd events`: the change feed.

use super::arguments::span;
use super::failure::Failure;
use super::output::print_message;
use super::{open, signals};
use crate::config::Config;
use crate::feed::{
    Cursor, Event, EventData, Feed, FeedError, FeedPage, FeedPosition, PageQuery, Payload,
    TypePatterns,
};
use crate::operator::Operator;
use clap::{Args, Subcommand};
use std::io::Write;
use std::time::Duration;
use tokio::time::sleep;

/// Default number of events, and the size of a page.
const SHOWN: usize = 100;
/// Poll interval of the feed.
const PAUSE: Duration = Duration::from_millis(200);

/// Commands of `scimd events`.
#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// Shows events in order, by default the latest ones
    List(List),
    /// Shows one event
    Show(Show),
    /// Prints the cursor after the newest event
    Head,
}

/// Arguments of `scimd events list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only events of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only events of these types, such as user.*,group.deleted
    #[arg(long, value_name = "TYPES", value_parser = TypePatterns::parse)]
    types: Option<TypePatterns>,
    /// Events after this cursor
    #[arg(
        long,
        value_name = "CURSOR",
        allow_hyphen_values = true,
        conflicts_with = "since"
    )]
    after: Option<String>,
    /// Events of this last period, such as 2h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    since: Option<i64>,
    /// Maximum number of events; with --follow, of those before the new ones [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: Option<u32>,
    /// Shows new events as they arrive, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Prints JSON, one event per line
    #[arg(long)]
    json: bool,
}

/// Arguments of `scimd events show`.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Id of the event
    #[arg(value_name = "ID")]
    id: String,
}

impl Events {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let directory = config.directory()?;
        let operator = open::existing(config).await?;
        let feed = Feed::new(operator.service().access().clone(), directory);
        // Without a server, changes of other commands would not get positions.
        feed.advance().await?;
        match self {
            Self::List(list) => list.run(&operator, &feed, out).await,
            Self::Show(show) => show.run(&feed, out).await,
            Self::Head => Ok(writeln!(out, "{}", feed.head().await?)?),
        }
    }
}

impl Show {
    async fn run(&self, feed: &Feed, out: &mut dyn Write) -> Result<(), Failure> {
        let Some(event) = feed.event(&self.id, None).await? else {
            return Err(Failure::Failed(format!(
                "there is no event {} in the change feed; it may have been deleted",
                self.id
            )));
        };
        let text = event.json(Payload::Full);
        let event: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(writeln!(out, "{event:#}")?)
    }
}

impl List {
    async fn run(
        &self,
        operator: &Operator,
        feed: &Feed,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let tenant = match &self.tenant {
            Some(name) => Some(operator.tenant(name).await?.settings.key()),
            None => None,
        };
        let limit = self.limit.map_or(SHOWN, |limit| limit as usize);
        let mut query = PageQuery {
            after: FeedPosition::default(),
            tenant,
            except: Vec::new(),
            types: self.types.clone().unwrap_or_default(),
            limit: SHOWN,
        };
        query.after = self.start(operator, feed, &query, limit).await?;
        let mut left = limit;
        let mut page = feed.page(&query).await?;
        loop {
            let count = page.events.len().min(left);
            for event in page.events.iter().take(count) {
                self.print(event, out)?;
            }
            left -= count;
            query.after = page.next.place;
            if left == 0 || !page.more {
                break;
            }
            query.limit = SHOWN.min(left);
            page = feed.page(&query).await?;
        }
        if self.follow {
            return self.go_on(feed, query, out).await;
        }
        if left == limit {
            print_message("No matching events.");
        }
        Ok(())
    }

    /// The start of the list.
    async fn start(
        &self,
        operator: &Operator,
        feed: &Feed,
        query: &PageQuery,
        limit: usize,
    ) -> Result<FeedPosition, Failure> {
        if let Some(text) = &self.after {
            let cursor = Cursor::parse(text).ok_or_else(|| {
                Failure::Failed(format!(
                    "\"{text}\" is not a cursor: scimd events head prints one"
                ))
            })?;
            return Ok(feed.place(cursor).await?);
        }
        Ok(match self.since {
            Some(seconds) => {
                let since = operator.clock().now().plus_seconds(-seconds);
                feed.place_of_moment(since).await?
            }
            None => feed.place_before_last(query.tenant, limit).await?,
        })
    }

    async fn go_on(
        &self,
        feed: &Feed,
        mut query: PageQuery,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let stop = signals::stop()?;
        query.limit = SHOWN;
        let mut is_away = false;
        loop {
            out.flush()?;
            let page = match following(feed, &query).await {
                Err(FeedError::Failed(error)) if error.status() == 503 => {
                    if !is_away {
                        print_message("The database is not reachable; trying again.");
                    }
                    is_away = true;
                    None
                }
                page => Some(page?),
            };
            is_away &= page.is_none();
            let mut has_more = false;
            if let Some(page) = page {
                for event in &page.events {
                    self.print(event, out)?;
                }
                query.after = page.next.place;
                has_more = page.more;
            }
            let pause = if has_more { Duration::ZERO } else { PAUSE };
            tokio::select! {
                () = stop.clone().wait() => return Ok(()),
                () = sleep(pause) => {}
            }
        }
    }

    fn print(&self, event: &Event, out: &mut dyn Write) -> Result<(), Failure> {
        if self.json {
            return Ok(writeln!(out, "{}", event.json(Payload::Full))?);
        }
        let (resource, changed) = match &event.data {
            EventData::Resource(subject) => (subject.id.to_string(), &subject.changed),
            EventData::Tenant(tenant) => ("-".to_owned(), &tenant.changed),
        };
        Ok(writeln!(
            out,
            "{:>8}  {}  {}  {}  {resource}  {}",
            event.position,
            event.timestamp,
            event.tenant,
            event.event_type,
            changed.join(",")
        )?)
    }
}

async fn following(feed: &Feed, query: &PageQuery) -> Result<FeedPage, FeedError> {
    feed.advance().await?;
    feed.page(query).await
}
