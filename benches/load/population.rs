//! The users and groups of a tenant before a measurement, which `scimd import` loads as JSON Lines.

use crate::users::{self, User, group_id};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Small groups, of ten users each.
pub(crate) const TEAMS: u64 = 100;
/// Members of a small group.
pub(crate) const TEAM: u64 = 10;
/// Groups without members, one for each writer.
pub(crate) const WRITERS: u64 = 16;
/// Users that are in no large group, so that they can be added to it.
const SPARE: u64 = 4096;
/// Members on a line; a group of more has more lines.
const LINE: u64 = 10_000;

/// Additional groups, by their number.
const FIRST_WRITER: u64 = 10_000;
const FIRST_LARGE: u64 = 20_000;
/// A group to which hundreds of members are added at once.
const WIDE: u64 = 30_000;

/// The users and groups of a tenant.
#[derive(Debug, Clone)]
pub(crate) struct Population {
    pub(crate) seed: u64,
    pub(crate) users: u64,
    /// Sizes of the large groups.
    pub(crate) sizes: Vec<u64>,
}

impl Population {
    /// Users without groups.
    pub(crate) fn of_users(users: u64) -> Self {
        Self {
            seed: 1,
            users,
            sizes: Vec::new(),
        }
    }

    pub(crate) fn user(&self, number: u64) -> User {
        User::new(self.seed, number)
    }

    /// A permutation of the users of the tenant by number.
    pub(crate) fn anyone(&self, number: u64) -> User {
        self.user(users::chance(self.seed, 20, number) % self.users)
    }

    pub(crate) fn team(&self, number: u64) -> String {
        group_id(self.seed, number % TEAMS)
    }

    pub(crate) fn writer(&self, number: u64) -> String {
        group_id(self.seed, FIRST_WRITER + number % WRITERS)
    }

    pub(crate) fn wide(&self) -> String {
        group_id(self.seed, WIDE)
    }

    pub(crate) fn large(&self, size: u64) -> String {
        group_id(
            self.seed,
            FIRST_LARGE
                + self
                    .sizes
                    .iter()
                    .position(|known| *known == size)
                    .unwrap_or(0) as u64,
        )
    }

    /// Number of members of a large group: all users, except those to be added.
    pub(crate) fn members(&self, size: u64) -> u64 {
        size.min(self.users.saturating_sub(SPARE.min(self.users / 4)))
    }

    /// A user who is not in a large group, by number.
    pub(crate) fn spare(&self, size: u64, number: u64) -> User {
        let first = self.members(size);
        self.user(first + number % (self.users - first).max(1))
    }

    /// Number of these users.
    pub(crate) fn spares(&self, size: u64) -> u64 {
        self.users - self.members(size)
    }

    /// Writes everything as lines for an import.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for number in 0..self.users {
            let user = self.user(number);
            let mut body = user.body();
            body["id"] = user.id().to_string().into();
            writeln!(out, "{body}")?;
        }
        for number in 0..TEAMS {
            let members = (0..TEAM).map(|member| (number * TEAM + member) % self.users);
            self.write_group(out, &self.team(number), &format!("Team {number}"), members)?;
        }
        for number in 0..WRITERS {
            self.write_group(out, &self.writer(number), &format!("Writer {number}"), 0..0)?;
        }
        self.write_group(out, &self.wide(), "Wide", 0..0)?;
        for size in &self.sizes {
            self.write_group(
                out,
                &self.large(*size),
                &format!("Large {size}"),
                0..self.members(*size),
            )?;
        }
        Ok(())
    }

    fn write_group(
        &self,
        out: &mut impl Write,
        id: &str,
        name: &str,
        mut members: impl Iterator<Item = u64>,
    ) -> io::Result<()> {
        let mut body = users::group(name);
        body["id"] = id.into();
        let mut some = || -> Value {
            let ids = members
                .by_ref()
                .take(LINE as usize)
                .map(|number| self.user(number).id().to_string());
            ids.map(|id| json!({"value": id})).collect()
        };
        body["members"] = some();
        writeln!(out, "{body}")?;
        loop {
            let more = some();
            if more.as_array().is_none_or(Vec::is_empty) {
                return Ok(());
            }
            writeln!(
                out,
                "{}",
                json!({"x-scimd": {"membersOf": id}, "members": more})
            )?;
        }
    }
}
