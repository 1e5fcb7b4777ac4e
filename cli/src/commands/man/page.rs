//! One man page: clap_mangen's sections, then the text below the options of `--help`: filled paragraphs and verbatim
//! examples.

use std::io;

use clap_mangen::Man;
use roff::{Roff, roman};

/// Headings of examples.
const EXAMPLES: [&str; 3] = ["Example:", "Examples:", "A first container:"];

/// roff's definition of a straight apostrophe (roff's `to_writer`).
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Man page of a command, in roff.
pub(super) fn of(command: &clap::Command, name: &str) -> String {
    let mut bytes = Vec::new();
    // writing to a Vec cannot fail
    let _ = render(command, name, &mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // each section repeats the preamble; keep one
    format!("{PREAMBLE}{}", text.replace(PREAMBLE, ""))
}

fn render(command: &clap::Command, name: &str, out: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone().display_name(name.to_owned()))
        .title(name)
        .section("1")
        // an empty date: a build date would change every build
        .date(" ")
        .source(concat!("xdock ", env!("CARGO_PKG_VERSION")))
        .manual("xdock");
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    let (notes, examples) = halves(&command.get_after_help().map(ToString::to_string).unwrap_or_default());
    let mut roff = Roff::new();
    section(&mut roff, "DESCRIPTION", &described(command, &notes));
    roff.to_writer(out)?;
    man.render_options_section(out)?;
    if command.get_subcommands().any(|below| !below.is_hide_set() && below.get_name() != "help") {
        man.render_subcommands_section(out)?;
    }
    let mut roff = Roff::new();
    section(&mut roff, "EXAMPLES", &examples);
    roff.to_writer(out)
}

fn described(command: &clap::Command, notes: &str) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    format!("{about}.\n\n{notes}").trim_end().to_owned()
}

/// Splits the text into description and examples.
fn halves(help: &str) -> (String, String) {
    let lines: Vec<&str> = help.lines().collect();
    let at = lines.iter().position(|line| EXAMPLES.contains(line)).unwrap_or(lines.len());
    let (notes, examples) = lines.split_at_checked(at).unwrap_or_default();
    (notes.join("\n"), examples.get(1..).unwrap_or_default().join("\n"))
}

/// Section whose text is filled; indented lines are verbatim.
fn section(roff: &mut Roff, heading: &str, text: &str) {
    roff.control("SH", [heading]);
    let mut literal = false;
    for line in text.lines() {
        let indented = line.starts_with("  ");
        if indented != literal && !line.is_empty() {
            roff.control(if indented { "nf" } else { "fi" }, []);
            literal = indented;
        }
        match line.trim_end() {
            "" => drop(roff.control("PP", [])),
            line => drop(roff.text([roman(line)])),
        }
    }
    if literal {
        roff.control("fi", []);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_filled_and_examples_stand_as_they_are() {
        let help = "First words\nof two lines.\n\nExamples:\n  xdock ls d1 -l\n  .x\n\nLast words.";
        let (notes, examples) = halves(help);
        assert_eq!(notes, "First words\nof two lines.\n");
        let mut roff = Roff::new();
        section(&mut roff, "EXAMPLES", &examples);
        assert_eq!(roff.to_roff(), ".SH EXAMPLES\n.nf\n  xdock ls d1 \\-l\n  .x\n.PP\n.fi\nLast words.\n");
    }
}
