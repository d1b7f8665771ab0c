//! What the process says on standard output once people can use it.

use std::{
    fmt,
    io::Write as _,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use edge::run::SERVICES;
use runtime::{Shutdown, health::Health};

use crate::{data_dir::DataDir, ports::Ports};

/// The addresses and places that a person needs.
#[derive(Debug)]
pub(crate) struct Banner {
    http: SocketAddr,
    data: PathBuf,
    grpc: [(&'static str, SocketAddr); 4],
    open_access: bool,
}

impl Banner {
    pub(crate) fn new(http: SocketAddr, ports: &Ports, data: &DataDir, open_access: bool) -> Self {
        Self {
            http,
            data: data.path().to_owned(),
            grpc: [
                ("chat", ports.chat.address),
                ("presence", ports.presence.address),
                ("notify", ports.notify.address),
                ("files", ports.files.address),
            ],
            open_access,
        }
    }

    /// Prints it when everything is ready.
    pub(crate) fn show_when_ready(self, health: &Health, shutdown: &Shutdown) {
        let (mut ready, health) = (health.watch(), health.clone());
        shutdown.spawn_until_begun(async move {
            // A health without its parts is ready too: the edge adds its own when it begins.
            while !(*ready.borrow_and_update() && health.report().contains_key(SERVICES)) {
                if ready.changed().await.is_err() {
                    return;
                }
            }
            // A closed standard output is no reason to stop.
            let _ = writeln!(std::io::stdout(), "{self}");
        });
    }

    fn url(&self) -> String {
        let port = self.http.port();
        match self.http.ip() {
            ip if ip.is_unspecified() || ip.is_loopback() => format!("http://localhost:{port}"),
            IpAddr::V4(ip) => format!("http://{ip}:{port}"),
            IpAddr::V6(ip) => format!("http://[{ip}]:{port}"),
        }
    }
}

impl fmt::Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url();
        writeln!(f, "\nChatFlow is ready.\n")?;
        writeln!(f, "  Open it    {url}")?;
        writeln!(f, "  Data       {}", self.data.display())?;
        writeln!(f, "  API docs   {url}/api/chat/docs")?;
        for area in ["presence", "notifications", "files"] {
            writeln!(f, "             {url}/api/{area}/docs")?;
        }
        for (at, (name, address)) in self.grpc.iter().enumerate() {
            let title = if at == 0 { "gRPC" } else { "" };
            writeln!(f, "  {title:<10} {address} ({name})")?;
        }
        if self.open_access && !self.http.ip().is_loopback() {
            writeln!(
                f,
                "\n  Whoever reaches {} may use any name without signing in (OPEN_ACCESS).",
                self.http
            )?;
        }
        write!(
            f,
            "\n  Ctrl-C stops it; everything said stays in the data folder."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(http: &str, open_access: bool) -> String {
        let grpc = SocketAddr::from(([127, 0, 0, 1], 8020));
        let banner = Banner {
            http: http.parse().unwrap(),
            data: "/srv/chat".into(),
            grpc: ["chat", "presence", "notify", "files"].map(|name| (name, grpc)),
            open_access,
        };
        banner.to_string()
    }

    #[test]
    fn names_an_address_that_a_browser_can_open() {
        let told = banner("0.0.0.0:8092", true);
        assert!(told.contains("http://localhost:8092\n"), "{told}");
        assert!(told.contains("/srv/chat") && told.contains("http://localhost:8092/api/files/docs"));
        assert!(told.contains("OPEN_ACCESS"), "{told}");
        assert!(banner("[2001:db8::1]:80", false).contains("http://[2001:db8::1]:80\n"));
        assert!(!banner("127.0.0.1:1", true).contains("OPEN_ACCESS"));
    }
}
