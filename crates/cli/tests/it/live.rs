//! A real server on a free port, in this process, and requests to it.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    sync::OnceLock,
};

use continuum_cli::{
    http::{Server, Service},
    worker::Peer,
};
use continuum_memory::{ApiKeys, RecallConfig, TenantId};
use continuum_observability::{ExporterConfig, Telemetry};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use ureq::Agent;

/// A server with a data directory of its own.
pub(crate) struct Live {
    pub(crate) dir: TempDir,
    base: String,
    keys: ApiKeys,
    agent: Agent,
    _runtime: Runtime,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Live {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let service = Service::open(dir.path()).unwrap();
        Self::serve(dir, service)
    }

    /// A server on a data directory that is there already, with another node that nobody tells of anything.
    pub(crate) fn start_with_peer(dir: TempDir) -> Self {
        let peer = Peer::new("http://127.0.0.1:9", "cp_unused").unwrap();
        let service = Service::open_with(dir.path(), Some(peer), RecallConfig::default());
        Self::serve(dir, service.unwrap())
    }

    fn serve(dir: TempDir, service: Service) -> Self {
        record_spans();
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(Server::bind((Ipv4Addr::LOCALHOST, 0).into(), service));
        let server = server.unwrap();
        let base = format!("http://{}", server.local_addr().unwrap());
        runtime.spawn(server.run(std::future::pending()));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .build();
        let keys = ApiKeys::open(dir.path()).unwrap();
        Self {
            dir,
            base,
            keys,
            agent: config.into(),
            _runtime: runtime,
        }
    }

    /// A new key of a tenant.
    pub(crate) fn key(&self, tenant: &str) -> String {
        self.keys
            .create_key(&TenantId::new(tenant).unwrap())
            .unwrap()
    }

    /// A new key of another node, for these tenants or for all.
    pub(crate) fn peer_key(&self, tenants: &[&str]) -> String {
        let tenants: Vec<_> = tenants
            .iter()
            .map(|name| TenantId::new(*name).unwrap())
            .collect();
        self.keys.create_peer_key("peer", &tenants).unwrap()
    }

    /// Sends bytes over a connection of its own and returns all that comes back.
    pub(crate) fn send_bytes(&self, bytes: &[u8]) -> String {
        let mut connection = TcpStream::connect(self.base.trim_start_matches("http://")).unwrap();
        connection.write_all(bytes).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.call())
    }

    /// Posts a body with headers, and nothing else.
    pub(crate) fn post_raw(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.send(body))
    }

    /// Posts JSON with a key.
    pub(crate) fn post(&self, path: &str, key: &str, body: &str) -> Reply {
        let bearer = format!("Bearer {key}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        self.post_raw(path, &headers, body.as_bytes())
    }

    /// Learns a message, which must succeed.
    pub(crate) fn say(&self, key: &str, text: &str) -> Value {
        let body = serde_json::json!({ "session_id": "s", "user_message": text }).to_string();
        let reply = self.post("/v1/learn", key, &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// Asks a question, which must succeed.
    pub(crate) fn ask(&self, key: &str, query: &str) -> Value {
        let body = serde_json::json!({ "query": query }).to_string();
        let reply = self.post("/v1/recall", key, &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }
}

fn reply(sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
    let mut response = sent.unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text,
    }
}

/// Telemetry for the whole test process, so that requests have traces.
fn record_spans() {
    static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();
    TELEMETRY.get_or_init(|| {
        Telemetry::builder()
            .exporter(ExporterConfig::None)
            .init()
            .unwrap()
    });
}
