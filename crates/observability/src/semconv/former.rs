//! The names of attributes in earlier releases of the semantic conventions, which the guide uses.
//!
//! Where `SpanAttributes.HTTP_METHOD` is written elsewhere, write `former::HTTP_METHOD` here. New
//! code is better off with [`attribute`](super::attribute).
//!
//! Source: OpenTelemetry semantic conventions before 1.23 (HTTP), 1.28 (database); the tracing
//! guide for `db.redis`, `db.row_count`.

use super::names;

names! {
    /// Now `http.request.method`.
    HTTP_METHOD = "http.method";
    /// Now `http.response.status_code`.
    HTTP_STATUS_CODE = "http.status_code";
    /// Now `url.full`.
    HTTP_URL = "http.url";
    /// Now `url.path` and `url.query`.
    HTTP_TARGET = "http.target";
    /// Now `url.scheme`.
    HTTP_SCHEME = "http.scheme";
    /// Now `server.address` and `server.port`.
    HTTP_HOST = "http.host";
    /// Now `network.protocol.version`.
    HTTP_FLAVOR = "http.flavor";
    /// Now `user_agent.original`.
    HTTP_USER_AGENT = "http.user_agent";
    /// Now `client.address`.
    HTTP_CLIENT_IP = "http.client_ip";
    /// Now `db.system.name`.
    DB_SYSTEM = "db.system";
    /// Now `db.operation.name`; of a cache, `cache.operation`.
    DB_OPERATION = "db.operation";
    /// Now `db.query.text`.
    DB_STATEMENT = "db.statement";
    /// Now `db.collection.name`.
    DB_SQL_TABLE = "db.sql.table";
    /// Now `db.namespace`.
    DB_NAME = "db.name";
    /// Now `db.response.returned_rows`.
    DB_ROW_COUNT = "db.row_count";
    /// Now `cache.key`.
    DB_REDIS_KEY = "db.redis.key";
    /// Now `cache.key_pattern`.
    DB_REDIS_KEY_PATTERN = "db.redis.key_pattern";
    /// Now `cache.pipeline.command_count`.
    DB_REDIS_PIPELINE_COMMAND_COUNT = "db.redis.pipeline.command_count";
    /// Now `messaging.operation.name` and `messaging.operation.type`.
    MESSAGING_OPERATION = "messaging.operation";
    /// Now `messaging.destination.name`.
    MESSAGING_DESTINATION = "messaging.destination";
    /// Now part of `code.function.name`.
    CODE_FUNCTION = "code.function";
    /// Now part of `code.function.name`.
    CODE_NAMESPACE = "code.namespace";
    /// Now `deployment.environment.name`.
    DEPLOYMENT_ENVIRONMENT = "deployment.environment";
    /// No longer used: an exception event says nothing of where the exception went.
    EXCEPTION_ESCAPED = "exception.escaped";
}
