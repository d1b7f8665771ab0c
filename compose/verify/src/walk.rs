//! Walks the guide: runs each of its blocks, from the first to the last, and compares what comes with what it says.

use std::time::Duration;

use e2e::browser::{Driver, hook};
use serde_json::Value;
use test_support::wait;

use crate::{
    guide::{Block, Kind, first_missing},
    shell::Shell,
    stack,
};

/// How long a block may take; the first one builds the images.
const DEADLINE: Duration = Duration::from_mins(40);

/// How long an endless command may take until it has shown what it should.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs one block. Panics where it fails or shows something else.
pub async fn run(shell: &Shell, block: &Block) {
    let seen = block.seen.clone();
    let project = shell.project().to_owned();
    // The guide is written for the project "chatflow"; this one is named otherwise, to leave that one alone.
    let as_written = move |output: &str| output.replace(&project, "chatflow");
    // Volumes carry the project's name.
    let script = block
        .script
        .replace("chatflow_", &format!("{}_", shell.project()));
    let place = format!("compose/README.md:{}", block.line);
    match block.kind {
        Kind::Shell => {
            let ended = shell.run(&script, DEADLINE).await;
            let output = as_written(&ended.output);
            assert!(ended.well, "{place} fails:\n{}\n{output}", block.script);
            let missing = first_missing(&seen, &output);
            assert!(
                missing.is_none(),
                "{place}: no line {missing:?}, or not in this order, in\n{output}"
            );
        }
        Kind::Endless => {
            assert!(
                !seen.is_empty(),
                "{place}: an endless command needs a block of what one sees"
            );
            let wanted = seen.clone();
            let enough = move |output: &str| first_missing(&wanted, &as_written(output)).is_none();
            let (held, output) = shell.run_until(&script, PATIENCE, enough).await;
            let missing = first_missing(&seen, &output);
            assert!(
                held,
                "{place}: no line {missing:?}, or not in this order, in\n{output}"
            );
        }
        Kind::Browser => in_a_browser(block, &place).await,
    }
}

/// Pastes the block into the console of a browser that shows the chat.
async fn in_a_browser(block: &Block, place: &str) {
    let driver = Driver::start().await;
    let tab = driver.browser("learner").await;
    tab.open(stack::GATEWAY).await;
    tab.see(&hook("join-name")).await;
    let listen = "window.said = []; const log = console.log; \
         console.log = (...words) => { window.said.push(words.join(' ')); log(...words); };";
    tab.run(listen, Vec::new()).await;
    // As the console does: in the page's own scope, where `const` may be said again.
    tab.run("(0, eval)(arguments[0])", vec![Value::from(block.script.clone())])
        .await;
    let said = async || {
        let said = tab.run("return window.said.join('\\n')", Vec::new()).await;
        let said = said.as_str().unwrap_or_default().to_owned();
        first_missing(&block.seen, &said).is_none()
    };
    wait::until(PATIENCE, &format!("{place} shows {:?}", block.seen), said).await;
    tab.quit().await;
}
