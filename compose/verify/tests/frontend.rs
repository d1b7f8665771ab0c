//! What the frontend's image serves is the browser UI, whole and in itself: no address of the page leads nowhere.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files below a folder, by their paths from there.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
        {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                found.insert(entry.strip_prefix(folder).expect("below it").to_owned());
            }
        }
    }
    found
}

fn publish(from: &Path, to: &Path) {
    let script = root().join("compose/frontend/publish-ui.sh");
    let status = Command::new("sh")
        .arg(script)
        .args([from, to])
        .status()
        .expect("sh can be run");
    assert!(status.success());
}

/// The folder of the scripts and styles, which is named by what they are.
fn assets(site: &Path) -> PathBuf {
    let mut folders = std::fs::read_dir(site.join("assets")).expect("assets");
    let only = folders.next().expect("one folder").expect("an entry").path();
    assert!(folders.next().is_none(), "one folder");
    only
}

#[test]
fn the_page_finds_all_that_it_asks_for() {
    let site = tempfile::tempdir().expect("a folder");
    let web = root().join("edge/web");
    publish(&web, site.path());
    let assets = assets(site.path());

    let page = std::fs::read_to_string(site.path().join("index.html")).expect("a page");
    let asked: Vec<&str> = page
        .split('"')
        .filter_map(|part| part.strip_prefix("./"))
        .collect();
    assert!(asked.len() > 40, "{asked:?}");
    for path in &asked {
        assert!(site.path().join(path).is_file(), "{path} is not there");
    }
    let plain = asked.iter().filter(|path| !path.starts_with("assets/")).count();
    assert_eq!(plain, 2, "the icon and the manifest keep their names: {asked:?}");

    let wanted: BTreeSet<PathBuf> = files(&web)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "js" || kind == "css"))
        .filter(|path| !path.starts_with("tests") && !path.starts_with("node_modules"))
        .collect();
    let there = files(&assets);
    let plain: BTreeSet<PathBuf> = there
        .iter()
        .filter(|path| path.extension().is_none_or(|kind| kind != "gz"))
        .cloned()
        .collect();
    assert_eq!(plain, wanted);
    for path in plain {
        assert!(there.contains(&path.with_extension(
            format!("{}.gz", path.extension().and_then(|kind| kind.to_str()).unwrap_or_default())
        )));
        let (published, own) = (assets.join(&path), web.join(&path));
        assert_eq!(
            std::fs::read(published).expect("published"),
            std::fs::read(own).expect("own")
        );
    }
}

#[test]
fn a_change_gets_a_new_address() {
    let (first, second) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let web = tempfile::tempdir().expect("a folder");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(root().join("edge/web/."))
        .arg(web.path())
        .status();
    assert!(copied.expect("cp can be run").success());
    publish(web.path(), first.path());
    publish(web.path(), second.path());
    assert_eq!(
        assets(first.path()).file_name(),
        assets(second.path()).file_name(),
        "the same again"
    );

    std::fs::write(web.path().join("theme.js"), "// changed\n").expect("the copy can be changed");
    let third = tempfile::tempdir().expect("a folder");
    publish(web.path(), third.path());
    assert_ne!(assets(first.path()).file_name(), assets(third.path()).file_name());
}
