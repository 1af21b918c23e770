//! The difference between the response in a file and the actual one.

/// The lines of both; lines of only one are marked `-` (file) or `+` (server).
pub(super) fn difference(expected: &[String], came: &[String]) -> String {
    let mut text = String::new();
    let (mut i, mut j) = (0, 0);
    let common = common(expected, came);
    while i < expected.len() || j < came.len() {
        let both = i < expected.len() && j < came.len();
        let (mark, line) = if both && expected[i] == came[j] {
            (i, j) = (i + 1, j + 1);
            (' ', &came[j - 1])
        } else if i < expected.len() && (j == came.len() || common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', &expected[i - 1])
        } else {
            j += 1;
            ('+', &came[j - 1])
        };
        text.push_str(&format!("    {mark} {line}\n"));
    }
    text
}

/// For each pair of positions, the number of common lines from there on.
fn common(a: &[String], b: &[String]) -> Vec<Vec<usize>> {
    let mut lengths = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            lengths[i][j] = if a[i] == b[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_lines_of_only_one() {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let shown = super::difference(&lines("abcd"), &lines("axcde"));
        assert_eq!(
            shown,
            "      a\n    - b\n    + x\n      c\n      d\n    + e\n"
        );
    }
}
