//! chatflow
