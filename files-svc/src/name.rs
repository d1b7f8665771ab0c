//! What becomes of a client's name for its file: something people can read, and never a path.

use proto::fields::{self, Invalid};

/// Longest name that a client may send, in bytes.
const SENT_MAX: usize = 4096;

/// Longest name that is kept, in characters.
const KEPT_MAX: usize = 255;

/// Longest ending after the last dot that counts as an extension, in characters.
const EXTENSION_MAX: usize = 32;

/// The name of a file whose client has none for it.
const NAMELESS: &str = "file";

/// A shown name of 1–255 characters: folders, control, direction and invisible characters are cut off, and what is too
/// long loses its middle, not its extension.
///
/// # Errors
/// More than 4,096 bytes.
pub(crate) fn shown(field: &'static str, sent: &str) -> Result<String, Invalid> {
    if sent.len() > SENT_MAX {
        return Err(Invalid::new(
            field,
            format!("must have up to {SENT_MAX} bytes, has {}", sent.len()),
        ));
    }
    let name = sent
        .rsplit(['/', '\\'])
        .map(readable)
        .find(|name| !name.is_empty());
    Ok(name.map_or_else(|| NAMELESS.to_owned(), |name| shortened(&name)))
}

fn readable(part: &str) -> String {
    let name: String = part.chars().filter(|c| !fields::misleads(*c)).collect();
    let name = name.trim();
    // "." and ".." are folders, and a name of dots alone is none.
    if name.chars().all(|c| c == '.') {
        String::new()
    } else {
        name.to_owned()
    }
}

fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= KEPT_MAX {
        return name.to_owned();
    }
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension)
        .filter(|extension| (1..=EXTENSION_MAX).contains(&extension.chars().count()));
    match extension {
        Some(extension) => {
            let stem = KEPT_MAX - extension.chars().count() - 1;
            let stem: String = name.chars().take(stem).collect();
            format!("{stem}.{extension}")
        }
        None => name
            .chars()
            .take(KEPT_MAX)
            .collect::<String>()
            .trim_end()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(sent: &str) -> String {
        shown("original_name", sent).unwrap()
    }

    #[test]
    fn folders_are_cut_off() {
        for (sent, name) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\photo.png", "photo.png"),
            ("/a/b/", "b"),
            ("a\\../b", "b"),
            ("..", "file"),
            ("", "file"),
            (" \t", "file"),
            ("////", "file"),
            (".bashrc", ".bashrc"),
            ("Übersicht 2026.pdf", "Übersicht 2026.pdf"),
        ] {
            assert_eq!(kept(sent), name, "{sent:?}");
        }
    }

    #[test]
    fn what_misleads_is_removed() {
        assert_eq!(kept("invoice\u{202E}gpj.exe"), "invoicegpj.exe");
        assert_eq!(kept("a\0b\r\n\u{7f}.txt\u{200B}"), "ab.txt");
        assert_eq!(kept("dir/\u{202E}"), "dir");
    }

    #[test]
    fn long_names_keep_their_extension() {
        let name = kept(&format!("{}.tar.gz", "ä".repeat(300)));
        assert_eq!(name.chars().count(), 255);
        assert!(name.ends_with("ä.gz"), "{name}");
        assert_eq!(kept(&"x".repeat(300)), "x".repeat(255));
        assert_eq!(kept(&format!("a.{}", "x".repeat(300))).chars().count(), 255);
        assert!(shown("original_name", &"x".repeat(4097)).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_sent_a_name_is_kept(sent in "([a-z./\\\\\\u{202e}\\u{0}]|\\PC|\\p{Cc}|\\p{Cf}){0,600}") {
            let Ok(name) = shown("original_name", &sent) else {
                prop_assert!(sent.len() > SENT_MAX);
                return Ok(());
            };
            prop_assert!((1..=KEPT_MAX).contains(&name.chars().count()));
            prop_assert!(!name.contains(['/', '\\']));
            prop_assert!(!name.chars().any(fields::misleads));
            prop_assert!(name != "." && name != "..");
            prop_assert_eq!(kept(&name), name);
        }
    }
}
