//! The five listening sockets, opened before anything else starts.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use runtime::{Fatal, admin, client::ServiceUrl, settings::Listen};
use tokio::net::TcpListener;

use crate::Config;

/// All of them, open.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) http: TcpListener,
    pub(crate) chat: Grpc,
    pub(crate) presence: Grpc,
    pub(crate) notify: Grpc,
    pub(crate) files: Grpc,
}

/// A service's.
#[derive(Debug)]
pub(crate) struct Grpc {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Ports {
    /// Opens them.
    ///
    /// # Errors
    /// Exit code 69, with the port and the option that changes it.
    pub(crate) fn open(config: &Config) -> Result<Self, Fatal> {
        let http = open((config.listen.bind, "--bind"), (config.listen.port, "--port"))?;
        let grpc = |offset: u16| {
            let port = match config.grpc_base_port {
                0 => 0,
                base => base.saturating_add(offset),
            };
            let listener = open((config.grpc_bind, "--grpc-bind"), (port, "--grpc-base-port"))?;
            let address = address(&listener)?;
            Ok::<_, Fatal>(Grpc { listener, address })
        };
        Ok(Self {
            http,
            chat: grpc(0)?,
            presence: grpc(1)?,
            notify: grpc(2)?,
            files: grpc(3)?,
        })
    }
}

impl Grpc {
    /// The same as a service's setting; the process has no other admin port than the edge's.
    pub(crate) fn listen(&self) -> Listen {
        Listen {
            bind: self.address.ip(),
            port: self.address.port(),
            admin_port: None,
        }
    }

    /// Where clients in this process find it.
    pub(crate) fn url(&self) -> ServiceUrl {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        ServiceUrl::new(ip.to_string(), self.address.port())
    }
}

/// An address and a port, each with the option that changes it.
fn open((bind, bind_option): (IpAddr, &str), (port, option): (u16, &str)) -> Result<TcpListener, Fatal> {
    admin::open(SocketAddr::new(bind, port)).map_err(|error| {
        Fatal::unavailable(match error.kind() {
            ErrorKind::AddrInUse => {
                format!("port {port} is taken by another process: choose another one with {option}")
            }
            ErrorKind::AddrNotAvailable => {
                format!("{bind} is not an address of this machine: choose another one with {bind_option}")
            }
            ErrorKind::PermissionDenied => {
                format!("no permission to listen on port {port}: choose one above 1023 with {option}")
            }
            _ => format!("can't listen on {bind}, port {port} ({option}): {error}"),
        })
    })
}

/// Where a socket listens.
pub(crate) fn address(listener: &TcpListener) -> Result<SocketAddr, Fatal> {
    listener
        .local_addr()
        .map_err(|error| Fatal::unavailable(format!("can't listen: {error}")))
}
