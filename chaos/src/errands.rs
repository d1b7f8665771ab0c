//! What people do by REST beside their sockets: read history, edit and delete their own messages.

use std::{sync::Arc, time::Duration};

use rand::Rng as _;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::{
    board::Board,
    history::{Person, Room, What},
    recorder::Recorder,
};

/// How long a request may take before a person gives up: more than the edge's own deadline.
const PATIENCE: Duration = Duration::from_secs(12);

/// Messages of one page.
const PAGE: usize = 100;

/// Runs errands. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Errands {
    http: reqwest::Client,
    doors: Arc<[String]>,
    recorder: Recorder,
    board: Board,
    running: TaskTracker,
}

/// A message of a history page.
#[derive(Deserialize)]
struct Line {
    id: Uuid,
    seq: u64,
}

impl Errands {
    /// `doors` are `host:port`.
    pub(crate) fn new(doors: Arc<[String]>, recorder: Recorder, board: Board) -> Self {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .pool_max_idle_per_host(4)
            .build()
            .unwrap_or_default();
        Self {
            http,
            doors,
            recorder,
            board,
            running: TaskTracker::new(),
        }
    }

    /// Reads the newest page of a room at a door drawn at random.
    pub(crate) fn read(&self, person: Person, room: Room) {
        let this = self.clone();
        self.running.spawn(async move {
            let asked = this.recorder.now();
            let path = format!("/api/chat/rooms/{}/messages?limit={PAGE}", room.id());
            let Some(body) = this.ask(Method::GET, &path, None).await else {
                return;
            };
            match serde_json::from_str::<Vec<Line>>(&body) {
                Ok(page) => this.recorder.note(
                    person,
                    What::Read {
                        room,
                        asked,
                        whole: page.len() < PAGE,
                        page: page.into_iter().map(|line| (line.seq, line.id)).collect(),
                    },
                ),
                Err(error) => this
                    .board
                    .trouble(format!("a page of {} can't be read: {error}", room.id())),
            }
        });
    }

    /// Gives a message a new text.
    pub(crate) fn edit(&self, person: Person, room: Room, id: Uuid, content: &str) {
        let body = json!({"user_id": person.user_id(), "content": content});
        self.change(
            Method::PATCH,
            format!("/api/chat/rooms/{}/messages/{id}", room.id()),
            Some(body),
        );
    }

    /// Deletes a message.
    pub(crate) fn delete(&self, person: Person, room: Room, id: Uuid) {
        let user = person.user_id();
        self.change(
            Method::DELETE,
            format!("/api/chat/rooms/{}/messages/{id}?user_id={user}", room.id()),
            None,
        );
    }

    /// Waits until all errands are done.
    pub(crate) async fn done(&self) {
        self.running.close();
        self.running.wait().await;
    }

    fn change(&self, method: Method, path: String, body: Option<Value>) {
        let this = self.clone();
        self.running
            .spawn(async move { this.ask(method, &path, body).await });
    }

    /// The body of a good answer. What is not one has to be the contract's problem, unless nobody answered at all.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Option<String> {
        let door = &self.doors[rand::rng().random_range(0..self.doors.len())];
        let mut request = self.http.request(method.clone(), format!("http://{door}{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let kind = answer.headers().get("content-type").cloned();
        let body = answer.text().await.ok()?;
        if status.is_success() {
            return Some(body);
        }
        let is_problem = kind.is_some_and(|kind| kind == "application/problem+json");
        // A message that was deleted meanwhile can't be edited.
        let excused = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
            StatusCode::NOT_FOUND,
        ];
        // An edge that has no connection left says so in few words, without a body.
        let is_full = status == StatusCode::SERVICE_UNAVAILABLE && body.is_empty();
        if !(is_full || is_problem && excused.contains(&status)) {
            self.board
                .trouble(format!("{method} {path} answered {status}: {body}"));
        }
        None
    }
}
