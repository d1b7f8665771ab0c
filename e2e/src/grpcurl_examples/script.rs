//! The form of a script: a command is one line, and what it prints is the comment right below it.

/// A command and the answer that the script shows.
#[derive(Debug)]
pub(super) struct Example {
    /// The command's line in the script, from 1.
    pub(super) line: usize,
    pub(super) command: String,
    /// The answer, line by line, without the marks of a comment.
    pub(super) shown: Vec<String>,
}

impl Example {
    /// The RPC that is called, `package.Service/Method`, if one is.
    pub(super) fn rpc(&self) -> Option<String> {
        let mut words = self.command.split_whitespace();
        let is_method = |word: &&str| word.starts_with("chatflow.") && word.contains('/');
        words.find(is_method).map(str::to_owned)
    }

    /// Whether a refusal is shown, or nothing at all.
    pub(super) fn is_refused(&self) -> bool {
        self.shown.first().is_none_or(|line| line == "ERROR:")
    }
}

fn is_command(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

/// The commands of a script in their order.
pub(super) fn examples(script: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut is_answer = false;
    for (line, text) in (1..).zip(script.lines()) {
        if is_command(text) {
            is_answer = true;
            found.push(Example {
                line,
                command: text.to_owned(),
                shown: Vec::new(),
            });
        } else if text.is_empty() {
            is_answer = false;
        } else if let Some(example) = found.last_mut().filter(|_| is_answer) {
            let shown = text.strip_prefix("# ").or_else(|| text.strip_prefix('#'));
            example.shown.extend(shown.map(str::to_owned));
        }
    }
    found
}

/// What each command has printed, in their order, taken from what `sh -v` printed: every line of the script as it is read,
/// and between two of them the output of the first.
pub(super) fn answers(script: &str, transcript: &str) -> Result<Vec<Vec<String>>, String> {
    let mut printed = transcript.lines();
    let mut found: Vec<Vec<String>> = Vec::new();
    for (number, line) in (1..).zip(script.lines()) {
        let mut output = Vec::new();
        loop {
            match printed.next() {
                Some(next) if next == line => break,
                Some(next) => output.push(next.to_owned()),
                None => return Err(format!("line {number} was not reached: {}", output.join("\n"))),
            }
        }
        add(&mut found, output)?;
        if is_command(line) {
            found.push(Vec::new());
        }
    }
    add(&mut found, printed.map(str::to_owned).collect())?;
    Ok(found)
}

/// Adds lines to the output of the last command.
fn add(found: &mut [Vec<String>], output: Vec<String>) -> Result<(), String> {
    match found.last_mut() {
        Some(last) => last.extend(output),
        None if output.is_empty() => {}
        None => return Err(format!("printed before any command: {}", output.join("\n"))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{answers, examples};

    const SCRIPT: &str = "#!/bin/sh\n# What it is.\nset -eu\n\n# Above.\necho one; echo two\n# one\n# two\n\necho three\n# three\n";

    #[test]
    fn an_answer_is_the_comment_right_below_its_command() {
        let found = examples(SCRIPT);
        let lines: Vec<_> = found.iter().map(|it| (it.line, it.shown.join("|"))).collect();
        let wanted = [(3, ""), (6, "one|two"), (10, "three")];
        assert_eq!(lines, wanted.map(|(line, shown)| (line, shown.to_owned())));
    }

    #[test]
    fn what_is_printed_between_two_lines_is_the_answer() {
        let transcript = SCRIPT.replace("echo two\n", "echo two\none\ntwo\n") + "three\n";
        let transcript = transcript.replace("echo three\n# three\nthree\n", "echo three\nthree\n# three\n");
        let wanted = [vec![], vec!["one", "two"], vec!["three"]];
        assert_eq!(answers(SCRIPT, &transcript).expect("answers"), wanted);
    }

    #[test]
    fn a_script_that_breaks_off_is_no_answer() {
        let half = SCRIPT.split("echo three").next().expect("a half");
        let error = answers(SCRIPT, &format!("{half}sh: oops\n")).expect_err("it broke off");
        assert!(error.contains("line 10") && error.contains("oops"), "{error}");
    }
}
