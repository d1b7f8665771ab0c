//! Notifications on their way from a message's transaction to notify-svc.

pub mod relay;
