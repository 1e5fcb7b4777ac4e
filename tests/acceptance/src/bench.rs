//! The figures that the product promises, each measured beside a peer in the same run: what a noisy machine does to the
//! one it does to the other.

mod calls;
mod containers;
mod daemon;
mod deploy;
mod echo;
mod figure;
mod fleet;
mod lives;
mod machine;
mod nodes;
mod plug;
mod power;
mod row;
mod samples;
mod stage;
mod starts;
mod tcp;
mod why;

pub use figure::Figure;
pub use machine::Errand;
pub use row::Row;
pub use stage::Stage;
