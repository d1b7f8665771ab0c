//! Answers of the store, kept for some seconds and bounded in number.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::error::Result;

/// A cache whose answers go stale.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    answers: Mutex<HashMap<K, (Instant, V)>>,
    most: usize,
    fresh: Duration,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// Of up to `most` answers, each good for `fresh`.
    pub(super) fn new(most: usize, fresh: Duration) -> Self {
        Self {
            answers: Mutex::default(),
            most,
            fresh,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fresh answer.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        let answers = self.lock();
        let (since, answer) = answers.get(key)?;
        (since.elapsed() < self.fresh).then(|| answer.clone())
    }

    /// Fresh answers to all of `keys`: from here, or else from `ask`, which leaves out those whose answer is the default
    /// one.
    pub(super) async fn get_all(
        &self,
        keys: impl Iterator<Item = K>,
        ask: impl AsyncFnOnce(Vec<K>) -> Result<HashMap<K, V>>,
    ) -> Result<HashMap<K, V>>
    where
        K: Clone,
        V: Default,
    {
        let (mut known, mut unknown) = (HashMap::new(), HashSet::new());
        for key in keys {
            match self.get(&key) {
                Some(answer) => _ = known.insert(key, answer),
                None => _ = unknown.insert(key),
            }
        }
        if unknown.is_empty() {
            return Ok(known);
        }
        let mut answers = ask(unknown.iter().cloned().collect()).await?;
        for key in unknown {
            let answer = answers.remove(&key).unwrap_or_default();
            self.put_unless_there(key.clone(), answer.clone());
            known.insert(key, answer);
        }
        Ok(known)
    }

    /// Keeps an answer.
    pub(super) fn put(&self, key: K, answer: V) {
        self.insert(&mut self.lock(), key, answer);
    }

    /// Keeps an answer, unless a fresh one came in between.
    pub(super) fn put_unless_there(&self, key: K, answer: V) {
        let mut answers = self.lock();
        let there = answers
            .get(&key)
            .is_some_and(|(since, _)| since.elapsed() < self.fresh);
        if !there {
            self.insert(&mut answers, key, answer);
        }
    }

    /// Drops answers.
    pub(super) fn forget(&self, which: impl Fn(&V) -> bool) {
        self.lock().retain(|_, (_, answer)| !which(answer));
    }

    fn insert(&self, answers: &mut HashMap<K, (Instant, V)>, key: K, answer: V) {
        if answers.len() >= self.most {
            answers.retain(|_, (since, _)| since.elapsed() < self.fresh);
        }
        // Full of fresh ones: begin anew rather than search for the oldest.
        if answers.len() >= self.most {
            answers.clear();
        }
        answers.insert(key, (Instant::now(), answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(10);

    #[test]
    fn a_late_answer_does_not_replace_a_newer_one() {
        let cache = Cache::new(10, LONG);
        cache.put("token", None);
        cache.put_unless_there("token", Some("alice"));
        assert_eq!(cache.get(&"token"), Some(None));
    }

    #[test]
    fn stale_answers_are_not_given() {
        let cache = Cache::new(10, Duration::ZERO);
        cache.put("token", 1);
        assert_eq!(cache.get(&"token"), None);
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let cache = Cache::new(3, LONG);
        for n in 0..100 {
            cache.put(n, n);
            assert_eq!(cache.get(&n), Some(n));
        }
        assert!(cache.lock().len() <= 3);
    }
}
