//! A checker for the part of JSON Schema that our documents use.

use serde_json::Value;

/// What is wrong with `value` under `schema`, as `path: problem`; empty where nothing is. `$ref`s are resolved in `root`.
pub fn problems(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(root, schema, value, "$", &mut found);
    found
}

/// The schema behind a chain of `$ref`s.
pub fn resolve<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    while let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap_or(reference);
        schema = root
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{reference} points nowhere"));
    }
    schema
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let schema = resolve(root, schema);
    let mut note = |problem: String| found.push(format!("{path}: {problem}"));
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        note(format!("{value} is not {constant}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        note(format!("{value} is none of {allowed:?}"));
    }
    if let Some(kinds) = schema.get("type") {
        let kinds: Vec<&str> = match kinds {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        if !kinds.iter().any(|kind| is(value, kind)) {
            note(format!("{value} is not {kinds:?}"));
        }
    }
    if let (Some(text), Some(most)) = (value.as_str(), schema["maxLength"].as_u64())
        && text.chars().count() as u64 > most
    {
        note(format!("longer than {most}"));
    }
    if let (Some(number), Some(least)) = (value.as_f64(), schema["minimum"].as_f64())
        && number < least
    {
        note(format!("{number} is below {least}"));
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !object.contains_key(name) {
                note(format!("no {name}"));
            }
        }
        for (name, member) in object {
            match schema["properties"].get(name) {
                Some(schema) => check(root, schema, member, &format!("{path}.{name}"), found),
                None if schema["additionalProperties"] == false => {
                    found.push(format!("{path}: {name} is not described"));
                }
                None => {}
            }
        }
    }
    if let Some(elements) = value.as_array() {
        for (at, element) in elements.iter().enumerate() {
            if let Some(schema) = schema.get("items") {
                check(root, schema, element, &format!("{path}[{at}]"), found);
            }
        }
    }
    for schema in schema["allOf"].as_array().into_iter().flatten() {
        check(root, schema, value, path, found);
    }
    for word in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[word].as_array()
            && !choices
                .iter()
                .any(|schema| problems(root, schema, value).is_empty())
        {
            found.push(format!("{path}: {value} fits none of {word}"));
        }
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("no such type: {other}"),
    }
}

/// Every property that a schema describes, its parts included.
pub fn described(root: &Value, schema: &Value) -> Vec<String> {
    let schema = resolve(root, schema);
    let own = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone());
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(|part| described(root, part))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_problem_is_found() {
        let root = json!({"schemas": {"id": {"type": "string", "maxLength": 3}}});
        let schema = json!({
            "type": "object", "required": ["type", "id"], "additionalProperties": false,
            "properties": {
                "type": {"const": "a"}, "id": {"$ref": "#/schemas/id"}, "seq": {"type": ["integer", "null"], "minimum": 1},
                "kind": {"enum": ["x", "y"]}, "all": {"type": "array", "items": {"type": "boolean"}},
            },
        });
        let bad = |value: Value| problems(&root, &schema, &value);
        assert!(bad(json!({"type": "a", "id": "abc", "seq": null, "kind": "x", "all": [true]})).is_empty());
        for (value, path) in [
            (json!({"type": "b", "id": "abc"}), "$.type"),
            (json!({"type": "a"}), "$"),
            (json!({"type": "a", "id": "abcd"}), "$.id"),
            (json!({"type": "a", "id": 1}), "$.id"),
            (json!({"type": "a", "id": "a", "seq": 0}), "$.seq"),
            (json!({"type": "a", "id": "a", "kind": "z"}), "$.kind"),
            (json!({"type": "a", "id": "a", "all": [1]}), "$.all[0]"),
            (json!({"type": "a", "id": "a", "more": 1}), "$"),
        ] {
            let found = bad(value.clone());
            assert!(
                found.len() == 1 && found[0].starts_with(&format!("{path}:")),
                "{value}: {found:?}"
            );
        }
    }
}
