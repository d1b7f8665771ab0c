//! Everything in the `.proto` files is explained where it stands.

use std::collections::HashSet;

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

use crate::descriptors;

/// Field numbers of `descriptor.proto`, of which the paths of comments are made.
mod path {
    pub(super) const FILE_MESSAGE: i32 = 4;
    pub(super) const FILE_ENUM: i32 = 5;
    pub(super) const FILE_SERVICE: i32 = 6;
    pub(super) const SERVICE_METHOD: i32 = 2;
    pub(super) const MESSAGE_FIELD: i32 = 2;
    pub(super) const MESSAGE_MESSAGE: i32 = 3;
    pub(super) const MESSAGE_ENUM: i32 = 4;
    pub(super) const MESSAGE_ONEOF: i32 = 8;
    pub(super) const ENUM_VALUE: i32 = 2;
}

#[test]
fn every_service_method_message_field_and_value_has_a_comment() {
    for file in descriptors::files() {
        let bare = uncommented(&file);
        assert!(bare.is_empty(), "{} has no comment for {bare:?}", file.name());
    }
}

fn uncommented(file: &FileDescriptorProto) -> Vec<String> {
    let mut things = Things::default();
    for (at, service) in (0..).zip(&file.service) {
        let here = [path::FILE_SERVICE, at];
        things.note(&here, service.name());
        for (at, method) in (0..).zip(&service.method) {
            let name = format!("{}.{}", service.name(), method.name());
            things.note(&[&here[..], &[path::SERVICE_METHOD, at]].concat(), &name);
        }
    }
    for (at, message) in (0..).zip(&file.message_type) {
        things.message(&[path::FILE_MESSAGE, at], "", message);
    }
    for (at, enumeration) in (0..).zip(&file.enum_type) {
        things.enumeration(&[path::FILE_ENUM, at], "", enumeration);
    }
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let commented: HashSet<&[i32]> = locations
        .filter(|at| !at.leading_comments().trim().is_empty() || !at.trailing_comments().trim().is_empty())
        .map(|at| at.path.as_slice())
        .collect();
    let bare = things
        .0
        .iter()
        .filter(|(path, _)| !commented.contains(path.as_slice()));
    bare.map(|(_, name)| name.clone()).collect()
}

/// Everything that needs a comment: its path, its name.
#[derive(Default)]
struct Things(Vec<(Vec<i32>, String)>);

impl Things {
    fn note(&mut self, path: &[i32], name: &str) {
        self.0.push((path.to_vec(), name.to_owned()));
    }

    fn message(&mut self, here: &[i32], outer: &str, message: &DescriptorProto) {
        let name = format!("{outer}{}", message.name());
        self.note(here, &name);
        for (at, field) in (0..).zip(&message.field) {
            self.note(
                &[here, &[path::MESSAGE_FIELD, at]].concat(),
                &format!("{name}.{}", field.name()),
            );
        }
        for (at, oneof) in (0..).zip(&message.oneof_decl) {
            // The compiler makes one, with such a name, for every `optional` field.
            if !oneof.name().starts_with('_') {
                self.note(
                    &[here, &[path::MESSAGE_ONEOF, at]].concat(),
                    &format!("{name}.{}", oneof.name()),
                );
            }
        }
        for (at, inner) in (0..).zip(&message.nested_type) {
            self.message(
                &[here, &[path::MESSAGE_MESSAGE, at]].concat(),
                &format!("{name}."),
                inner,
            );
        }
        for (at, inner) in (0..).zip(&message.enum_type) {
            self.enumeration(
                &[here, &[path::MESSAGE_ENUM, at]].concat(),
                &format!("{name}."),
                inner,
            );
        }
    }

    fn enumeration(&mut self, here: &[i32], outer: &str, enumeration: &EnumDescriptorProto) {
        let name = format!("{outer}{}", enumeration.name());
        self.note(here, &name);
        for (at, value) in (0..).zip(&enumeration.value) {
            self.note(
                &[here, &[path::ENUM_VALUE, at]].concat(),
                &format!("{name}.{}", value.name()),
            );
        }
    }
}

#[test]
fn a_missing_comment_is_noticed() {
    let mut files = descriptors::files();
    let file = &mut files[0];
    let info = file.source_code_info.as_mut().unwrap();
    for location in &mut info.location {
        location.leading_comments = None;
        location.trailing_comments = None;
    }
    let bare = uncommented(file);
    for name in [
        "ChatService",
        "ChatService.CreateRoom",
        "Room",
        "Room.id",
        "IsOwnedResponse.owned",
    ] {
        assert!(bare.iter().any(|bare| bare == name), "{name} in {bare:?}");
    }
}
