//! How often one object is restored. Pure: the caller passes the time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Object;

/// So many times within [`WINDOW`] an object is restored; if it is missing again, it is left alone for [`PAUSE`].
pub const TIMES: usize = 3;
/// See [`TIMES`].
pub const WINDOW: Duration = Duration::from_secs(60);
/// See [`TIMES`].
pub const PAUSE: Duration = Duration::from_secs(300);

/// Counts the repairs of each object.
#[derive(Debug, Default)]
pub struct Limiter {
    repairs: BTreeMap<Object, Vec<Instant>>,
    paused: BTreeMap<Object, Instant>,
}

impl Limiter {
    /// Forgets what is over.
    fn expire(&mut self, now: Instant) {
        self.paused.retain(|_, until| now < *until);
        for times in self.repairs.values_mut() {
            times.retain(|then| now.duration_since(*then) < WINDOW);
        }
        self.repairs.retain(|_, times| !times.is_empty());
    }

    /// Objects that are left alone now.
    pub fn paused(&mut self, now: Instant) -> Vec<Object> {
        self.expire(now);
        self.paused.keys().cloned().collect()
    }

    /// Pauses those of the missing objects that were restored too often. Returns them.
    pub fn pause(&mut self, now: Instant, missing: &[Object]) -> Vec<Object> {
        self.expire(now);
        let is_fought = |object: &&Object| self.repairs.get(object).is_some_and(|times| times.len() >= TIMES);
        let fought: Vec<Object> = missing.iter().filter(is_fought).cloned().collect();
        for object in &fought {
            self.repairs.remove(object);
            self.paused.insert(object.clone(), now + PAUSE);
        }
        fought
    }

    /// Counts a repair, also one that failed.
    pub fn count(&mut self, now: Instant, objects: &[Object]) {
        for object in objects {
            self.repairs.entry(object.clone()).or_default().push(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_fourth_time_within_a_minute_an_object_is_left_alone_for_five_minutes() {
        let (begin, second) = (Instant::now(), Duration::from_secs(1));
        let objects = [Object::Device("mynet0".parse().unwrap())];
        let other = [Object::Up("eth0".parse().unwrap())];
        let mut limiter = Limiter::default();
        for number in 0..3 {
            let now = begin + second * number;
            assert_eq!(limiter.pause(now, &objects), []);
            limiter.count(now, &objects);
        }
        assert_eq!(limiter.pause(begin + second * 3, &other), []);
        assert_eq!(limiter.pause(begin + second * 3, &objects), objects);
        assert_eq!(limiter.paused(begin + second * 300), objects);
        assert_eq!(limiter.paused(begin + second * 303), []);
        assert_eq!(limiter.pause(begin + second * 303, &objects), []);
    }

    #[tokio::test]
    async fn three_repairs_within_more_than_a_minute_are_no_fight() {
        let begin = Instant::now();
        let objects = [Object::Device("mynet0".parse().unwrap())];
        let mut limiter = Limiter::default();
        for number in 0..20 {
            let now = begin + Duration::from_secs(21) * number;
            assert_eq!(limiter.pause(now, &objects), [], "repair {number}");
            limiter.count(now, &objects);
        }
    }
}
