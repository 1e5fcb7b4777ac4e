//! The command line: commands, options and arguments. The longer help texts and their examples are in [`help`].

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

#[cfg(test)]
mod examples;
mod help;

/// Manage Docker containers as nodes of an xCAT cluster
#[derive(Debug, Parser)]
#[command(name = "xdock", version, after_help = help::XDOCK, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command accepts.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Options {
    /// The tables: xcat:///etc/xcat, file:PATH, postgres://USER@HOST/DB or mysql://USER@HOST/DB [default: xCAT's own]
    #[arg(long, global = true, env = "XDOCK_INVENTORY", value_name = "URL")]
    pub(crate) inventory: Option<String>,
    /// Settings file [default: /etc/xdock/xdock.toml]
    #[arg(long, global = true, env = "XDOCK_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON object per line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print progress and details
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Connection timeout in seconds [default: 10]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: Option<u64>,
}

impl Options {
    /// The options of a command line without any: only the environment sets them.
    pub(crate) fn from_environment() -> Self {
        let inventory = std::env::var_os("XDOCK_INVENTORY").map(|url| url.to_string_lossy().into_owned());
        let config = std::env::var_os("XDOCK_CONFIG").map(PathBuf::from);
        Self { inventory, config, json: false, quiet: false, verbose: false, timeout: None }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List nodes or their attributes
    #[command(after_help = help::NODES)]
    Nodes(NodesArgs),
    /// Define or change nodes
    #[command(after_help = help::DEF)]
    Def(DefArgs),
    /// Delete nodes from the tables
    #[command(after_help = help::UNDEF)]
    Undef(NoderangeArg),
    /// Validate all tables
    #[command(after_help = help::CHECK)]
    Check,
    /// Show the planned network configuration of a host
    #[command(after_help = help::PLAN)]
    Plan(PlanArgs),
    /// Send the tables to hosts
    #[command(after_help = help::SYNC)]
    Sync(NoderangeArg),
    /// Create containers
    #[command(after_help = help::MK)]
    Mk(MkArgs),
    /// Remove containers
    #[command(after_help = help::RM)]
    Rm(RmArgs),
    /// Start, stop or query containers
    #[command(after_help = help::POWER)]
    Power(PowerArgs),
    /// List containers
    #[command(after_help = help::LS)]
    Ls(LsArgs),
    /// Show the output of containers
    #[command(after_help = help::LOGS)]
    Logs(LogsArgs),
    /// Open the console of a container
    #[command(after_help = help::CONS)]
    Cons(ConsArgs),
    /// Run a program in containers
    #[command(after_help = help::EXEC)]
    Exec(ExecArgs),
    /// Find out why a node does not reach another
    #[command(after_help = help::WHY)]
    Why(WhyArgs),
    /// Show the status of docker hosts and secure their engines
    #[command(after_help = help::HOST)]
    Host(HostArgs),
    /// Install files for deployed hosts and the xCAT integration
    #[command(after_help = help::INIT)]
    Init(InitArgs),
    /// Test whether new ssh connections reach a host; systemd starts this for each request
    #[command(hide = true)]
    Knock,
    /// Generate shell completions
    #[command(after_help = help::COMPLETION)]
    Completion(CompletionArgs),
    /// Generate manual pages
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NoderangeArg {
    /// xCAT noderange, for example host1c[1-3],docker,-host1c2
    #[arg(value_name = "NODERANGE", allow_hyphen_values = true)]
    pub(crate) noderange: String,
}

#[derive(Debug, Args)]
pub(crate) struct NodesArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Attributes to show, by name (ip,mac,groups) or by column (vm.host)
    #[arg(short = 'i', value_name = "ATTR,ATTR", value_delimiter = ',')]
    pub(crate) attributes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DefArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Attributes to set; ATTR= deletes the attribute
    #[arg(value_name = "ATTR=VALUE", required = true, value_parser = assignment)]
    pub(crate) attributes: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Host to show
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
}

#[derive(Debug, Args)]
pub(crate) struct MkArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Override the tables for this call: image=IMAGE, command=WORD,WORD... or dockerflag=JSON. Does not change the tables
    #[arg(value_name = "image=IMAGE command=WORDS dockerflag=JSON")]
    pub(crate) words: Vec<String>,
    /// Start the containers
    #[arg(long)]
    pub(crate) start: bool,
    /// Recreate containers that differ from the tables; named volumes and addresses are kept
    #[arg(long)]
    pub(crate) replace: bool,
    /// Treat warnings as errors, for example a setting that the engine ignores
    #[arg(long)]
    pub(crate) strict: bool,
    /// Fail if a container exists, with Docker's message, as mkdocker does
    #[arg(long, hide = true, conflicts_with = "replace")]
    pub(crate) new: bool,
    /// Show what would be done; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Remove running containers too
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Remove their anonymous volumes
    #[arg(long)]
    pub(crate) volumes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PowerArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Action
    #[arg(value_enum)]
    pub(crate) action: PowerAction,
}

/// Actions of `power`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PowerAction {
    /// Start
    #[value(alias = "start")]
    On,
    /// Stop: send the stop signal, and SIGKILL after ten seconds
    #[value(aliases = ["stop", "softoff"])]
    Off,
    /// Kill, then start
    Reset,
    /// Stop, then start
    #[value(aliases = ["boot", "cycle"])]
    Restart,
    /// Suspend all processes
    Pause,
    /// Resume after pause
    Unpause,
    /// Show the state: created, running, paused or exited
    #[value(aliases = ["stat", "status"])]
    State,
}

#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Show details: a table on a terminal; piped output adds container ID and MAC addresses
    #[arg(short, long)]
    pub(crate) long: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Follow the output
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Show only the last LINES lines of each container
    #[arg(long, value_name = "LINES")]
    pub(crate) tail: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ConsArgs {
    /// Container node
    #[arg(value_name = "NODE")]
    pub(crate) node: String,
    /// Show the last LINES lines of its log first
    #[arg(long, value_name = "LINES", num_args = 0..=1, default_missing_value = "1000")]
    pub(crate) log: Option<u64>,
    /// For console servers: pass Ctrl-] through, and wait for a host that does not answer
    #[arg(long)]
    pub(crate) server: bool,
    /// Run a shell, or PROGRAM with its arguments, instead of attaching to the container's terminal
    #[arg(long, value_name = "PROGRAM", num_args = 0.., allow_hyphen_values = true)]
    pub(crate) exec: Option<Vec<String>>,
}

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    pub(crate) nodes: NoderangeArg,
    /// Program and its arguments
    #[arg(value_name = "PROGRAM", required = true, last = true)]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// Container node, docker host, or an address of one; packets are sent from it
    #[arg(value_name = "A")]
    pub(crate) from: String,
    /// Node, address, or either with a TCP port, for example host1:8080
    #[arg(value_name = "B[:PORT]")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    /// xCAT noderange of docker hosts, for example host[1-3],dockerhosts,-host2
    #[arg(value_name = "HOSTRANGE", allow_hyphen_values = true)]
    pub(crate) hosts: String,
    #[command(subcommand)]
    pub(crate) action: HostAction,
}

/// Actions of `host`.
#[derive(Debug, Subcommand)]
pub(crate) enum HostAction {
    /// Show engine, certificate, tables, netd and disk usage of hosts
    #[command(after_help = help::HOST_STATUS)]
    Status,
    /// Issue certificates and make engines listen with mutual TLS
    #[command(after_help = help::HOST_ENROLL)]
    Enroll(EnrollArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EnrollArgs {
    /// Issue a new key and certificate even if the present ones are valid
    #[arg(long, conflicts_with = "revoke")]
    pub(crate) renew: bool,
    /// Revoke all certificates of these hosts
    #[arg(long)]
    pub(crate) revoke: bool,
    /// TCP port of the engine, on the host's own address
    #[arg(long, value_name = "PORT", default_value_t = crate::enroll::PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// Show what would be done; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Directory with xdockhost and netd [default: directory of this program]
    #[arg(long, value_name = "DIR", action = ArgAction::Set)]
    pub(crate) from: Option<PathBuf>,
    /// Remove what init and sync installed on this machine; docker hosts are not changed
    #[arg(long, conflicts_with = "from")]
    pub(crate) undo: bool,
    /// Do not install the knock helper, which listens on TCP port 3022
    #[arg(long)]
    pub(crate) no_knock: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// Shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: CompletionShell,
}

/// Shells with completion support.
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
    /// Directory for xdock.1 and one page per command [default: print xdock.1]
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
