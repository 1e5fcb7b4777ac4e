//! Blocks of commands in a page: a fence `sh MACHINE`, and after it a fence `text` with what the commands print. `...` stands
//! for the rest of a line; alone on a line, for any lines.

/// Commands of one machine, and what they print.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// Line of the page, counted from 1.
    pub(crate) line: usize,
    /// Where the commands run.
    pub(crate) machine: String,
    /// The commands, a line each.
    pub(crate) commands: String,
    printed: Option<String>,
}

impl Block {
    /// Hosts and scripts of a block that is a call of `updatenode HOST,HOST -P "SCRIPTS"`, which the lab does itself.
    pub(crate) fn updatenode(&self) -> Option<(Vec<&str>, &str)> {
        let (hosts, scripts) = self.commands.trim().strip_prefix("updatenode ")?.split_once(" -P ")?;
        Some((hosts.split(',').collect(), scripts.trim_matches('"')))
    }

    /// Output of the commands according to the page; empty if it has none.
    pub(crate) fn expected(&self) -> &str {
        self.printed.as_deref().unwrap_or_default()
    }

    /// Whether that is what they printed.
    pub(crate) fn matches(&self, printed: &str) -> bool {
        let Some(expected) = &self.printed else { return true };
        let expected: Vec<&str> = expected.lines().collect();
        let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
        lines_match(&expected, &printed)
    }
}

fn lines_match(expected: &[&str], printed: &[&str]) -> bool {
    match (expected.split_first(), printed.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((&"...", after)), None) => lines_match(after, printed),
        (Some((&"...", after)), Some((_, rest))) => {
            lines_match(after, printed) || lines_match(expected, rest)
        }
        (Some(_), None) => false,
        (Some((first, after)), Some((line, rest))) => line_matches(first, line) && lines_match(after, rest),
    }
}

fn line_matches(expected: &str, line: &str) -> bool {
    match expected.strip_suffix("...") {
        Some(begin) => line.starts_with(begin),
        None => expected == line,
    }
}

/// The blocks of a page, in its order.
pub(crate) fn parse(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else { continue };
        let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
        let text = body.fold(String::new(), |text, line| text + line + "\n");
        match (fence.strip_prefix("sh "), fence, blocks.last_mut()) {
            (Some(machine), ..) => {
                blocks.push(Block {
                    line: index + 1,
                    machine: machine.to_owned(),
                    commands: text,
                    printed: None,
                });
            }
            (None, "text", Some(block)) => block.printed = Some(text),
            _ => {}
        }
    }
    blocks
}
