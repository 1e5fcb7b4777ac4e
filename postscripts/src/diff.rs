//! The difference of two short texts as one hunk of `diff -u`, for people and for `patch`.

use std::fmt::Write as _;
use std::path::Path;

/// Above this number of lines the table would be too large: then all old lines are removed and all new lines
/// added.
const LARGE: usize = 2_000;

#[derive(Clone, Copy)]
enum Line<'a> {
    Same(&'a str),
    Out(&'a str),
    In(&'a str),
}

/// The unified difference; empty for equal texts.
pub fn unified(path: &Path, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut text = format!("--- {0}\n+++ {0}\n", path.display());
    let _ = writeln!(text, "@@ -{} +{} @@", range(&old), range(&new));
    for line in lines(&old, &new) {
        let (sign, line) = match line {
            Line::Same(line) => (' ', line),
            Line::Out(line) => ('-', line),
            Line::In(line) => ('+', line),
        };
        let _ = writeln!(text, "{sign}{line}");
    }
    text
}

fn range(lines: &[&str]) -> String {
    format!("{},{}", usize::from(!lines.is_empty()), lines.len())
}

/// The longest common subsequence.
fn lines<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    if old.len().max(new.len()) > LARGE {
        let out = old.iter().copied().map(Line::Out);
        return out.chain(new.iter().copied().map(Line::In)).collect();
    }
    let common = common_lengths(old, new);
    let length = |i: usize, j: usize| common.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    loop {
        match (old.get(i), new.get(j)) {
            (None, None) => return lines,
            (Some(a), Some(b)) if a == b => {
                lines.push(Line::Same(a));
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), b) if b.is_none() || length(i + 1, j) >= length(i, j + 1) => {
                lines.push(Line::Out(a));
                i += 1;
            }
            (_, Some(b)) => {
                lines.push(Line::In(b));
                j += 1;
            }
            (Some(_), None) => return lines,
        }
    }
}

/// `[i][j]`: length of the longest common subsequence of `old[i..]` and `new[j..]`.
fn common_lengths(old: &[&str], new: &[&str]) -> Vec<Vec<usize>> {
    let mut below = vec![0; new.len() + 1];
    let mut rows = vec![below.clone()];
    for a in old.iter().rev() {
        let mut row = vec![0; new.len() + 1];
        for (j, b) in new.iter().enumerate().rev() {
            let at = |of: &[usize], j: usize| of.get(j).copied().unwrap_or(0);
            let length = if a == b { at(&below, j + 1) + 1 } else { at(&below, j).max(at(&row, j + 1)) };
            if let Some(cell) = row.get_mut(j) {
                *cell = length;
            }
        }
        below.clone_from(&row);
        rows.push(row);
    }
    rows.reverse();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_diff_u() {
        let text = unified(Path::new("/f"), "a\nb\nc\n", "a\nx\nc\nd\n");
        assert_eq!(text, "--- /f\n+++ /f\n@@ -1,3 +1,4 @@\n a\n-b\n+x\n c\n+d\n");
        assert_eq!(unified(Path::new("/f"), "", "a\n"), "--- /f\n+++ /f\n@@ -0,0 +1,1 @@\n+a\n");
        assert_eq!(unified(Path::new("/f"), "a\n", ""), "--- /f\n+++ /f\n@@ -1,1 +0,0 @@\n-a\n");
        assert_eq!(unified(Path::new("/f"), "a\n", "a\n"), "");
    }
}
