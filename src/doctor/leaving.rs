//! The person leaves and comes back.

use super::account::{duplicate, found, jane};
use super::answer::shows;
use super::chart::Chart;
use super::check::{BOTH, Check, OKTA, Verdict};
use super::patient::{Patient, at};
use serde_json::json;

const PATCH_OFF: Check = Check {
    name: "deactivate by PATCH",
    needed_by: OKTA,
    expected: "200 or 204, and the next read shows active false",
    why: "so apps of Okta's catalogue take access away",
};
const STILL_READ: Check = Check {
    name: "inactive user can be read",
    needed_by: BOTH,
    expected: "200 with active false",
    why: "a 404 means deleted: the person is made again on return, and their data is orphaned",
};
const STILL_FOUND: Check = Check {
    name: "inactive user is found",
    needed_by: BOTH,
    expected: "the lookup gives the user, with active false",
    why: "on return both look the person up; who is not found is made again and meets a 409 for ever",
};
const TAKEN: Check = Check {
    name: "create the name of an inactive user",
    needed_by: BOTH,
    expected: "409 with a SCIM error of scimType uniqueness",
    why: "otherwise there are two accounts of one name when the first is reactivated",
};
const PATCH_ON: Check = Check {
    name: "reactivate by PATCH",
    needed_by: OKTA,
    expected: "200 or 204, and the next read shows active true",
    why: "so apps of Okta's catalogue give access again",
};
const PUT_OFF: Check = Check {
    name: "deactivate by PUT",
    needed_by: OKTA,
    expected: "200, and the next read shows active false",
    why: "so custom apps of Okta take access away",
};
const PUT_ON: Check = Check {
    name: "reactivate by PUT",
    needed_by: OKTA,
    expected: "200, and the next read shows active true",
    why: "so custom apps of Okta give access again",
};

pub(super) async fn examine(patient: &Patient, chart: &mut Chart, user: &str) {
    let path = at("/Users", user);
    chart.section("The person leaves and returns");
    chart.run(&PUT_OFF, by_put(patient, &path, false)).await;
    chart.run(&PUT_ON, by_put(patient, &path, true)).await;
    chart.run(&PATCH_OFF, by_patch(patient, &path, false)).await;
    // Okta's way in is another check than what holds after it, also when Entra alone is played.
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let _ = patient.patch(&path, off).await;
    chart.run(&STILL_READ, read(patient, &path)).await;
    chart.run(&STILL_FOUND, is_found(patient, user)).await;
    chart.run(&TAKEN, duplicate(patient, &jane(patient))).await;
    chart.run(&PATCH_ON, by_patch(patient, &path, true)).await;
}

async fn by_patch(patient: &Patient, path: &str, active: bool) -> Verdict {
    patient
        .patch(
            path,
            json!([{"op": "replace", "value": {"active": active}}]),
        )
        .await?;
    shows(&patient.read(path).await?, "/active", &json!(active))
}

async fn by_put(patient: &Patient, path: &str, active: bool) -> Verdict {
    let mut user = patient.read(path).await?;
    user["active"] = json!(active);
    let after = patient.put(path, &user).await?.resource(200)?;
    shows(&after, "/active", &json!(active))?;
    shows(&patient.read(path).await?, "/active", &json!(active))
}

async fn read(patient: &Patient, path: &str) -> Verdict {
    shows(&patient.read(path).await?, "/active", &json!(false))
}

async fn is_found(patient: &Patient, user: &str) -> Verdict {
    found(patient, &jane(patient), user).await?;
    let there = patient.lookup("/Users", &jane(patient)).await?.only()?;
    shows(&there, "/active", &json!(false))
}
