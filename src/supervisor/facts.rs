//! What `${…}` means on this machine: ports, volumes, parts and secrets of the stack, seen from one service.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::spec::{Facts, ServiceSpec};
use crate::volumes::Secrets;

/// Facts of the whole stack; made once per start of reeve.
#[derive(Debug)]
pub struct StackFacts {
    pub name: String,
    pub mode: String,
    pub dir: PathBuf,
    pub data_dir: PathBuf,
    /// reeve's own binary.
    pub reeve: PathBuf,
    /// The socket on which services that were granted it ask the control API.
    pub control: PathBuf,
    /// Service → its ports, in the order of the file.
    pub ports: BTreeMap<String, Vec<(String, SocketAddr)>>,
    pub volumes: BTreeMap<String, PathBuf>,
    pub parts: BTreeMap<String, PartFacts>,
    pub secrets: Secrets,
}

#[derive(Debug, Clone)]
pub struct PartFacts {
    pub dir: PathBuf,
    pub bin: PathBuf,
    pub version: String,
}

impl StackFacts {
    pub fn address(&self, service: &str, port: Option<&str>) -> Option<SocketAddr> {
        let ports = self.ports.get(service)?;
        match port {
            Some(name) => ports.iter().find(|(port, _)| port == name).map(|(_, address)| *address),
            None => ports.first().map(|(_, address)| *address),
        }
    }

    fn fact(&self, name: &str) -> Option<String> {
        let path = |path: &PathBuf| path.to_str().map(str::to_owned);
        if name == "reeve" {
            return path(&self.reeve);
        }
        let (kind, rest) = name.split_once('.')?;
        match kind {
            "stack" => match rest {
                "name" => Some(self.name.clone()),
                "mode" => Some(self.mode.clone()),
                "dir" => path(&self.dir),
                "data_dir" => path(&self.data_dir),
                "control" => path(&self.control),
                _ => None,
            },
            "secret" => self.secrets.get(rest).map(|secret| secret.expose().to_owned()),
            "volume" => self.volumes.get(rest.strip_suffix(".path")?).and_then(path),
            "part" => {
                let (part, what) = rest.rsplit_once('.')?;
                let part = self.parts.get(part)?;
                match what {
                    "dir" => path(&part.dir),
                    "bin" => path(&part.bin),
                    "version" => Some(part.version.clone()),
                    _ => None,
                }
            }
            "service" => {
                if let Some(service) = rest.strip_suffix(".port") {
                    return self.address(service, None).map(|address| address.port().to_string());
                }
                if let Some(service) = rest.strip_suffix(".host") {
                    return self.address(service, None).map(|address| reachable(address.ip()));
                }
                let (service, port) = rest.split_once(".port.")?;
                self.address(service, Some(port)).map(|address| address.port().to_string())
            }
            _ => None,
        }
    }
}

/// An address that a client can use: a service that binds every address is reached over loopback.
pub fn reachable(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) if v4.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(v6) if v6.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

/// The stack's facts as one service sees them, `self.…` among them.
#[derive(Debug, Clone, Copy)]
pub struct ServiceFacts<'a> {
    pub stack: &'a StackFacts,
    pub service: &'a ServiceSpec,
    pub run_dir: &'a std::path::Path,
}

impl ServiceFacts<'_> {
    fn own(&self, name: &str, depth: u8) -> Option<String> {
        let address = |port: Option<&str>| self.stack.address(&self.service.name, port);
        match name {
            "name" => return Some(self.service.name.clone()),
            "port" => return address(None).map(|address| address.port().to_string()),
            "host" => return address(None).map(|address| reachable(address.ip())),
            "run_dir" => return self.run_dir.to_str().map(str::to_owned),
            "notify_socket" => return self.run_dir.join("notify").to_str().map(str::to_owned),
            _ => {}
        }
        let (kind, rest) = name.split_once('.')?;
        match kind {
            "port" => address(Some(rest)).map(|address| address.port().to_string()),
            "volume" => self.stack.volumes.get(self.service.volumes.get(rest)?)?.to_str().map(str::to_owned),
            "env" => {
                // An entry may be made of other entries; the loader refuses a circle, the depth only guards against one.
                let template = self.service.env.get(rest)?;
                let depth = depth.checked_sub(1)?;
                template.render(&|name: &str| self.lookup(name, depth)).ok()
            }
            _ => None,
        }
    }

    fn lookup(&self, name: &str, depth: u8) -> Option<String> {
        match name.strip_prefix("self.") {
            Some(own) => self.own(own, depth),
            None => self.stack.fact(name),
        }
    }
}

impl Facts for ServiceFacts<'_> {
    fn fact(&self, name: &str) -> Option<String> {
        self.lookup(name, 16)
    }
}
