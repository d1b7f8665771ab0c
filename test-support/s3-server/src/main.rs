//! An S3 server for tests: `s3s-fs` over a directory, with one pair of keys, and with the uploads that it lacks.

mod files;
mod uploads;

use std::{error::Error, net::Ipv4Addr, path::PathBuf};

use clap::Parser;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tokio::net::TcpListener;

/// Serves S3 on 127.0.0.1 from a directory: one folder per bucket, one file per object.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// The directory with the buckets.
    #[arg(long)]
    root: PathBuf,
    /// The port on 127.0.0.1.
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// The access key that clients sign with.
    #[arg(long, default_value = "minioadmin")]
    access_key: String,
    /// The secret key that clients sign with.
    #[arg(long, default_value = "minioadmin")]
    secret_key: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let files =
        files::Files::new(&options.root).map_err(|error| format!("{}: {error}", options.root.display()))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(options.access_key, options.secret_key));
    let service = builder.build();

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            // A client that goes away in the middle is no business of a test server.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
