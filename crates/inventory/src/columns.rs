//! The columns of a container node that have a grammar of their own. Each parser takes the text of one cell and
//! says, where it refuses, the rule that the text breaks.

mod amount;
mod image;
mod items;
mod machine;
mod settings;
mod storage;

pub use amount::memory;
pub use machine::{all_macs, command_words, image_and_command, primary_mac};
pub use storage::volumes;
