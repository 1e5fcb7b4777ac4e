//! The grammar of the command line. Examples stand in [`help`], beside the words that they explain.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

#[cfg(test)]
mod examples;
mod help;

/// Docker containers as nodes of an xCAT cluster
#[derive(Debug, Parser)]
#[command(name = "xdock", version, after_help = help::XDOCK, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Options {
    /// The tables: xcat:///etc/xcat, file:PATH, postgres://USER@HOST/DB or mysql://USER@HOST/DB [default: xCAT's own]
    #[arg(long, global = true, env = "XDOCK_INVENTORY", value_name = "URL")]
    pub(crate) inventory: Option<String>,
    /// The settings [default: /etc/xdock/xdock.toml]
    #[arg(long, global = true, env = "XDOCK_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One JSON object a line instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say what is done on the way
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// How long a host has to answer at first, in seconds [default: 10]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the nodes of a noderange, or their attributes
    #[command(after_help = help::NODES)]
    Nodes(NodesArgs),
    /// Define nodes, or change them
    #[command(after_help = help::DEF)]
    Def(DefArgs),
    /// Remove nodes from the tables
    #[command(after_help = help::UNDEF)]
    Undef(NoderangeArg),
    /// Check all tables for errors
    #[command(after_help = help::CHECK)]
    Check,
    /// Show what a host's network will be
    #[command(after_help = help::PLAN)]
    Plan(PlanArgs),
    /// Bring the tables to hosts
    #[command(after_help = help::SYNC)]
    Sync(NoderangeArg),
    /// Make containers
    #[command(after_help = help::MK)]
    Mk(MkArgs),
    /// Remove containers
    #[command(after_help = help::RM)]
    Rm(RmArgs),
    /// Start, stop and ask for the state of containers
    #[command(after_help = help::POWER)]
    Power(PowerArgs),
    /// List containers, or those of hosts
    #[command(after_help = help::LS)]
    Ls(LsArgs),
    /// Show what containers wrote
    #[command(after_help = help::LOGS)]
    Logs(LogsArgs),
    /// Open a container's console
    #[command(after_help = help::CONS)]
    Cons(ConsArgs),
    /// Run a program in containers
    #[command(after_help = help::EXEC)]
    Exec(ExecArgs),
    /// Secure the engines of docker hosts, and ask how hosts are
    #[command(after_help = help::HOST)]
    Host(HostArgs),
    /// Install files for deployed hosts, and the integration with xCAT
    #[command(after_help = help::INIT)]
    Init(InitArgs),
    /// Tell a host whether new ssh connections reach it; systemd starts this for each host that asks
    #[command(hide = true)]
    Knock,
    /// Write what a shell completes words with
    #[command(after_help = help::COMPLETION)]
    Completion(CompletionArgs),
    /// Write the manual pages
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NoderangeArg {
    /// Nodes as an xCAT noderange: host1c[1-3],docker,-host1c2
    #[arg(value_name = "NODERANGE", allow_hyphen_values = true)]
    pub(crate) noderange: String,
}

#[derive(Debug, Args)]
pub(crate) struct NodesArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Attributes to show: names such as ip,mac,groups, or columns such as vm.host
    #[arg(short = 'i', value_name = "ATTR,ATTR", value_delimiter = ',')]
    pub(crate) attributes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DefArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// What they get; ATTR= removes
    #[arg(value_name = "ATTR=VALUE", required = true, value_parser = assignment)]
    pub(crate) attributes: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The host
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
}

#[derive(Debug, Args)]
pub(crate) struct MkArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// image=IMAGE, command=WORD,WORD... and dockerflag=JSON in place of what the tables say; the tables stay as they are
    #[arg(value_name = "image=IMAGE command=WORDS dockerflag=JSON")]
    pub(crate) words: Vec<String>,
    /// Start them too
    #[arg(long)]
    pub(crate) start: bool,
    /// Make those anew that differ from the tables; volumes and addresses stay
    #[arg(long)]
    pub(crate) replace: bool,
    /// Treat warnings as errors: a setting that the engine ignores, a port that is not published
    #[arg(long)]
    pub(crate) strict: bool,
    /// Only those that are not there yet: one that is there is an error, in Docker's words, as it is for mkdocker
    #[arg(long, hide = true, conflicts_with = "replace")]
    pub(crate) new: bool,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Also those that run
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Their anonymous volumes too
    #[arg(long)]
    pub(crate) volumes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PowerArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// What to do
    #[arg(value_enum)]
    pub(crate) action: PowerAction,
}

/// What `power` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PowerAction {
    /// Start
    #[value(alias = "start")]
    On,
    /// Stop: the stop signal, and SIGKILL ten seconds later
    #[value(aliases = ["stop", "softoff"])]
    Off,
    /// Kill and start again
    Reset,
    /// Stop and start again
    #[value(aliases = ["boot", "cycle"])]
    Restart,
    /// Freeze
    Pause,
    /// Go on after pause
    Unpause,
    /// Say what it is: created, running, paused, exited
    #[value(aliases = ["stat", "status"])]
    State,
}

#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// With health and how long: a table at a terminal, else also identifier and MAC addresses
    #[arg(short, long)]
    pub(crate) long: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Go on as more is written
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only the last lines of each
    #[arg(long, value_name = "LINES")]
    pub(crate) tail: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ConsArgs {
    /// The container
    #[arg(value_name = "NODE")]
    pub(crate) node: String,
    /// The last lines of its log first
    #[arg(long, value_name = "LINES", num_args = 0..=1, default_missing_value = "1000")]
    pub(crate) log: Option<u64>,
    /// For console servers: Ctrl-] goes inside too, and a host that does not answer is waited for
    #[arg(long)]
    pub(crate) server: bool,
    /// A shell in place of its terminal, or this program: every word behind --exec is the program's
    #[arg(long, value_name = "PROGRAM", num_args = 0.., allow_hyphen_values = true)]
    pub(crate) exec: Option<Vec<String>>,
}

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// The program and its words
    #[arg(value_name = "PROGRAM", required = true, last = true)]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    /// Docker hosts as an xCAT noderange: host[1-3],dockerhosts,-host2
    #[arg(value_name = "HOSTRANGE", allow_hyphen_values = true)]
    pub(crate) hosts: String,
    #[command(subcommand)]
    pub(crate) action: HostAction,
}

/// What `host` does.
#[derive(Debug, Subcommand)]
pub(crate) enum HostAction {
    /// Say of each host in a line: engine, certificate, tables, netd, disk
    #[command(after_help = help::HOST_STATUS)]
    Status,
    /// Give engines certificates, and let them listen with mutual TLS
    #[command(after_help = help::HOST_ENROLL)]
    Enroll(EnrollArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EnrollArgs {
    /// A new key and certificate also where the present ones would last
    #[arg(long, conflicts_with = "revoke")]
    pub(crate) renew: bool,
    /// Trust no certificate any more that these hosts have
    #[arg(long)]
    pub(crate) revoke: bool,
    /// Where the engine listens, at the host's own address
    #[arg(long, value_name = "PORT", default_value_t = crate::enroll::PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where xdockhost and netd are [default: beside this program]
    #[arg(long, value_name = "DIR", action = ArgAction::Set)]
    pub(crate) from: Option<PathBuf>,
    /// Remove what init and sync installed; hosts keep what they have
    #[arg(long, conflicts_with = "from")]
    pub(crate) undo: bool,
    /// Do not install the knock helper, which listens on TCP port 3022
    #[arg(long)]
    pub(crate) no_knock: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: CompletionShell,
}

/// A shell that completes words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionShell {
    /// bash with bash-completion
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Where to write xdock.1 and a page for each command [default: xdock.1 to standard output]
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

fn assignment(word: &str) -> Result<(String, String), String> {
    match word.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("the form is ATTR=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn the_words_of_rpower_are_taken_too() {
        for (word, action) in [
            ("on", PowerAction::On),
            ("start", PowerAction::On),
            ("stop", PowerAction::Off),
            ("softoff", PowerAction::Off),
            ("boot", PowerAction::Restart),
            ("cycle", PowerAction::Restart),
            ("stat", PowerAction::State),
        ] {
            let cli = Cli::try_parse_from(["xdock", "power", "d1", word]).unwrap();
            let Command::Power(args) = cli.command else { panic!("{word}") };
            assert_eq!(args.action, action);
        }
    }

    #[test]
    fn a_noderange_may_begin_with_an_exclusion_and_a_value_may_have_an_equals_sign() {
        let cli = Cli::try_parse_from(["xdock", "def", "-a,b", "vmothersetting=env=A=b", "ip="]).unwrap();
        let Command::Def(args) = cli.command else { panic!() };
        assert_eq!(args.nodes.noderange, "-a,b");
        assert_eq!(
            args.attributes,
            [("vmothersetting".into(), "env=A=b".into()), ("ip".into(), String::new())]
        );
    }
}
