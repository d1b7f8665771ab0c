//! What a process has written to its standard output and error, kept for searching and for failure messages.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crate::wait;

/// Older lines are forgotten past this many.
const KEPT_LINES: usize = 50_000;

/// The lines of a process, oldest first, over all its restarts; cheap to clone.
#[derive(Clone, Default)]
pub struct Output {
    lines: Arc<Mutex<VecDeque<String>>>,
    open: Arc<AtomicUsize>,
}

impl Output {
    /// Reads `stream` to its end on a thread of its own.
    pub(crate) fn collect(&self, stream: impl Read + Send + 'static) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let output = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let mut lines = output.guard();
                if lines.len() == KEPT_LINES {
                    lines.pop_front();
                }
                lines.push_back(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
            }
            output.open.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// Whether everything that was written has been read: both streams have ended.
    pub(crate) fn is_complete(&self) -> bool {
        self.open.load(Ordering::SeqCst) == 0
    }

    fn guard(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.lines
            .lock()
            .expect("no thread panics while it holds the lines")
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.guard().iter().cloned().collect()
    }

    /// The lines that contain `text`.
    pub fn matching(&self, text: &str) -> Vec<String> {
        self.guard()
            .iter()
            .filter(|line| line.contains(text))
            .cloned()
            .collect()
    }

    /// Whether a line contains `text`.
    pub fn contains(&self, text: &str) -> bool {
        self.guard().iter().any(|line| line.contains(text))
    }

    /// Waits until a line contains `text` and returns the first one that does.
    pub async fn wait_for(&self, text: &str, deadline: Duration) -> String {
        wait::spawnable::eventually(deadline, &format!("a line with {text:?}"), || async {
            self.matching(text).into_iter().next()
        })
        .await
    }

    /// The last 60 lines as one text, for a failure message.
    pub fn tail(&self) -> String {
        let lines = self.guard();
        let skipped = lines.len().saturating_sub(60);
        lines
            .iter()
            .skip(skipped)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }
}
