//! Compiles the `.proto` files with protox, so that no protoc has to be installed.

use std::{env, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 4] = [
    "chatflow/chat/v1/chat.proto",
    "chatflow/presence/v1/presence.proto",
    "chatflow/notify/v1/notify.proto",
    "chatflow/files/v1/files.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=chatflow");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("chatflow.fds"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(descriptors)?;
    Ok(())
}
