//! The guide as data: its blocks of commands, each with what it says that one sees.

use std::path::Path;

/// Who runs a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A shell; it ends by itself.
    Shell,
    /// A shell; it would go on until Ctrl-C.
    Endless,
    /// The console of a browser that shows the chat.
    Browser,
}

/// One block of commands.
#[derive(Debug, Clone)]
pub struct Block {
    /// The heading that it stands below.
    pub heading: String,
    /// The line of its first command.
    pub line: usize,
    /// Who runs it.
    pub kind: Kind,
    /// Whether it takes images that only a registry has: no stand-in is made of them.
    pub needs_registry: bool,
    /// The commands.
    pub script: String,
    /// The lines that one sees; `…` stands for anything.
    pub seen: Vec<String>,
}

/// All blocks of a Markdown file, in order. A block of `text` that follows is what one sees.
pub fn blocks(path: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(&text)
}

fn parse(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut heading = String::new();
    let mut lines = text.lines().enumerate();
    let mut follows = false;
    while let Some((number, line)) = lines.next() {
        if let Some(title) = line.strip_prefix('#') {
            title.trim_start_matches('#').trim().clone_into(&mut heading);
        }
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let body: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.starts_with("```"))
            .collect();
        let kind = match info.trim() {
            "sh" | "sh needs-registry" => Kind::Shell,
            "sh endless" => Kind::Endless,
            "js" => Kind::Browser,
            "text" if follows => {
                if let Some(block) = blocks.last_mut() {
                    block.seen = body.iter().map(|line| (*line).to_owned()).collect();
                }
                follows = false;
                continue;
            }
            _ => continue,
        };
        blocks.push(Block {
            heading: heading.clone(),
            line: number + 2,
            kind,
            needs_registry: info.contains("needs-registry"),
            script: body.join("\n"),
            seen: Vec::new(),
        });
        follows = true;
    }
    blocks
}

/// The first of the expected lines that the output does not have where it should: each has to come, in this order, with
/// any others between them.
pub fn first_missing<'a>(seen: &'a [String], output: &str) -> Option<&'a str> {
    let mut lines = output.lines();
    seen.iter()
        .filter(|wanted| !matches!(wanted.trim(), "" | "…"))
        .find(|wanted| !lines.by_ref().any(|line| fits(wanted, line)))
        .map(String::as_str)
}

/// Whether a line is as expected: runs of spaces count as one, `…` stands for anything.
fn fits(wanted: &str, line: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (wanted, line) = (plain(wanted), plain(line));
    let mut parts = wanted.split('…').map(str::trim);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_what_one_sees_and_where_it_stands() {
        let blocks = parse(
            "# Guide\n## First\nDo this:\n```sh\necho a\necho b\n```\nYou see\n```text\na\n…\n```\n\n## Then\n```sh endless\ntail -f x\n```\n```text\nline\n```\n```text\nno command's\n```\n```yaml\nx: 1\n```\n",
        );
        assert_eq!(blocks.len(), 2);
        assert_eq!(
            (blocks[0].heading.as_str(), blocks[0].line, blocks[0].kind),
            ("First", 5, Kind::Shell)
        );
        assert_eq!(blocks[0].script, "echo a\necho b");
        assert_eq!(blocks[0].seen, ["a", "…"]);
        assert_eq!((blocks[1].kind, blocks[1].seen.len()), (Kind::Endless, 1));
    }

    #[test]
    fn lines_have_to_come_in_order_with_anything_between_them() {
        let seen = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let output = "one 1\ntwo   2 zwei\n{\"id\":\"5\",\"seq\":7}\n";
        assert_eq!(first_missing(&seen(&["one …", "two 2 …", "…"]), output), None);
        assert_eq!(first_missing(&seen(&["{\"id\":\"…\",\"seq\":7}"]), output), None);
        assert!(first_missing(&seen(&["{\"id\":\"…\",\"seq\":8}"]), output).is_some());
        assert_eq!(first_missing(&seen(&["two …", "one …"]), output), Some("one …"));
        assert_eq!(first_missing(&seen(&["one"]), output), Some("one"));
    }
}
