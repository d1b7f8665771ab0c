//! files-svc
