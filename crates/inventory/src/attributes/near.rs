//! Suggestions for mistyped names.

/// Up to three of `words` that are similar to `word`, the most similar first.
pub(crate) fn near<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = 1 + word.len() / 4;
    let mut found: Vec<(usize, &str)> = words
        .filter(|known| known.len().abs_diff(word.len()) <= limit)
        .map(|known| (distance(word, known), known))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(3).map(|(_, known)| known).collect()
}

/// Levenshtein's edit distance, in bytes.
fn distance(a: &str, b: &str) -> usize {
    if b.is_empty() {
        return a.len();
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.bytes().zip(row.iter_mut().skip(1)) {
            let up = *cell;
            left = (up + 1).min(left + 1).min(diagonal + usize::from(x != y));
            *cell = left;
            diagonal = up;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_words_are_found_closest_first() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!((distance("", "ab"), distance("ab", ""), distance("", "")), (2, 2, 0));
        assert_eq!(near("vmcpu", ["vmcpus", "ip", "vmhost"].into_iter()), ["vmcpus"]);
        assert!(near("zzzzzz", ["vmcpus", "ip"].into_iter()).is_empty());
    }
}
