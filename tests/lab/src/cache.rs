//! What is built once and kept: the root of a Debian release, the layers over it (the management node's, those of
//! network managers), the packages that hosts install, an image. Each entry has a name of its own for what it was made from; it is built
//! under another name and renamed when it is whole, so a half-made one is never used.

pub mod apt;
pub mod entry;
pub mod image;
pub mod installed;
pub mod layers;
pub mod mn;
pub mod packages;
pub mod root;
pub mod sources;
pub mod variant;
