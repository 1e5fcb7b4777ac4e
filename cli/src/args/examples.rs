//! Tests all examples of `--help`, README and docs/: they parse, their noderanges select nodes, and their definitions are valid.

use clap::{CommandFactory as _, Parser as _};
use inventory::stanza::StanzaFile;
use inventory::{Inventory, InventoryUrl, NodeName, check};

use super::{Cli, Command};

const README: &str = include_str!("../../../README.md");

/// Further documents.
const DOCS: [&str; 8] = [
    include_str!("../../../docs/consoles.md"),
    include_str!("../../../docs/engines-tls.md"),
    include_str!("../../../docs/hosts.md"),
    NETWORKS,
    include_str!("../../../docs/security.md"),
    TABLES,
    include_str!("../../../docs/troubleshooting.md"),
    include_str!("../../../docs/xcat.md"),
];
const NETWORKS: &str = include_str!("../../../docs/networks.md");
const TABLES: &str = include_str!("../../../docs/tables.md");

/// What a reader of the examples has.
const CLUSTER: &str = include_str!("examples.stanza");

/// Placeholders of the pages, and what a reader may write there.
const PLACES: [(&str, &str); 8] = [
    ("why A B", "why host1c1 host2c1"),
    ("NODERANGE", "host1c1"),
    ("HOSTRANGE", "host[1-3]"),
    ("HOST", "host1"),
    ("NODE", "host1c1"),
    ("DIRECTORY", "/tmp"),
    ("CMD", "true"),
    ("bash|zsh|fish", "bash"),
];

#[test]
fn every_example_of_help_does_what_it_says() {
    let mut all = Vec::new();
    helps(&Cli::command(), &mut all);
    let examples: Vec<String> = all.iter().flat_map(|help| commands(help)).collect();
    assert!(examples.len() > 45, "examples are found: {examples:#?}");
    examples.iter().for_each(|example| try_command(example));
}

/// `host1c[1-3],docker,-host1c2` in the text of an argument.
#[test]
fn every_noderange_in_the_text_of_an_argument_selects_somebody() {
    let mut all = Vec::new();
    argument_texts(&Cli::command(), &mut all);
    let tables = Inventory::from_stanzas(CLUSTER).unwrap();
    let ranges: Vec<&str> =
        all.iter().flat_map(|text| text.split_whitespace()).filter(|word| word.contains("[1-3]")).collect();
    assert!(ranges.len() > 10, "{ranges:?}");
    for range in ranges {
        assert_ne!(tables.select(range).unwrap(), [], "{range}");
    }
}

#[test]
fn every_command_of_the_pages_works_as_written() {
    let texts = || std::iter::once(README).chain(DOCS);
    let spans = texts().flat_map(|text| text.split('`').skip(1).step_by(2));
    let lines = texts().flat_map(str::lines).filter_map(|line| line.strip_prefix("# "));
    let examples: Vec<String> =
        spans.chain(lines).flat_map(|text| commands(text).into_iter().chain(definition(text))).collect();
    assert!(examples.len() > 15, "{examples:#?}");
    // `xdock mk --strict` in a sentence names a command and its option; what it needs besides is not said there
    let is_name = |example: &&String| {
        let kind = Cli::try_parse_from(words(example)).err().map(|error| error.kind());
        kind == Some(clap::error::ErrorKind::MissingRequiredArgument)
    };
    for example in examples.iter().filter(|example| !is_name(example)) {
        let filled = PLACES.iter().fold(example.clone(), |text, (place, with)| text.replace(place, with));
        try_command(&filled);
    }
}

/// The table of attributes: each example is defined, and the whole inventory stays sound.
#[test]
fn every_attribute_of_tables_accepts_its_examples() {
    let rows = table(TABLES, "| attribute | means | example |");
    assert!(rows.len() > 8, "{rows:?}");
    for row in rows {
        let [attributes, _, examples] = row.as_slice() else { panic!("{row:?}") };
        let (attributes, examples) = (spans(attributes), spans(examples));
        let together = attributes.len() == examples.len() && attributes.len() > 1;
        if together {
            let pairs = attributes.iter().zip(&examples);
            defined(&pairs.map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Vec<_>>());
            continue;
        }
        for attribute in &attributes {
            for example in &examples {
                defined(&[(attribute.clone(), example.clone())]);
            }
        }
    }
}

/// Each row of the table of bridges gives a host a plan.
#[test]
fn every_row_of_networks_gives_a_plan() {
    let rows = table(NETWORKS, "| to get | set |");
    assert_eq!(rows.len(), 4, "{rows:?}");
    for row in rows {
        let columns = row.get(1).and_then(|cell| spans(cell).into_iter().next()).unwrap_or_default();
        let columns: Vec<_> = words(&columns).iter().map(|word| pair(word)).collect();
        let scratch = Scratch::new();
        scratch.file().define(&["host9".to_owned()], &columns).unwrap();
        let plan = scratch.tables().host_plan(&"host9".parse().unwrap());
        assert!(plan.is_ok(), "{columns:?}: {plan:?}");
    }
}

/// Tables that an example may change.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("cluster.stanza"), CLUSTER).unwrap();
        Self(directory)
    }

    fn file(&self) -> StanzaFile {
        StanzaFile::new(&self.0.path().join("cluster.stanza"))
    }

    fn tables(&self) -> Inventory {
        Inventory::open(&InventoryUrl::File(self.0.path().join("cluster.stanza"))).unwrap()
    }
}

fn defined(attributes: &[(String, String)]) {
    let scratch = Scratch::new();
    scratch.file().define(&["host1c1".to_owned()], attributes).unwrap();
    assert_eq!(check(&scratch.tables()), [], "{attributes:?}");
}

/// A command that parses; what it names is there, and what it defines is sound.
fn try_command(example: &str) {
    let cli = match Cli::try_parse_from(words(example)) {
        Ok(cli) => cli,
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => return,
        Err(error) => panic!("{example}: {error}"),
    };
    let tables = Inventory::from_stanzas(CLUSTER).unwrap();
    let selects = |range: &str| assert_ne!(tables.select(range).unwrap(), [], "{example}");
    match cli.command {
        Command::Nodes(args) => {
            let of: Vec<NodeName> = tables.select(&args.nodes.noderange).unwrap();
            assert_ne!(of, [], "{example}");
            for name in &args.attributes {
                let value = if name.contains('.') {
                    tables.value("host1c1", name)
                } else {
                    tables.attribute("host1c1", name)
                };
                assert!(value.is_ok(), "{example}");
            }
        }
        Command::Def(args) => {
            let scratch = Scratch::new();
            let names: Vec<String> =
                inventory::noderange::names(&args.nodes.noderange, &Default::default()).unwrap();
            scratch.file().define(&names, &args.attributes).unwrap();
            assert_eq!(check(&scratch.tables()), [], "{example}");
        }
        Command::Undef(args) | Command::Sync(args) => selects(&args.noderange),
        Command::Plan(args) => drop(tables.host_plan(&args.host.parse().unwrap()).unwrap()),
        Command::Mk(args) => selects(&args.nodes.noderange),
        Command::Rm(args) => selects(&args.nodes.noderange),
        Command::Power(args) => selects(&args.nodes.noderange),
        Command::Ls(args) => selects(&args.nodes.noderange),
        Command::Logs(args) => selects(&args.nodes.noderange),
        Command::Cons(args) => selects(&args.node),
        Command::Exec(args) => selects(&args.nodes.noderange),
        Command::Host(args) => selects(&args.hosts),
        Command::Why(args) => {
            let cluster = tables.cluster().unwrap();
            for word in [&args.from, &args.to] {
                crate::why::End::parse(word, &cluster, &tables).unwrap();
            }
        }
        Command::Check | Command::Init(_) | Command::Completion(_) | Command::Man(_) | Command::Knock => {}
    }
}

/// The texts behind the options of all commands.
fn helps(command: &clap::Command, all: &mut Vec<String>) {
    all.extend(command.get_after_help().map(ToString::to_string));
    command.get_subcommands().for_each(|sub| helps(sub, all));
}

fn argument_texts(command: &clap::Command, all: &mut Vec<String>) {
    all.extend(command.get_arguments().filter_map(|argument| argument.get_help()).map(ToString::to_string));
    command.get_subcommands().for_each(|sub| argument_texts(sub, all));
}

/// The calls of xdock in a text: at the beginning of a line or behind a pipe, without what a shell does with the rest.
fn commands(text: &str) -> Vec<String> {
    let begins = |line: &&str| line.starts_with("xdock ");
    let lines = text.lines().map(str::trim).flat_map(|line| line.split(" | ").map(str::trim)).filter(begins);
    lines.map(|line| line.split(" > ").next().unwrap_or_default().trim().to_owned()).collect()
}

/// A definition with xCAT's chdef, as our own command.
fn definition(text: &str) -> Option<String> {
    Some(format!("xdock def {}", text.strip_prefix("chdef -t node ")?))
}

/// The words of a line as a shell has them; a remark in parentheses, set off by blanks, is none.
fn words(line: &str) -> Vec<String> {
    let line = line.split("    (").next().unwrap_or(line);
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn pair(word: &str) -> (String, String) {
    let (name, value) = word.split_once('=').unwrap();
    (name.to_owned(), value.to_owned())
}

/// The cells of a table of a page below its head.
fn table(page: &str, head: &str) -> Vec<Vec<String>> {
    let (_, rows) = page.split_once(head).unwrap();
    let rows = rows.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let row = row.replace("\\|", "\u{0}");
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('\u{0}', "|")).collect()
    })
    .collect()
}

/// What stands in backticks.
fn spans(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
