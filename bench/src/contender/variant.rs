//! Variants of a contender: what is switched on for it, told at the end of its name, as in `chatflow+rooms`.

use super::Setup;
use crate::fault::{Fault, Result};

/// The contender's own name, and the setup with what its variant switches on.
pub(super) fn of<'a>(name: &'a str, setup: &Setup) -> Result<(&'a str, Setup)> {
    let mut setup = setup.clone();
    let mut words = name.split('+');
    let contender = words.next().unwrap_or_default();
    for word in words {
        match word {
            "chat" => setup.through_chat = true,
            "rooms" => setup
                .env
                .push(("edge".into(), "EDGE_SUBSCRIBE".into(), "rooms".into())),
            "small-pages" => setup
                .env
                .push(("edge".into(), "MIMALLOC_ALLOW_THP".into(), "0".into())),
            "cluster" => setup.redis_cluster = true,
            "replica" => setup.read_replica = true,
            other => return Err(Fault::other(format!("no variant is called {other}"))),
        }
    }
    Ok((contender, setup))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_switches_something_on() {
        let (name, setup) = of("chatflow+cluster+rooms", &Setup::default()).unwrap();
        assert_eq!(name, "chatflow");
        assert!(setup.redis_cluster && !setup.read_replica && !setup.through_chat);
        assert_eq!(setup.env[0].2, "rooms");
        assert!(of("floor-each+chat", &Setup::default()).unwrap().1.through_chat);
        let (_, setup) = of("chatflow+small-pages", &Setup::default()).unwrap();
        assert_eq!(setup.env[0].1, "MIMALLOC_ALLOW_THP");
        assert!(of("chatflow+tea", &Setup::default()).is_err());
    }
}
