//! What a command has printed against what its script shows: the same, but for what the script leaves out with `…`.

use serde_json::Value;

/// What was left out.
const CUT: char = '…';

/// How the two differ; `None` where they don't.
pub(super) fn difference(shown: &[String], printed: &[String]) -> Option<String> {
    let compared = match shown.first().map(String::as_str) {
        Some("ERROR:") => refusals(shown, printed),
        Some(first) if first.starts_with('{') => documents(&shown.join("\n"), &printed.join("\n")),
        _ => lines(shown, printed),
    };
    compared.err()
}

type Compared = Result<(), String>;

fn lines(shown: &[String], printed: &[String]) -> Compared {
    if shown.len() != printed.len() {
        return Err(format!("{} lines instead of {}", printed.len(), shown.len()));
    }
    for (shown, printed) in shown.iter().zip(printed) {
        text(shown.trim(), printed.trim(), "a line")?;
    }
    Ok(())
}

/// Code and message, and the details as JSON.
fn refusals(shown: &[String], printed: &[String]) -> Compared {
    let split = |lines: &[String]| {
        let end = lines.iter().position(|line| line.trim() == "Details:");
        let (head, details) = lines.split_at(end.unwrap_or(lines.len()));
        (head.to_vec(), details_of(details))
    };
    let ((shown, shown_details), (printed, printed_details)) = (split(shown), split(printed));
    lines(&shown, &printed)?;
    documents(&shown_details, &printed_details)
}

/// The details of a refusal without their numbers. Newer releases of grpcurl print one on several lines.
fn details_of(lines: &[String]) -> String {
    let numbered = |line: &String| {
        let line = line.trim();
        let is_number = |head: &str| !head.is_empty() && head.bytes().all(|it| it.is_ascii_digit());
        let rest = line.split_once(')').filter(|(head, _)| is_number(head));
        rest.map_or(line, |(_, rest)| rest).to_owned()
    };
    let details: Vec<String> = lines.iter().skip(1).map(numbered).collect();
    details.join("\n")
}

/// Any number of JSON documents.
fn documents(shown: &str, printed: &str) -> Compared {
    let shown = parse(&marked(shown)).map_err(|error| format!("what is shown is no JSON: {error}"))?;
    let printed = parse(printed).map_err(|error| format!("what is printed is no JSON: {error}"))?;
    elements(&shown, &printed, "$")
}

fn parse(text: &str) -> serde_json::Result<Vec<Value>> {
    serde_json::Deserializer::from_str(text).into_iter().collect()
}

/// Makes JSON of shown JSON: a bare `…` becomes a member or an element that [`members`] and [`elements`] know.
fn marked(shown: &str) -> String {
    let mut marked = String::new();
    let (mut nested, mut in_text, mut escaped) = (Vec::new(), false, false);
    for letter in shown.chars() {
        match letter {
            '"' if !escaped => in_text = !in_text,
            '{' | '[' if !in_text => nested.push(letter),
            '}' | ']' if !in_text => drop(nested.pop()),
            _ => {}
        }
        escaped = in_text && letter == '\\' && !escaped;
        match nested.last() {
            Some('{') if letter == CUT && !in_text => marked.push_str("\"…\":0"),
            Some('[') if letter == CUT && !in_text => marked.push_str("\"…\""),
            _ => marked.push(letter),
        }
    }
    marked
}

fn value(shown: &Value, printed: &Value, at: &str) -> Compared {
    match (shown, printed) {
        (Value::Object(shown), Value::Object(printed)) => members(shown, printed, at),
        (Value::Array(shown), Value::Array(printed)) => elements(shown, printed, at),
        (Value::String(shown), Value::String(printed)) => text(shown, printed, at),
        _ if shown == printed => Ok(()),
        _ => Err(format!("{at} is {printed} instead of {shown}")),
    }
}

type Members = serde_json::Map<String, Value>;

fn members(shown: &Members, printed: &Members, at: &str) -> Compared {
    let is_cut = shown.contains_key("…");
    for (name, wanted) in shown.iter().filter(|(name, _)| *name != "…") {
        let found = printed.get(name).ok_or_else(|| format!("{at} has no {name}"))?;
        value(wanted, found, &format!("{at}.{name}"))?;
    }
    match printed.keys().find(|name| !shown.contains_key(*name)) {
        Some(name) if !is_cut => Err(format!("{at} has a {name} that is not shown")),
        _ => Ok(()),
    }
}

/// One by one; where some were cut, those shown have to be among the printed ones, in their order.
fn elements(shown: &[Value], printed: &[Value], at: &str) -> Compared {
    let wanted: Vec<&Value> = shown.iter().filter(|it| *it != "…").collect();
    if wanted.len() == shown.len() {
        if shown.len() != printed.len() {
            return Err(format!(
                "{at} has {} elements instead of {}",
                printed.len(),
                shown.len()
            ));
        }
        let mut pairs = (0..).zip(shown.iter().zip(printed));
        return pairs
            .try_for_each(|(index, (wanted, found))| value(wanted, found, &format!("{at}[{index}]")));
    }
    let mut rest = printed.iter();
    for wanted in wanted {
        if !rest.any(|found| value(wanted, found, at).is_ok()) {
            return Err(format!("{at} has no {wanted} where it should be"));
        }
    }
    Ok(())
}

/// Of a text with `…`, the beginning and the end count; of an id or a time, its form.
fn text(shown: &str, printed: &str, at: &str) -> Compared {
    let fits = match shown.split_once(CUT) {
        None => shown == printed,
        Some((start, "Z")) if start.contains('T') => is_time(printed),
        Some((start, "")) if is_hexadecimal(start) => uuid::Uuid::try_parse(printed).is_ok(),
        Some((start, end)) => {
            printed.len() > start.len() + end.len() && printed.starts_with(start) && printed.ends_with(end)
        }
    };
    if fits {
        Ok(())
    } else {
        Err(format!("{at} is {printed:?} instead of {shown:?}"))
    }
}

fn is_hexadecimal(start: &str) -> bool {
    !start.is_empty() && start.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
}

/// RFC 3339 in UTC.
fn is_time(text: &str) -> bool {
    let form = |letter: char| if letter.is_ascii_digit() { '0' } else { letter };
    let digits: String = text.chars().map(form).collect();
    digits.starts_with("0000-00-00T00:00:00") && digits.ends_with('Z')
}

#[cfg(test)]
mod tests {
    use super::difference;

    fn differ(shown: &str, printed: &str) -> bool {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        difference(&lines(shown), &lines(printed)).is_some()
    }

    #[test]
    fn the_same_fields_have_to_be_there() {
        assert!(!differ("{\"a\": \"1\"}", "{\n  \"a\": \"1\"\n}"));
        assert!(differ("{\"a\": \"1\"}", "{\"a\": \"2\"}"));
        assert!(differ("{\"a\": \"1\"}", "{\"a\": \"1\", \"b\": \"1\"}"));
        assert!(differ("{\"a\": \"1\"}", "{}"));
        assert!(!differ("{}", "{\n  \n}"));
    }

    #[test]
    fn what_is_left_out_may_be_anything() {
        assert!(!differ("{\"a\": \"1\", …}", "{\"b\": [1], \"a\": \"1\"}"));
        assert!(differ("{\"a\": \"1\", …}", "{\"b\": [1]}"));
        assert!(!differ("{\"a\": [\n…,\n2,\n…\n]}", "{\"a\": [1, 2, 3]}"));
        assert!(differ("{\"a\": [\n…,\n2,\n1\n]}", "{\"a\": [1, 2, 3]}"));
        assert!(!differ("{\"a\": \"room-…\"}", "{\"a\": \"room-1\"}"));
        assert!(differ("{\"a\": \"room-…\"}", "{\"a\": \"1\"}"));
        assert!(differ("{\"a\": \"…\"}", "{\"a\": \"\"}"));
    }

    #[test]
    fn ids_and_times_keep_their_form() {
        let id = "01a21424-4961-7330-87c3-32ef08400ee0";
        assert!(!differ("{\"a\": \"0190…\"}", &format!("{{\"a\": \"{id}\"}}")));
        assert!(differ("{\"a\": \"0190…\"}", "{\"a\": \"12\"}"));
        let shown = "{\"a\": \"2026-11-23T…Z\"}";
        assert!(!differ(shown, "{\"a\": \"2030-01-02T03:04:05.6Z\"}"));
        assert!(differ(shown, "{\"a\": \"yesterday\"}"));
    }

    #[test]
    fn all_documents_of_a_stream_count() {
        assert!(!differ("{\"a\": 1}\n{\"b\": 2}", "{\"a\": 1}\n{\"b\": 2}"));
        assert!(differ("{\"a\": 1}\n{\"b\": 2}", "{\"a\": 1}"));
    }

    #[test]
    fn a_refusal_has_its_code_its_message_and_its_details() {
        let shown = "ERROR:\n  Code: NotFound\n  Message: none\n  Details:\n  1) {\"@type\":\"x\",…}";
        let printed =
            "ERROR:\n  Code: NotFound\n  Message: none\n  Details:\n  1)\t{\"@type\":\"x\",\"@value\":\"y\"}";
        assert!(!differ(shown, printed));
        assert!(!differ(
            shown,
            "ERROR:\n  Code: NotFound\n  Message: none\n  Details:\n  1)\t{\n    \t  \"@type\": \"x\"\n    \t}"
        ));
        for (part, other) in [("NotFound", "Internal"), ("none", "gone"), ("\"x\"", "\"z\"")] {
            assert!(differ(shown, &printed.replace(part, other)), "{part}");
        }
        assert!(differ(shown, "ERROR:\n  Code: NotFound\n  Message: none"));
        assert!(differ(shown, "{}"));
    }
}
