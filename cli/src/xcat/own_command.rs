//! What a command of xCAT is translated to.

/// One of our own commands with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnCommand {
    pub(super) command: &'static str,
    /// Its options.
    pub(super) options: Vec<&'static str>,
    /// Arguments after the noderange.
    pub(super) words: Vec<String>,
    /// Warning about options without effect.
    pub(super) warning: Option<&'static str>,
}

impl OwnCommand {
    pub(super) fn new(command: &'static str, options: &[&'static str]) -> Self {
        Self { command, options: options.to_vec(), words: Vec::new(), warning: None }
    }
}
