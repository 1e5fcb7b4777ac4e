//! xCAT's own commands: called as `mkdocker`, `rpower` and so on, xdock takes the arguments of that command and prints what it
//! printed; called by the plugin in xcatd, it answers with xCAT's responses. Each is a thin translation of xCAT's words into
//! the words of one of our own commands, which then does the work.

mod command;
mod cons;
mod list;
mod mk;
mod power;
mod request;
mod rm;
mod rows;
mod run;
mod tongue;

pub(crate) use list::{is_listed, row};
pub(crate) use request::Request;
pub(crate) use run::run;
pub(crate) use tongue::{Said, Spoken, Tongue};
