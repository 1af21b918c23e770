//! Deactivates and reactivates the user, as identity providers do when a person leaves and returns.

use crate::account::{duplicate, found, main_user};
use crate::check::{BOTH, Check, CheckResult, OKTA};
use crate::report::Report;
use crate::response::has_value;
use crate::target::{Target, at};
use serde_json::json;

const PATCH_INACTIVE: Check = Check {
    name: "deactivate by PATCH",
    needed_by: OKTA,
    expected: "200 or 204, and the next read shows active false",
    why: "apps of Okta's catalogue remove access like this",
};
const READ: Check = Check {
    name: "inactive user can be read",
    needed_by: BOTH,
    expected: "200 with active false",
    why: "a 404 means deleted: the user is created again on return, and the data of the old account is orphaned",
};
const LOOKUP: Check = Check {
    name: "inactive user is found",
    needed_by: BOTH,
    expected: "the lookup returns the user with active false",
    why: "on return both look up the user; if it is not found, they create it again and get a 409 in every cycle",
};
const DUPLICATE: Check = Check {
    name: "create the name of an inactive user",
    needed_by: BOTH,
    expected: "409 with a SCIM error of scimType uniqueness",
    why: "otherwise there are two accounts with one name when the first is reactivated",
};
const PATCH_ACTIVE: Check = Check {
    name: "reactivate by PATCH",
    needed_by: OKTA,
    expected: "200 or 204, and the next read shows active true",
    why: "apps of Okta's catalogue restore access like this",
};
const PUT_INACTIVE: Check = Check {
    name: "deactivate by PUT",
    needed_by: OKTA,
    expected: "200, and the next read shows active false",
    why: "custom apps of Okta remove access like this",
};
const PUT_ACTIVE: Check = Check {
    name: "reactivate by PUT",
    needed_by: OKTA,
    expected: "200, and the next read shows active true",
    why: "custom apps of Okta restore access like this",
};

/// Runs the checks of deactivation of a user.
pub(crate) async fn examine(target: &Target, report: &mut Report, user: &str) {
    let path = at("/Users", user);
    report.section("Deactivation and reactivation");
    report
        .run(&PUT_INACTIVE, by_put(target, &path, false))
        .await;
    report.run(&PUT_ACTIVE, by_put(target, &path, true)).await;
    report
        .run(&PATCH_INACTIVE, by_patch(target, &path, false))
        .await;
    // The following checks need an inactive user, also if the PATCH of Okta fails or is not sent.
    let operations = json!([{"op": "replace", "path": "active", "value": false}]);
    let _ = target.patch(&path, operations).await;
    report.run(&READ, read(target, &path)).await;
    report.run(&LOOKUP, is_found(target, user)).await;
    report
        .run(&DUPLICATE, duplicate(target, &main_user(target)))
        .await;
    report
        .run(&PATCH_ACTIVE, by_patch(target, &path, true))
        .await;
}

async fn by_patch(target: &Target, path: &str, active: bool) -> CheckResult {
    target
        .patch(
            path,
            json!([{"op": "replace", "value": {"active": active}}]),
        )
        .await?;
    has_value(&target.read(path).await?, "/active", &json!(active))
}

async fn by_put(target: &Target, path: &str, active: bool) -> CheckResult {
    let mut user = target.read(path).await?;
    user["active"] = json!(active);
    let after = target.put(path, &user).await?.resource(200)?;
    has_value(&after, "/active", &json!(active))?;
    has_value(&target.read(path).await?, "/active", &json!(active))
}

async fn read(target: &Target, path: &str) -> CheckResult {
    has_value(&target.read(path).await?, "/active", &json!(false))
}

async fn is_found(target: &Target, id: &str) -> CheckResult {
    found(target, &main_user(target), id).await?;
    let user = target
        .lookup("/Users", &main_user(target))
        .await?
        .single()?;
    has_value(&user, "/active", &json!(false))
}
