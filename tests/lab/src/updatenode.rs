//! What xCAT's `updatenode HOSTS -P "script args,..."` does, for a cluster that has no xCAT: the node's variables
//! rendered from the tables (`render`), the scripts fetched and run on the node (`files/xcatdsklspost`).

mod render;
mod run;

pub use render::{RenderError, render};
pub use run::{NodeRun, UpdateError};
