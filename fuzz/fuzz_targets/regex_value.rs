//! Any value of a table for any node: the first line is the node's name, the rest the value.
#![no_main]

use inventory::regex_value::apply;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some((node, value)) = text.split_once('\n') else { return };
    match apply(value, node) {
        Ok(computed) => {
            if !value.starts_with(['/', '|']) {
                assert_eq!(computed, value, "no regular expression: the value is what it says");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
