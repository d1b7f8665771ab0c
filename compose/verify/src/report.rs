//! What was done, how long it took, and whether it held: a line on standard output for each, and a table at the end.

use std::{fmt::Write as _, panic::AssertUnwindSafe, path::Path, time::Instant};

use futures_util::FutureExt as _;

/// The steps so far.
#[derive(Debug, Default)]
pub struct Report {
    steps: Vec<Step>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Step {
    what: String,
    seconds: f64,
    failed: bool,
}

impl Report {
    /// A report that tells of a failed step in its own words, without the stack of the program that found it.
    #[expect(clippy::print_stderr, reason = "why a step fails")]
    pub fn begin() -> Self {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let words = panic.payload_as_str().unwrap_or_default();
            eprintln!("{place}: {words}");
        }));
        Self::default()
    }

    /// Runs a step; its panic is its failure. Steps after a failure still run.
    #[expect(clippy::print_stdout, reason = "what an operator watches")]
    pub async fn step(&mut self, what: impl Into<String>, work: impl Future<Output = ()>) -> bool {
        let (what, began) = (what.into(), Instant::now());
        // A panic, which the hook has printed, ends here.
        let failed = AssertUnwindSafe(work).catch_unwind().await.is_err();
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{} {seconds:6.1} s  {what}",
            if failed { "FAILED" } else { "ok    " }
        );
        self.steps.push(Step {
            what,
            seconds,
            failed,
        });
        !failed
    }

    /// A line for the end, such as the size of an image.
    pub fn note(&mut self, line: impl Into<String>) {
        self.notes.push(line.into());
    }

    /// How many steps failed.
    pub fn failed(&self) -> usize {
        self.steps.iter().filter(|step| step.failed).count()
    }

    /// Prints the notes and the runner's closing line, and keeps all of it as Markdown.
    #[expect(clippy::print_stdout, reason = "what an operator watches")]
    pub fn close(&self, path: &Path, took: f64) {
        let mut text = String::from("| | seconds | step |\n|---|---|---|\n");
        for step in &self.steps {
            let held = if step.failed { "**failed**" } else { "ok" };
            let what = step.what.replace('|', "\\|");
            let _ = writeln!(text, "| {held} | {:.1} | {what} |", step.seconds);
        }
        text.push('\n');
        for note in &self.notes {
            println!("{note}");
            let _ = writeln!(text, "- {note}");
        }
        let failed = self.failed();
        let closing = format!("{} passed, {failed} failed", self.steps.len() - failed);
        let _ = writeln!(text, "\n{closing}, in {took:.0} s");
        std::fs::write(path, text).expect("the report can be written");
        println!("report: {}\ntook {took:.0} s\n{closing}", path.display());
    }
}
