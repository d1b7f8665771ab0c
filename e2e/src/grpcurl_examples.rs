//! `grpcurl-examples/`: runs its scripts as they are written against any four addresses, and holds what they print against
//! what they say they print.

mod answer;
mod client;
mod script;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use futures_util::future;

use crate::stack::SERVICES;

/// Runs the script of every service and panics with all the answers that differ from the comments below their commands.
///
/// The addresses are those of the services in the order of [`SERVICES`], as `http://host:port` or `host:port`: they take
/// the place of `localhost:8020` to `localhost:8023`.
pub async fn run_examples(addresses: [String; 4]) {
    let addresses = addresses.map(|it| client::plain(&it));
    let runs = SERVICES.map(|service| run(service, &addresses));
    let wrong: Vec<String> = future::join_all(runs).await.concat();
    assert!(
        wrong.is_empty(),
        "{} examples print something else than they show:\n\n{}\n",
        wrong.len(),
        wrong.join("\n\n")
    );
}

/// What a service's script prints that it doesn't show.
async fn run(service: &str, addresses: &[String; 4]) -> Vec<String> {
    let script = (0..).zip(addresses).fold(text(service), |script, (at, address)| {
        script.replace(&format!("localhost:802{at}"), address)
    });
    let printed = client::transcript(service, &script).await;
    let examples = script::examples(&script);
    let answers = script::answers(&script, &printed).unwrap_or_else(|error| panic!("{service}.sh: {error}"));
    assert_eq!(
        examples.len(),
        answers.len(),
        "{service}.sh: one answer a command"
    );
    let wrong = examples.iter().zip(&answers).filter_map(|(example, printed)| {
        let difference = answer::difference(&example.shown, printed)?;
        let (line, command, printed) = (example.line, &example.command, printed.join("\n"));
        Some(format!(
            "{service}.sh:{line}: {difference}\n$ {command}\n{printed}"
        ))
    });
    wrong.collect()
}

/// Every RPC that the servers tell of by reflection, `package.Service/Method`, but those of `grpc.*`.
pub async fn all_rpcs(addresses: [String; 4]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for address in addresses {
        for service in client::list(&address, None).await {
            if service.starts_with("chatflow.") {
                let methods = client::list(&address, Some(&service)).await;
                found.extend(methods.iter().map(|method| with_slash(method)));
            }
        }
    }
    found
}

/// `package.Service.Method`, as it is listed, in the form in which it is called.
fn with_slash(method: &str) -> String {
    let (service, method) = method.rsplit_once('.').expect("the full name of a method");
    format!("{service}/{method}")
}

/// The RPCs that the scripts show with an answer that is no refusal.
pub fn shown_rpcs() -> BTreeSet<String> {
    let examples = SERVICES.map(|service| script::examples(&text(service)));
    let answered = examples.iter().flatten().filter(|example| !example.is_refused());
    answered.filter_map(script::Example::rpc).collect()
}

/// What is wrong with the table of all RPCs in `grpcurl-examples/README.md`, whose rows link to the line of a script that
/// shows the RPC; empty where nothing is.
pub fn problems_of_the_table(rpcs: &BTreeSet<String>) -> Vec<String> {
    let readme = fs::read_to_string(folder().join("README.md")).expect("a README");
    let problem = |rpc: &String| {
        let short = rpc.rsplit('.').next().unwrap_or_default();
        let (service, line) = first_line_of(rpc)?;
        let row = format!("| `{short}` | [{service}.sh:{line}]({service}.sh#L{line}) |");
        (!readme.contains(&row)).then(|| format!("not in the table: {row}"))
    };
    let unknown = readme.lines().filter_map(|row| {
        let named = row.strip_prefix("| `")?.split('`').next()?;
        let is_known = rpcs.iter().any(|rpc| rpc.ends_with(&format!(".{named}")));
        (named.contains('/') && !is_known).then(|| format!("there is no such RPC: {row}"))
    });
    rpcs.iter().filter_map(problem).chain(unknown).collect()
}

/// Where the scripts first show an RPC.
fn first_line_of(rpc: &str) -> Option<(&'static str, usize)> {
    SERVICES.into_iter().find_map(|service| {
        let examples = script::examples(&text(service));
        let first = examples
            .iter()
            .find(|example| example.rpc().as_deref() == Some(rpc) && !example.is_refused())?;
        Some((service, first.line))
    })
}

fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the workspace").join("grpcurl-examples")
}

/// The script of a service.
fn text(service: &str) -> String {
    let path = folder().join(format!("{service}.sh"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
