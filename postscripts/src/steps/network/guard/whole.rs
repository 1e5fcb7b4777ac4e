//! Any history of events leaves the old or the new network: real records and files, a kernel and a switch
//! made of numbers, and the end of a process or of the power at any operation.

mod machine;
mod world;

use proptest::prelude::*;

use self::world::{End, Event, PARTS, World};

fn deaths() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(0..8_u32, 0..3)
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        proptest::option::weighted(0.3, 0..6_usize).prop_map(|cut_after| End::Confirmed { cut_after }),
        deaths().prop_map(|deaths| End::RolledBack { deaths }),
        (0..8_usize).prop_map(|ended| End::TakenBackAgain { ended }),
        Just(End::PowerCut),
        Just(End::CutAtBegin),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..=PARTS.len(), end()).prop_map(|(parts, end)| Event::Run { parts, end }),
        2 => (deaths(), proptest::option::of(any::<bool>()))
            .prop_map(|(deaths, answers)| Event::Boot { deaths, answers }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_ends_in_the_old_or_the_new_network(events in proptest::collection::vec(event(), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for event in &events {
                world.event(event).await;
            }
        });
    }
}
