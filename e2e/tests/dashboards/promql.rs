//! As much of Prometheus' query language as it takes to tell which metrics and labels an expression is about.

use std::{collections::BTreeSet, iter::Peekable, str::Chars};

/// What an expression names.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Its metrics, each with its matchers.
    pub(crate) selectors: Vec<Selector>,
    /// The labels by which it groups and joins.
    pub(crate) grouped: BTreeSet<String>,
}

/// As in `up{service="edge"}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) metric: String,
    pub(crate) matchers: Vec<Matcher>,
}

/// As in `service="edge"`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) operator: String,
    pub(crate) value: String,
}

/// What may stand before `by (…)`, without brackets of its own.
const AGGREGATIONS: [&str; 12] = [
    "sum",
    "min",
    "max",
    "avg",
    "count",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "quantile",
    "count_values",
];

/// What is followed by labels in brackets.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

const OPERATORS: [&str; 6] = ["and", "or", "unless", "bool", "offset", "atan2"];

impl Selector {
    /// The services that it can match, of all there are; `None` where it does not say.
    pub(crate) fn services<'a>(&self, all: &[&'a str]) -> Option<Vec<&'a str>> {
        let mut about = self.matchers.iter().filter(|matcher| matcher.label == "service");
        let first = about.next()?;
        let mut services = all.to_vec();
        for matcher in std::iter::once(first).chain(about) {
            // Regular expressions are alternatives only.
            let alternatives: Vec<&str> = matcher.value.split('|').collect();
            let negative = matcher.operator.starts_with('!');
            services.retain(|service| alternatives.contains(service) != negative);
        }
        Some(services)
    }
}

impl Named {
    /// Reads an expression without variables. Panics where it is none.
    pub(crate) fn by(expression: &str) -> Self {
        let mut named = Self::default();
        let mut rest = expression.chars().peekable();
        while let Some(next) = rest.peek().copied() {
            if next.is_ascii_alphabetic() || next == '_' {
                let word = word(&mut rest);
                named.take(word, &mut rest);
            } else if next.is_ascii_digit() {
                // A number or a duration such as 5m.
                let _ = word(&mut rest);
            } else if next == '[' {
                let _ = until(&mut rest, ']');
            } else {
                assert!(
                    !['"', '\'', '{'].contains(&next),
                    "unexpected {next} in {expression}"
                );
                rest.next();
            }
        }
        named
    }

    fn take(&mut self, word: String, rest: &mut Peekable<Chars<'_>>) {
        skip_blanks(rest);
        let follows = rest.peek().copied();
        if GROUPINGS.contains(&word.as_str()) {
            if follows == Some('(') {
                let labels = until(rest, ')');
                let labels = labels.split(',').map(|label| label.trim().to_owned());
                self.grouped.extend(labels.filter(|label| !label.is_empty()));
            }
        } else if follows != Some('(')
            && !AGGREGATIONS.contains(&word.as_str())
            && !OPERATORS.contains(&word.as_str())
        {
            let matchers = if follows == Some('{') {
                matchers(rest)
            } else {
                Vec::new()
            };
            self.selectors.push(Selector {
                metric: word,
                matchers,
            });
        }
    }
}

fn skip_blanks(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|next| next.is_whitespace()).is_some() {}
}

fn word(rest: &mut Peekable<Chars<'_>>) -> String {
    let part = |next: &char| next.is_ascii_alphanumeric() || "_:.".contains(*next);
    std::iter::from_fn(|| rest.next_if(part)).collect()
}

/// What stands between the bracket that is next and the one that ends it.
fn until(rest: &mut Peekable<Chars<'_>>, end: char) -> String {
    rest.next();
    let inside = std::iter::from_fn(|| rest.next_if(|next| *next != end)).collect();
    assert_eq!(rest.next(), Some(end), "a bracket is not closed");
    inside
}

/// The matchers of the selector whose bracket is next; their values may hold brackets.
fn matchers(rest: &mut Peekable<Chars<'_>>) -> Vec<Matcher> {
    rest.next();
    let mut found = Vec::new();
    loop {
        skip_blanks(rest);
        match rest.peek() {
            Some('}') => {
                rest.next();
                return found;
            }
            Some(',') => {
                rest.next();
            }
            Some(_) => {
                let label = word(rest);
                let operator = std::iter::from_fn(|| rest.next_if(|next| "=!~".contains(*next))).collect();
                assert_eq!(rest.peek(), Some(&'"'), "no value of {label}");
                let value = until(rest, '"');
                found.push(Matcher {
                    label,
                    operator,
                    value,
                });
            }
            None => panic!("a selector is not closed"),
        }
    }
}

#[test]
fn metrics_and_labels_are_found() {
    let named = Named::by(
        r#"histogram_quantile(0.99, sum by (le, method) (rate(a_seconds_bucket{service="edge", x!~"{.*}"}[5m])))
        / on (instance) group_left b{service=~"chat|file"} offset 5m or vector(0) unless up == 0"#,
    );
    let metrics: Vec<&str> = named.selectors.iter().map(|it| it.metric.as_str()).collect();
    assert_eq!(metrics, ["a_seconds_bucket", "b", "up"]);
    let grouped: Vec<&str> = named.grouped.iter().map(String::as_str).collect();
    assert_eq!(grouped, ["instance", "le", "method"]);
    let matcher = &named.selectors[0].matchers[1];
    let found = (
        matcher.label.as_str(),
        matcher.operator.as_str(),
        matcher.value.as_str(),
    );
    assert_eq!(found, ("x", "!~", "{.*}"));
    let all = ["edge", "chat", "file"];
    assert_eq!(named.selectors[0].services(&all), Some(vec!["edge"]));
    assert_eq!(named.selectors[1].services(&all), Some(vec!["chat", "file"]));
    assert_eq!(named.selectors[2].services(&all), None);
}
