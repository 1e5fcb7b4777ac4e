//! `completion`: generates shell completions.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::app::App;
use crate::args::{Cli, CompletionArgs, CompletionShell};
use crate::error::{CommandError, Done};

pub(super) fn run(args: &CompletionArgs, app: &mut App) -> Result<Done, CommandError> {
    app.printer.line(script(args.shell).trim_end());
    Ok(Done::All)
}

fn script(shell: CompletionShell) -> String {
    let mut bytes = Vec::new();
    let shell = match shell {
        CompletionShell::Bash => Shell::Bash,
        CompletionShell::Zsh => Shell::Zsh,
        CompletionShell::Fish => Shell::Fish,
    };
    clap_complete::generate(shell, &mut Cli::command(), "xdock", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
