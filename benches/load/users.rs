//! Generated users: all values are derived from a seed and a number, so that a run does not store them.

use serde_json::{Value, json};
use uuid::{Builder, Uuid};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

const GIVEN: [&str; 24] = [
    "Adaeze", "Björn", "Carmen", "Dinesh", "Edith", "Fatou", "Giorgio", "Hannah", "Ivo", "Jelena",
    "Kwame", "Lucía", "Mehmet", "Ngozi", "Olga", "Pavel", "Qiang", "Ruth", "Sanjay", "Thandi",
    "Ulrike", "Vera", "Wim", "Yara",
];
const FAMILY: [&str; 24] = [
    "Abbot",
    "Brandt",
    "Chaudhry",
    "Delgado",
    "Eklund",
    "Ferrari",
    "Gupta",
    "Haddad",
    "Ivanova",
    "Jørgensen",
    "Kim",
    "Laurent",
    "Mbeki",
    "Nguyen",
    "O'Neill",
    "Papadakis",
    "Quintero",
    "Rahman",
    "Silva",
    "Tóth",
    "Usman",
    "Vogel",
    "Wójcik",
    "Zhou",
];
const PLACE: [(&str, &str); 6] = [
    ("Utrecht", "3511 AA"),
    ("Leipzig", "04109"),
    ("Cork", "T12 X70A"),
    ("Malmö", "211 19"),
    ("Porto", "4000-008"),
    ("Ghent", "9000"),
];
const TITLE: [&str; 6] = [
    "Account Manager",
    "Nurse",
    "Buyer",
    "Systems Engineer",
    "Editor",
    "Site Lead",
];
const DEPARTMENT: [&str; 6] = [
    "Care",
    "Field Service",
    "Purchasing",
    "Platform",
    "Press",
    "Works",
];

/// A reproducible random choice (SplitMix64).
pub(crate) fn chance(seed: u64, of: u64, number: u64) -> u64 {
    let mut mixed = seed.rotate_left(17) ^ of.rotate_left(41) ^ number;
    for _ in 0..2 {
        mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
    }
    mixed
}

fn pick<T: Copy>(from: &[T], by: u64) -> T {
    from[usize::try_from(by % from.len() as u64).unwrap_or(0)]
}

/// A generated user of the tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) seed: u64,
    pub(crate) number: u64,
}

impl User {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        Self { seed, number }
    }

    fn drawn(self, of: u64) -> u64 {
        chance(self.seed, of, self.number)
    }

    /// The id in an import.
    pub(crate) fn id(self) -> Uuid {
        id(self.seed, 1, self.number)
    }

    pub(crate) fn given(self) -> &'static str {
        pick(&GIVEN, self.drawn(3))
    }

    pub(crate) fn family(self) -> &'static str {
        pick(&FAMILY, self.drawn(4))
    }

    pub(crate) fn user_name(self) -> String {
        format!("p{}.{}@tenant.example", self.number, self.seed)
    }

    /// An externalId like Okta's, with 20 characters.
    pub(crate) fn external_id(self) -> String {
        format!("00u{:017x}", self.drawn(5) >> 1)
    }

    pub(crate) fn email(self) -> String {
        format!("user.{}.{}@mail.example", self.number, self.seed)
    }

    /// Okta's POST body for a user with a full profile, about 1.2 KB.
    pub(crate) fn body(self) -> Value {
        let (given, family) = (self.given(), self.family());
        let (city, code) = pick(&PLACE, self.drawn(6));
        json!({
            "schemas": [USER, ENTERPRISE],
            "userName": self.user_name(),
            "name": {"givenName": given, "familyName": family, "formatted": format!("{given} {family}")},
            "displayName": format!("{given} {family}"),
            "nickName": given,
            "title": pick(&TITLE, self.drawn(7)),
            "userType": "Employee",
            "preferredLanguage": "en-GB",
            "locale": "en-GB",
            "timezone": "Europe/Amsterdam",
            "externalId": self.external_id(),
            "active": true,
            "emails": [
                {"primary": true, "value": self.email(), "type": "work"},
                {"primary": false, "value": format!("{}.home@post.example", self.number), "type": "home"}
            ],
            "phoneNumbers": [
                {"primary": true, "value": format!("+31 20 {:07}", self.drawn(8) % 10_000_000), "type": "work"},
                {"value": format!("+31 6 {:08}", self.drawn(9) % 100_000_000), "type": "mobile"}
            ],
            "addresses": [{
                "type": "work", "primary": true, "streetAddress": format!("Stationsweg {}", self.drawn(10) % 400 + 1),
                "locality": city, "postalCode": code, "country": "NL"
            }],
            "groups": [],
            ENTERPRISE: {
                "employeeNumber": format!("{:07}", self.number), "costCenter": format!("C{:03}", self.drawn(11) % 300),
                "organization": "Tenant Example", "division": "North", "department": pick(&DEPARTMENT, self.drawn(12))
            }
        })
    }
}

/// The id of an imported resource; `of` distinguishes kinds.
pub(crate) fn id(seed: u64, of: u64, number: u64) -> Uuid {
    let halves = [
        chance(seed, of.wrapping_add(100), number),
        chance(seed, of.wrapping_add(200), number),
    ];
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&halves[0].to_be_bytes());
    bytes[8..].copy_from_slice(&halves[1].to_be_bytes());
    Builder::from_random_bytes(bytes).into_uuid()
}

/// A PATCH body.
pub(crate) fn patch(operations: &Value) -> Value {
    json!({"schemas": [PATCH], "Operations": operations})
}

/// Okta's deactivation and reactivation of a user.
pub(crate) fn set_active(active: bool) -> Value {
    patch(&json!([{"op": "replace", "value": {"active": active}}]))
}

/// A `members` value.
pub(crate) fn members<'a>(ids: impl IntoIterator<Item = &'a str>) -> Value {
    ids.into_iter().map(|id| json!({"value": id})).collect()
}

/// The id of an imported group.
pub(crate) fn group_id(seed: u64, number: u64) -> String {
    id(seed, 2, number).to_string()
}

/// The body of a group without members.
pub(crate) fn group(name: &str) -> Value {
    json!({"schemas": [GROUP], "displayName": name})
}
