//! What callers of chat-svc notice, on both stores.
#![expect(
    clippy::unwrap_used,
    clippy::assigning_clones,
    reason = "a test has nothing to do with an error but to stop, and need not save copies"
)]

mod batches;
mod changes;
mod identity;
mod kept;
mod outbox;
mod overload;
mod partitions;
mod publishing;
mod replicas;
mod rooms;
mod sends;
mod support;

/// Makes each scenario a test on SQLite, one on PostgreSQL, and one on PostgreSQL with messages in partitions.
macro_rules! on_both_stores {
    ($($scenario:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::$scenario(crate::support::Store::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::$scenario(crate::support::Store::postgres().await).await;
            })+
        }
        mod partitioned {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::$scenario(crate::support::Store::partitioned().await).await;
            })+
        }
    };
}
pub(crate) use on_both_stores;
