//! Suggestions for unknown names.

/// The known name with the smallest edit distance, unless it is too large.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_ascii_lowercase();
    let slips = |name: &str| strsim::damerau_levenshtein(&wrong, &name.to_ascii_lowercase());
    let (count, name) = known
        .map(|name| (slips(name), name))
        .min_by_key(|(count, _)| *count)?;
    (count <= (name.len() / 3).max(2)).then_some(name)
}
