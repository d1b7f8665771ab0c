//! The scripts of `grpcurl-examples/` are run as they are written, and print what they show.

use e2e::{Stack, grpcurl_examples};

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_print_what_they_show_also_the_second_time() {
    let stack = Stack::all_in_one().await;
    for _ in 0..2 {
        grpcurl_examples::run_examples(stack.grpc()).await;
    }
}

/// As in the compose stack.
#[tokio::test(flavor = "multi_thread")]
async fn the_five_processes_answer_the_examples_alike() {
    let stack = Stack::services().await;
    grpcurl_examples::run_examples(stack.grpc()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_has_an_example_and_a_row_in_the_table() {
    let stack = Stack::all_in_one().await;
    let (all, shown) = (
        grpcurl_examples::all_rpcs(stack.grpc()).await,
        grpcurl_examples::shown_rpcs(),
    );
    assert!(all.len() >= 35, "only {} RPCs were found: {all:?}", all.len());
    let missing: Vec<_> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "no script shows {missing:?}");
    let problems = grpcurl_examples::problems_of_the_table(&all);
    assert!(problems.is_empty(), "grpcurl-examples/README.md: {problems:#?}");
}
