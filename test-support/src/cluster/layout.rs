//! Where everything of a cluster is, and how one part reaches another: straight, or through a proxy of its own.

use std::collections::BTreeMap;

use super::part::{Dependency, Part};
use crate::{ports, postgres, proxy::Proxy, redis, s3};

/// The ports of all parts and, where there are any, the proxies.
pub(super) struct Layout {
    ports: BTreeMap<Part, Ports>,
    links: BTreeMap<(Part, Dependency), Proxy>,
    doors: BTreeMap<Part, Proxy>,
}

/// The ports of a part.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    /// On which it serves.
    pub(super) port: u16,
    /// On which it says how it is.
    pub(super) admin_port: u16,
}

/// The servers, which are the same for all parts.
pub(super) struct Servers<'a> {
    pub(super) redis: &'a redis::Server,
    pub(super) postgres: &'a postgres::Server,
    pub(super) s3: &'a s3::Server,
}

impl Layout {
    pub(super) fn new(parts: impl Iterator<Item = Part>) -> Self {
        let ports = parts.map(|part| {
            let port = ports::free();
            let admin_port = if matches!(part, Part::Edge(_)) {
                port
            } else {
                ports::free()
            };
            (part, Ports { port, admin_port })
        });
        Self {
            ports: ports.collect(),
            links: BTreeMap::new(),
            doors: BTreeMap::new(),
        }
    }

    /// Puts a proxy between each part and each of its dependencies, and between people and each edge.
    pub(super) async fn link(&mut self, servers: &Servers<'_>) {
        let services = self.ports.keys().filter_map(|part| part.as_dependency());
        let stores = [Dependency::Redis, Dependency::Postgres, Dependency::S3];
        let dependencies: Vec<Dependency> = stores.into_iter().chain(services).collect();
        for part in self.ports.keys().copied() {
            for dependency in dependencies.iter().copied() {
                if part.depends_on(dependency) {
                    let proxy = match dependency {
                        Dependency::Redis => Proxy::to_redis(&servers.redis.url()).await,
                        Dependency::Postgres => Proxy::to(&servers.postgres.url("")).await,
                        Dependency::S3 => Proxy::to(&servers.s3.url()).await,
                        Dependency::Chat(index) => Proxy::to(&self.url(Part::Chat(index))).await,
                        Dependency::Presence(index) => Proxy::to(&self.url(Part::Presence(index))).await,
                        Dependency::Notify(index) => Proxy::to(&self.url(Part::Notify(index))).await,
                        Dependency::Files(index) => Proxy::to(&self.url(Part::Files(index))).await,
                    };
                    self.links.insert((part, dependency), proxy);
                }
            }
            if matches!(part, Part::Edge(_)) {
                self.doors.insert(part, Proxy::to(&self.url(part)).await);
            }
        }
    }

    pub(super) fn ports(&self, part: Part) -> Ports {
        *self
            .ports
            .get(&part)
            .unwrap_or_else(|| panic!("the cluster has no {part}"))
    }

    pub(super) fn links(&self) -> impl Iterator<Item = (Part, Dependency, &Proxy)> {
        self.links
            .iter()
            .map(|((part, dependency), link)| (*part, *dependency, link))
    }

    pub(super) fn link_of(&self, part: Part, dependency: Dependency) -> Option<&Proxy> {
        self.links.get(&(part, dependency))
    }

    pub(super) fn doors(&self) -> impl Iterator<Item = &Proxy> {
        self.doors.values()
    }

    pub(super) fn door(&self, edge: usize) -> Option<&Proxy> {
        self.doors.get(&Part::Edge(edge))
    }

    /// The URL of a part as the machine knows it.
    pub(super) fn url(&self, part: Part) -> String {
        format!("http://127.0.0.1:{}", self.ports(part).port)
    }

    /// The URL by which `part` reaches `dependency`, which straight is `url`.
    fn way(&self, part: Part, dependency: Dependency, url: &str) -> String {
        self.link_of(part, dependency)
            .map_or_else(|| url.to_owned(), |link| link.url(url))
    }

    /// The URLs of all replicas of a service, as `part` reaches them.
    fn replicas(&self, part: Part, kind: fn(usize) -> Part) -> String {
        let replicas = (0..)
            .map(kind)
            .take_while(|replica| self.ports.contains_key(replica));
        let urls = replicas.filter_map(|replica| {
            let dependency = replica.as_dependency()?;
            Some(self.way(part, dependency, &self.url(replica)))
        });
        urls.collect::<Vec<_>>().join(",")
    }

    /// The environment of a part.
    pub(super) fn settings(&self, part: Part, servers: &Servers<'_>) -> Vec<(&'static str, String)> {
        let redis = || {
            (
                "REDIS_URL",
                self.way(part, Dependency::Redis, &servers.redis.url()),
            )
        };
        let database = |name| {
            let url = servers.postgres.url(name);
            ("DATABASE_URL", self.way(part, Dependency::Postgres, &url))
        };
        let ports = self.ports(part);
        let mut settings = match part {
            Part::Edge(_) => vec![
                redis(),
                ("CHAT_URL", self.replicas(part, Part::Chat)),
                ("PRESENCE_URL", self.replicas(part, Part::Presence)),
                ("NOTIFY_URL", self.replicas(part, Part::Notify)),
                ("FILES_URL", self.replicas(part, Part::Files)),
            ],
            Part::Chat(_) => vec![
                database("chat_db"),
                redis(),
                ("NOTIFY_URL", self.replicas(part, Part::Notify)),
            ],
            Part::Presence(_) => vec![redis()],
            Part::Notify(_) => vec![database("notifications_db"), redis()],
            Part::Files(_) => vec![
                database("files_db"),
                (
                    "MINIO_ENDPOINT",
                    self.way(part, Dependency::S3, &servers.s3.url()),
                ),
                ("MINIO_ACCESS_KEY", s3::ACCESS_KEY.to_owned()),
                ("MINIO_SECRET_KEY", s3::SECRET_KEY.to_owned()),
                ("MINIO_BUCKET", "chatfiles".to_owned()),
            ],
        };
        settings.push(("PORT", ports.port.to_string()));
        settings.push(("BIND", "127.0.0.1".to_owned()));
        if ports.admin_port != ports.port {
            settings.push(("ADMIN_PORT", ports.admin_port.to_string()));
        }
        settings
    }
}
