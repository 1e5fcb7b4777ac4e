//! xCAT's commands: invoked as `mkdocker`, `rpower` and so on, xdock accepts the arguments and prints the output of
//! that command. Invoked by the plugin in xcatd, it prints xCAT's responses. Each command is translated to one of our
//! own commands.

mod command;
mod cons;
mod list;
mod mk;
mod own_command;
mod power;
mod request;
mod rm;
mod rows;
mod run;

pub(crate) use list::{is_listed, row};
pub(crate) use request::Request;
pub(crate) use run::run;
