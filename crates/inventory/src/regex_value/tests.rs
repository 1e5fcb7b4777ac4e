use std::error::Error as _;

use proptest::prelude::*;

use super::*;

fn value(value: &str, node: &str) -> String {
    apply(value, node).unwrap().into_owned()
}

fn message(value: &str, node: &str) -> String {
    let error = apply(value, node).unwrap_err();
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}

#[test]
fn the_three_forms_give_what_xcat_gives() {
    for (cell, node, result) in [
        (r"/\z/-alias/", "r007", "r007-alias"),
        (r"/r(\d+)/$1/", "r007", "$1"),
        ("/x/y/", "r007", "r007"),
        (r"|r(\d+)|10.9.($1/256).($1%256)|", "r007", "10.9.0.7"),
        (r"|r(\d+)|10.9.($1/256).($1%256)|", "r300", "10.9.1.44"),
        (r"|r(\d+)|x($1)y($1+0)|", "r007", "x007y7"),
        (r"|^host(\d+)c(\d+)$|10.99.($1+0).($2*2-1)|", "host1c09", "10.99.1.17"),
        ("|10.0.0.($1+0)|", "node012", "10.0.0.12"),
        ("|10.($1).($2)|", "a0b03c", "10.0.3"),
        (r"|\D+(\d+)|($1)-(($1+2)*3)|", "n4", "4-18"),
        (r"|\D+(\d+)|(-7/2).(-7%3).(7%-3).(010)|", "n4", "-3.-1.1.8"),
        (r"|r(\d+)|plain|", "r7", "plain"),
        (r"|x(\d+)|($1)|", "r7", "r7"),
        (r"|(\d+)|($1+1)|", "n7-x", "n8-x"),
        ("dh1:2375", "d1", "dh1:2375"),
        ("/install/a/b", "d1", "/install/a/b"),
        ("/a/", "d1", "/a/"),
        ("|", "d1", "|"),
        ("/", "d1", "/"),
    ] {
        assert_eq!(value(cell, node), result, "{cell} of {node}");
    }
}

#[test]
fn helper_functions_are_those_of_xcat() {
    let place = r"|row(\d+)-col(\d+)|(dim2idx($1, 4, $2))|";
    assert_eq!((value(place, "row1-col3"), value(place, "row2-col1")), ("3".into(), "5".into()));
    let skipping = r"|row(\d+)-col(\d+)|(skip(dim2idx($1, 4, $2),'3:2'))|";
    assert_eq!((value(skipping, "row1-col2"), value(skipping, "row2-col1")), ("2".into(), "3".into()));
    assert_eq!(value(r"|r(.)|(a2idx($1)).(a2zidx($1))|", "rC"), "3.2");
}

#[test]
fn what_can_not_be_computed_is_told_with_its_place() {
    for (cell, reason) in [
        (
            r"|n(\d+)|($1/0)|",
            r#"($1/0) in the value "|n(\\d+)|($1/0)|" cannot be computed for n4: division by zero"#,
        ),
        (
            "|n(.)|($2)|",
            r#"($2) in the value "|n(.)|($2)|" cannot be computed for n4: the regular expression has no group $2"#,
        ),
        ("|n(.|($1)|", "unclosed group"),
        ("|n.|(1|", r#"the value "|n.|(1|" has an unbalanced parenthesis"#),
        ("|n.|1)|", r#"the value "|n.|1)|" has an unbalanced parenthesis"#),
        ("|n.|()|", "unexpected \")\""),
        ("|n.|(1+)|", "unexpected \")\""),
        ("|n.|(08)|", "\"08\" is not a whole number (a leading 0 makes it octal)"),
        ("|(n).|($1+1)|", "\"n\" is not a whole number"),
        ("|n.|(9223372036854775807+1)|", "the result does not fit in 64 bits"),
        ("|n.|(system('x'))|", "unknown function system; the functions are a2idx, a2zidx, dim2idx and skip"),
        ("|n.|(skip(3,'3:2'))|", "3 is one of the indexes to skip"),
        ("|n.|(dim2idx(1,2))|", "dim2idx takes an index, then a size and an index of each further dimension"),
        ("|n.|(1;2)|", "unexpected \";\""),
    ] {
        let error = message(cell, "n4");
        assert!(error.contains(reason), "{cell}: {error}");
    }
    let deep = format!("|n.|{}1{}|", "(".repeat(99), ")".repeat(99));
    assert!(message(&deep, "n4").ends_with("parentheses are nested deeper than 32"));
}

proptest! {
    #[test]
    fn no_value_makes_it_panic(cell in r"[/|]?([()$0-9a-z+*/%.,' -]|\|){0,24}[/|]?", node in "[a-z0-9-]{1,12}") {
        let _ = apply(&cell, &node);
    }

    #[test]
    fn text_without_the_marks_is_kept(cell in "[^/|].*", node in "[a-z][0-9]{1,3}") {
        prop_assert_eq!(value(&cell, &node), cell);
    }

    #[test]
    fn numbers_are_computed_as_integers(number in 0_i64..1_000_000, by in 1_i64..1000) {
        let cell = format!(r"|n(\d+)|($1/{by}).($1%{by})|");
        let divided = format!("{}.{}", number / by, number % by);
        prop_assert_eq!(value(&cell, &format!("n{number:08}")), divided);
    }
}
