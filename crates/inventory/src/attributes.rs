//! xCAT's attribute names and the columns they are stored in.

mod near;
mod node;
pub(crate) mod schema;

pub(crate) use near::near;

/// An attribute of node and group objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// As `lsdef` shows it.
    pub(crate) name: &'static str,
    /// The table that it is stored in.
    pub(crate) table: &'static str,
    /// The column.
    pub(crate) column: &'static str,
    /// Condition: an attribute and its values, separated by `|`.
    only_if: Option<(&'static str, &'static str)>,
}

impl Attribute {
    fn from((name, place, only_if): node::Entry) -> Self {
        let (table, column) = place.split_once('.').unwrap_or((place, ""));
        Self { name, table, column, only_if: only_if.split_once('=') }
    }

    /// Whether the attribute applies to an object with these other attributes (`mgt`, `nodetype`).
    pub(crate) fn applies<E>(
        &self,
        mut other: impl FnMut(&str) -> Result<Option<String>, E>,
    ) -> Result<bool, E> {
        let Some((name, values)) = self.only_if else { return Ok(true) };
        let value = other(name)?;
        Ok(value.is_some_and(|value| values.split('|').any(|one| one == value)))
    }

    /// Whether `lsdef` lists the attribute for each NIC: `nicips.eth1`.
    pub(crate) fn is_per_nic(&self) -> bool {
        self.table == "nics"
    }
}

/// All attributes, sorted by name.
pub(crate) fn all() -> impl Iterator<Item = Attribute> {
    node::ATTRIBUTES.iter().copied().map(Attribute::from)
}

/// Attributes with this name. There are several if the column depends on how the node is managed.
pub(crate) fn named(name: &str) -> impl Iterator<Item = Attribute> {
    let name = shown_name(name);
    let start = node::ATTRIBUTES.partition_point(|(known, ..)| *known < name);
    let of_name = node::ATTRIBUTES.iter().skip(start).copied().map(Attribute::from);
    of_name.take_while(move |attribute| attribute.name == name)
}

/// The name that xCAT shows. Some attributes also have an alias.
pub(crate) fn shown_name(name: &str) -> &str {
    node::ALSO.iter().find(|(also, _)| *also == name).map_or(name, |(_, shown)| shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_has_a_column_of_the_schema() {
        let names: Vec<_> = all().map(|attribute| attribute.name).collect();
        assert!(names.is_sorted());
        for attribute in all() {
            let at = schema::position(attribute.table).unwrap();
            assert!(schema::TABLES[at].has(attribute.column), "{attribute:?}");
        }
    }

    #[test]
    fn a_name_finds_its_columns() {
        let columns = |name| named(name).map(|found| (found.table, found.column)).collect::<Vec<_>>();
        assert_eq!(columns("ip"), [("hosts", "ip")]);
        assert_eq!(columns("bmc"), [("ipmi", "bmc"), ("openbmc", "bmc")]);
        assert_eq!(columns("vmothersettings"), columns("dockerflag"));
        assert_eq!(columns("nosuch"), []);
    }
}
