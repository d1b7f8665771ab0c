//! What ChatFlow's processes say to each other: the gRPC contract, its field rules, and the frames that sockets receive.

pub mod fields;
pub mod frame;
pub mod time;
pub mod trace_hint;

/// The encoded `FileDescriptorSet` of all four packages, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/chatflow.fds"));

macro_rules! generated {
    ($(#[$doc:meta])* $module:ident, $package:literal) => {
        $(#[$doc])*
        #[expect(
            clippy::pedantic,
            unused_qualifications,
            clippy::allow_attributes,
            clippy::allow_attributes_without_reason,
            reason = "generated code"
        )]
        pub mod $module {
            tonic::include_proto!($package);
        }
    };
}

generated!(
    /// `chatflow.chat.v1`: rooms, messages, the room log, identities.
    chat,
    "chatflow.chat.v1"
);
generated!(
    /// `chatflow.presence.v1`: who is online, who types.
    presence,
    "chatflow.presence.v1"
);
generated!(
    /// `chatflow.notify.v1`: notifications.
    notify,
    "chatflow.notify.v1"
);
generated!(
    /// `chatflow.files.v1`: files.
    files,
    "chatflow.files.v1"
);
