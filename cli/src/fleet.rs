//! Runs work on many nodes of many hosts: all hosts in parallel, a limited number of nodes per host, output in the
//! order of the noderange.

mod causes;
mod order;
mod progress;

use std::collections::BTreeSet;
use std::future::Future;
use std::rc::Rc;

use futures_util::{StreamExt as _, stream};
use inventory::NodeName;
use serde_json::{Map, Value};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::engine::EngineError;
use crate::host::Host;
use crate::printer::Printer;

use causes::Causes;
use order::Order;
use progress::Progress;

/// Limit of parallel hosts: each needs one or two processes with ssh.
const HOSTS: usize = 256;

/// Nodes of one host.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) host: Rc<Host>,
    /// Its nodes.
    pub(crate) members: Vec<Member>,
}

/// Targets of a command.
#[derive(Clone)]
pub(crate) struct Targets {
    /// Nodes by host.
    pub(crate) groups: Vec<Group>,
    /// Nodes with invalid rows, each with its outcome.
    pub(crate) refused: Vec<(Member, Outcome)>,
}

/// A node with its position in the noderange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its position.
    pub(crate) index: usize,
    pub(crate) node: NodeName,
}

/// Outcome for a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// Success: text, and additional fields for JSON.
    Status(String, Map<String, Value>),
    /// Success, and all output is printed.
    Silent,
    /// Failure: reason and hint.
    Failed(String, Option<String>),
    /// The engine refused: its message and a hint.
    Refused(String, Option<String>),
    /// The engine is unreachable: reason.
    Unavailable(String),
    /// Failure of all nodes of the host: reason and hint.
    OfHost(String, Option<String>),
}

impl Outcome {
    /// `NODE: success`.
    pub(crate) fn success() -> Self {
        Self::status("success")
    }

    /// `NODE: TEXT`.
    pub(crate) fn status(text: impl Into<String>) -> Self {
        Self::Status(text.into(), Map::new())
    }

    /// A failure with its causes.
    pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        let text = chain::chain(error);
        match error.downcast_ref() {
            Some(EngineError::Refused { .. }) => Self::Refused(text, None),
            Some(EngineError::Unreachable { .. } | EngineError::Silent { .. }) => Self::Unavailable(text),
            _ => Self::Failed(text, None),
        }
    }

    /// Reason and hint of a failure.
    pub(crate) fn failure(self) -> Result<(String, Option<String>), Self> {
        match self {
            Self::Failed(text, hint) | Self::Refused(text, hint) | Self::OfHost(text, hint) => {
                Ok((text, hint))
            }
            Self::Unavailable(text) => Ok((text, None)),
            Self::Status(..) | Self::Silent => Err(self),
        }
    }

    /// The same failure, for all nodes of a host.
    pub(crate) fn of_host(self) -> Self {
        match self {
            Self::Failed(text, hint) => Self::OfHost(text, hint),
            other => other,
        }
    }

    fn is_failure(&self) -> bool {
        !matches!(self, Self::Status(..) | Self::Silent)
    }
}

/// Output of a host's work for a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// A line of data, as it is.
    Line(String),
    /// A line of a program's standard error, as it is.
    ErrorLine(String),
    /// Progress, `NODE: TEXT`.
    Step(String),
    /// Outcome of the node.
    End(Outcome),
}

/// Channel for the answers of a host's work.
#[derive(Clone)]
pub(crate) struct Replies(UnboundedSender<(usize, Answer)>);

impl Replies {
    /// Sends an answer.
    pub(crate) fn send(&self, member: &Member, answer: Answer) {
        // the receiver lives as long as the work
        let _ = self.0.send((member.index, answer));
    }

    /// Sends the outcome of a node.
    pub(crate) fn end(&self, member: &Member, outcome: Outcome) {
        self.send(member, Answer::End(outcome));
    }

    /// Sends an outcome for several nodes.
    pub(crate) fn end_all(&self, members: &[Member], outcome: &Outcome) {
        for member in members {
            self.end(member, outcome.clone().of_host());
        }
    }
}

/// Order of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// In order of the noderange.
    Noderange,
    /// Immediately, for endless output.
    Arrival,
}

/// Runs `work` for each group and prints its answers. Returns the number of failed nodes.
pub(crate) async fn run<F, W>(
    targets: Targets,
    nodes: &[NodeName],
    sequence: Sequence,
    printer: &mut Printer,
    work: F,
) -> usize
where
    F: Fn(Group, Replies) -> W,
    W: Future<Output = ()>,
{
    let (sender, mut answers) = unbounded_channel();
    let replies = Replies(sender);
    let Targets { groups, refused } = targets;
    refused.into_iter().for_each(|(member, outcome)| replies.end(&member, outcome));
    let all = stream::iter(groups).map(|group| work(group, replies.clone())).buffer_unordered(HOSTS);
    let mut all = std::pin::pin!(all.collect::<()>());
    let mut order = Order::new(nodes.len(), sequence);
    let progress = Progress::new(nodes.len(), printer);
    let causes = Causes::default();
    let mut results = ResultPrinter { progress, printer, nodes, failed: 0, hints: BTreeSet::new(), causes };
    loop {
        tokio::select! {
            biased;
            Some(answer) = answers.recv() => results.take(order.accept(answer)),
            () = &mut all => break,
        }
        // endless output ends when its reader ends
        if results.printer.is_unread() && sequence == Sequence::Arrival {
            return results.failed;
        }
    }
    while let Ok(answer) = answers.try_recv() {
        results.take(order.accept(answer));
    }
    results.take(order.finish());
    results.close()
}

/// Runs `work` for members of one host, at most `limit` at once.
pub(crate) async fn each<T, F, W>(items: Vec<T>, limit: usize, work: F)
where
    F: Fn(T) -> W,
    W: Future<Output = ()>,
{
    stream::iter(items).map(work).buffer_unordered(limit).collect::<()>().await;
}

struct ResultPrinter<'a> {
    progress: Progress,
    printer: &'a mut Printer,
    nodes: &'a [NodeName],
    failed: usize,
    hints: BTreeSet<String>,
    causes: Causes,
}

impl ResultPrinter<'_> {
    /// Prints each hint once, not once per node.
    fn close(mut self) -> usize {
        drop(self.progress);
        same(self.printer, self.causes.release(None));
        self.hints.iter().for_each(|hint| self.printer.hint(hint));
        self.failed
    }

    fn take(&mut self, answers: Vec<(usize, Answer)>) {
        for (index, answer) in answers {
            let Some(node) = self.nodes.get(index) else { continue };
            let ended = matches!(answer, Answer::End(_));
            self.failed += usize::from(matches!(&answer, Answer::End(outcome) if outcome.is_failure()));
            let printer = &mut *self.printer;
            let hints = &mut self.hints;
            let others = self.causes.release(Some(&answer));
            let is_held = printer.is_for_people() && self.causes.holds(node, &answer);
            self.progress.beside(|| {
                same(printer, others);
                if !is_held {
                    say(printer, hints, node, answer);
                }
            });
            if ended {
                self.progress.step();
            }
        }
    }
}

/// Prints nodes that have the reason of another node.
fn same(printer: &mut Printer, others: Option<(String, NodeName)>) {
    if let Some((nodes, first)) = others {
        printer.node_error(&nodes, &format!("the same as {first}"), None);
    }
}

fn say(printer: &mut Printer, hints: &mut BTreeSet<String>, node: &NodeName, answer: Answer) {
    match answer {
        Answer::Line(text) => printer.line(&text),
        Answer::ErrorLine(text) => printer.error_line(&text),
        Answer::Step(text) => printer.step(node.as_str(), &text),
        Answer::End(Outcome::Status(text, fields)) => printer.node(node.as_str(), &text, &fields),
        Answer::End(Outcome::Silent) => {}
        Answer::End(Outcome::Failed(error, hint) | Outcome::OfHost(error, hint)) => {
            printer.node_error(node.as_str(), &error, hint.as_deref());
            hints.extend(hint);
        }
        Answer::End(Outcome::Refused(message, hint)) => {
            printer.node_refused(node.as_str(), &message, hint.as_deref());
            hints.extend(hint);
        }
        Answer::End(Outcome::Unavailable(error)) => printer.node_unavailable(node.as_str(), &error),
    }
}
