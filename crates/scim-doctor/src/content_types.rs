//! The content types of all responses.

use crate::check::{BOTH, Check, CheckResult, failure, note};
use crate::report::Report;
use crate::target::Target;

const CONTENT_TYPES: Check = Check {
    name: "content type of every response",
    needed_by: BOTH,
    expected: "application/scim+json on every response with a body",
    why: "Entra's validator accepts no other; a plain text or HTML body fails the task with a JSON error",
};

/// Runs the checks of media types.
pub(crate) async fn examine(target: &Target, report: &mut Report) {
    report.section("Content types");
    report.run(&CONTENT_TYPES, content_types(target)).await;
}

async fn content_types(target: &Target) -> CheckResult {
    let others = target.other_content_types();
    let describe = |(content_type, request): (&String, &String)| {
        let content_type = if content_type.is_empty() {
            "no content type"
        } else {
            content_type
        };
        format!("{content_type} with {request}")
    };
    let all = others.iter().map(describe).collect::<Vec<_>>().join("; ");
    match others
        .keys()
        .all(|content_type| content_type == "application/json")
    {
        _ if others.is_empty() => Ok(()),
        true => note(all),
        false => failure(all),
    }
}
