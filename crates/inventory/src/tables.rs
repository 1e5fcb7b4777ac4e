//! Rows of a table, and lookup by key.

use std::sync::Arc;

/// xCAT `Table.pm`: a row is visible only if `disable` is NULL or one of these. The empty text, which
/// `chtab vm.disable=` writes, hides it.
pub(crate) const VISIBLE: [&str; 5] = ["0", "no", "NO", "No", "nO"];

/// A visible row. Cells are text: xCAT's columns all are. Rows are shared, not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    columns: Arc<[Box<str>]>,
    cells: Arc<[Option<Box<str>>]>,
    line: Option<u32>,
}

impl Row {
    /// A row of `cells` that stand in the order of `columns`.
    pub(crate) fn new(columns: Arc<[Box<str>]>, cells: Vec<Option<Box<str>>>, line: Option<u32>) -> Self {
        Self { columns, cells: cells.into(), line }
    }

    /// The column's value; `None` if it is NULL, empty (xCAT makes no difference), or no such column exists.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.raw(column).filter(|value| !value.is_empty())
    }

    /// The line of the stanza file where the object begins; `None` for a row of a database.
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// Whether the row is visible, by its `disable`.
    pub(crate) fn is_visible(&self) -> bool {
        self.raw("disable").is_none_or(|value| VISIBLE.contains(&value))
    }

    fn raw(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| **name == *column)?;
        self.cells.get(at)?.as_deref()
    }
}

/// The visible rows of a table, in the order in which they were read.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Box<[Row]>,
    /// Indexes in `rows`, sorted by key. Rows with equal keys stay in order.
    by_key: Box<[u32]>,
    key: &'static str,
}

impl Table {
    /// A table of the visible rows, with an index on the column `key`.
    pub(crate) fn new(key: &'static str, rows: impl IntoIterator<Item = Row>) -> Self {
        let rows: Box<[Row]> = rows.into_iter().filter(Row::is_visible).collect();
        let mut by_key: Box<[u32]> = (0..).take(rows.len()).collect();
        by_key.sort_by_key(|at| key_of(&rows, *at, key));
        Self { by_key, rows, key }
    }

    /// All of them.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The first row of that key.
    pub(crate) fn find(&self, key: &str) -> Option<&Row> {
        let at = self.by_key.partition_point(|at| key_of(&self.rows, *at, self.key) < Some(key));
        let row = self.rows.get(usize::try_from(*self.by_key.get(at)?).ok()?)?;
        (row.get(self.key) == Some(key)).then_some(row)
    }
}

/// Puts rows that were read in no particular order into the order of their keys. Keys are compared as bytes, whatever the server's
/// language; rows of equal key by their other columns, so that equal tables are always in the same order.
pub(crate) fn sort_by_key(rows: &mut [Row], key: &str) {
    rows.sort_by(|a, b| a.get(key).cmp(&b.get(key)).then_with(|| a.cells.cmp(&b.cells)));
}

fn key_of<'a>(rows: &'a [Row], at: u32, key: &str) -> Option<&'a str> {
    rows.get(usize::try_from(at).ok()?)?.get(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(node: &str, disable: Option<&str>) -> Row {
        let columns: Arc<[Box<str>]> = ["node", "disable"].map(Into::into).into();
        Row::new(columns, vec![Some(node.into()), disable.map(Into::into)], None)
    }

    #[test]
    fn only_null_and_no_are_visible() {
        let visible = |value| row("a", value).is_visible();
        for shown in [None, Some("0"), Some("no"), Some("NO"), Some("No"), Some("nO")] {
            assert!(visible(shown), "{shown:?}");
        }
        for hidden in ["", "1", "yes", "false", "00"] {
            assert!(!visible(Some(hidden)), "{hidden:?}");
        }
    }

    #[test]
    fn the_order_of_a_server_does_not_count() {
        let mut rows = [row("b", None), row("a", Some("no")), row("B", None), row("a", None)];
        sort_by_key(&mut rows, "node");
        assert_eq!(rows, [row("B", None), row("a", None), row("a", Some("no")), row("b", None)]);
        rows.reverse();
        sort_by_key(&mut rows, "node");
        assert_eq!(rows, [row("B", None), row("a", None), row("a", Some("no")), row("b", None)]);
    }

    #[test]
    fn rows_are_found_by_key_and_kept_in_order() {
        let table =
            Table::new("node", [row("b", None), row("a", Some("1")), row("c", None), row("a1", Some("0"))]);
        let names: Vec<_> = table.rows().iter().filter_map(|row| row.get("node")).collect();
        assert_eq!(names, ["b", "c", "a1"]);
        assert_eq!(table.find("a1").and_then(|row| row.get("disable")), Some("0"));
        assert!(table.find("a").is_none() && table.find("d").is_none() && table.find("").is_none());
    }
}
