//! The cost of a part of a program, from a profile of callgrind: the inclusive instructions of its functions.

use std::collections::HashMap;

/// Numbered names in a profile, such as `fn=(7) main` and `fn=(7)` afterwards.
#[derive(Default)]
struct Numbered(HashMap<String, String>);

impl Numbered {
    fn name(&mut self, text: &str) -> String {
        let Some((number, name)) = text.split_once(')') else {
            return text.to_owned();
        };
        let name = name.trim_start();
        if name.is_empty() {
            return self.0.get(number).cloned().unwrap_or_default();
        }
        self.0.insert(number.to_owned(), name.to_owned());
        name.to_owned()
    }
}

/// Inclusive instructions of functions whose names contain a text. Inlined functions are not found: measure a build
/// without optimization.
pub(crate) fn of(profile: &str, part: &str) -> f64 {
    let (mut names, mut sum) = (Numbered::default(), 0.0);
    let (mut is_own, mut is_called_own, mut is_call) = (false, false, false);
    for line in profile.lines() {
        if let Some(text) = line.strip_prefix("fn=") {
            is_own = names.name(text).contains(part);
        } else if let Some(text) = line.strip_prefix("cfn=") {
            is_called_own = names.name(text).contains(part);
        } else if line.starts_with("calls=") {
            // The next line has the cost of the calls.
            is_call = true;
        } else if line.starts_with(['+', '-', '*'])
            || line.starts_with(|c: char| c.is_ascii_digit())
        {
            let cost = line.split_whitespace().nth(1);
            let cost: f64 = cost.and_then(|cost| cost.parse().ok()).unwrap_or_default();
            // Calls between functions of the part are counted once.
            if is_own && !(is_call && is_called_own) {
                sum += cost;
            }
            is_call = false;
        }
    }
    sum
}

/// A part whose functions call each other, and another function.
const SAMPLE: &str = "fn=(1) a::note\n10 5\ncfn=(2) a::totals\ncalls=1 +3\n* 7\ncfn=(3) b::get\ncalls=1 +3\n* 11\n\n\
    fn=(2)\n20 7\n\nfn=(3)\n30 11\n+1 2\n";

/// Whether the sums are correct, for the check of the load program.
pub(crate) fn is_sound() -> bool {
    [("a::", 23.0), ("b::", 13.0), ("c::", 0.0)]
        .iter()
        .all(|(part, sum)| (of(SAMPLE, part) - sum).abs() < 1e-9)
}
