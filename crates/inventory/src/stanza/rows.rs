//! Converts a [`Document`] to rows of xCAT's tables.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{Attr, Document, Kind, Object, StanzaError};
use crate::attributes::{self, schema};
use crate::compile::ISOLATE;
use crate::nics::entries::is_expression;
use crate::tables::Row;

/// The rows of each table that the objects become.
pub(crate) fn rows(document: &Document) -> Result<HashMap<&'static str, Vec<Row>>, StanzaError> {
    let members = members(document)?;
    let mut all = Rows::default();
    for object in &document.objects {
        match object.kind {
            Kind::Node => all.node(object, members.get(object.name.as_str()))?,
            Kind::Group => all.group(object)?,
            Kind::Network => all.network(object)?,
            Kind::Site => all.site(object),
            Kind::Osimage | Kind::Route | Kind::Policy => all.plain(object)?,
            Kind::Other(_) => {}
        }
    }
    Ok(all.rows)
}

/// The groups with `members=`, by member. Members of a dynamic group are computed, not listed.
fn members(document: &Document) -> Result<HashMap<&str, Vec<&str>>, StanzaError> {
    let nodes: HashSet<&str> =
        document.objects.iter().filter(|o| o.kind == Kind::Node).map(|o| o.name.as_str()).collect();
    let mut of_node: HashMap<&str, Vec<&str>> = HashMap::new();
    for group in document.objects.iter().filter(|o| o.kind == Kind::Group && !is_dynamic(o)) {
        for attr in group.attrs.iter().filter(|attr| attr.name == "members") {
            for member in attr.value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                if !nodes.contains(member) {
                    return Err(value(attr, group, format!("{member} is not a node in this file")));
                }
                of_node.entry(member).or_default().push(&group.name);
            }
        }
    }
    Ok(of_node)
}

fn is_dynamic(group: &Object) -> bool {
    group.get("grouptype") == Some("dynamic")
}

fn value(attr: &Attr, object: &Object, what: String) -> StanzaError {
    let attribute = format!("{}={}", attr.name, attr.value);
    StanzaError::Value { line: attr.line, attribute, object: object.name.clone(), what }
}

/// Value of each column of an object, with the attribute that set it first.
#[derive(Default)]
struct Cells<'a>(BTreeMap<&'static str, BTreeMap<&'static str, (String, Option<&'a Attr>)>>);

impl<'a> Cells<'a> {
    fn set(
        &mut self,
        (table, column): (&'static str, &'static str),
        attr: &'a Attr,
        object: &Object,
    ) -> Result<(), StanzaError> {
        let cells = self.0.entry(table).or_default();
        match cells.get(column) {
            Some((old, Some(first))) if *old != attr.value => Err(object.contradiction(first, attr)),
            _ => {
                cells.insert(column, (attr.value.clone(), Some(attr)));
                Ok(())
            }
        }
    }

    /// xCAT's form of the `nics` columns: `NIC!VALUE,NIC!VALUE`.
    fn append(&mut self, (table, column): (&'static str, &'static str), entry: &str, separator: char) {
        let (text, _) = self.0.entry(table).or_default().entry(column).or_default();
        if !text.is_empty() {
            text.push(separator);
        }
        text.push_str(entry);
    }

    fn attribute(&mut self, attr: &'a Attr, object: &Object) -> Result<(), StanzaError> {
        let (base, nic) =
            attr.name.split_once('.').map_or((&*attr.name, None), |(base, nic)| (base, Some(nic)));
        let Some(place) = place(base, object) else { return Ok(()) };
        match nic {
            None if place.0 == "nics" => self.append(place, &attr.value, ','),
            None => return self.set(place, attr, object),
            Some(_) if attr.value.contains(',') && !is_expression(&attr.value) => {
                return Err(value(attr, object, "several values of one NIC are separated by `|`".to_owned()));
            }
            Some(nic) => self.append(place, &format!("{nic}!{}", attr.value), ','),
        }
        Ok(())
    }
}

/// Table and column of an attribute. If there are several, the one for the object's management method.
fn place(name: &str, object: &Object) -> Option<(&'static str, &'static str)> {
    let other = |name: &str| Ok::<_, ()>(object.get(name).map(str::to_owned));
    let fits = attributes::named(name).find(|attribute| attribute.applies(other) == Ok(true));
    let found = fits.or_else(|| attributes::named(name).next())?;
    Some((found.table, found.column))
}

#[derive(Default)]
struct Rows {
    rows: HashMap<&'static str, Vec<Row>>,
    columns: HashMap<&'static str, Arc<[Box<str>]>>,
}

impl Rows {
    fn node(&mut self, object: &Object, member_of: Option<&Vec<&str>>) -> Result<(), StanzaError> {
        let mut cells = Cells::default();
        cells.0.entry("nodelist").or_default();
        for attr in object.attrs.iter().filter(|attr| !attr.value.is_empty()) {
            cells.attribute(attr, object)?;
        }
        for group in member_of.into_iter().flatten() {
            let listed =
                object.get("groups").is_some_and(|groups| groups.split(',').any(|one| one == *group));
            if !listed {
                cells.append(("nodelist", "groups"), group, ',');
            }
        }
        self.push_all("node", cells, object);
        Ok(())
    }

    fn group(&mut self, object: &Object) -> Result<(), StanzaError> {
        let mut cells = Cells::default();
        cells.0.entry("nodegroup").or_default();
        for attr in object.attrs.iter().filter(|attr| !attr.value.is_empty()) {
            match attr.name.as_str() {
                "members" if !is_dynamic(object) => {}
                "members" => cells.set(("nodegroup", "members"), attr, object)?,
                "membergroups" => cells.set(("nodegroup", "membergroups"), attr, object)?,
                "grouptype" => cells.set(("nodegroup", "grouptype"), attr, object)?,
                "wherevals" => cells.set(("nodegroup", "wherevals"), attr, object)?,
                "usercomment" => cells.set(("nodegroup", "comments"), attr, object)?,
                _ => cells.attribute(attr, object)?,
            }
        }
        if cells.0.contains_key("nodelist") {
            let what = "only nodes have this attribute, not groups".to_owned();
            let of_nodes =
                |attr: &&Attr| place(&attr.name, object).is_some_and(|(table, _)| table == "nodelist");
            let attr = object.attrs.iter().filter(|attr| attr.name != "usercomment").find(of_nodes);
            return attr.map_or(Ok(()), |attr| Err(value(attr, object, what)));
        }
        self.push_all("node", cells, object);
        Ok(())
    }

    fn push_all(&mut self, key: &'static str, cells: Cells<'_>, object: &Object) {
        for (table, values) in cells.0 {
            let key = if table == "nodegroup" { "groupname" } else { key_of(table).unwrap_or(key) };
            let get = |column: &str| match column {
                _ if column == key => Some(object.name.clone()),
                _ => values.get(column).map(|(text, _)| text.clone()),
            };
            self.push(table, object.line, get);
        }
    }

    /// One row for each network of `net`: xCAT has a row for each address family.
    fn network(&mut self, object: &Object) -> Result<(), StanzaError> {
        let list =
            |name: &str| object.get(name).map(|text| text.split(',').map(str::trim).collect::<Vec<_>>());
        if let Some(attr) = object.attrs.iter().find(|attr| attr.name == "isolate") {
            self.isolate(object, attr)?;
        }
        let nets = list("net").unwrap_or_default();
        let masks = list("mask").unwrap_or_default();
        if let Some(mask) = object.attrs.iter().find(|attr| attr.name == "mask" && masks.len() != nets.len())
        {
            return Err(value(
                mask,
                object,
                format!("net has {} entries, mask must have as many", nets.len()),
            ));
        }
        for (at, net) in nets.iter().enumerate() {
            let six = net.contains(':');
            self.push("networks", object.line, |column| match column {
                "netname" => Some(object.name.clone()),
                "net" => Some((*net).to_owned()),
                "mask" => masks.get(at).map(|mask| (*mask).to_owned()),
                "comments" => object.get("usercomment").map(str::to_owned),
                "disable" => None,
                "gateway" | "dynamicrange" | "staticrange" if nets.len() > 1 => {
                    of_family(object.get(column)?, six)
                }
                _ => object.get(column).map(str::to_owned),
            });
        }
        Ok(())
    }

    /// xCAT's `networks` has no such column, so the row is one of `site`.
    fn isolate(&mut self, object: &Object, attr: &Attr) -> Result<(), StanzaError> {
        match attr.value.as_str() {
            "yes" | "1" => self.push("site", attr.line, |column| match column {
                "key" => Some(ISOLATE.to_owned()),
                "value" => Some(object.name.clone()),
                _ => None,
            }),
            "no" | "0" | "" => {}
            _ => return Err(value(attr, object, "yes or no is needed".to_owned())),
        }
        Ok(())
    }

    fn site(&mut self, object: &Object) {
        for attr in &object.attrs {
            self.push("site", attr.line, |column| match column {
                "key" => Some(attr.name.clone()),
                "value" => Some(attr.value.clone()),
                _ => None,
            });
        }
    }

    /// An object whose attributes are the columns of its tables.
    fn plain(&mut self, object: &Object) -> Result<(), StanzaError> {
        let (tables, key) = object.kind.tables();
        let mut cells = Cells::default();
        for attr in object.attrs.iter().filter(|attr| !attr.value.is_empty()) {
            let column = if attr.name == "usercomment" { "comments" } else { &attr.name };
            let found = tables.iter().find_map(|table| {
                let spec = schema::TABLES.get(schema::position(table)?)?;
                Some((spec.name, spec.columns().find(|name| *name == column)?))
            });
            if let Some(place) = found {
                cells.set(place, attr, object)?;
            }
        }
        self.push_all(key, cells, object);
        Ok(())
    }

    fn push(&mut self, table: &'static str, line: u32, get: impl Fn(&str) -> Option<String>) {
        let columns = self.columns.entry(table).or_insert_with(|| columns_of(table)).clone();
        let cells = columns.iter().map(|column| get(column).map(String::into_boxed_str)).collect();
        self.rows.entry(table).or_default().push(Row::new(columns, cells, Some(line)));
    }
}

/// The entries of one family of a list that has both.
fn of_family(list: &str, six: bool) -> Option<String> {
    let entries: Vec<&str> =
        list.split(',').map(str::trim).filter(|entry| entry.contains(':') == six).collect();
    (!entries.is_empty()).then(|| entries.join(","))
}

fn key_of(table: &str) -> Option<&'static str> {
    schema::TABLES.get(schema::position(table)?).map(|spec| spec.key)
}

fn columns_of(table: &str) -> Arc<[Box<str>]> {
    let spec = schema::position(table).and_then(|at| schema::TABLES.get(at));
    spec.into_iter().flat_map(schema::TableSpec::columns).map(Into::into).collect()
}
