//! Statistics of tenants: requests by hour or day, and failures across tenants.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::store::{FailureGroup, FailureQuery, HourCounts, HourFigures};

/// Seconds of a day.
const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

keywords! {
    /// The length of the parts of a series.
    SeriesStep {
        /// An hour.
        Hour = "hour",
        /// A day of UTC.
        Day = "day",
    }
}

impl SeriesStep {
    /// The length in seconds.
    pub(crate) fn seconds(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }
}

impl Operator {
    /// The requests of a tenant in a time range, by hour or by day, earliest first. A part without requests has no
    /// counts, and the seats of the previous part.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub async fn statistics(
        &self,
        tenant: &str,
        from: Timestamp,
        to: Timestamp,
        step: SeriesStep,
    ) -> Result<Vec<HourFigures>> {
        let info = self.tenant(tenant).await?;
        let seconds = step.seconds();
        let begin = |at: Timestamp| at.as_micros().div_euclid(seconds * 1_000_000) * seconds;
        let (first, last) = (begin(from), begin(to));
        let at = |second: i64| Timestamp::from_micros(second * 1_000_000);
        let end = at(last + seconds - 1);
        let hours = self
            .store
            .hours(info.settings.key(), at(first), end)
            .await?;
        let mut hours = hours.into_iter().peekable();
        let (mut series, mut second) = (Vec::new(), first);
        let now = (info.active_users, info.settings.seats);
        let (mut seats_used, mut seats) = hours
            .peek()
            .map_or(now, |hour| (hour.seats_used, hour.seats));
        while second <= last {
            let mut counts = HourCounts::default();
            let next = at(second + seconds);
            while let Some(hour) = hours.next_if(|hour| hour.at < next) {
                counts = counts.plus(hour.counts);
                (seats_used, seats) = (hour.seats_used, hour.seats);
            }
            series.push(HourFigures {
                at: at(second),
                counts,
                seats_used,
                seats,
            });
            second += seconds;
        }
        Ok(series)
    }

    /// Failures by tenant and reason, latest first.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn failures(&self, query: &FailureQuery) -> Result<Vec<FailureGroup>> {
        Ok(self.store.failure_groups(query, self.clock.now()).await?)
    }
}
