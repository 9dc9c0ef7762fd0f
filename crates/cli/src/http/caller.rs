//! Who asks: the memory, or the memories, that the key of a request opens.
//!
//! Position: first extractor of a route, so that nothing of a stranger's body is read.
//!
//! Invariant: the key is compared by the key store and appears in no span, answer or log.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use continuum_memory::{PeerKey, TenantMemory};

use super::{problem::Problem, route::blocking, service::Service};

/// The memory of the tenant whose key came with the request.
pub(super) struct Caller(pub(super) TenantMemory);

impl FromRequestParts<Service> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let key = key_of(&parts.headers)?;
        let keys = service.keys();
        let tenant = blocking(move || keys.tenant_of(&key)).await?;
        Ok(Self(
            service.memory().tenant(tenant.ok_or(Problem::KeyUnknown)?),
        ))
    }
}

/// The node whose key came with the request.
pub(super) struct PeerCaller(pub(super) PeerKey);

impl FromRequestParts<Service> for PeerCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let key = key_of(&parts.headers)?;
        let keys = service.keys();
        let peer = blocking(move || keys.peer_of(&key)).await?;
        peer.map(Self).ok_or(Problem::PeerUnknown)
    }
}

/// The key of `Authorization: Bearer <key>`, or else of `X-API-Key: <key>`.
fn key_of(headers: &HeaderMap) -> Result<String, Problem> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| bearer(value.to_str().ok()?));
    let own = || {
        headers
            .get("x-api-key")
            .and_then(|value| value.to_str().ok())
    };
    bearer
        .or_else(own)
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .map(str::to_owned)
        .ok_or(Problem::KeyMissing)
}

/// The token of a bearer authorization; schemes ignore case (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(headers: &[(&'static str, &'static str)]) -> Option<String> {
        let pairs = headers.iter().map(|(name, value)| {
            (
                header::HeaderName::from_static(name),
                header::HeaderValue::from_static(value),
            )
        });
        key_of(&pairs.collect()).ok()
    }

    #[test]
    fn a_key_is_found_in_either_header_and_bearer_comes_first() {
        assert_eq!(key(&[("authorization", "Bearer a")]).as_deref(), Some("a"));
        assert_eq!(
            key(&[("authorization", "bearer  a ")]).as_deref(),
            Some("a")
        );
        assert_eq!(key(&[("x-api-key", " b ")]).as_deref(), Some("b"));
        assert_eq!(
            key(&[("authorization", "Bearer a"), ("x-api-key", "b")]).as_deref(),
            Some("a")
        );
        assert_eq!(
            key(&[("authorization", "Basic a"), ("x-api-key", "b")]).as_deref(),
            Some("b")
        );
    }

    #[test]
    fn what_is_not_a_key_is_none() {
        assert_eq!(key(&[]), None);
        assert_eq!(key(&[("authorization", "Bearer")]), None);
        assert_eq!(key(&[("authorization", "Bearer  ")]), None);
        assert_eq!(key(&[("x-api-key", " ")]), None);
    }
}
