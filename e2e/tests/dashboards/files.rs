//! The files of the compose profile `observability`, and what they ask Prometheus.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// What is asked, and by whom.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// As in `edge.json: Publish lag`.
    pub(crate) place: String,
    /// Without Grafana's variables.
    pub(crate) expression: String,
}

/// A dashboard and the name of its file.
pub(crate) struct Dashboard {
    pub(crate) file: String,
    pub(crate) json: Value,
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

pub(crate) fn folder() -> PathBuf {
    workspace().join("compose/observability")
}

pub(crate) fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn dashboards() -> Vec<Dashboard> {
    let entries = fs::read_dir(folder().join("grafana/dashboards")).expect("a folder of dashboards");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let json =
            serde_json::from_str(&text(&path)).unwrap_or_else(|error| panic!("{file} is no JSON: {error}"));
        Dashboard { file, json }
    };
    paths.into_iter().map(read).collect()
}

/// The entries of a list within a dashboard or panel; none where there is no such list.
pub(crate) fn list<'a>(json: &'a Value, key: &str) -> &'a [Value] {
    json[key].as_array().map_or(&[], Vec::as_slice)
}

/// A text within a dashboard or panel; empty where there is none.
pub(crate) fn string<'a>(json: &'a Value, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

impl Dashboard {
    /// The panels that show something, without the rows between them.
    pub(crate) fn panels(&self) -> impl Iterator<Item = &Value> {
        let panels = list(&self.json, "panels").iter();
        panels.filter(|panel| panel["type"] != "row")
    }

    /// What its panels ask.
    pub(crate) fn questions(&self) -> Vec<Question> {
        let targets = self
            .panels()
            .flat_map(|panel| list(panel, "targets").iter().map(move |target| (panel, target)));
        let question = |(panel, target): (&Value, &Value)| Question {
            place: format!("{}: {}", self.file, string(panel, "title")),
            expression: without_variables(string(target, "expr")),
        };
        targets.map(question).collect()
    }
}

/// What Grafana asks from the traces.
pub(crate) fn questions_of_traces() -> Vec<Question> {
    let file = text(&folder().join("grafana/provisioning/datasources/chatflow.yml"));
    let asked = file
        .lines()
        .filter_map(|line| line.trim().strip_prefix("query: "));
    let question = |asked: &str| Question {
        place: "the trace data source".to_owned(),
        expression: without_variables(&asked.replace("$$", "$")),
    };
    asked.map(question).collect()
}

fn without_variables(expression: &str) -> String {
    let filled = expression
        .replace("$__rate_interval", "1m")
        .replace("$instance", ".+")
        .replace("$__tags", "method=~\".+\"");
    assert!(!filled.contains('$'), "a variable nobody knows: {expression}");
    filled
}

/// The metrics in the table of docs/operations.md.
pub(crate) fn documented() -> Vec<String> {
    let text = text(&workspace().join("docs/operations.md"));
    let (_, chapter) = text
        .split_once("## What to watch")
        .expect("a chapter on what to watch");
    let chapter = chapter.split("\n## ").next().unwrap_or_default();
    let rows = chapter.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let names = cells.flat_map(|cell| cell.split('`').filter(|name| name.starts_with("chatflow_")));
    names.map(str::to_owned).collect()
}
