//! Runs many checks against one running stack and tells all that failed, each by its name.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, stream};

use crate::Stack;

/// How many checks run at once. They use rooms and users of their own, so they do not disturb each other.
const AT_ONCE: usize = 6;

/// Longer than the contract's longest time, the 60 s after which a silent peer is dropped.
const DEADLINE: Duration = Duration::from_mins(2);

type Check = Pin<Box<dyn Future<Output = ()>>>;

/// One line of the contract.
pub struct Line {
    name: &'static str,
    start: Box<dyn Fn(Arc<Stack>) -> Check>,
}

impl Line {
    /// A check and its name.
    pub fn new<F>(name: &'static str, check: impl Fn(Arc<Stack>) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        Self {
            name,
            start: Box::new(move |stack| Box::pin(check(stack))),
        }
    }
}

/// A list of [`Line`]s, each named as its function.
#[macro_export]
macro_rules! lines {
    ($($check:ident),* $(,)?) => {
        vec![$($crate::lines::Line::new(stringify!($check), $check)),*]
    };
}

/// Runs all lines against the stack. Panics with the names and messages of those that failed.
pub async fn walk(stack: &Arc<Stack>, lines: Vec<Line>) {
    let count = lines.len();
    let failed: Vec<String> = stream::iter(lines)
        .map(|line| run(stack.clone(), line))
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(
        failed.is_empty(),
        "{} of {count} lines failed on {}:\n\n{}\n",
        failed.len(),
        stack.name(),
        failed.join("\n\n")
    );
}

async fn run(stack: Arc<Stack>, line: Line) -> Option<String> {
    let check = AssertUnwindSafe((line.start)(stack)).catch_unwind();
    let trouble = match tokio::time::timeout(DEADLINE, check).await {
        Ok(Ok(())) => return None,
        Ok(Err(panic)) => message(panic.as_ref()),
        Err(_) => format!("not over after {DEADLINE:?}"),
    };
    Some(format!("✗ {}: {trouble}", line.name))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
        .to_owned()
}
