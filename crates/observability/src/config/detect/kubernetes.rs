//! The pod that the process runs in, as its manifest says through the downward API.
//!
//! Invariant: outside of a pod nothing is read: the variables have everyday names.
//!
//! Source: OpenTelemetry semantic conventions, "Kubernetes"; Kubernetes, "Expose Pod Information to
//! Containers Through Environment Variables".

use super::{Detected, found, read};
use crate::config::env::{self, Environment, Variable};

/// Written by Kubernetes for each container that has a service account.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

pub(super) fn detect(env: &Environment<'_>) -> Detected {
    if env.text(env::KUBERNETES_SERVICE_HOST).is_none() {
        return Detected::new();
    }
    let first = |variables: &[Variable]| env.first_text(variables).map(|(_, text)| text);
    let namespace = first(&[env::K8S_NAMESPACE_NAME, env::POD_NAMESPACE]);
    found([
        ("k8s.cluster.name", first(&[env::K8S_CLUSTER_NAME])),
        (
            "k8s.namespace.name",
            namespace.or_else(|| read(NAMESPACE_FILE)),
        ),
        (
            "k8s.node.name",
            first(&[env::K8S_NODE_NAME, env::NODE_NAME]),
        ),
        (
            "k8s.pod.name",
            // A container's host name is that of its pod, unless its manifest says otherwise.
            first(&[env::K8S_POD_NAME, env::POD_NAME, env::HOST_NAME]),
        ),
        ("k8s.pod.uid", first(&[env::K8S_POD_UID, env::POD_UID])),
        (
            "k8s.container.name",
            first(&[env::K8S_CONTAINER_NAME, env::CONTAINER_NAME]),
        ),
        ("k8s.deployment.name", first(&[env::K8S_DEPLOYMENT_NAME])),
    ])
}

#[cfg(test)]
mod tests {
    use super::{super::super::testing::environment, *};

    const IN_A_POD: (&str, &str) = ("KUBERNETES_SERVICE_HOST", "10.96.0.1");

    fn detected(variables: &[(&str, &str)]) -> Detected {
        detect(&environment(variables))
    }

    #[test]
    fn a_pod_is_what_its_manifest_says() {
        let found = detected(&[
            IN_A_POD,
            ("K8S_CLUSTER_NAME", "prod"),
            ("POD_NAMESPACE", "memories"),
            ("NODE_NAME", "node-7"),
            ("K8S_POD_NAME", "api-5d4f"),
            ("POD_NAME", "gives way"),
            ("POD_UID", "f6a2b3de"),
            ("CONTAINER_NAME", "api"),
            ("K8S_DEPLOYMENT_NAME", "api"),
        ]);
        let expected = [
            ("k8s.cluster.name", "prod"),
            ("k8s.namespace.name", "memories"),
            ("k8s.node.name", "node-7"),
            ("k8s.pod.name", "api-5d4f"),
            ("k8s.pod.uid", "f6a2b3de"),
            ("k8s.container.name", "api"),
            ("k8s.deployment.name", "api"),
        ];
        assert_eq!(found, expected.map(|(key, text)| (key, text.into())));
    }

    #[test]
    fn the_host_name_stands_in_for_that_of_the_pod() {
        let found = detected(&[IN_A_POD, ("HOSTNAME", "api-5d4f")]);
        assert!(
            found.contains(&("k8s.pod.name", "api-5d4f".into())),
            "{found:?}"
        );
    }

    #[test]
    fn outside_of_a_pod_its_variables_say_nothing() {
        assert_eq!(detected(&[("POD_NAME", "a"), ("NODE_NAME", "b")]), []);
    }
}
