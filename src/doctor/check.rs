//! What a check is, and how one ends.

use serde::Serialize;

/// An identity provider whose use of SCIM is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Provider {
    /// Okta: custom apps and apps of its catalogue.
    Okta,
    /// Microsoft Entra ID.
    Entra,
}

pub(super) const BOTH: &[Provider] = &[Provider::Okta, Provider::Entra];
pub(super) const OKTA: &[Provider] = &[Provider::Okta];
pub(super) const ENTRA: &[Provider] = &[Provider::Entra];

/// One thing that identity providers count on.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Check {
    /// What is tried, in a few words; unique.
    pub name: &'static str,
    /// Which identity providers do this.
    pub needed_by: &'static [Provider],
    /// What a sound server does.
    pub expected: &'static str,
    /// What goes wrong without it.
    pub why: &'static str,
}

/// Why a check did not end well; with what came instead of what was expected.
#[derive(Debug)]
pub(super) enum Trouble {
    /// An identity provider stumbles over this.
    Fails(String),
    /// It copes, but somebody should know.
    Notes(String),
}

/// How a check ends: with something for those that follow, or not well.
pub(super) type Verdict<T = ()> = Result<T, Trouble>;

/// The end of a check that failed.
pub(super) fn fails<T>(came: impl Into<String>) -> Verdict<T> {
    Err(Trouble::Fails(came.into()))
}

/// The end of a check that is worth a note.
pub(super) fn notes<T>(came: impl Into<String>) -> Verdict<T> {
    Err(Trouble::Notes(came.into()))
}
