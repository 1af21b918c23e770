//! Resource usage of processes, from `/proc`: CPU time including children, and memory.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Ticks per second in `/proc`, which Linux fixes for programs.
const TICKS: f64 = 100.0;

/// Interval of reads of the memory of a process.
const SAMPLE: Duration = Duration::from_millis(100);

/// A process and all its descendants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family(pub(crate) u32);

impl Family {
    /// Seconds of CPU since the start, including ended children.
    pub(crate) fn cpu(self) -> f64 {
        self.processes()
            .into_iter()
            .filter_map(stat)
            .map(|(_, cpu)| cpu)
            .sum()
    }

    fn processes(self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let number = process
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            let Some((number, (parent, _))) =
                number.and_then(|number| Some((number, stat(number)?)))
            else {
                continue;
            };
            children.entry(parent).or_default().push(number);
        }
        let mut all = vec![self.0];
        let mut next = 0;
        while let Some(process) = all.get(next) {
            all.extend(
                children
                    .get(process)
                    .into_iter()
                    .flatten()
                    .copied()
                    .collect::<Vec<_>>(),
            );
            next += 1;
        }
        all
    }
}

/// The parent of a process, and the seconds of CPU it used.
fn stat(process: u32) -> Option<(u32, f64)> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name is in brackets and can contain any character.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: f64 = fields
        .get(11..15)?
        .iter()
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Some((fields.get(1)?.parse().ok()?, ticks / TICKS))
}

fn status(process: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) / 1024.0
}

/// Current memory of a process in MiB.
pub(crate) fn memory(process: u32) -> f64 {
    status(process, "VmRSS")
}

/// Peak memory of a process in MiB since its start, or since [`forget_peak`].
pub(crate) fn peak(process: u32) -> f64 {
    status(process, "VmHWM")
}

/// Resets the peak.
pub(crate) fn forget_peak(process: u32) {
    // Without permission the peak covers the whole lifetime, which is never less.
    let _ = fs::write(format!("/proc/{process}/clear_refs"), "5");
}

/// Seconds of CPU of the whole machine since its start.
pub(crate) fn machine() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<f64> = text
        .lines()
        .next()
        .unwrap_or("")
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    // user, nice, system, interrupts, and those deferred
    [0, 1, 2, 5, 6]
        .iter()
        .filter_map(|at| fields.get(*at))
        .sum::<f64>()
        / TICKS
}

/// Seconds of CPU of this program, including ended children such as pgbench.
pub(crate) fn own_cpu() -> f64 {
    stat(std::process::id()).map_or(0.0, |(_, cpu)| cpu)
}

/// Reads the memory of a process until it is stopped.
pub(crate) struct Watch {
    over: Arc<AtomicBool>,
    reader: JoinHandle<f64>,
}

impl Watch {
    pub(crate) fn start(process: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let stop = over.clone();
        let reader = thread::spawn(move || {
            let mut most = 0.0_f64;
            while !stop.load(Ordering::Relaxed) {
                most = most.max(memory(process));
                thread::sleep(SAMPLE);
            }
            most
        });
        Self { over, reader }
    }

    /// The maximum observed MiB.
    pub(crate) fn stop(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        self.reader.join().unwrap_or_default()
    }
}
