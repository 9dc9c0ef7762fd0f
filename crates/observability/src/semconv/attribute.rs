//! The current names of attributes: OpenTelemetry's semantic conventions and our own.
//!
//! Source: OpenTelemetry semantic conventions 1.x, "Attribute registry"; those for generative AI,
//! "Memory", for `gen_ai`; the tracing guide for
//! `memory`, `graph`, `embedding`, `tenant`, `cost`, `cache`, `federation`, `consensus`, `sync`.

use super::names;

names! {
    // HTTP and URL
    /// The method of a request: `GET`.
    HTTP_REQUEST_METHOD = "http.request.method";
    /// The method of a request as it was sent, where it is not one that is known.
    HTTP_REQUEST_METHOD_ORIGINAL = "http.request.method_original";
    /// The length of a request's body in bytes.
    HTTP_REQUEST_BODY_SIZE = "http.request.body.size";
    /// The length of a response's body in bytes.
    HTTP_RESPONSE_BODY_SIZE = "http.response.body.size";
    /// The status code of a response, a number.
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code";
    /// The template of the route that matched: `/users/{id}`.
    HTTP_ROUTE = "http.route";
    /// The whole URL of an outgoing request, without credentials.
    URL_FULL = "url.full";
    /// The path of a URL.
    URL_PATH = "url.path";
    /// The query of a URL, without the question mark.
    URL_QUERY = "url.query";
    /// The scheme of a URL: `https`.
    URL_SCHEME = "url.scheme";
    /// The name or address of the server as the client knows it.
    SERVER_ADDRESS = "server.address";
    /// The port of the server.
    SERVER_PORT = "server.port";
    /// The address of the client.
    CLIENT_ADDRESS = "client.address";
    /// The version of the protocol: `1.1`, `2`.
    NETWORK_PROTOCOL_VERSION = "network.protocol.version";
    /// The `User-Agent` of the client.
    USER_AGENT_ORIGINAL = "user_agent.original";

    // RPC
    /// The system for calls of other services: `grpc`.
    RPC_SYSTEM = "rpc.system";
    /// The service that is called: `grpc.health.v1.Health`.
    RPC_SERVICE = "rpc.service";
    /// The method that is called: `Check`.
    RPC_METHOD = "rpc.method";
    /// How a call of gRPC ended, a number: 0 is a success.
    RPC_GRPC_STATUS_CODE = "rpc.grpc.status_code";

    // Database
    /// The database system: `sqlite`, `postgresql`.
    DB_SYSTEM_NAME = "db.system.name";
    /// The operation: `SELECT`.
    DB_OPERATION_NAME = "db.operation.name";
    /// The statement with its literals replaced.
    DB_QUERY_TEXT = "db.query.text";
    /// The table or collection.
    DB_COLLECTION_NAME = "db.collection.name";
    /// The database within the system.
    DB_NAMESPACE = "db.namespace";
    /// Rows that a query returned or changed.
    DB_RESPONSE_RETURNED_ROWS = "db.response.returned_rows";
    /// Rows that a statement changed.
    DB_RESPONSE_AFFECTED_ROWS = "db.response.affected_rows";
    /// How the database executes a query.
    DB_QUERY_PLAN = "db.query_plan";
    /// Whether a transaction was committed.
    DB_TRANSACTION_COMMITTED = "db.transaction.committed";

    // Cache
    /// The operation: `GET`.
    CACHE_OPERATION = "cache.operation";
    /// The key, with parts that look like hashes replaced.
    CACHE_KEY = "cache.key";
    /// The key with its last part, which tells one entry from another, replaced by `*`.
    CACHE_KEY_PATTERN = "cache.key_pattern";
    /// Whether the cache had the entry.
    CACHE_HIT = "cache.hit";
    /// The length of the entry in bytes.
    CACHE_VALUE_SIZE = "cache.value_size";
    /// Commands sent at once.
    CACHE_PIPELINE_COMMAND_COUNT = "cache.pipeline.command_count";

    // Messaging
    /// The messaging system: `nats`, `kafka`.
    MESSAGING_SYSTEM = "messaging.system";
    /// The operation as the system calls it: `publish`.
    MESSAGING_OPERATION_NAME = "messaging.operation.name";
    /// What kind of operation it is: `send`, `receive`, `process`.
    MESSAGING_OPERATION_TYPE = "messaging.operation.type";
    /// The queue or topic.
    MESSAGING_DESTINATION_NAME = "messaging.destination.name";
    /// The destination with `*` or a name for each part that varies: `turns.*.learned`.
    MESSAGING_DESTINATION_TEMPLATE = "messaging.destination.template";
    /// Whether the destination is made for one answer.
    MESSAGING_DESTINATION_TEMPORARY = "messaging.destination.temporary";
    /// The id of the message.
    MESSAGING_MESSAGE_ID = "messaging.message.id";
    /// Which attempt to deliver the message this is, counted from 1.
    MESSAGING_MESSAGE_ATTEMPT = "messaging.message.attempt";
    /// Messages in a batch.
    MESSAGING_BATCH_MESSAGE_COUNT = "messaging.batch.message_count";
    /// The kind of the message between peers.
    MESSAGING_MESSAGE_TYPE = "messaging.message_type";

    // Generative AI
    /// What is asked of a memory: `search_memory`, `update_memory`.
    GEN_AI_OPERATION_NAME = "gen_ai.operation.name";
    /// The memory that is searched or changed, such as a namespace, a collection or an index.
    GEN_AI_MEMORY_STORE_ID = "gen_ai.memory.store.id";
    /// Records that a search returned, or that an update stored or changed.
    GEN_AI_MEMORY_RECORD_COUNT = "gen_ai.memory.record.count";
    /// The beginning of the question, only where previews are on.
    GEN_AI_MEMORY_QUERY_TEXT = "gen_ai.memory.query.text";
    /// Tokens that were sent to a language model, those from its cache included.
    GEN_AI_USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens";
    /// Tokens that a language model answered with.
    GEN_AI_USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens";

    // Memory
    /// The operation: `recall`, `learn`.
    MEMORY_OPERATION = "memory.operation";
    /// The length of the question in characters.
    MEMORY_QUERY_LENGTH = "memory.query_length";
    /// The beginning of the question, only where previews are on.
    MEMORY_QUERY_PREVIEW = "memory.query_preview";
    /// The largest number of concepts asked for.
    MEMORY_MAX_CONCEPTS = "memory.max_concepts";
    /// The length of the user's message in characters.
    MEMORY_USER_MESSAGE_LENGTH = "memory.user_message_length";
    /// The length of the answer in characters.
    MEMORY_AI_RESPONSE_LENGTH = "memory.ai_response_length";
    /// Concepts that a recall found.
    MEMORY_CONCEPTS_FOUND = "memory.concepts_found";
    /// Relationships that a recall found.
    MEMORY_RELATIONSHIPS_FOUND = "memory.relationships_found";
    /// How long the look-up took, in milliseconds.
    MEMORY_QUERY_TIME_MS = "memory.query_time_ms";
    /// Concepts found in a text that is learned.
    MEMORY_CONCEPTS_EXTRACTED = "memory.concepts_extracted";
    /// Decisions found in a text that is learned.
    MEMORY_DECISIONS_DETECTED = "memory.decisions_detected";
    /// Links between concepts that were made.
    MEMORY_LINKS_CREATED = "memory.links_created";
    /// Compound concepts found in a text that is learned.
    MEMORY_COMPOUNDS_FOUND = "memory.compounds_found";
    /// Where a walk through the concept graph starts.
    GRAPH_START_CONCEPT = "graph.start_concept";
    /// How many links the walk follows at most.
    GRAPH_MAX_DEPTH = "graph.max_depth";
    /// The length of the text in characters.
    EMBEDDING_TEXT_LENGTH = "embedding.text_length";
    /// The model that computes the embedding.
    EMBEDDING_MODEL = "embedding.model";

    // Federation
    /// What is synchronised or agreed on: `push`, `pull`.
    FEDERATION_OPERATION = "federation.operation";
    /// The peer on the other side.
    FEDERATION_PEER_INSTANCE_ID = "federation.peer.instance_id";
    /// The step of a consensus: `vote`.
    CONSENSUS_OPERATION = "consensus.operation";
    /// How many take part in a consensus.
    CONSENSUS_PARTICIPANT_COUNT = "consensus.participant_count";
    /// Entities that were synchronised.
    SYNC_ENTITIES_COUNT = "sync.entities_count";
    /// Conflicts that were resolved.
    SYNC_CONFLICTS_COUNT = "sync.conflicts_count";
    /// Bytes that were transferred.
    SYNC_BYTES_TRANSFERRED = "sync.bytes_transferred";

    // Tenants, costs, errors
    /// Whose data it is.
    TENANT_ID = "tenant.id";
    /// What the tenant pays for: `premium`.
    TENANT_TIER = "tenant.tier";
    /// The user on whose behalf the work is done.
    ENDUSER_ID = "enduser.id";
    /// Tokens of a language model that were used.
    COST_TOKENS_USED = "cost.tokens_used";
    /// Paid calls that were made.
    COST_API_CALLS = "cost.api_calls";
    /// The class of an error: `timeout`.
    ERROR_TYPE = "error.type";
    /// How bad an error is: `low`, `medium`, `high` or `critical`.
    ERROR_SEVERITY = "error.severity";
    /// Whether trying again can help.
    ERROR_RECOVERABLE = "error.recoverable";

    // Spans that the flight recorder gives back
    /// Why a span that was sampled out is there: `error` or `snapshot`.
    FLIGHT_RECORDER_CAUSE = "continuum.flight_recorder.cause";
    /// The trace whose error had the span written out.
    FLIGHT_RECORDER_TRACE_ID = "continuum.flight_recorder.trace_id";

    // Code, exceptions, resources
    /// The function, as `#[trace_function]` records it.
    FUNCTION_NAME = "function.name";
    /// The module of the function.
    FUNCTION_MODULE = "function.module";
    /// The function with its full path.
    CODE_FUNCTION_NAME = "code.function.name";
    /// The source file.
    CODE_FILE_PATH = "code.file.path";
    /// The line in the source file.
    CODE_LINE_NUMBER = "code.line.number";
    /// The type of an exception.
    EXCEPTION_TYPE = "exception.type";
    /// The text of an exception.
    EXCEPTION_MESSAGE = "exception.message";
    /// The causes of an exception, and its backtrace where there is one.
    EXCEPTION_STACKTRACE = "exception.stacktrace";
    /// The name of the service.
    SERVICE_NAME = "service.name";
    /// What the service belongs to.
    SERVICE_NAMESPACE = "service.namespace";
    /// The version of the service.
    SERVICE_VERSION = "service.version";
    /// This running copy of the service.
    SERVICE_INSTANCE_ID = "service.instance.id";
    /// Where the service is deployed: `production`.
    DEPLOYMENT_ENVIRONMENT_NAME = "deployment.environment.name";
}
