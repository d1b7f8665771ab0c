//! notify-svc
