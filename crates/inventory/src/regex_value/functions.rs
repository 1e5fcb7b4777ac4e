//! xCAT's helper functions in expressions (its documentation, "Regular Expression Helper Functions").

use super::arithmetic::{ArithmeticError, Value};

type Computed = Result<i64, ArithmeticError>;

pub(super) fn call(name: &str, arguments: &[Value]) -> Computed {
    match name {
        "a2idx" => letter("a2idx", arguments).map(|index| index + 1),
        "a2zidx" => letter("a2zidx", arguments),
        "dim2idx" => dim2idx(arguments),
        "skip" => skip(arguments),
        other => Err(ArithmeticError::Function(other.to_owned())),
    }
}

/// The place of a letter in the alphabet, from 0.
fn letter(function: &'static str, arguments: &[Value]) -> Computed {
    let wrong = ArithmeticError::Arguments { function, takes: "one letter from a to z" };
    let [Value::Text(text)] = arguments else { return Err(wrong) };
    match text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Ok(i64::from(letter.to_ascii_lowercase() - b'a')),
        _ => Err(wrong),
    }
}

/// `dim2idx(row, columns, column, ..)`: one index, from 1, of a place given by indexes from 1; the size of
/// every dimension but the first stands before its index.
fn dim2idx(arguments: &[Value]) -> Computed {
    let takes = "an index, then a size and an index of each further dimension";
    let wrong = ArithmeticError::Arguments { function: "dim2idx", takes };
    let Some((first, others)) = arguments.split_first().filter(|(_, others)| others.len() % 2 == 0) else {
        return Err(wrong);
    };
    let mut index = first.int()?;
    for pair in others.chunks_exact(2) {
        let [size, next] = pair else { continue };
        let before = index.checked_sub(1).and_then(|index| index.checked_mul(size.int().ok()?));
        index = before
            .zip(Some(next.int()?))
            .and_then(|(a, b)| a.checked_add(b))
            .ok_or(ArithmeticError::Overflow)?;
    }
    Ok(index)
}

/// `skip(index, 'START[:COUNT],..')`: the index when those are not counted.
fn skip(arguments: &[Value]) -> Computed {
    let wrong =
        || ArithmeticError::Arguments { function: "skip", takes: "an index and a list 'START[:COUNT],...'" };
    let [index, Value::Text(list)] = arguments else { return Err(wrong()) };
    let index = index.int()?;
    let mut skipped = 0_i64;
    for item in list.split(',') {
        let (start, count) = item.split_once(':').unwrap_or((item, "1"));
        let start: i64 = start.trim().parse().map_err(|_| wrong())?;
        let count: i64 =
            count.trim().parse().ok().filter(|count| (0..1 << 32).contains(count)).ok_or_else(wrong)?;
        let end = start.checked_add(count).ok_or(ArithmeticError::Overflow)?;
        if (start..end).contains(&index) {
            return Err(ArithmeticError::Skipped(index));
        }
        skipped += if index >= end { count } else { 0 };
    }
    index.checked_sub(skipped).ok_or(ArithmeticError::Overflow)
}
