//! What happens around every HTTP request, from the outside in: the request's id, log line, metrics and deadline;
//! security headers; one shape for errors; a panic's end; refusal of foreign origins; the rate limit; lingering.

pub mod address;
mod bodies;
pub mod errors;
pub mod linger;
pub mod origin;
pub mod rate;
pub mod request;
pub mod security;
