//! REST as clients meet it: the real edge on a free port, before the real services on embedded stores.

mod app;
mod chat;
mod connections;
mod docs;
mod downloads;
mod hygiene;
mod inputs;
mod notifications;
mod presence;
mod sessions;
mod ui;
mod uploads;
