//! Objects as `lsdef -z` shows them.

use super::{Inventory, InventoryError};
use crate::attributes::{self, Attribute};
use crate::nics::entries::{pair, split};

/// Attribute and value.
type Pairs = Vec<(String, String)>;

impl Inventory {
    /// All attributes of a node with all their names, sorted. The `nic` attributes are listed for each NIC in the
    /// order of the table.
    ///
    /// # Errors
    /// As [`Inventory::value`].
    pub fn attributes(&self, node: &str) -> Result<Pairs, InventoryError> {
        let mut shown = Vec::new();
        for attribute in attributes::all() {
            if let Some(value) = self.attribute_value(node, &attribute)? {
                push(&mut shown, &attribute, value);
            }
        }
        Ok(shown)
    }

    /// One attribute of a node by xCAT's name: `ip`, `vmhost`, `nicips`, `nicips.eth1`.
    ///
    /// # Errors
    /// As [`Inventory::value`], or the attribute does not exist.
    pub fn attribute(&self, node: &str, name: &str) -> Result<Option<String>, InventoryError> {
        let (base, nic) = name.split_once('.').map_or((name, None), |(base, nic)| (base, Some(nic)));
        let mut known = false;
        for attribute in attributes::named(base).filter(|found| nic.is_none() || found.is_per_nic()) {
            known = true;
            if let Some(value) = self.attribute_value(node, &attribute)? {
                return Ok(match nic {
                    Some(nic) => {
                        entries(&value).find(|(name, _)| *name == nic).map(|(_, text)| text.to_owned())
                    }
                    None => Some(value),
                });
            }
        }
        let near = || attributes::near(base, attributes::all().map(|attribute| attribute.name));
        if known { Ok(None) } else { Err(InventoryError::Attribute { name: name.to_owned(), near: near() }) }
    }

    fn attribute_value(&self, node: &str, attribute: &Attribute) -> Result<Option<String>, InventoryError> {
        let value = self.value_of(node, attribute.table, attribute.column)?;
        let other = |name: &str| self.plain_value(node, name);
        if value.is_none() || attribute.applies(other)? { Ok(value) } else { Ok(None) }
    }

    /// Value of an attribute without a condition. Conditions refer only to such attributes.
    fn plain_value(&self, node: &str, name: &str) -> Result<Option<String>, InventoryError> {
        match attributes::named(name).next() {
            Some(attribute) => self.value_of(node, attribute.table, attribute.column),
            None => Ok(None),
        }
    }
}

fn push(shown: &mut Pairs, attribute: &Attribute, value: String) {
    if !attribute.is_per_nic() {
        return shown.push((attribute.name.to_owned(), value));
    }
    for (nic, text) in entries(&value) {
        shown.push((format!("{}.{nic}", attribute.name), text.to_owned()));
    }
}

/// NIC and value of each entry of a `nics` column.
fn entries(column: &str) -> impl Iterator<Item = (&str, &str)> {
    split(column).into_iter().filter_map(pair)
}
