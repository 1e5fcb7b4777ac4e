//! Any text as a stanza file: an error that names a line, or a document whose text reads back as the same objects.
#![no_main]

use inventory::stanza::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match parse(text) {
        Ok(document) => {
            let again = parse(&document.to_text()).unwrap();
            assert_eq!(again.objects(), document.objects());
            for object in document.objects() {
                assert!(!object.name.is_empty());
            }
        }
        Err(error) => assert!(error.to_string().contains("line ")),
    }
});
