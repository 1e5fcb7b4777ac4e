use super::*;

fn row() -> Row {
    let mut row = Row::of(&"Port".into());
    row.set("name", "p1");
    row.set("tag", Value::empty());
    row.set("trunks", Value::set([1, 2]));
    row.set("external_ids", Value::map([("node", "c1")]));
    row.set("load", 2);
    row
}

#[test]
fn columns_as_types() {
    let row = row();
    assert_eq!(row.string("name"), Ok("p1"));
    assert_eq!(row.optional_integer("tag"), Ok(None));
    assert_eq!(row.set_of_integers("trunks"), Ok(vec![1, 2]));
    assert_eq!(row.set_of_strings("name"), Ok(vec!["p1"]));
    assert_eq!(row.map_of_strings("external_ids"), Ok(BTreeMap::from([("node", "c1")])));
    assert_eq!(row.real("load"), Ok(2.0));
}

#[test]
fn what_they_are_not() {
    let row = row();
    for (error, told) in [
        (
            row.string("nome").map(drop).unwrap_err(),
            "table Port: the row has no column nome: select or monitor it",
        ),
        (
            row.integer("tag").map(drop).unwrap_err(),
            r#"table Port: column tag is ["set",[]], not an integer"#,
        ),
        (row.boolean("name").map(drop).unwrap_err(), r#"table Port: column name is "p1", not a boolean"#),
        (
            row.set_of_uuids("trunks").map(drop).unwrap_err(),
            r#"table Port: column trunks is ["set",[1,2]], not a set, each element a UUID"#,
        ),
        (
            row.map_of_strings("name").map(drop).unwrap_err(),
            r#"table Port: column name is "p1", not a map from strings to strings"#,
        ),
    ] {
        assert_eq!(error.to_string(), told);
    }
}
