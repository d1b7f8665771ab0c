//! Every process replaced one by one under load.

#[tokio::test(flavor = "multi_thread")]
async fn replacing_every_process_one_by_one_fails_no_send_and_leaves_no_gap() {
    let ok = chaos::rolling::run(1, 1, |line| println!("{line}")).await;
    assert_eq!(ok, Ok(true), "see the lines above");
}
