use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::name::NodeName;

/// A cluster of names and groups, without tables.
struct Fake {
    names: Vec<NodeName>,
    groups: Vec<(&'static str, Vec<&'static str>)>,
}

impl Fake {
    fn new(names: &[&str], groups: &[(&'static str, &[&'static str])]) -> Self {
        let mut names: Vec<NodeName> = names.iter().map(|name| name.parse().unwrap()).collect();
        names.sort();
        Self { names, groups: groups.iter().map(|(name, members)| (*name, members.to_vec())).collect() }
    }

    fn places(&self, members: &[&str]) -> NodeSet {
        members
            .iter()
            .map(|name| self.names.iter().position(|known| known.as_str() == *name).unwrap())
            .collect()
    }

    fn select(&self, text: &str) -> Result<Vec<&str>, NoderangeError> {
        let nodes = evaluate(&parse(text)?, &NumberNames::default(), self)?;
        Ok(nodes.iter().map(|at| self.names[at].as_str()).collect())
    }
}

impl Cluster for Fake {
    type Error = NoderangeError;

    fn names(&self) -> &[NodeName] {
        &self.names
    }

    fn group(&self, name: &str) -> Result<Option<NodeSet>, NoderangeError> {
        Ok(self.groups.iter().find(|(group, _)| *group == name).map(|(_, members)| self.places(members)))
    }

    fn column(&self, name: &str) -> Option<String> {
        (name == "vm.host").then(|| name.to_owned())
    }

    /// Nodes that end with an even digit have a host.
    fn value(&self, node: &str, _: &str) -> Result<Option<String>, NoderangeError> {
        let last = node.bytes().last().unwrap_or_default();
        Ok(last.is_multiple_of(2).then(|| "dh1:2375".to_owned()))
    }

    fn file(&self, path: &Path) -> std::io::Result<String> {
        match path.to_str() {
            Some("/list") => Ok("# comment\nn1 is the first\nc1:x\n^/none\n\n".to_owned()),
            Some("/loop") => Ok("n1,^/loop\n".to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }
}

fn fake() -> Fake {
    let names = [
        "d1",
        "d2",
        "n1",
        "n2",
        "n3",
        "n4",
        "n5",
        "c1",
        "c2",
        "node3",
        "node4",
        "foo1bar1",
        "foo1bar2",
        "foo2bar1",
        "foo2bar2",
        "rack1n01-ib0",
        "rack1n02-ib0",
        "h01",
        "h02",
        "h9.dom",
        "h10.dom",
        "t10",
        "t20",
        "t-1",
        "t-2",
    ];
    let groups: [(&str, &[&str]); 6] = [
        ("cont", &["c1", "c2", "d1"]),
        ("deb", &["n1", "n2"]),
        ("empty", &[]),
        ("all-deb", &["n1"]),
        ("r1", &["c1"]),
        ("r2", &["c2"]),
    ];
    Fake::new(&names, &groups)
}

#[test]
fn every_form_selects_what_xcat_selects() {
    let cluster = fake();
    for (range, nodes) in [
        ("d1", "d1"),
        ("deb", "n1,n2"),
        ("all-deb", "n1"),
        ("d2,d1,d1", "d1,d2"),
        ("n1-n3", "n1,n2,n3"),
        ("n1:n3", "n1,n2,n3"),
        ("n[1-3]", "n1,n2,n3"),
        ("n[1:3]", "n1,n2,n3"),
        ("n[1-2,5]", "n1,n2,n5"),
        ("n[3,1]", "n1,n3"),
        ("foo[1-2]bar[1-2]", "foo1bar1,foo1bar2,foo2bar1,foo2bar2"),
        ("foo[2]bar[1,2]", "foo2bar1,foo2bar2"),
        ("rack1n01-ib0-rack1n02-ib0", "rack1n01-ib0,rack1n02-ib0"),
        ("rack1n[01-02]-ib0", "rack1n01-ib0,rack1n02-ib0"),
        ("foo1bar1-foo2bar1", "foo1bar1,foo2bar1"),
        ("t-[1-2]", "t-1,t-2"),
        ("n1-n1", "n1"),
        ("n1+2", "n1,n2,n3"),
        ("n1+0", "n1"),
        ("h9.dom+1", "h10.dom,h9.dom"),
        ("h01+1", "h01,h02"),
        ("3+1", "node3,node4"),
        ("h[01-02]", "h01,h02"),
        ("3", "node3"),
        ("3,4", "node3,node4"),
        ("3-4", "node3,node4"),
        ("r1-r2", "c1,c2"),
        ("/n.", "n1,n2,n3,n4,n5"),
        ("/n[1,2]", "n1,n2"),
        ("/1", ""),
        ("^/list", "c1,n1"),
        ("cont@c1,d1", "c1,d1"),
        ("d1,cont@c1", "c1,d1"),
        ("(cont,n1)@d1", "d1"),
        ("(n1,d1)@(deb,cont)", "d1,n1"),
        ("cont,-(c1,d1)", "c2"),
        ("-c1,cont", "c2,d1"),
        ("cont,-c1,c1", "c2,d1"),
        ("cont,-deb@n1", "c1,c2,d1"),
        ("-d1", ""),
        ("n3-n1", ""),
        ("empty", ""),
        ("", ""),
        (",,d1,", "d1"),
        (" d1 , d2 ", "d1,d2"),
        ("'d1',\"d2\"", "d1,d2"),
        ("vm.host==dh1:2375,-/.*[a-z].*", ""),
        ("vm.host=dh1:2375@/[dc].", "c2,d2"),
        ("vm.host=~/dh1/@/[dc].", "c2,d2"),
        ("vm.host!=dh1:2375@/[dc].", "c1,d1"),
        ("vm.host!~dh@/[dc].", "c1,d1"),
    ] {
        assert_eq!(cluster.select(range).unwrap().join(","), nodes, "{range}");
    }
}

#[test]
fn unknown_members_are_all_listed_and_nothing_is_selected() {
    let cluster = fake();
    for (range, members) in [
        ("x,d1,y", "x,y"),
        ("x,x", "x"),
        ("n[4-7]", "n6,n7"),
        ("c[01-02]", "c01,c02"),
        ("h1-h2", "h1,h2"),
        ("7", "node7"),
        ("n1-d2", "n1-d2"),
        ("a-b-c", "a-b-c"),
        ("n01-n2", "n01-n2"),
        ("n1:n2:n3", "n1:n2:n3"),
        ("n1+x", "n1+x"),
        ("n1+", "n1+"),
        ("[1-2]", "[1-2]"),
        ("n[1", "n[1"),
        ("n[]", "n[]"),
        ("/n(1|2)", "/n(1|2)"),
        ("(d1", "(d1"),
        ("d1)", ")"),
        ("d1(d2)", "d1(d2)"),
        ("d1,(d2,n1)x,y", "(d2,n1)x"),
        ("cont@", "cont@"),
        ("cont@-c1", "cont@-c1"),
        ("-", "-"),
        ("vm.nosuch==1", "vm.nosuch==1"),
        ("nosuch=~x", "nosuch=~x"),
        ("--d1", "-d1"),
    ] {
        let error = cluster.select(range).unwrap_err().to_string();
        assert_eq!(error, format!("Invalid nodes and/or groups in noderange: {members}"), "{range}");
    }
}

#[test]
fn what_is_too_much_is_refused_before_it_is_made() {
    let cluster = fake();
    for range in ["n[1-2000000]", "n1-n2000000", "n1+18446744073709551614", "n[1-2000]x[1-2000]"] {
        let error = cluster.select(range).unwrap_err();
        assert!(matches!(error, NoderangeError::TooMany { .. }), "{range}: {error}");
    }
    let error = cluster.select("n[1-2000000]").unwrap_err().to_string();
    assert_eq!(error, "n[1-2000000] expands the noderange to more than 1000000 names; give a smaller range");
    let long = format!("{}[1-3]", "x".repeat(1000));
    let error = cluster.select(&long).unwrap_err().to_string();
    assert_eq!(error, format!("Invalid nodes and/or groups in noderange: {long}"));
    let deep = format!("{}d1{}", "(".repeat(1000), ")".repeat(1000));
    assert!(matches!(cluster.select(&deep), Err(NoderangeError::Invalid { .. })));
}

#[test]
fn files_and_expressions_that_can_not_be_used_are_named() {
    let cluster = fake();
    let message = |range| cluster.select(range).unwrap_err().to_string();
    assert_eq!(message("^/none"), "cannot read /none of the noderange");
    assert_eq!(
        message("^/loop"),
        "/loop of the noderange: files include each other; write the nodes instead"
    );
    assert_eq!(message("/n*["), "\"^n*[$\" in the noderange is not a valid regular expression");
    assert_eq!(message("vm.host=~["), "\"[\" in the noderange is not a valid regular expression");
}

/// Ranges of the grammar over the names n1 to n9 and two groups.
fn ranges() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        (1..10).prop_map(|n| format!("n{n}")),
        (1..10, 1..10).prop_map(|(a, b)| format!("n[{a}-{b}]")),
        (1..10, 1..10).prop_map(|(a, b)| format!("n{a}:n{b}")),
        Just("odd".to_owned()),
        Just("low".to_owned()),
        Just("/n[2-4]".to_owned()),
    ];
    atom.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a},{b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})@({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a},-({b}))")),
        ]
    })
}

fn nine() -> Fake {
    let names: Vec<String> = (1..10).map(|n| format!("n{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Fake::new(&names, &[("odd", &["n1", "n3", "n5", "n7", "n9"]), ("low", &["n1", "n2", "n3"])])
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r"([a-d0-9@(),/^=~!+:'\[\]-]|all|n1){0,30}") {
        let _ = fake().select(&text);
    }

    #[test]
    fn no_text_at_all_makes_the_parser_panic(text in "\\PC*") {
        let _ = parse(&text);
    }

    #[test]
    fn a_result_is_sorted_and_unique(text in ranges()) {
        let cluster = nine();
        let nodes = cluster.select(&text).unwrap();
        prop_assert!(nodes.is_sorted_by(|a, b| a < b), "{nodes:?}");
    }

    #[test]
    fn operators_are_those_of_sets(a in ranges(), b in ranges()) {
        let cluster = nine();
        let set = |text: &str| cluster.select(text).unwrap().into_iter().collect::<BTreeSet<_>>();
        let (left, right) = (set(&a), set(&b));
        prop_assert_eq!(set(&format!("{a},{b}")), &left | &right);
        prop_assert_eq!(set(&format!("{a}@{b}")), &left & &right);
        prop_assert_eq!(set(&format!("{a},-{b}")), &left - &right);
        prop_assert_eq!(set(&format!("-{b},{a}")), &left - &right);
        let nothing = set(&format!("{a},-{a}"));
        prop_assert!(nothing.is_empty());
    }

    #[test]
    fn a_range_is_its_names(first in 1_u32..500, count in 0_u32..50) {
        let names: Vec<String> = (0..=count).map(|n| format!("x{}y", first + n)).collect();
        let cluster = Fake::new(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        let last = first + count;
        let all = names.len();
        for text in [format!("x[{first}-{last}]y"), format!("x{first}y-x{last}y"), format!("x{first}y:x{last}y")] {
            prop_assert_eq!(cluster.select(&text).unwrap().len(), all);
        }
    }
}
