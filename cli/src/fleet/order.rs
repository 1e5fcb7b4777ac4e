//! Sorts answers into the order of the noderange.

use super::{Answer, Outcome, Sequence};

/// Held answers.
#[derive(Debug)]
pub(super) struct Order {
    sequence: Sequence,
    next: usize,
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    held: Vec<Answer>,
    ended: bool,
}

impl Order {
    pub(super) fn new(nodes: usize, sequence: Sequence) -> Self {
        Self { sequence, next: 0, slots: (0..nodes).map(|_| Slot::default()).collect() }
    }

    /// Adds an answer; returns those that are due.
    pub(super) fn accept(&mut self, (index, answer): (usize, Answer)) -> Vec<(usize, Answer)> {
        let Some(slot) = self.slots.get_mut(index) else { return Vec::new() };
        if slot.ended {
            return Vec::new();
        }
        slot.ended = matches!(answer, Answer::End(_));
        if self.sequence == Sequence::Arrival {
            return vec![(index, answer)];
        }
        slot.held.push(answer);
        self.release()
    }

    /// Returns all held answers. A node without an outcome has failed; that is a defect.
    pub(super) fn finish(&mut self) -> Vec<(usize, Answer)> {
        for slot in self.slots.iter_mut().filter(|slot| !slot.ended) {
            slot.ended = true;
            slot.held.push(Answer::End(Outcome::Failed("no answer for this node".to_owned(), None)));
        }
        match self.sequence {
            Sequence::Noderange => self.release(),
            Sequence::Arrival => self.drain(),
        }
    }

    fn release(&mut self) -> Vec<(usize, Answer)> {
        let mut ready = Vec::new();
        while let Some(slot) = self.slots.get_mut(self.next) {
            let index = self.next;
            ready.extend(slot.held.drain(..).map(|answer| (index, answer)));
            if !slot.ended {
                break;
            }
            self.next += 1;
        }
        ready
    }

    fn drain(&mut self) -> Vec<(usize, Answer)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.flat_map(|(index, slot)| slot.held.drain(..).map(move |answer| (index, answer))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> Answer {
        Answer::Line(text.to_owned())
    }

    #[test]
    fn answers_wait_for_those_before_them() {
        let mut order = Order::new(3, Sequence::Noderange);
        assert_eq!(order.accept((1, Answer::End(Outcome::success()))), []);
        assert_eq!(order.accept((0, line("a"))), [(0, line("a"))]);
        assert_eq!(
            order.accept((0, Answer::End(Outcome::Silent))),
            [(0, Answer::End(Outcome::Silent)), (1, Answer::End(Outcome::success()))]
        );
        let lost = Answer::End(Outcome::Failed("no answer for this node".into(), None));
        assert_eq!(order.finish(), [(2, lost)]);
    }

    #[test]
    fn what_has_no_end_is_not_held() {
        let mut order = Order::new(2, Sequence::Arrival);
        assert_eq!(order.accept((1, line("b"))), [(1, line("b"))]);
    }

    proptest! {
        #[test]
        fn every_node_ends_once_and_in_order(arrivals in proptest::collection::vec((0usize..8, any::<bool>()), 0..60)) {
            let mut order = Order::new(8, Sequence::Noderange);
            let mut said = Vec::new();
            for (index, ends) in arrivals {
                let answer = if ends { Answer::End(Outcome::Silent) } else { line("x") };
                said.extend(order.accept((index, answer)));
            }
            said.extend(order.finish());
            prop_assert!(said.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            let ends = said.iter().filter(|(_, answer)| matches!(answer, Answer::End(_))).count();
            prop_assert_eq!(ends, 8);
        }
    }
}
