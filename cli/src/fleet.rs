//! Work on many nodes of many hosts at once: all hosts side by side, a bounded number of nodes of each, answers in the
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

/// Hosts at a time: each costs a process or two where it is reached by ssh.
const HOSTS: usize = 256;

/// The nodes of one host, each with its place in the noderange.
#[derive(Clone)]
pub(crate) struct Group {
    /// The host.
    pub(crate) host: Rc<Host>,
    /// Its nodes.
    pub(crate) members: Vec<Member>,
}

/// What a command acts on.
#[derive(Clone)]
pub(crate) struct Targets {
    /// Nodes by host.
    pub(crate) groups: Vec<Group>,
    /// Nodes whose rows cannot be used, each with how it ends.
    pub(crate) refused: Vec<(Member, Outcome)>,
}

/// A node and its place in the noderange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its place.
    pub(crate) index: usize,
    /// Its name.
    pub(crate) node: NodeName,
}

/// How a node's part ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// Well: what to print, and the fields that JSON has besides.
    Status(String, Map<String, Value>),
    /// Well, and everything was said.
    Silent,
    /// Not: why, and what to do.
    Failed(String, Option<String>),
    /// Not: the engine's own words, and what to do.
    Refused(String, Option<String>),
    /// Not, for there is no engine to speak to: why.
    Unavailable(String),
    /// Not, for a reason that all nodes of the host have: why, and what to do.
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

    /// Why it ended badly, and what to do, where it did.
    pub(crate) fn failure(self) -> Result<(String, Option<String>), Self> {
        match self {
            Self::Failed(text, hint) | Self::Refused(text, hint) | Self::OfHost(text, hint) => {
                Ok((text, hint))
            }
            Self::Unavailable(text) => Ok((text, None)),
            Self::Status(..) | Self::Silent => Err(self),
        }
    }

    /// The same as the reason of all nodes of a host.
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

/// What a host's work says of a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// A line of data, as it is.
    Line(String),
    /// A line that a program wrote to its standard error, as it is.
    ErrorLine(String),
    /// A step on the way, `NODE: TEXT`.
    Step(String),
    /// The end of the node's part.
    End(Outcome),
}

/// Where a host's work tells its answers.
#[derive(Clone)]
pub(crate) struct Replies(UnboundedSender<(usize, Answer)>);

impl Replies {
    /// Tells one answer.
    pub(crate) fn tell(&self, member: &Member, answer: Answer) {
        // the receiver lives as long as the work
        let _ = self.0.send((member.index, answer));
    }

    /// Tells how a node's part ended.
    pub(crate) fn end(&self, member: &Member, outcome: Outcome) {
        self.tell(member, Answer::End(outcome));
    }

    /// Tells the same end for several nodes.
    pub(crate) fn end_all(&self, members: &[Member], outcome: &Outcome) {
        for member in members {
            self.end(member, outcome.clone().of_host());
        }
    }
}

/// When answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// Node by node.
    Noderange,
    /// As they come: for what has no end.
    Arrival,
}

/// Does `work` for every group and prints what it tells; the number of nodes that failed.
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
    let mut desk = Desk { progress, printer, nodes, failed: 0, hints: BTreeSet::new(), causes };
    loop {
        tokio::select! {
            biased;
            Some(answer) = answers.recv() => desk.take(order.accept(answer)),
            () = &mut all => break,
        }
        // nobody reads what has no end: that is its end
        if desk.printer.is_unread() && sequence == Sequence::Arrival {
            return desk.failed;
        }
    }
    while let Ok(answer) = answers.try_recv() {
        desk.take(order.accept(answer));
    }
    desk.take(order.finish());
    desk.close()
}

/// Runs `work` for members of one host, at most `limit` at once.
pub(crate) async fn each<T, F, W>(items: Vec<T>, limit: usize, work: F)
where
    F: Fn(T) -> W,
    W: Future<Output = ()>,
{
    stream::iter(items).map(work).buffer_unordered(limit).collect::<()>().await;
}

struct Desk<'a> {
    progress: Progress,
    printer: &'a mut Printer,
    nodes: &'a [NodeName],
    failed: usize,
    hints: BTreeSet<String>,
    causes: Causes,
}

impl Desk<'_> {
    /// What to do is told once, not once for each of a thousand nodes.
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

/// Nodes whose reason was told for another one.
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
