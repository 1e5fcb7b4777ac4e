//! What every command works with: settings, tables, printer.

use inventory::{Inventory, InventoryUrl, NodeName, NumberNames};

use crate::args::Options;
use crate::commands::CommandError;
use crate::printer::{Printer, Volume};
use crate::settings::Settings;
use crate::tables;

/// A run of the program.
pub(crate) struct App {
    /// /etc/xdock/xdock.toml with the command line above it.
    pub(crate) settings: Settings,
    /// Both outputs.
    pub(crate) printer: Printer,
}

impl App {
    /// Reads the settings.
    pub(crate) fn new(options: &Options, printer: Printer) -> Result<Self, (Box<CommandError>, Printer)> {
        match Settings::load(options) {
            Ok(settings) => Ok(Self { settings, printer }),
            Err(error) => Err((Box::new(error.into()), printer)),
        }
    }

    /// Opens the tables.
    pub(crate) fn inventory(&self) -> Result<Inventory, CommandError> {
        Ok(Inventory::open(&self.inventory_url()?)?)
    }

    /// The nodes of a noderange; it is an error if there are none, for a script would take it for success.
    pub(crate) fn select(&self, tables: &Inventory, noderange: &str) -> Result<Vec<NodeName>, CommandError> {
        let nodes = tables.select_with(noderange, &number_names())?;
        if nodes.is_empty() {
            return Err(CommandError::Nobody { noderange: noderange.to_owned() });
        }
        Ok(nodes)
    }

    /// Where the tables are.
    pub(crate) fn inventory_url(&self) -> Result<InventoryUrl, CommandError> {
        Ok(tables::find(self.settings.inventory.as_deref(), &self.settings.database)?)
    }
}

/// What this machine is called.
pub(crate) fn machine_name() -> String {
    let name = durable::kernel_text(std::path::Path::new("/proc/sys/kernel/hostname")).unwrap_or_default();
    name.trim().to_owned()
}

/// What a number alone is the name of, as xCAT's commands have it from the environment.
pub(crate) fn number_names() -> NumberNames {
    let set = |name, default: String| std::env::var(name).unwrap_or(default);
    let NumberNames { prefix, suffix } = NumberNames::default();
    NumberNames { prefix: set("XCAT_NODE_PREFIX", prefix), suffix: set("XCAT_NODE_SUFFIX", suffix) }
}

/// How much the command prints.
pub(crate) fn volume(options: &Options) -> Volume {
    if options.verbose {
        process::show_command_lines();
    }
    match (options.quiet, options.verbose) {
        (true, _) => Volume::Quiet,
        (_, true) => Volume::Verbose,
        _ => Volume::Normal,
    }
}
