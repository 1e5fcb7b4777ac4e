//! Any text in the `nics` columns and in a row of `networks`; columns are separated by line ends.
#![no_main]

use inventory::networks::NetworkRow;
use inventory::nics::Nics;
use libfuzzer_sys::fuzz_target;

const COLUMNS: [&str; 5] = ["nictypes", "nicips", "nicnetworks", "nicdevices", "nicextraparams"];

fuzz_target!(|text: &str| {
    let _ = NetworkRow::from_line(text);
    let lines: Vec<&str> = text.lines().collect();
    let column = |name: &str| {
        let place = COLUMNS.iter().position(|column| *column == name)?;
        lines.get(place).map(|line| (*line).to_owned())
    };
    match Nics::parse("host1", column) {
        Ok(nics) => {
            for nic in nics.iter() {
                // reading a value that is there is never an error
                let _ = (nic.is_ethernet(), nic.param("mtu"), nic.addresses().count());
            }
        }
        Err(error) => assert!(error.to_string().contains("host1"), "{error}"),
    }
});
