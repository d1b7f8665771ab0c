//! Who is mentioned in a message: `@user_id` outside of code, at most twenty of them.

use proto::fields;

/// Most people that one message notifies; the others are only named in it.
pub const MENTIONS_MAX: usize = 20;

/// The distinct user ids that `content` mentions, in order of appearance, without `sender`.
pub fn mentioned(content: &str, sender: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    if !content.contains('@') {
        return found;
    }
    for prose in prose(content) {
        for id in tokens(prose) {
            if id != sender && !found.iter().any(|known| known == id) {
                found.push(id.to_owned());
                if found.len() == MENTIONS_MAX {
                    return found;
                }
            }
        }
    }
    found
}

/// The parts of a text that are not code (fenced blocks and code spans, as in Markdown).
fn prose(content: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut fence: Option<(char, usize)> = None;
    let (mut begin, mut at) = (0, 0);
    for line in content.split_inclusive('\n') {
        let marker = fence_marker(line);
        match (fence, marker) {
            (None, Some(opens)) => {
                spans(&content[begin..at], &mut parts);
                fence = Some((opens.0, opens.1));
            }
            (Some((sign, length)), Some((closing, count, bare)))
                if closing == sign && count >= length && bare =>
            {
                fence = None;
                begin = at + line.len();
            }
            _ => {}
        }
        at += line.len();
    }
    if fence.is_none() {
        spans(&content[begin..], &mut parts);
    }
    parts
}

/// What opens or closes a fenced block: its sign, how many of them, and whether nothing follows.
fn fence_marker(line: &str) -> Option<(char, usize, bool)> {
    let text = line.trim_start_matches(' ');
    if line.len() - text.len() > 3 {
        return None;
    }
    let sign = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = text.trim_start_matches(sign);
    let count = text.len() - rest.len();
    // Backticks behind an opening run of backticks make it a code span.
    let fences = count >= 3 && !(sign == '`' && rest.contains('`'));
    fences.then(|| (sign, count, rest.trim().is_empty()))
}

/// Adds the parts of `text` that lie outside of code spans. A run of backticks that nothing closes is just backticks.
fn spans<'a>(text: &'a str, parts: &mut Vec<&'a str>) {
    let runs = backtick_runs(text);
    let (mut begin, mut next) = (0, 0);
    while let Some(&(open, length)) = runs.get(next) {
        match runs[next + 1..].iter().position(|&(_, other)| other == length) {
            Some(distance) => {
                parts.push(&text[begin..open]);
                next += distance + 1;
                begin = runs[next].0 + length;
                next += 1;
            }
            None => next += 1,
        }
    }
    parts.push(&text[begin..]);
}

/// Where backticks begin, and how many.
fn backtick_runs(text: &str) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in text.match_indices('`') {
        match runs.last_mut() {
            Some((begin, length)) if *begin + *length == at => *length += 1,
            _ => runs.push((at, 1)),
        }
    }
    runs
}

fn tokens(prose: &str) -> impl Iterator<Item = &str> {
    prose.match_indices('@').filter_map(|(at, _)| {
        // Behind these it is an e-mail address, a handle in a URL, or part of a longer word.
        let glued = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%' | '/' | '@');
        if prose[..at].chars().next_back().is_some_and(glued) {
            return None;
        }
        let rest = &prose[at + 1..];
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        let end = rest.find(|c| !inner(c)).unwrap_or(rest.len());
        // A letter that no id has, or a second @, shows that the word goes on.
        if rest[end..]
            .chars()
            .next()
            .is_some_and(|c| c.is_alphanumeric() || c == '@')
        {
            return None;
        }
        let id = rest[..end].trim_end_matches(['.', '_', '-']);
        fields::id("mention", id).is_ok().then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(content: &str) -> Vec<String> {
        mentioned(content, "sender")
    }

    #[test]
    fn people_are_found_in_prose() {
        assert_eq!(
            of("@bob: hi, (@carol.d) and @e-f_1!"),
            ["bob", "carol.d", "e-f_1"]
        );
        assert_eq!(of("Ask @bob. Or @bob, or @carol..."), ["bob", "carol"]);
        assert_eq!(of("*@bob* 陳@carol"), ["bob"]);
        assert_eq!(of("@sender @bob @sender"), ["bob"]);
        assert_eq!(of("two\n@bob\nlines"), ["bob"]);
    }

    #[test]
    fn addresses_and_fragments_are_not_people() {
        for text in [
            "alice@example.com",
            "a.@b",
            "@",
            "@ bob",
            "@Bob",
            "@bobÄ",
            "@bob@example.com",
            "https://x.org/@bob",
            "@.bob",
        ] {
            assert_eq!(of(text), [""; 0], "{text}");
        }
        assert_eq!(of(&format!("@{}", "a".repeat(65))), [""; 0]);
    }

    #[test]
    fn code_mentions_nobody() {
        assert_eq!(of("`@bob` @carol `` `@dan` ``"), ["carol"]);
        assert_eq!(of("```rust\n@derive\n```\n@bob"), ["bob"]);
        assert_eq!(of("~~~\n@bob\n```\n@bob\n~~~~\n@carol"), ["carol"]);
        assert_eq!(of("```\n@bob never closed"), [""; 0]);
        assert_eq!(of("a lone ` tick @bob"), ["bob"]);
        assert_eq!(of("``` @bob ``` @carol"), ["carol"]);
    }

    #[test]
    fn nobody_rings_a_whole_town() {
        let crowd = (0..50).map(|n| format!("@user{n} ")).collect::<Vec<_>>().concat();
        assert_eq!(of(&crowd).len(), MENTIONS_MAX);
    }

    proptest! {
        #[test]
        fn whatever_is_typed_yields_ids_that_stand_in_it(content in "[a@`~. \n_Ä-]{0,60}|\\PC{0,60}") {
            let found = of(&content);
            prop_assert!(found.len() <= MENTIONS_MAX);
            for (at, id) in found.iter().enumerate() {
                prop_assert!(fields::id("mention", id).is_ok());
                let token = format!("@{id}");
                prop_assert!(content.contains(&token));
                prop_assert!(!found[..at].contains(id));
            }
        }

        #[test]
        fn an_id_between_spaces_is_always_found(id in "[a-z0-9][a-z0-9._-]{0,60}[a-z0-9]", before in "[a-zÄ ]{0,20}") {
            prop_assert_eq!(of(&format!("{before} @{id} .")), vec![id]);
        }

        #[test]
        fn nothing_in_a_code_span_is_found(inside in "[a-z@ .]{0,40}") {
            prop_assert_eq!(of(&format!("x `{inside}` y")), Vec::<String>::new());
        }
    }
}
