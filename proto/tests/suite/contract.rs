//! `contract.txt` holds every service, method, message, field and enum value that was ever promised.
//!
//! What is in it and no longer in the `.proto` files breaks clients: that fails always. What is new has to be noted:
//! `UPDATE_CONTRACT=1 cargo test -p proto`. Whoever means to break the contract removes the line by hand.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto,
    ServiceDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

use crate::descriptors;

#[test]
fn the_contract_does_not_break_unnoticed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract.txt");
    let promised = fs::read_to_string(&path).unwrap_or_default();
    let now = describe(&descriptors::files());
    let difference = Difference::between(&promised, &now);
    assert!(difference.broken.is_empty(), "{}", difference.complaint());
    if difference.added.is_empty() {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_CONTRACT").is_some(),
        "the contract has grown; note it with `UPDATE_CONTRACT=1 cargo test -p proto`:\n{}",
        indented(&difference.added)
    );
    fs::write(&path, now).unwrap();
}

/// The descriptors in words: a heading for each service, message and enum, and a line for each thing in it.
fn describe(files: &[FileDescriptorProto]) -> String {
    let mut text = String::new();
    for file in files {
        let package = file.package();
        file.service.iter().for_each(|it| service(&mut text, package, it));
        file.message_type
            .iter()
            .for_each(|it| message(&mut text, package, it));
        file.enum_type
            .iter()
            .for_each(|it| enumeration(&mut text, package, it));
    }
    text
}

fn service(text: &mut String, package: &str, service: &ServiceDescriptorProto) {
    heading(text, "service", package, service.name());
    service.method.iter().for_each(|it| line(text, &method(it)));
}

fn method(method: &MethodDescriptorProto) -> String {
    let streamed = |streams: bool, name: &str| {
        let stream = if streams { "stream " } else { "" };
        format!("{stream}{}", name.trim_start_matches('.'))
    };
    let input = streamed(method.client_streaming(), method.input_type());
    let output = streamed(method.server_streaming(), method.output_type());
    format!("{}({input}) returns ({output})", method.name())
}

fn message(text: &mut String, outer: &str, message_type: &DescriptorProto) {
    heading(text, "message", outer, message_type.name());
    for it in &message_type.field {
        line(text, &field(message_type, it));
    }
    for range in &message_type.reserved_range {
        line(
            text,
            &format!("reserved {} to {}", range.start(), range.end() - 1),
        );
    }
    for name in &message_type.reserved_name {
        line(text, &format!("reserved \"{name}\""));
    }
    let inner = format!("{outer}.{}", message_type.name());
    message_type
        .nested_type
        .iter()
        .for_each(|it| message(text, &inner, it));
    message_type
        .enum_type
        .iter()
        .for_each(|it| enumeration(text, &inner, it));
}

fn field(of: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let label = match (field.label(), field.oneof_index) {
        (Label::Repeated, _) => "repeated ".to_owned(),
        _ if field.proto3_optional() => "optional ".to_owned(),
        (_, Some(at)) => format!("oneof {} ", of.oneof_decl[usize::try_from(at).unwrap()].name()),
        _ => String::new(),
    };
    let kind = match field.r#type() {
        Type::Message | Type::Enum | Type::Group => field.type_name().trim_start_matches('.').to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    format!("{} {}: {label}{kind}", field.number(), field.name())
}

fn enumeration(text: &mut String, outer: &str, enumeration: &EnumDescriptorProto) {
    heading(text, "enum", outer, enumeration.name());
    for value in &enumeration.value {
        line(text, &format!("{} {}", value.number(), value.name()));
    }
    for range in &enumeration.reserved_range {
        line(text, &format!("reserved {} to {}", range.start(), range.end()));
    }
    for name in &enumeration.reserved_name {
        line(text, &format!("reserved \"{name}\""));
    }
}

fn heading(text: &mut String, kind: &str, outer: &str, name: &str) {
    let gap = if text.is_empty() { "" } else { "\n" };
    writeln!(text, "{gap}{kind} {outer}.{name}").unwrap();
}

fn line(text: &mut String, words: &str) {
    writeln!(text, "  {words}").unwrap();
}

/// How two descriptions differ.
struct Difference {
    /// Entries that are promised and gone, each with what is in their place.
    broken: Vec<String>,
    /// Entries that are new.
    added: Vec<String>,
}

impl Difference {
    fn between(promised: &str, now: &str) -> Self {
        let (promised, now) = (entries(promised), entries(now));
        let broken = promised.difference(&now).map(|gone| {
            let successor = now.iter().find(|entry| follows(gone, entry));
            let fate = successor.map_or_else(
                || "is gone".to_owned(),
                |successor| format!("is now `{}`", successor.1),
            );
            match gone {
                (heading, entry) if entry.is_empty() => format!("{heading} {fate}"),
                (heading, entry) => format!("{heading}: `{entry}` {fate}"),
            }
        });
        let added = now
            .difference(&promised)
            .map(|(heading, entry)| format!("{heading} {entry}"));
        Self {
            broken: broken.collect(),
            added: added.collect(),
        }
    }

    fn complaint(&self) -> String {
        format!(
            "clients that exist would break:\n{}\nTake it back: add new fields and methods beside the old ones. Where the \
             contract really has to break, remove these lines from proto/contract.txt by hand.",
            indented(&self.broken)
        )
    }
}

/// Every line with its heading; a heading alone has an empty line.
fn entries(text: &str) -> BTreeSet<(String, String)> {
    let mut heading = String::new();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let pairs = lines.map(|line| {
        let entry = line.strip_prefix("  ");
        if entry.is_none() {
            line.clone_into(&mut heading);
        }
        (heading.clone(), entry.unwrap_or_default().to_owned())
    });
    pairs.collect()
}

/// Whether an entry stands where another one stood: the same number or the same name under the same heading.
fn follows(gone: &(String, String), entry: &(String, String)) -> bool {
    let words = |entry: &str| -> Vec<String> {
        let mut words = entry.split([' ', ':', '(']).map(str::to_owned);
        words.by_ref().take(2).collect()
    };
    let (old, new) = (words(&gone.1), words(&entry.1));
    let is_number = |word: Option<&String>| word.is_some_and(|word| word.parse::<i32>().is_ok());
    gone.0 == entry.0
        && !gone.1.is_empty()
        && !entry.1.is_empty()
        && if is_number(old.first()) {
            old.first() == new.first() || old.get(1) == new.get(1)
        } else {
            old.first() == new.first()
        }
}

fn indented(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "  {line}").unwrap();
        text
    })
}

const PROMISED: &str = "service a.v1.S
  Get(a.v1.M) returns (stream a.v1.M)

message a.v1.M
  1 id: string
  2 count: optional uint64

enum a.v1.E
  0 UNKNOWN
";

fn broken(change: impl Fn(&str) -> String) -> Vec<String> {
    Difference::between(PROMISED, &change(PROMISED)).broken
}

#[test]
fn whatever_breaks_a_client_is_named() {
    let replaced = |old: &'static str, new: &'static str| broken(|text| text.replace(old, new));
    assert_eq!(replaced("string", "string"), [""; 0]);
    for (old, new, told) in [
        ("  1 id: string\n", "", "message a.v1.M: `1 id: string` is gone"),
        (
            "1 id:",
            "3 id:",
            "message a.v1.M: `1 id: string` is now `3 id: string`",
        ),
        (
            "1 id:",
            "1 key:",
            "message a.v1.M: `1 id: string` is now `1 key: string`",
        ),
        (
            "id: string",
            "id: bytes",
            "message a.v1.M: `1 id: string` is now `1 id: bytes`",
        ),
        (
            "optional ",
            "",
            "message a.v1.M: `2 count: optional uint64` is now `2 count: uint64`",
        ),
        (
            "stream ",
            "",
            "service a.v1.S: `Get(a.v1.M) returns (stream a.v1.M)` is now `Get(a.v1.M) returns (a.v1.M)`",
        ),
        (
            "Get(",
            "Fetch(",
            "service a.v1.S: `Get(a.v1.M) returns (stream a.v1.M)` is gone",
        ),
        ("0 UNKNOWN", "0 NONE", "enum a.v1.E: `0 UNKNOWN` is now `0 NONE`"),
    ] {
        assert_eq!(replaced(old, new), [told]);
    }
    let renamed = replaced("enum a.v1.E", "enum a.v1.F");
    assert_eq!(
        renamed,
        ["enum a.v1.E is gone", "enum a.v1.E: `0 UNKNOWN` is gone"]
    );
}

#[test]
fn what_is_new_is_no_break() {
    let grown = format!("{PROMISED}  1 KNOWN\n");
    let difference = Difference::between(PROMISED, &grown);
    assert_eq!(difference.broken, [""; 0]);
    assert_eq!(difference.added, ["enum a.v1.E 1 KNOWN"]);
}
