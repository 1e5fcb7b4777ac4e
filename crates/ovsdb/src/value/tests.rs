use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn atom() -> impl Strategy<Value = Atom> {
    prop_oneof![
        any::<i64>().prop_map(Atom::Integer),
        any::<f64>().prop_filter_map("JSON has finite numbers only", |value| value
            .is_finite()
            .then_some(Atom::Real(value))),
        any::<bool>().prop_map(Atom::Boolean),
        any::<String>().prop_map(Atom::String),
        any::<u128>().prop_map(|bits| Atom::Uuid(Uuid::from_u128(bits))),
        "[a-zA-Z_][a-zA-Z0-9_]{0,8}".prop_map(Atom::NamedUuid),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        atom().prop_map(Value::Atom),
        vec(atom(), 0..6).prop_map(Value::Set),
        vec((atom(), atom()), 0..6).prop_map(Value::Map),
    ]
}

proptest! {
    #[test]
    fn written_and_read_is_the_same(value in value()) {
        let text = value.to_json().to_string();
        let read = Value::from_json(serde_json::from_str(&text).unwrap()).unwrap();
        prop_assert_eq!(read, value);
    }

    #[test]
    fn order_does_not_count(atoms in vec(atom(), 0..6), pairs in vec((atom(), atom()), 0..6)) {
        let (mut back, mut pairs_back) = (atoms.clone(), pairs.clone());
        back.reverse();
        pairs_back.reverse();
        prop_assert_eq!(Value::Set(atoms), Value::Set(back));
        prop_assert_eq!(Value::Map(pairs), Value::Map(pairs_back));
    }
}

/// The examples of RFC 7047 section 5.1, and how ovsdb-server writes them.
#[test]
fn notation() {
    let uuid: Uuid = "550e8400-e29b-41d4-a716-446655440000".parse().unwrap();
    for (value, text) in [
        (Value::from("br0"), r#""br0""#),
        (Value::from(-7), "-7"),
        (Value::from(0.5), "0.5"),
        (Value::from(true), "true"),
        (Value::from(uuid), r#"["uuid","550e8400-e29b-41d4-a716-446655440000"]"#),
        (Value::named("row"), r#"["named-uuid","row"]"#),
        (Value::empty(), r#"["set",[]]"#),
        (Value::set([7]), "7"),
        (Value::set([1, 2]), r#"["set",[1,2]]"#),
        (Value::map([("a", 1)]), r#"["map",[["a",1]]]"#),
        (Value::map(<[(Atom, Atom); 0]>::default()), r#"["map",[]]"#),
    ] {
        assert_eq!(value.to_json().to_string(), text);
        assert_eq!(Value::from_json(serde_json::from_str(text).unwrap()), Ok(value));
    }
}

/// Found by fuzzing: serde_json without `float_roundtrip` reads a neighbour.
#[test]
fn reals_are_read_as_they_were_written() {
    let read = Value::from_json(serde_json::from_str("11111111111222222222224").unwrap()).unwrap();
    assert_eq!(read, Value::from(11_111_111_111_222_222_222_224.0));
    assert_eq!(Value::from_json(serde_json::from_str(&read.to_json().to_string()).unwrap()).unwrap(), read);
}

#[test]
fn a_set_of_one_is_its_atom() {
    assert_eq!(Value::set(["x"]), Value::from("x"));
    assert_eq!(Value::from_json(json!(["set", ["x"]])).unwrap(), Value::from("x"));
    assert_ne!(Value::empty(), Value::from("x"));
    assert_ne!(Value::set([1, 1, 2]), Value::set([1, 2, 2]));
    assert_ne!(Value::Map(Vec::new()), Value::empty());
}

#[test]
fn what_is_no_value() {
    for (text, told) in [
        ("null", "null is not an atom"),
        ("{}", "{} is not an atom"),
        ("[]", "[] is not an atom"),
        (r#"["set",null]"#, r#"["set",null] is not an atom"#),
        (r#"["bag",[1]]"#, r#"["bag",[1]] is not a set or a map"#),
        (r#"["set",[["set",[]]]]"#, r#"["set",[]] is not an atom"#),
        (r#"["map",[[1]]]"#, "[1] is not a pair"),
        (r#"["map",[1]]"#, "1 is not a pair"),
        (r#"["uuid","x"]"#, r#"["uuid","x"] is not a UUID"#),
        ("18446744073709551615", "18446744073709551615 is not a 64-bit number"),
    ] {
        let error = Value::from_json(serde_json::from_str(text).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
}
