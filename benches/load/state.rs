//! What a driver knows of a tenant, and the requests that follow from it.

use crate::people::{self, ENTERPRISE, Person};
use crate::phase::{MANY, Phase};
use crate::population::Population;
use crate::request::{Request, Right, Told, escaped};
use hyper::Method;
use serde_json::json;
use std::collections::{HashMap, HashSet, VecDeque};

/// Resources on a page.
pub(crate) const PAGE: u64 = 100;

/// A walk by cursor, over a hundredth of all pages again and again.
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

/// What is known of a tenant.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) people: Population,
    /// How often each phase was asked.
    turns: HashMap<Phase, u64>,
    /// Number of the next new person.
    next: u64,
    created: VecDeque<String>,
    inactive: HashSet<u64>,
    /// Users that there are.
    pub(crate) live: u64,
    /// Next position of each walk by index.
    positions: HashMap<Phase, u64>,
    /// Walks by cursor.
    pub(crate) cursors: HashMap<Phase, Walk>,
    /// Members that writers were told to be in, by group.
    pub(crate) joined: HashMap<String, Vec<String>>,
}

impl State {
    pub(crate) fn new(people: Population, live: u64) -> Self {
        Self {
            next: people.users,
            people,
            live,
            turns: HashMap::new(),
            created: VecDeque::new(),
            inactive: HashSet::new(),
            positions: HashMap::new(),
            cursors: HashMap::new(),
            joined: HashMap::new(),
        }
    }

    fn turn(&mut self, phase: Phase) -> u64 {
        let turn = self.turns.entry(phase).or_default();
        *turn += 1;
        *turn - 1
    }

    /// The requests of one operation, each sent when the one before is answered; `None` if there
    /// is nothing left to do.
    pub(crate) fn operation(&mut self, phase: Phase) -> Option<Vec<Request>> {
        if phase == Phase::Import {
            let person = self.newcomer();
            return Some(vec![by_user_name(person, None), create(person)]);
        }
        self.request(phase).map(|request| vec![request])
    }

    fn request(&mut self, phase: Phase) -> Option<Request> {
        let turn = self.turn(phase);
        let anyone = self
            .people
            .anyone(turn.rotate_left(20) ^ phase_number(phase));
        Some(match phase {
            Phase::Get => Request::get(
                format!("/Users/{}", anyone.id()),
                shows(anyone, &anyone.user_name()),
            ),
            Phase::UserName => by_user_name(anyone, Some(anyone)),
            Phase::Miss => by_user_name(self.people.person(1 << 40 | turn), None),
            Phase::ExternalId => search("externalId eq", &anyone.external_id(), anyone),
            Phase::Email => search("emails.value eq", &anyone.email(), anyone),
            Phase::EmailPath => {
                let filter = format!(
                    "emails[type eq \"work\" and value eq \"{}\"]",
                    anyone.email()
                );
                Request::filter(&filter, Right::Only(Some(anyone.id().to_string())))
            }
            Phase::StartsWith => several("sw", &format!("p{}", 10 + turn % 80)),
            Phase::Contains => several("co", &format!("{}.", 10 + turn % 80)),
            Phase::Create => create(self.newcomer()),
            Phase::Put => put(anyone, turn),
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
                let body = people::group(&format!("Bench {} {turn}", self.people.seed));
                Request::with(Method::POST, "/Groups".to_owned(), &body, Right::Created)
            }
            Phase::FirstPages | Phase::LastPages | Phase::AnyPage => self.page(phase, turn),
            Phase::FirstCursor | Phase::LastCursor => self.cursor(phase),
            Phase::Mixed => return self.mixed(turn),
            _ => self.membership(phase, turn),
        })
    }

    fn newcomer(&mut self) -> Person {
        self.next += 1;
        self.people.person(self.next - 1)
    }

    /// Takes them out, or back in: always a change.
    fn set_active(&mut self, person: Person) -> Request {
        let active = self.inactive.remove(&person.number);
        if !active {
            self.inactive.insert(person.number);
        }
        let right = shows(person, &format!("\"active\":{active}"));
        Request::with(
            Method::PATCH,
            format!("/Users/{}", person.id()),
            &people::set_active(active),
            right,
        )
    }

    /// An ordinary day: 70 % look-ups, 15 % changes, 10 % memberships, 5 % new people.
    fn mixed(&mut self, turn: u64) -> Option<Request> {
        let phase = match people::chance(self.people.seed, 21, turn) % 100 {
            0..50 => Phase::UserName,
            50..60 => Phase::Miss,
            60..70 => Phase::Get,
            70..78 => Phase::Active,
            78..85 => Phase::Put,
            85..95 => {
                let person = self.people.anyone(turn);
                return Some(add(&self.people.team(turn), &[person.id().to_string()]));
            }
            _ => Phase::Create,
        };
        self.request(phase)
    }

    fn membership(&mut self, phase: Phase, turn: u64) -> Request {
        match phase {
            Phase::Add(size) => add(
                &self.people.large(size),
                &[self.people.spare(size, turn).id().to_string()],
            ),
            Phase::Remove(size) => remove(
                &self.people.large(size),
                &self.people.spare(size, turn).id().to_string(),
            ),
            Phase::Head(size) => {
                let id = self.people.large(size);
                let right = Right::Resource {
                    holds: format!("Large {size}"),
                    id: id.clone(),
                };
                Request::get(format!("/Groups/{id}?excludedAttributes=members"), right)
            }
            Phase::Full(size) => {
                let path = format!("/Groups/{}", self.people.large(size));
                Request::get(path, Right::Members(self.people.members(size)))
            }
            Phase::AddOne | Phase::AddMany => self.widen(phase, turn),
            Phase::ManyGroups => self.join(turn + 1, turn),
            _ => self.join(0, turn),
        }
    }

    /// People who are not yet in the wide group: each phase takes them from its own half.
    fn widen(&self, phase: Phase, turn: u64) -> Request {
        let half = self.people.users / 2;
        let numbers = match phase {
            Phase::AddMany => (0..MANY).map(|i| (turn * MANY + i) % half).collect(),
            _ => vec![half + turn % half],
        };
        let ids: Vec<_> = numbers
            .into_iter()
            .map(|number| self.people.person(number).id().to_string())
            .collect();
        add(&self.people.wide(), &ids)
    }

    /// Someone joins a writer's group.
    fn join(&mut self, writer: u64, turn: u64) -> Request {
        let group = self.people.writer(writer);
        // One group takes from the front, the many from the back, so that nobody joins twice.
        let number = if writer == 0 {
            turn
        } else {
            self.people.users - 1 - turn % self.people.users
        };
        let id = self
            .people
            .person(number % self.people.users)
            .id()
            .to_string();
        self.joined
            .entry(group.clone())
            .or_default()
            .push(id.clone());
        add(&group, &[id])
    }

    fn page(&mut self, phase: Phase, turn: u64) -> Request {
        let (first, live) = (self.first_position(phase), self.live);
        let pages = (live / PAGE).max(1);
        let start = match phase {
            Phase::AnyPage => people::chance(self.people.seed, 22, turn) % pages * PAGE + 1,
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

    /// Where a walk begins: the second page, or the one at 99 %.
    fn first_position(&self, phase: Phase) -> u64 {
        let second = if self.live > 2 * PAGE { PAGE + 1 } else { 1 };
        match phase {
            Phase::LastPages => second.max(self.live * 99 / 100 / PAGE * PAGE + 1),
            _ => second,
        }
    }

    /// The request before the first page of a walk, by which the server may know where that begins.
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

    /// What follows from a right answer.
    pub(crate) fn answered(&mut self, phase: Phase, right: &Right, told: Told) {
        match right {
            Right::Created if phase != Phase::GroupCreate => {
                self.live += 1;
                self.created.extend(told.id);
            }
            Right::Deleted => self.live -= 1,
            Right::Next { .. } => {
                let most = self.live / 100 / PAGE;
                if let Some(walk) = self.cursors.get_mut(&phase) {
                    walk.go_on(told.next, most);
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

fn shows(person: Person, holds: &str) -> Right {
    Right::Resource {
        id: person.id().to_string(),
        holds: holds.to_owned(),
    }
}

fn by_user_name(person: Person, is: Option<Person>) -> Request {
    let filter = format!("userName eq \"{}\"", person.user_name());
    Request::filter(
        &filter,
        Right::Only(is.map(|person| person.id().to_string())),
    )
}

fn search(test: &str, value: &str, is: Person) -> Request {
    Request::filter(
        &format!("{test} \"{value}\""),
        Right::Only(Some(is.id().to_string())),
    )
}

fn several(operator: &str, text: &str) -> Request {
    let filter = escaped(&format!("userName {operator} \"{text}\""));
    Request::get(format!("/Users?count=10&filter={filter}"), Right::Some(10))
}

fn create(person: Person) -> Request {
    Request::with(
        Method::POST,
        "/Users".to_owned(),
        &person.body(),
        Right::Created,
    )
}

fn put(person: Person, turn: u64) -> Request {
    let mut body = person.body();
    body["title"] = format!("Title {turn}").into();
    body[ENTERPRISE]["costCenter"] = format!("P{turn}").into();
    let right = shows(person, &format!("\"title\":\"Title {turn}\""));
    Request::with(Method::PUT, format!("/Users/{}", person.id()), &body, right)
}

fn add(group: &str, ids: &[String]) -> Request {
    let members = people::members(ids.iter().map(String::as_str));
    let body = people::patch(&json!([{"op": "add", "path": "members", "value": members}]));
    Request::with(
        Method::PATCH,
        format!("/Groups/{group}"),
        &body,
        Right::Done,
    )
}

fn remove(group: &str, id: &str) -> Request {
    let body =
        people::patch(&json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]));
    Request::with(
        Method::PATCH,
        format!("/Groups/{group}"),
        &body,
        Right::Done,
    )
}
