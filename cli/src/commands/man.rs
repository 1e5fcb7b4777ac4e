//! `man`: generates xdock(1) and a page for each command from the texts of `--help`.

mod page;

use std::path::Path;

use clap::CommandFactory as _;

use crate::app::App;
use crate::args::{Cli, ManArgs};
use crate::error::{CommandError, Done};

pub(super) fn run(args: &ManArgs, app: &mut App) -> Result<Done, CommandError> {
    let pages = pages();
    let Some(directory) = &args.directory else {
        // xdock(1)
        for (_, text) in pages.iter().take(1) {
            app.printer.line(text.trim_end());
        }
        return Ok(Done::All);
    };
    for (name, text) in pages {
        let path = Path::new(directory).join(format!("{name}.1"));
        durable::replace(&path, text.as_bytes(), 0o644)?;
        app.printer.line(&path.display().to_string());
    }
    Ok(Done::All)
}

/// All pages with their names, xdock(1) first.
fn pages() -> Vec<(String, String)> {
    let mut whole = Cli::command();
    whole.build();
    let mut pages = Vec::new();
    collect(&whole, "xdock", &mut pages);
    pages
}

fn collect(command: &clap::Command, name: &str, pages: &mut Vec<(String, String)>) {
    pages.push((name.to_owned(), page::of(command, name)));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        collect(below, &format!("{name}-{}", below.get_name()), pages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_examples() {
        let pages = pages();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        let whole = Cli::command();
        // what xdock itself calls is no person's
        let shown = whole.get_subcommands().filter(|command| !command.is_hide_set());
        for name in shown.map(|command| format!("xdock-{}", command.get_name())) {
            assert!(names.contains(&name.as_str()), "{name}");
        }
        for (name, text) in &pages {
            assert!(
                text.starts_with(&format!(".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.TH {name} 1")),
                "{text}"
            );
            assert_eq!(text.matches("\n.SH EXAMPLES\n").count(), 1, "{name}:\n{text}");
            assert!(text.contains(&format!("{} \\- ", name.replace('-', "\\-"))), "{text}");
        }
    }
}
