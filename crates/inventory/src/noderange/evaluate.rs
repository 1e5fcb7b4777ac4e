//! [`Range`] to nodes.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use regex::bytes::{Regex, RegexBuilder};

use super::expand::{self, Budget, NumberNames, TooMany};
pub(crate) use super::set::NodeSet;
use super::{Criterion, Factor, LIMIT, NoderangeError, Range, parse};
use crate::name::NodeName;

/// How deep files may name files.
const FILE_DEPTH: usize = 8;

/// A regular expression larger than this when compiled is a mistake, or an attack.
const SIZE_LIMIT: usize = 1 << 20;

/// The nodes, groups and values against which an expression is evaluated.
pub(crate) trait Cluster {
    /// Error of a query.
    type Error: From<NoderangeError>;
    /// All nodes, sorted.
    fn names(&self) -> &[NodeName];
    /// The members of a group; `None` if there is no such group.
    fn group(&self, name: &str) -> Result<Option<NodeSet>, Self::Error>;
    /// The column that a criterion's left side names; `None` if there is no such column.
    fn column(&self, name: &str) -> Option<String>;
    /// The value of a column for a node.
    fn value(&self, node: &str, column: &str) -> Result<Option<String>, Self::Error>;
    /// The content of a file of noderanges.
    fn file(&self, path: &Path) -> io::Result<String>;
}

/// The nodes of an expression.
pub(crate) fn evaluate<C: Cluster>(
    range: &Range,
    numbers: &NumberNames,
    cluster: &C,
) -> Result<NodeSet, C::Error> {
    let budget = Budget::new(LIMIT);
    let mut evaluation =
        Evaluation { cluster, numbers, budget, unknown: Vec::new(), missed: HashSet::new(), files: 0 };
    let nodes = evaluation.range(range)?;
    if evaluation.unknown.is_empty() {
        Ok(nodes)
    } else {
        Err(NoderangeError::Invalid { members: evaluation.unknown }.into())
    }
}

struct Evaluation<'a, C> {
    cluster: &'a C,
    numbers: &'a NumberNames,
    budget: Budget,
    /// Members that are neither nodes nor groups, in the order in which they are met.
    unknown: Vec<String>,
    /// The same members, for lookups.
    missed: HashSet<String>,
    /// The files that are being read.
    files: usize,
}

impl<C: Cluster> Evaluation<'_, C> {
    fn range(&mut self, range: &Range) -> Result<NodeSet, C::Error> {
        let mut nodes = Vec::new();
        let mut excluded = Vec::new();
        for element in &range.elements {
            let set = self.intersection(&element.factors)?;
            let side = if element.exclude { &mut excluded } else { &mut nodes };
            side.extend(set.iter());
        }
        let mut nodes: NodeSet = nodes.into_iter().collect();
        nodes.remove(&excluded.into_iter().collect());
        Ok(nodes)
    }

    fn intersection(&mut self, factors: &[Factor]) -> Result<NodeSet, C::Error> {
        let Some((first, others)) = factors.split_first() else { return Ok(NodeSet::default()) };
        let mut nodes = self.factor(first)?;
        for factor in others {
            nodes.intersect(&self.factor(factor)?);
        }
        Ok(nodes)
    }

    fn factor(&mut self, factor: &Factor) -> Result<NodeSet, C::Error> {
        match factor {
            Factor::Nested(range) => self.range(range),
            Factor::Regex(text) => self.matching(text),
            Factor::File(path) => self.file(path),
            Factor::Criterion(criterion) => self.criterion(criterion),
            Factor::Word(word) => self.word(word),
        }
    }

    /// perl's `m/^${atom}$/`: put between the anchors as it is.
    fn matching(&self, text: &str) -> Result<NodeSet, C::Error> {
        let regex = pattern(&format!("^{text}$"))?;
        let names = self.cluster.names().iter().enumerate();
        Ok(names.filter(|(_, name)| regex.is_match(name.as_str().as_bytes())).map(|(at, _)| at).collect())
    }

    /// A noderange a line, up to the first blank or `:`; lines that begin with `#` or `^` are comments.
    fn file(&mut self, path: &Path) -> Result<NodeSet, C::Error> {
        if self.files == FILE_DEPTH {
            return Err(NoderangeError::FileDepth { path: path.to_owned() }.into());
        }
        let read = self.cluster.file(path);
        let text = read.map_err(|source| NoderangeError::File { path: path.to_owned(), source })?;
        self.files += 1;
        let mut nodes = NodeSet::default();
        for line in text.lines().filter(|line| !line.starts_with(['#', '^'])) {
            let end = line.find([':', ' ', '\t']).unwrap_or(line.len());
            nodes.union(self.range(&parse(line.get(..end).unwrap_or(line))?)?);
        }
        self.files -= 1;
        Ok(nodes)
    }

    fn criterion(&mut self, criterion: &Criterion) -> Result<NodeSet, C::Error> {
        match by_criterion(self.cluster, criterion)? {
            Some(nodes) => Ok(nodes),
            None => Ok(self.miss(&criterion.text)),
        }
    }

    fn word(&mut self, word: &str) -> Result<NodeSet, C::Error> {
        if let Some(nodes) = self.name(word)? {
            return Ok(nodes);
        }
        let names = expand::names(word, self.numbers, &mut self.budget)
            .map_err(|TooMany| NoderangeError::TooMany { member: word.to_owned() })?;
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            match self.name(&name)? {
                Some(nodes) => places.extend(nodes.iter()),
                None => drop(self.miss(&name)),
            }
        }
        Ok(places.into_iter().collect())
    }

    /// A node, a number that stands for one, or a group.
    fn name(&self, name: &str) -> Result<Option<NodeSet>, C::Error> {
        if let Some(at) = self.node(name) {
            return Ok(Some([at].into_iter().collect()));
        }
        if expand::is_number(name) {
            let name = self.numbers.name(name);
            if let Some(at) = self.node(&name) {
                return Ok(Some([at].into_iter().collect()));
            }
        }
        self.cluster.group(name)
    }

    fn node(&self, name: &str) -> Option<usize> {
        self.cluster.names().binary_search_by(|known| known.as_str().cmp(name)).ok()
    }

    fn miss(&mut self, member: &str) -> NodeSet {
        let missed = if expand::is_number(member) { self.numbers.name(member) } else { member.to_owned() };
        if self.missed.insert(missed.clone()) {
            self.unknown.push(missed);
        }
        NodeSet::default()
    }
}

/// The nodes for which a criterion holds; `None` if there is no such column.
pub(crate) fn by_criterion<C: Cluster>(
    cluster: &C,
    criterion: &Criterion,
) -> Result<Option<NodeSet>, C::Error> {
    let Some(column) = cluster.column(&criterion.column) else { return Ok(None) };
    let test = criterion.compile()?;
    let mut places = Vec::new();
    for (at, name) in cluster.names().iter().enumerate() {
        let value = cluster.value(name.as_str(), &column)?;
        if test.holds(value.as_deref().unwrap_or_default()) {
            places.push(at);
        }
    }
    Ok(Some(places.into_iter().collect()))
}

/// Names and values are compared as bytes: no Unicode tables, and small expressions.
pub(super) fn pattern(text: &str) -> Result<Regex, NoderangeError> {
    let failed = |source| NoderangeError::Pattern { pattern: text.to_owned(), source };
    RegexBuilder::new(text).unicode(false).size_limit(SIZE_LIMIT).build().map_err(failed)
}
