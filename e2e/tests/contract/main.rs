//! CONTRACT.md line by line, the same lines on both topologies. Each area is a file; each function is a line.

use std::sync::Arc;

use e2e::{Stack, walk};

mod access;
mod changes;
mod closing;
mod documents;
mod grpc;
mod limits;
mod multiplexed;
mod operations;
mod rest_chat;
mod rest_files;
mod rest_notifications;
mod rest_presence;
mod room_socket;
mod stores;

async fn the_contract(stack: Stack) {
    let stack = Arc::new(stack);
    let areas = [
        closing::lines(),
        limits::lines(),
        room_socket::lines(),
        changes::lines(),
        multiplexed::lines(),
        rest_chat::lines(),
        rest_presence::lines(),
        rest_notifications::lines(),
        rest_files::lines(),
        documents::lines(),
        grpc::lines(),
        operations::lines(),
        stores::lines(),
    ];
    walk(&stack, areas.into_iter().flatten().collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_all_in_one_keeps_the_contract() {
    the_contract(Stack::all_in_one().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_five_processes_keep_the_contract() {
    the_contract(Stack::services().await).await;
}
