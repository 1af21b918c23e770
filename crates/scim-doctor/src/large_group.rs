//! A large group, and parallel changes.

use crate::body::references;
use crate::check::{BOTH, Check, CheckResult, Problem, failure};
use crate::member::has_exactly;
use crate::report::Report;
use crate::target::{Target, at};
use serde_json::json;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Maximum number of parallel requests.
const PARALLEL: usize = 8;

const USERS: Check = Check {
    name: "create the users of a large group",
    needed_by: BOTH,
    expected: "201 for each, with eight parallel requests",
    why: "the assignment of a department sends these requests",
};
const PARALLEL_ADDS: Check = Check {
    name: "eight members added in parallel",
    needed_by: BOTH,
    expected: "200 or 204 for each, and the next read shows all of them",
    why: "both send changes of one group in parallel; a server without locks or versions loses members",
};
const LARGE: Check = Check {
    name: "large group in one request",
    needed_by: BOTH,
    expected: "200 or 204 within 60 s, and the next read shows every member",
    why: "the first push sends many members, and Okta waits 60 s",
};
const ONE_MORE: Check = Check {
    name: "one more member of a large group",
    needed_by: BOTH,
    expected: "200 or 204, and the next read shows every member",
    why: "the cost of a small change must not depend on the size of the group",
};

/// Runs the checks; `members` is the size of the large group.
pub(crate) async fn examine(target: &Arc<Target>, report: &mut Report, members: usize) {
    report.section("Large group");
    let Some(users) = report
        .run(&USERS, users(target, members.max(PARALLEL) + 1))
        .await
    else {
        return report.skip_rest("the users could not be created");
    };
    report
        .run(&PARALLEL_ADDS, parallel_adds(target, &users))
        .await;
    if let Some(path) = report
        .run(
            &LARGE,
            large(target, users.get(..members).unwrap_or(&users)),
        )
        .await
    {
        report
            .run(&ONE_MORE, one_more(target, &path, &users, members))
            .await;
    }
}

/// Creates users; returns their ids.
async fn users(target: &Arc<Target>, count: usize) -> CheckResult<Vec<String>> {
    let (mut users, mut problem) = (Vec::with_capacity(count), None);
    let mut running = JoinSet::new();
    let mut numbers = 0..count;
    loop {
        while problem.is_none()
            && running.len() < PARALLEL
            && let Some(number) = numbers.next()
        {
            let target = target.clone();
            running.spawn(async move { target.create_user(&format!("member{number}")).await });
        }
        // After a problem, requests in progress are still awaited: cleanup must know the users that they create.
        match running.join_next().await {
            None => break,
            Some(Ok(Ok(id))) => users.push(id),
            Some(Ok(Err(Problem::Failure(actual) | Problem::Note(actual)))) => {
                problem = problem.or(Some(actual));
            }
            Some(Err(error)) => problem = problem.or(Some(error.to_string())),
        }
    }
    match problem {
        None => Ok(users),
        Some(actual) => failure(format!(
            "{actual}; {} of {count} users were created",
            users.len()
        )),
    }
}

async fn parallel_adds(target: &Arc<Target>, users: &[String]) -> CheckResult {
    let members = users.get(..PARALLEL).unwrap_or(users);
    let group = target.create_group(&target.name("parallel"), &[]).await?;
    let path = at("/Groups", &group);
    let mut running = JoinSet::new();
    for member in members {
        let (target, path, member) = (target.clone(), path.clone(), member.clone());
        running.spawn(async move {
            let value = json!([{"value": member}]);
            target
                .patch(
                    &path,
                    json!([{"op": "add", "path": "members", "value": value}]),
                )
                .await
        });
    }
    for result in running.join_all().await {
        result?;
    }
    has_exactly(&target.read(&path).await?, members)
}

async fn large(target: &Target, users: &[String]) -> CheckResult<String> {
    let group = target.create_group(&target.name("large"), &[]).await?;
    let path = at("/Groups", &group);
    target
        .patch(
            &path,
            json!([{"op": "add", "path": "members", "value": references(users)}]),
        )
        .await?;
    has_exactly(&target.read(&path).await?, users)?;
    Ok(path)
}

async fn one_more(target: &Target, path: &str, users: &[String], members: usize) -> CheckResult {
    let value = references(users.get(members..=members).unwrap_or_default());
    target
        .patch(
            path,
            json!([{"op": "add", "path": "members", "value": value}]),
        )
        .await?;
    has_exactly(
        &target.read(path).await?,
        users.get(..=members).unwrap_or(users),
    )
}
