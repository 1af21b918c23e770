//! The outcome of an attempt to send an event.

use super::item::Millis;

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    /// The receiver accepted it.
    Accepted,
    /// The receiver refused it.
    Refused,
    /// There was no response.
    NoAnswer,
    /// The receiver requested a pause.
    Pause(Millis),
    /// The receiver will never accept it.
    GivenUp,
    /// The receiver is gone for good.
    Gone,
    /// This server aborted the attempt.
    CutOff,
}

impl AttemptOutcome {
    /// A keyword, for metrics.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::NoAnswer => "no-answer",
            Self::Pause(_) => "pause",
            Self::GivenUp => "given-up",
            Self::Gone => "gone",
            Self::CutOff => "cut-off",
        }
    }
}
