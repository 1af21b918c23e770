//! The state of a tenant in the driver, and the requests derived from it.

use crate::phase::{MANY, Phase};
use crate::population::Population;
use crate::request::{Request, ResponseFacts, Right, escaped};
use crate::users::{self, ENTERPRISE, User};
use hyper::Method;
use serde_json::json;
use std::collections::{HashMap, HashSet, VecDeque};

/// Resources on a page.
pub(crate) const PAGE: u64 = 100;

/// A walk by cursor, repeatedly over a hundredth of all pages.
#[derive(Debug)]
pub(crate) struct Walk {
    first: String,
    at: String,
    pages: u64,
}

impl Walk {
    pub(crate) fn from(first: String) -> Self {
        Self {
            at: first.clone(),
            first,
            pages: 0,
        }
    }

    fn go_on(&mut self, next: Option<String>, most: u64) {
        self.pages += 1;
        match next {
            Some(next) if self.pages < most => self.at = next,
            _ => *self = Self::from(std::mem::take(&mut self.first)),
        }
    }
}

/// The known state of a tenant.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) population: Population,
    /// Number of requests of each phase.
    counts: HashMap<Phase, u64>,
    /// Number of the next new user.
    next: u64,
    created: VecDeque<String>,
    inactive: HashSet<u64>,
    /// Number of existing users.
    pub(crate) live: u64,
    /// Next position of each walk by index.
    positions: HashMap<Phase, u64>,
    /// Walks by cursor.
    pub(crate) cursors: HashMap<Phase, Walk>,
    /// Acknowledged members of the writers, by group.
    pub(crate) joined: HashMap<String, Vec<String>>,
}

impl State {
    pub(crate) fn new(population: Population, live: u64) -> Self {
        Self {
            next: population.users,
            population,
            live,
            counts: HashMap::new(),
            created: VecDeque::new(),
            inactive: HashSet::new(),
            positions: HashMap::new(),
            cursors: HashMap::new(),
            joined: HashMap::new(),
        }
    }

    fn number(&mut self, phase: Phase) -> u64 {
        let number = self.counts.entry(phase).or_default();
        *number += 1;
        *number - 1
    }

    /// The sequential requests of one operation; `None` if there is no work left.
    pub(crate) fn operation(&mut self, phase: Phase) -> Option<Vec<Request>> {
        if phase == Phase::Import {
            let user = self.new_user();
            return Some(vec![by_user_name(user, None), create(user)]);
        }
        self.request(phase).map(|request| vec![request])
    }

    fn request(&mut self, phase: Phase) -> Option<Request> {
        let number = self.number(phase);
        let anyone = self
            .population
            .anyone(number.rotate_left(20) ^ phase_number(phase));
        Some(match phase {
            Phase::Get => Request::get(
                format!("/Users/{}", anyone.id()),
                shows(anyone, &anyone.user_name()),
            ),
            Phase::UserName => by_user_name(anyone, Some(anyone)),
            Phase::Miss => by_user_name(self.population.user(1 << 40 | number), None),
            Phase::ExternalId => search("externalId eq", &anyone.external_id(), anyone),
            Phase::Email => search("emails.value eq", &anyone.email(), anyone),
            Phase::EmailPath => {
                let filter = format!(
                    "emails[type eq \"work\" and value eq \"{}\"]",
                    anyone.email()
                );
                Request::filter(&filter, Right::Only(Some(anyone.id().to_string())))
            }
            Phase::StartsWith => several("sw", &format!("p{}", 10 + number % 80)),
            Phase::Contains => several("co", &format!("{}.", 10 + number % 80)),
            Phase::Create => create(self.new_user()),
            Phase::Put => put(anyone, number),
            Phase::Active => self.set_active(anyone),
            Phase::Delete => {
                let id = self.created.pop_front()?;
                Request {
                    method: Method::DELETE,
                    path: format!("/Users/{id}"),
                    body: None,
                    right: Right::Deleted,
                }
            }
            Phase::GroupCreate => {
                let body = users::group(&format!("Bench {} {number}", self.population.seed));
                Request::with(Method::POST, "/Groups".to_owned(), &body, Right::Created)
            }
            Phase::FirstPages | Phase::LastPages | Phase::AnyPage => self.page(phase, number),
            Phase::FirstCursor | Phase::LastCursor => self.cursor(phase),
            Phase::Mixed => return self.mixed(number),
            _ => self.membership(phase, number),
        })
    }

    fn new_user(&mut self) -> User {
        self.next += 1;
        self.population.user(self.next - 1)
    }

    /// Deactivates or reactivates: always a change.
    fn set_active(&mut self, user: User) -> Request {
        let active = self.inactive.remove(&user.number);
        if !active {
            self.inactive.insert(user.number);
        }
        let right = shows(user, &format!("\"active\":{active}"));
        Request::with(
            Method::PATCH,
            format!("/Users/{}", user.id()),
            &users::set_active(active),
            right,
        )
    }

    /// The mixed load: 70 % lookups, 15 % changes, 10 % memberships, 5 % new users.
    fn mixed(&mut self, number: u64) -> Option<Request> {
        let phase = match users::chance(self.population.seed, 21, number) % 100 {
            0..50 => Phase::UserName,
            50..60 => Phase::Miss,
            60..70 => Phase::Get,
            70..78 => Phase::Active,
            78..85 => Phase::Put,
            85..95 => {
                let user = self.population.anyone(number);
                return Some(add(&self.population.team(number), &[user.id().to_string()]));
            }
            _ => Phase::Create,
        };
        self.request(phase)
    }

    fn membership(&mut self, phase: Phase, number: u64) -> Request {
        match phase {
            Phase::Add(size) => add(
                &self.population.large(size),
                &[self.population.spare(size, number).id().to_string()],
            ),
            Phase::Remove(size) => remove(
                &self.population.large(size),
                &self.population.spare(size, number).id().to_string(),
            ),
            Phase::Head(size) => {
                let id = self.population.large(size);
                let right = Right::Resource {
                    holds: format!("Large {size}"),
                    id: id.clone(),
                };
                Request::get(format!("/Groups/{id}?excludedAttributes=members"), right)
            }
            Phase::Full(size) => {
                let path = format!("/Groups/{}", self.population.large(size));
                Request::get(path, Right::Members(self.population.members(size)))
            }
            Phase::AddOne | Phase::AddMany => self.widen(phase, number),
            Phase::ManyGroups => self.join(number + 1, number),
            _ => self.join(0, number),
        }
    }

    /// Users that are not in the wide group yet: each phase uses its own half.
    fn widen(&self, phase: Phase, number: u64) -> Request {
        let half = self.population.users / 2;
        let numbers = match phase {
            Phase::AddMany => (0..MANY).map(|i| (number * MANY + i) % half).collect(),
            _ => vec![half + number % half],
        };
        let ids: Vec<_> = numbers
            .into_iter()
            .map(|number| self.population.user(number).id().to_string())
            .collect();
        add(&self.population.wide(), &ids)
    }

    /// Adds a user to a writer's group.
    fn join(&mut self, writer: u64, number: u64) -> Request {
        let group = self.population.writer(writer);
        // One group uses the front, the others the back, so that no user joins twice.
        let number = if writer == 0 {
            number
        } else {
            self.population.users - 1 - number % self.population.users
        };
        let id = self
            .population
            .user(number % self.population.users)
            .id()
            .to_string();
        self.joined
            .entry(group.clone())
            .or_default()
            .push(id.clone());
        add(&group, &[id])
    }

    fn page(&mut self, phase: Phase, number: u64) -> Request {
        let (first, live) = (self.first_position(phase), self.live);
        let pages = (live / PAGE).max(1);
        let start = match phase {
            Phase::AnyPage => users::chance(self.population.seed, 22, number) % pages * PAGE + 1,
            _ => {
                let at = self.positions.entry(phase).or_insert(first);
                let start = *at;
                let is_over = start + PAGE > live || start + PAGE >= first + (live / 100).max(PAGE);
                *at = if is_over { first } else { start + PAGE };
                start
            }
        };
        let count = PAGE.min(live + 1 - start);
        let right = Right::Page {
            count: count as usize,
            total: live,
        };
        Request::get(format!("/Users?startIndex={start}&count={PAGE}"), right)
    }

    /// The start of a walk: the second page, or the one at 99 %.
    fn first_position(&self, phase: Phase) -> u64 {
        let second = if self.live > 2 * PAGE { PAGE + 1 } else { 1 };
        match phase {
            Phase::LastPages => second.max(self.live * 99 / 100 / PAGE * PAGE + 1),
            _ => second,
        }
    }

    /// The request before the first page of a walk, which can create a page hint.
    pub(crate) fn before_walk(&mut self, phase: Phase) -> Request {
        let first = self.first_position(phase);
        self.positions.insert(phase, first);
        let start = first.saturating_sub(PAGE).max(1);
        let right = Right::Page {
            count: PAGE.min(self.live + 1 - start) as usize,
            total: self.live,
        };
        Request::get(format!("/Users?startIndex={start}&count={PAGE}"), right)
    }

    fn cursor(&self, phase: Phase) -> Request {
        let at = self.cursors.get(&phase).map_or("", |walk| &walk.at);
        let right = Right::Next {
            count: PAGE.min(self.live) as usize,
            total: self.live,
        };
        Request::get(format!("/Users?count={PAGE}&cursor={}", escaped(at)), right)
    }

    /// Updates the state by an expected response.
    pub(crate) fn answered(&mut self, phase: Phase, right: &Right, facts: ResponseFacts) {
        match right {
            Right::Created if phase != Phase::GroupCreate => {
                self.live += 1;
                self.created.extend(facts.id);
            }
            Right::Deleted => self.live -= 1,
            Right::Next { .. } => {
                let most = self.live / 100 / PAGE;
                if let Some(walk) = self.cursors.get_mut(&phase) {
                    walk.go_on(facts.next, most);
                }
            }
            _ => {}
        }
    }
}

fn phase_number(phase: Phase) -> u64 {
    phase.to_string().bytes().fold(7, |sum: u64, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    })
}

fn shows(user: User, holds: &str) -> Right {
    Right::Resource {
        id: user.id().to_string(),
        holds: holds.to_owned(),
    }
}

fn by_user_name(user: User, is: Option<User>) -> Request {
    let filter = format!("userName eq \"{}\"", user.user_name());
    Request::filter(&filter, Right::Only(is.map(|user| user.id().to_string())))
}

fn search(test: &str, value: &str, is: User) -> Request {
    Request::filter(
        &format!("{test} \"{value}\""),
        Right::Only(Some(is.id().to_string())),
    )
}

fn several(operator: &str, text: &str) -> Request {
    let filter = escaped(&format!("userName {operator} \"{text}\""));
    Request::get(format!("/Users?count=10&filter={filter}"), Right::Some(10))
}

fn create(user: User) -> Request {
    Request::with(
        Method::POST,
        "/Users".to_owned(),
        &user.body(),
        Right::Created,
    )
}

fn put(user: User, number: u64) -> Request {
    let mut body = user.body();
    body["title"] = format!("Title {number}").into();
    body[ENTERPRISE]["costCenter"] = format!("P{number}").into();
    let right = shows(user, &format!("\"title\":\"Title {number}\""));
    Request::with(Method::PUT, format!("/Users/{}", user.id()), &body, right)
}

fn add(group: &str, ids: &[String]) -> Request {
    let members = users::members(ids.iter().map(String::as_str));
    let body = users::patch(&json!([{"op": "add", "path": "members", "value": members}]));
    Request::with(
        Method::PATCH,
        format!("/Groups/{group}"),
        &body,
        Right::Done,
    )
}

fn remove(group: &str, id: &str) -> Request {
    let body =
        users::patch(&json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]));
    Request::with(
        Method::PATCH,
        format!("/Groups/{group}"),
        &body,
        Right::Done,
    )
}
