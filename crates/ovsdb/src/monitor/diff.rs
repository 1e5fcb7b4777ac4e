//! Applies the differences of `update2` and `update3` (ovsdb-server(7) section 4.1.14).

use crate::schema::ColumnType;
use crate::value::{Atom, Value};

/// The new value of a column, from its old value and the difference in a `modify`.
pub(crate) fn apply(kind: &ColumnType, old: &Value, difference: Value) -> Value {
    match (kind.is_composite(), kind.value.is_some(), difference) {
        (false, _, new) => new,
        (true, true, Value::Map(pairs)) => Value::Map(map(old, pairs)),
        (true, _, difference) => Value::Set(set(old, difference)),
    }
}

/// The symmetric difference.
fn set(old: &Value, difference: Value) -> Vec<Atom> {
    let mut atoms = old.atoms().unwrap_or_default().to_vec();
    let difference = match difference {
        Value::Atom(atom) => vec![atom],
        Value::Set(atoms) => atoms,
        Value::Map(_) => Vec::new(),
    };
    for atom in difference {
        match atoms.iter().position(|old| *old == atom) {
            Some(at) => drop(atoms.swap_remove(at)),
            None => atoms.push(atom),
        }
    }
    atoms
}

/// An equal pair is removed, an existing key gets the new value, and another pair is added.
fn map(old: &Value, difference: Vec<(Atom, Atom)>) -> Vec<(Atom, Atom)> {
    let mut pairs = match old {
        Value::Map(pairs) => pairs.clone(),
        _ => Vec::new(),
    };
    for (key, value) in difference {
        let at = pairs.iter().position(|(old, _)| *old == key);
        match at.and_then(|at| pairs.get_mut(at).map(|pair| (at, pair))) {
            Some((at, pair)) if pair.1 == value => drop(pairs.swap_remove(at)),
            Some((_, pair)) => pair.1 = value,
            None => pairs.push((key, value)),
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::schema::{AtomKind, BaseType};

    fn column(value: bool, max: Option<u64>) -> ColumnType {
        let base = BaseType { kind: AtomKind::String, allowed: None, references: None };
        ColumnType { key: base.clone(), value: value.then_some(base), min: 0, max }
    }

    #[test]
    fn one_value_is_replaced() {
        let kind = column(false, Some(1));
        assert_eq!(apply(&kind, &Value::from("a"), Value::from("b")), Value::from("b"));
        assert_eq!(apply(&kind, &Value::from("a"), Value::empty()), Value::empty());
    }

    #[test]
    fn sets_differ_by_what_one_of_them_has() {
        let kind = column(false, None);
        assert_eq!(apply(&kind, &Value::set(["a", "b"]), Value::set(["b", "c"])), Value::set(["a", "c"]));
        assert_eq!(apply(&kind, &Value::empty(), Value::from("c")), Value::from("c"));
        assert_eq!(apply(&kind, &Value::from("c"), Value::from("c")), Value::empty());
    }

    #[test]
    fn maps_differ_by_pairs() {
        let kind = column(true, None);
        let old = Value::map([("stays", "1"), ("goes", "2"), ("changes", "3")]);
        let difference = Value::map([("goes", "2"), ("changes", "4"), ("comes", "5")]);
        let new = Value::map([("stays", "1"), ("changes", "4"), ("comes", "5")]);
        assert_eq!(apply(&kind, &old, difference), new);
    }

    type Pairs = BTreeMap<u8, u8>;

    fn pairs(pairs: &Pairs) -> Value {
        Value::map(pairs.iter().map(|(key, value)| (i64::from(*key), i64::from(*value))))
    }

    proptest! {
        /// Differences as a server makes them lead from any set or map to any other.
        #[test]
        fn from_any_to_any(old: BTreeSet<u8>, new: BTreeSet<u8>) {
            let value = |set: &BTreeSet<u8>| Value::set(set.iter().map(|element| i64::from(*element)));
            let difference = old.symmetric_difference(&new).copied().collect();
            prop_assert_eq!(apply(&column(false, None), &value(&old), value(&difference)), value(&new));
        }

        #[test]
        fn from_any_map_to_any(old: Pairs, new: Pairs) {
            let mut difference: Pairs = new.clone();
            difference.retain(|key, value| old.get(key) != Some(value));
            let gone = old.iter().filter(|(key, _)| !new.contains_key(key));
            difference.extend(gone.map(|(key, value)| (*key, *value)));
            prop_assert_eq!(apply(&column(true, None), &pairs(&old), pairs(&difference)), pairs(&new));
        }
    }
}
