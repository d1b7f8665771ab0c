//! chat-svc
