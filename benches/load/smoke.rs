//! A short run of every phase, as a test of the load program: responses are checked, nothing is timed.

use crate::database;
use crate::instance::Instance;
use crate::null;
use crate::output::Output;
use crate::phase::Phase;
use crate::population::Population;
use crate::round::Measure;
use crate::share;
use std::fs;
use std::rc::Rc;

const NAME: &str = "load::every_phase_is_answered";

/// Runs as a test program, whose arguments select tests by their names.
pub(crate) async fn run() -> Result<u64, String> {
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .peekable();
    let is_chosen = words.peek().is_none() || words.any(|word| NAME.contains(&word));
    if std::env::args().any(|word| word == "--list") || !is_chosen {
        return Ok(0);
    }
    let wrong = every_phase().await? + u64::from(!share::is_sound());
    let (word, passed) = if wrong == 0 { ("ok", 1) } else { ("FAILED", 0) };
    println!("test {NAME} ... {word}");
    println!(
        "test result: {word}. {passed} passed; {} failed; 0 ignored",
        1 - passed
    );
    Ok(wrong)
}

async fn every_phase() -> Result<u64, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let population = Population {
        seed: 5,
        users: 1200,
        sizes: vec![10, 500],
    };
    let program = crate::program();
    let (database, _) = database::sqlite(&program, &population, folder.path(), "smoke")?;
    let instance =
        Rc::new(Instance::start("smoke", &program, &database, population.clone(), &[]).await?);
    let measure = Measure {
        seconds: 10.0,
        operations: 24,
    };
    let mut out = Output::new(None)?;
    let null = null::instance(&program, &population, folder.path(), None, &mut out).await?;
    let of_null = Phase::all(&population.sizes)
        .into_iter()
        .filter(|phase| phase.is_of_null());
    let of_null = of_null.map(|phase| (&null, phase));
    let phases = Phase::all(&population.sizes)
        .into_iter()
        .map(|phase| (&instance, phase));
    let mut wrong = 0;
    for (instance, phase) in phases.chain(of_null) {
        let round = instance.round(phase, phase.clients(4), measure).await;
        let idle = u64::from(round.operations() == 0 && round.wrong == 0);
        if let Some(why) = round
            .first_wrong
            .or_else(|| (idle > 0).then(|| "nothing was done".to_owned()))
        {
            println!("{}: {phase}: {why}", instance.label);
        }
        wrong += round.wrong + idle;
    }
    drop((instance, null));
    let _ = fs::remove_dir_all(folder.path());
    Ok(wrong)
}
