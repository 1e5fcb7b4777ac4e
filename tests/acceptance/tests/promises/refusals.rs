//! What is refused, and in which words. Nothing is changed by a refusal.

use acceptance::{Cluster, Failure};

crate::promises![];
