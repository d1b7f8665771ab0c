//! The five services as processes, in any number, on a PostgreSQL, Redis and S3 of their own.

use std::collections::BTreeMap;

use super::{
    builder::Builder,
    layout::Layout,
    part::{Dependency, Part},
};
use crate::{
    postgres,
    process::Process,
    proxy::{Fault, Proxy},
    redis, s3,
};

/// A running cluster. Dropping it ends all of it.
pub struct Cluster {
    pub(super) members: BTreeMap<Part, Process>,
    pub(super) layout: Layout,
    /// Redis: broker and presence.
    pub redis: redis::Server,
    /// The object store; its bucket is `chatfiles`.
    pub s3: s3::Server,
    /// PostgreSQL with `chat_db`, `notifications_db` and `files_db`.
    pub postgres: postgres::Server,
}

impl Cluster {
    /// One of everything, to be changed before it is started.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts one of everything and waits until all are ready.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// `http://127.0.0.1:<port>` of an edge, from 0; of its door where there are links.
    pub fn base_url(&self, edge: usize) -> String {
        let url = self.layout.url(Part::Edge(edge));
        self.layout.door(edge).map_or(url.clone(), |door| door.url(&url))
    }

    /// As [`Self::base_url`] with `ws`, followed by `path`, such as `/ws/general/alice?username=alice`.
    pub fn ws_url(&self, edge: usize, path: &str) -> String {
        format!("{}{path}", self.base_url(edge).replacen("http", "ws", 1))
    }

    /// `http://127.0.0.1:<port>` of a chat service, from 0.
    pub fn chat_grpc(&self, replica: usize) -> String {
        self.layout.url(Part::Chat(replica))
    }

    /// `http://127.0.0.1:<port>` of the first presence service.
    pub fn presence_grpc(&self) -> String {
        self.layout.url(Part::Presence(0))
    }

    /// `http://127.0.0.1:<port>` of the first notification service.
    pub fn notify_grpc(&self) -> String {
        self.layout.url(Part::Notify(0))
    }

    /// `http://127.0.0.1:<port>` of the first file service.
    pub fn files_grpc(&self) -> String {
        self.layout.url(Part::Files(0))
    }

    /// Every part, edges first, those that are started later among them.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        self.members.keys().copied()
    }

    /// How many edges there are, with those that are started later.
    pub fn edges(&self) -> usize {
        let edges = self.parts().filter(|part| matches!(part, Part::Edge(_)));
        edges.count()
    }

    /// The process of a part.
    pub fn process(&self, part: Part) -> &Process {
        self.members
            .get(&part)
            .unwrap_or_else(|| panic!("the cluster has no {part}"))
    }

    /// An edge's process, from 0.
    pub fn edge(&self, edge: usize) -> &Process {
        self.process(Part::Edge(edge))
    }

    /// A chat service's process, from 0.
    pub fn chat(&self, replica: usize) -> &Process {
        self.process(Part::Chat(replica))
    }

    /// The first presence service's process.
    pub fn presence(&self) -> &Process {
        self.process(Part::Presence(0))
    }

    /// The first notification service's process.
    pub fn notify(&self) -> &Process {
        self.process(Part::Notify(0))
    }

    /// The first file service's process.
    pub fn files(&self) -> &Process {
        self.process(Part::Files(0))
    }

    /// Every process of ours, edges first.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.members.values()
    }

    /// The network between a part and one of its dependencies. Panics without [`Builder::links`], and where the part has
    /// no such dependency.
    pub fn link(&self, part: Part, dependency: Dependency) -> &Proxy {
        self.layout
            .link_of(part, dependency)
            .unwrap_or_else(|| panic!("no link from {part} to {dependency}"))
    }

    /// Every link, with its part and its dependency; none without [`Builder::links`].
    pub fn links(&self) -> impl Iterator<Item = (Part, Dependency, &Proxy)> {
        self.layout.links()
    }

    /// The links of all parts to a dependency.
    pub fn links_to(&self, dependency: Dependency) -> impl Iterator<Item = &Proxy> {
        self.links()
            .filter_map(move |(_, its, link)| (its == dependency).then_some(link))
    }

    /// The links of a part to all its dependencies.
    pub fn links_of(&self, part: Part) -> impl Iterator<Item = &Proxy> {
        self.links()
            .filter_map(move |(its, _, link)| (its == part).then_some(link))
    }

    /// The network between people and an edge, from 0. Panics without [`Builder::links`].
    pub fn door(&self, edge: usize) -> &Proxy {
        self.layout
            .door(edge)
            .unwrap_or_else(|| panic!("no door to edge-{edge}"))
    }

    /// Ends the faults of all links and doors.
    pub fn heal(&self) {
        let links = self.links().map(|(_, _, link)| link);
        for proxy in links.chain(self.layout.doors()) {
            proxy.set(Fault::None);
        }
    }
}
