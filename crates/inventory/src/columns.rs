//! Parsers of a container node's columns that have a grammar. Each parser takes the text of one cell. Its error is the
//! rule that the text breaks.

mod amount;
mod image;
mod items;
mod machine;
mod settings;
mod storage;

pub use amount::memory;
pub use machine::{all_macs, command_words, image_and_command, primary_mac};
pub use storage::volumes;
