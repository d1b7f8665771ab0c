//! presence-svc
