//! The content types of all answers.

use super::chart::Chart;
use super::check::{BOTH, Check, Verdict, fails, notes};
use super::patient::Patient;

const KINDS: Check = Check {
    name: "content type of every answer",
    needed_by: BOTH,
    expected: "application/scim+json wherever there is a body",
    why: "Entra's validator stops at any other; a text or a page of HTML fails the task with a JSON error",
};

pub(super) async fn examine(patient: &Patient, chart: &mut Chart) {
    chart.section("Content types");
    chart.run(&KINDS, kinds(patient)).await;
}

async fn kinds(patient: &Patient) -> Verdict {
    let odd = patient.odd_kinds();
    let told = |(kind, first): (&String, &String)| {
        let kind = if kind.is_empty() {
            "no content type"
        } else {
            kind
        };
        format!("{kind} with {first}")
    };
    let all = odd.iter().map(told).collect::<Vec<_>>().join("; ");
    match odd.keys().all(|kind| kind == "application/json") {
        _ if odd.is_empty() => Ok(()),
        true => notes(all),
        false => fails(all),
    }
}
