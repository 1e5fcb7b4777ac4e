//! Finds the overlap of log and terminal stream. Both have the same bytes. Time stamps only give a rough position, so
//! the bytes decide, and the time chooses between equal matches.

/// Bytes to compare: longer matches are certain.
pub(super) const OVERLAP: usize = 4096;

/// Shorter matches may be chance.
const CERTAIN_MATCH: usize = 16;

/// Length of the part of `log` that was shown. `seen` is the last shown output, `guess` the position by time.
pub(super) fn after_seen(log: &[u8], seen: &[u8], guess: usize) -> usize {
    let equal = |place: usize| {
        let length = place.min(seen.len()).min(OVERLAP);
        let (in_log, in_seen) = (log.get(..place)?, seen.get(seen.len() - length..)?);
        in_log.ends_with(in_seen).then_some(length)
    };
    let guess = guess.min(log.len());
    if seen.is_empty() { guess } else { choose(log.len(), guess, seen.len(), equal).unwrap_or(guess) }
}

/// Length of the part of `log` before `live`, the first output of the terminal. `guess` is the position by time.
pub(super) fn before_live(log: &[u8], live: &[u8], guess: usize) -> usize {
    let equal = |place: usize| {
        let rest = log.get(place..)?;
        let length = rest.len().min(live.len()).min(OVERLAP);
        (rest.get(..length) == live.get(..length)).then_some(length)
    };
    if live.is_empty() {
        return log.len();
    }
    choose(log.len(), guess.min(log.len()), live.len(), equal).unwrap_or(log.len())
}

/// The nearest certain match, otherwise the nearest match.
fn choose(end: usize, guess: usize, known: usize, equal: impl Fn(usize) -> Option<usize>) -> Option<usize> {
    let sure = CERTAIN_MATCH.min(known);
    let places = || outward(end, guess);
    let certain = places().find(|place| equal(*place).is_some_and(|length| length >= sure));
    certain.or_else(|| places().find(|place| equal(*place).is_some()))
}

/// All positions from 0 to `end`, nearest to `from` first.
fn outward(end: usize, from: usize) -> impl Iterator<Item = usize> {
    let distances = 0..=from.max(end - from);
    distances.flat_map(move |distance| {
        let below = from.checked_sub(distance);
        let above = (distance > 0).then_some(from + distance).filter(|place| *place <= end);
        [below, above].into_iter().flatten()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(from: usize, to: usize) -> Vec<u8> {
        (from..to).flat_map(|number| format!("line {number}\r\n").into_bytes()).collect()
    }

    #[test]
    fn what_was_shown_is_found_in_the_log_though_the_time_is_wrong() {
        let log = lines(100, 200);
        let seen = lines(0, 150);
        assert_eq!(after_seen(&log, &seen, 0), lines(100, 150).len());
        assert_eq!(after_seen(&log, &seen, 5000), lines(100, 150).len());
        // half a line was shown: the log has it whole
        let half = [seen, b"line 1".to_vec()].concat();
        assert_eq!(after_seen(&log, &half, 0), lines(100, 150).len() + "line 1".len());
    }

    #[test]
    fn lines_that_are_all_alike_are_told_apart_by_time() {
        let log = b"y\r\n".repeat(30);
        assert_eq!(after_seen(&log, &b"y\r\n".repeat(99), 60), 60);
        assert_eq!(after_seen(&log, &b"y\r\n".repeat(99), 61), 60);
        assert_eq!(before_live(&log, &b"y\r\n".repeat(9), 62), 63);
    }

    #[test]
    fn nothing_in_common_leaves_it_to_the_time() {
        assert_eq!(after_seen(b"new\r\n", b"something old", 0), 0);
        assert_eq!(after_seen(b"old\r\nnew\r\n", b"", 5), 5);
        assert_eq!(before_live(b"old\r\n", b"", 0), 5);
        assert_eq!(before_live(b"old\r\n", b"$ ", 5), 5);
    }

    proptest! {
        #[test]
        fn every_byte_is_shown_once(
            text in proptest::collection::vec("[a-z0-9]{4,12}\r\n", 30..60),
            // what is common is never shorter than what is sure
            cuts in [0usize..20, 40..80, 80..120, 140..160],
            wrong in 0usize..100,
        ) {
            let numbered: String = text.iter().enumerate().map(|(n, line)| format!("{n:03}{line}")).collect();
            let text = numbered.as_bytes();
            let [log_from, seen_to, live_from, log_to] = cuts;
            let (seen, log, live) = (&text[..seen_to], &text[log_from..log_to], &text[live_from..]);
            let log_new = after_seen(log, seen, wrong);
            let rest = &log[log_new..];
            let rest_until = before_live(rest, live, wrong);
            let shown = [seen, &rest[..rest_until], live].concat();
            prop_assert_eq!(String::from_utf8(shown).unwrap(), numbered);
        }
    }
}
