//! Settings of foreign files that our file contains unchanged, in a block that the next run reads again.
//! Pure.

use inventory::IfName;

/// The lines of a device's block, without indentation.
///
/// ```text
///       # Taken over for mynet0, as it stood:
///       ...
///       # End of what was taken over.
/// ```
pub(super) fn read(text: &str, device: &IfName) -> Vec<String> {
    let begin = format!("# Taken over for {device}, as it stood:");
    let mut lines = text.lines().skip_while(|line| line.trim_start() != begin);
    let Some(first) = lines.next() else { return Vec::new() };
    let indentation = first.len() - first.trim_start().len();
    let block = lines.take_while(|line| line.trim_start() != END);
    block.map(|line| line.get(indentation..).unwrap_or_default().to_owned()).collect()
}

const END: &str = "# End of what was taken over.";

/// The lines of the block with its markers; empty if nothing is taken over.
pub(super) fn block(device: &IfName, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        return lines;
    }
    let begin = format!("# Taken over for {device}, as it stood:");
    [begin].into_iter().chain(lines).chain([END.to_owned()]).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test")]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_as_it_was_written() {
        let device: IfName = "mynet0".parse().unwrap();
        let lines = vec!["[Network]".to_owned(), "  NTP=10.99.0.1".to_owned(), String::new()];
        let written: Vec<String> =
            block(&device, lines.clone()).iter().map(|line| format!("    {line}\n")).collect();
        let text = format!("[Match]\n{}# more\n", written.concat());
        assert_eq!(read(&text, &device), lines);
        assert_eq!(read(&text, &"eth0".parse().unwrap()), Vec::<String>::new());
        assert_eq!(block(&device, Vec::new()), Vec::<String>::new());
    }
}
