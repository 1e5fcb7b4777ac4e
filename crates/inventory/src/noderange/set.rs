//! Sets of nodes as sorted indexes in the node list, so that a set has the order of the names.

/// A set of indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NodeSet(Vec<usize>);

impl NodeSet {
    /// The elements in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().copied()
    }

    pub(super) fn union(&mut self, other: Self) {
        if self.0.is_empty() {
            self.0 = other.0;
        } else if !other.0.is_empty() {
            self.0.extend(other.0);
            self.0.sort_unstable();
            self.0.dedup();
        }
    }

    pub(crate) fn intersect(&mut self, other: &Self) {
        self.0.retain(|at| other.has(*at));
    }

    pub(crate) fn remove(&mut self, other: &Self) {
        if !other.0.is_empty() {
            self.0.retain(|at| !other.has(*at));
        }
    }

    fn has(&self, at: usize) -> bool {
        self.0.binary_search(&at).is_ok()
    }
}

impl FromIterator<usize> for NodeSet {
    fn from_iter<T: IntoIterator<Item = usize>>(places: T) -> Self {
        let mut all: Vec<usize> = places.into_iter().collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }
}
