//! `count`: instructions of a request, by valgrind. They do not depend on the load of the machine, and show differences
//! that a clock cannot; kernel code is not included.

use crate::cluster::tool;
use crate::database;
use crate::instance::Instance;
use crate::options::Count;
use crate::output::Output;
use crate::round::Measure;
use crate::run::{cluster, phases, population};
use crate::share;
use crate::tally::rounded;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

/// Requests before the count begins: statements are prepared by then.
const WARM: u64 = 20;

pub(crate) async fn run(asked: Count) -> Result<u64, String> {
    let (common, program) = (
        &asked.run.common,
        asked
            .run
            .program
            .first()
            .cloned()
            .unwrap_or_else(crate::program),
    );
    let folder = common.folder.join("callgrind");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut out = Output::new(common.out.as_deref())?;
    let cluster = if asked.run.postgres {
        Some(cluster(common)?)
    } else {
        None
    };
    let population = population(&asked.run);
    let (database, _) = match &cluster {
        Some(cluster) => cluster.filled(&program, &population, &common.folder, "count")?,
        None => database::sqlite(&program, &population, &common.folder, "count")?,
    };
    let under = ["valgrind", "--tool=callgrind", "--instr-atstart=no"].map(str::to_owned);
    let file = format!("--callgrind-out-file={}", folder.join("out").display());
    let instance = Instance::start(
        "scimd",
        &program,
        &database,
        population,
        &[under.as_slice(), &[file]].concat(),
    )
    .await?;
    let (instance, mut wrong) = (Rc::new(instance), 0);
    let process = instance.process.ok_or("the server has no process")?;
    let measure = |operations| Measure {
        seconds: 600.0,
        operations,
    };
    for phase in phases(&asked.run) {
        out.now(&phase.to_string());
        wrong += instance.round(phase, 1, measure(WARM)).await.wrong;
        control(process, &["-z"])?;
        control(process, &["-i", "on"])?;
        let round = instance.round(phase, 1, measure(asked.requests)).await;
        control(process, &["-i", "off"])?;
        control(process, &["-d", "counted"])?;
        let profile = folder.join(format!("{phase}.callgrind"));
        let output = newest(&folder, &profile)?;
        let all = sum(&output)?;
        let requests = (round.operations() as f64).max(1.0);
        let each = all / requests / 1000.0;
        out.say(&format!(
            "{:<22}{each:>10.0} thousand instructions a request",
            phase.to_string()
        ));
        for part in &asked.parts {
            let own = share::of(&output, part) / requests / 1000.0;
            let percent = own / each * 100.0;
            out.say(&format!(
                "    {own:>10.1} of them in {part}: {percent:.2} %"
            ));
        }
        out.line(
            &json!({"kind": "count", "phase": phase.to_string(), "requests": round.operations(),
            "kiloInstructions": rounded(each), "wrong": round.wrong}),
        );
        wrong += round.wrong;
    }
    out.say(&format!(
        "callgrind_annotate --inclusive=yes {}/PHASE.callgrind shows the cost by function",
        folder.display()
    ));
    Ok(wrong)
}

fn control(process: u32, arguments: &[&str]) -> Result<(), String> {
    tool(
        Command::new("callgrind_control")
            .args(arguments)
            .arg(process.to_string()),
    )
    .map(|_| ())
}

/// Renames the newest profile, and reads it.
fn newest(folder: &Path, profile: &Path) -> Result<String, String> {
    let text = |error: std::io::Error| error.to_string();
    let dumps = fs::read_dir(folder).map_err(text)?.flatten();
    let dumps = dumps.filter(|file| file.file_name().to_string_lossy().starts_with("out."));
    let newest = dumps.max_by_key(|file| file.metadata().and_then(|about| about.modified()).ok());
    let newest = newest.ok_or("valgrind has written no profile")?.path();
    fs::rename(newest, profile).map_err(text)?;
    fs::read_to_string(profile).map_err(text)
}

/// All instructions of a profile.
fn sum(output: &str) -> Result<f64, String> {
    let sum = output.lines().find_map(|line| line.strip_prefix("totals:"));
    sum.and_then(|sum| sum.trim().parse().ok())
        .ok_or_else(|| "a profile without a sum".to_owned())
}
