//! Our own descriptors, as they were compiled from the `.proto` files.

use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

/// Our four files, without what they import.
pub(crate) fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET).unwrap();
    let ours: Vec<_> = set
        .file
        .into_iter()
        .filter(|file| file.package().starts_with("chatflow."))
        .collect();
    assert_eq!(ours.len(), 4);
    ours
}
