//! Context of all commands: settings, tables, printer.

use inventory::{Inventory, InventoryUrl, NodeName, NumberNames};

use crate::args::Options;
use crate::error::CommandError;
use crate::printer::{Printer, Volume};
use crate::settings::Settings;
use crate::tables;

/// Context of one run.
pub(crate) struct App {
    /// Settings of /etc/xdock/xdock.toml, overridden by the command line.
    pub(crate) settings: Settings,
    /// Standard output and standard error.
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

    /// Nodes of a noderange. An empty selection is an error, so that scripts do not treat it as success.
    pub(crate) fn select(&self, tables: &Inventory, noderange: &str) -> Result<Vec<NodeName>, CommandError> {
        let nodes = tables.select_with(noderange, &number_names())?;
        if nodes.is_empty() {
            return Err(CommandError::Nobody { noderange: noderange.to_owned() });
        }
        Ok(nodes)
    }

    /// URL of the tables.
    pub(crate) fn inventory_url(&self) -> Result<InventoryUrl, CommandError> {
        Ok(tables::find(self.settings.inventory.as_deref(), &self.settings.database)?)
    }
}

/// Host name of this machine.
pub(crate) fn machine_name() -> String {
    let name = durable::kernel_text(std::path::Path::new("/proc/sys/kernel/hostname")).unwrap_or_default();
    name.trim().to_owned()
}

/// Prefix and suffix of node names that are given as a number, as xCAT's commands read them from the environment.
pub(crate) fn number_names() -> NumberNames {
    let set = |name, default: String| std::env::var(name).unwrap_or(default);
    let NumberNames { prefix, suffix } = NumberNames::default();
    NumberNames { prefix: set("XCAT_NODE_PREFIX", prefix), suffix: set("XCAT_NODE_SUFFIX", suffix) }
}

/// Output volume.
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
