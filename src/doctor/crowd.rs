//! Many members, and many at once.

use super::body::references;
use super::chart::Chart;
use super::check::{BOTH, Check, Trouble, Verdict, fails};
use super::member::are;
use super::patient::{Patient, at};
use serde_json::json;
use std::sync::Arc;
use tokio::task::JoinSet;

/// How many requests are under way at once.
const PARALLEL: usize = 8;

const PEOPLE: Check = Check {
    name: "create the users of a large group",
    needed_by: BOTH,
    expected: "201 for each, eight requests at a time",
    why: "an assignment of a department comes like this",
};
const RACE: Check = Check {
    name: "eight members at the same moment",
    needed_by: BOTH,
    expected: "200 or 204 for each, and the next read shows all of them",
    why: "both send the changes of one group in parallel; a server that reads, changes and writes loses members",
};
const LARGE: Check = Check {
    name: "large group in one request",
    needed_by: BOTH,
    expected: "200 or 204 within 60 s, and the next read shows every member",
    why: "a first push carries many members, and Okta waits 60 s",
};
const ONE_MORE: Check = Check {
    name: "one more member of a large group",
    needed_by: BOTH,
    expected: "200 or 204, and the next read shows every member",
    why: "daily changes of a large group must not cost what the group does",
};

/// `members` is the size of the large group.
pub(super) async fn examine(patient: &Arc<Patient>, chart: &mut Chart, members: usize) {
    chart.section("Many at once");
    let Some(people) = chart
        .run(&PEOPLE, people(patient, members.max(PARALLEL) + 1))
        .await
    else {
        return chart.give_up("not all users could be made");
    };
    chart.run(&RACE, race(patient, &people)).await;
    if let Some(path) = chart
        .run(
            &LARGE,
            large(patient, people.get(..members).unwrap_or(&people)),
        )
        .await
    {
        chart
            .run(&ONE_MORE, one_more(patient, &path, &people, members))
            .await;
    }
}

/// Makes so many users; gives their ids.
async fn people(patient: &Arc<Patient>, count: usize) -> Verdict<Vec<String>> {
    let (mut people, mut trouble) = (Vec::with_capacity(count), None);
    let mut running = JoinSet::new();
    let mut numbers = 0..count;
    loop {
        while trouble.is_none()
            && running.len() < PARALLEL
            && let Some(number) = numbers.next()
        {
            let patient = patient.clone();
            running.spawn(async move { patient.person(&format!("member{number}")).await });
        }
        // Those under way are waited for also after trouble: the server may make them still, and they must not stay.
        match running.join_next().await {
            None => break,
            Some(Ok(Ok(id))) => people.push(id),
            Some(Ok(Err(Trouble::Fails(came) | Trouble::Notes(came)))) => {
                trouble = trouble.or(Some(came));
            }
            Some(Err(error)) => trouble = trouble.or(Some(error.to_string())),
        }
    }
    match trouble {
        None => Ok(people),
        Some(came) => fails(format!(
            "{came}; {} of {count} users were made",
            people.len()
        )),
    }
}

async fn race(patient: &Arc<Patient>, people: &[String]) -> Verdict {
    let racers = people.get(..PARALLEL).unwrap_or(people);
    let group = patient.group(&patient.name("race"), &[]).await?;
    let path = at("/Groups", &group);
    let mut running = JoinSet::new();
    for member in racers {
        let (patient, path, member) = (patient.clone(), path.clone(), member.clone());
        running.spawn(async move {
            let value = json!([{"value": member}]);
            patient
                .patch(
                    &path,
                    json!([{"op": "add", "path": "members", "value": value}]),
                )
                .await
        });
    }
    for ended in running.join_all().await {
        ended?;
    }
    are(&patient.read(&path).await?, racers)
}

async fn large(patient: &Patient, people: &[String]) -> Verdict<String> {
    let group = patient.group(&patient.name("large"), &[]).await?;
    let path = at("/Groups", &group);
    patient
        .patch(
            &path,
            json!([{"op": "add", "path": "members", "value": references(people)}]),
        )
        .await?;
    are(&patient.read(&path).await?, people)?;
    Ok(path)
}

async fn one_more(patient: &Patient, path: &str, people: &[String], members: usize) -> Verdict {
    let value = references(people.get(members..=members).unwrap_or_default());
    patient
        .patch(
            path,
            json!([{"op": "add", "path": "members", "value": value}]),
        )
        .await?;
    are(
        &patient.read(path).await?,
        people.get(..=members).unwrap_or(people),
    )
}
