//! Any text as a noderange: parsed, and evaluated against a small cluster.
//!
//! `^FILE` is parsed only: the fuzzer must not read the machine's files.
#![no_main]

use std::cell::LazyCell;

use inventory::Inventory;
use libfuzzer_sys::fuzz_target;

const CLUSTER: &str = include_str!("../seeds/stanza/scenario");

thread_local! {
    static INVENTORY: LazyCell<Inventory> = LazyCell::new(|| Inventory::from_stanzas(CLUSTER).unwrap());
}

fuzz_target!(|text: &str| {
    let parsed = inventory::noderange::parse(text);
    if text.contains('^') {
        return;
    }
    INVENTORY.with(|inventory| match inventory.select(text) {
        Ok(nodes) => {
            assert!(parsed.is_ok(), "evaluated, but not of the grammar");
            assert!(nodes.is_sorted_by(|a, b| a < b), "sorted, and nobody twice");
            let all = inventory.nodes().unwrap();
            assert!(nodes.iter().all(|node| all.contains(node)), "only nodes that there are");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    });
});
