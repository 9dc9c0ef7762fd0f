//! Commands of `redis`, release 1, inside of spans.
//!
//! Position: around any of its asynchronous connections; on top of the cache layer.
//!
//! Invariants:
//! - a result is passed on unchanged; a refusal of the server is an error of the span, also of one command among
//!   those of a pipeline;
//! - of the arguments the key is recorded, scrubbed as everywhere, where a command is known to have one first; no
//!   other argument, and none of a command that is not known, also where the server's refusal quotes them.

use crate::{
    FutureExt as _, SpanRef,
    layers::cache::{trace_cache_operation, trace_pipeline},
};
use redis::{Arg, Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value, aio::ConnectionLike};
use std::borrow::Cow;

/// Commands that read the value of a key: no answer is a miss.
const READS: &[&str] = &[
    "GET",
    "GETDEL",
    "GETEX",
    "HGET",
    "LINDEX",
    "LPOP",
    "RPOP",
    "SPOP",
    "SRANDMEMBER",
    "ZSCORE",
];
/// Other commands whose first argument is a key.
const OTHERS_WITH_A_KEY: &[&str] = &[
    "APPEND",
    "DECR",
    "DECRBY",
    "DEL",
    "EXISTS",
    "EXPIRE",
    "EXPIREAT",
    "GETRANGE",
    "GETSET",
    "HDEL",
    "HEXISTS",
    "HGETALL",
    "HINCRBY",
    "HKEYS",
    "HLEN",
    "HMGET",
    "HSCAN",
    "HSET",
    "HSETNX",
    "HVALS",
    "INCR",
    "INCRBY",
    "INCRBYFLOAT",
    "LLEN",
    "LPUSH",
    "LRANGE",
    "LREM",
    "LSET",
    "LTRIM",
    "MGET",
    "MSET",
    "PERSIST",
    "PEXPIRE",
    "PSETEX",
    "PTTL",
    "RPUSH",
    "SADD",
    "SCARD",
    "SET",
    "SETEX",
    "SETNX",
    "SETRANGE",
    "SISMEMBER",
    "SMEMBERS",
    "SREM",
    "SSCAN",
    "STRLEN",
    "TTL",
    "TYPE",
    "UNLINK",
    "XADD",
    "XLEN",
    "XRANGE",
    "ZADD",
    "ZCARD",
    "ZCOUNT",
    "ZINCRBY",
    "ZRANGE",
    "ZRANK",
    "ZREM",
    "ZREVRANGE",
    "ZSCAN",
];

/// Wraps connections.
pub trait ConnectionLikeExt: Sized {
    /// The same connection, each command of which is a span.
    ///
    /// ```no_run
    /// use continuum_observability::interop::redis_1::ConnectionLikeExt as _;
    /// use redis::AsyncCommands as _;
    ///
    /// # async fn doc(client: redis::Client) -> redis::RedisResult<()> {
    /// let mut connection = client.get_multiplexed_async_connection().await?.traced();
    /// let answer: Option<String> = connection.get("search:rust").await?;
    /// # Ok(())
    /// # }
    /// ```
    fn traced(self) -> Traced<Self>;
}

impl<C: ConnectionLike> ConnectionLikeExt for C {
    fn traced(self) -> Traced<Self> {
        Traced { connection: self }
    }
}

/// A connection each command of which is a `cache.<command>` span, and each pipeline a `cache.pipeline` one.
///
/// A command that reads one value records whether there was one. All of `AsyncCommands` works on it.
#[derive(Debug, Clone)]
pub struct Traced<C> {
    connection: C,
}

impl<C> Traced<C> {
    /// The connection as it was.
    pub fn into_inner(self) -> C {
        self.connection
    }
}

impl<C: ConnectionLike + Send> ConnectionLike for Traced<C> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let asked = Asked::of(command);
        Box::pin(async move {
            let key = asked.key.as_deref().unwrap_or_default();
            let span = trace_cache_operation(&asked.name, key)
                .system("redis")
                .start();
            let view = span.view().clone();
            let answered = async {
                let answer = self.connection.req_packed_command(command).await;
                // What the server refuses comes as a value, which whoever reads it makes an error of.
                let answer = answer.and_then(Value::extract_error);
                tell(&view, &answer, &asked);
                answer
            };
            answered.in_span(span).await
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let span = trace_pipeline(pipeline.len()).system("redis").start();
        let view = span.view().clone();
        let sent = self.connection.req_packed_commands(pipeline, offset, count);
        let answered = async move {
            let answer = sent.await;
            match &answer {
                Ok(values) => tell_values(&view, values),
                Err(error) => tell_error(&view, error),
            }
            answer
        };
        Box::pin(answered.in_span(span))
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

/// Records what a command came to.
fn tell(span: &SpanRef, answer: &RedisResult<Value>, asked: &Asked) {
    match answer {
        Ok(value) => {
            if asked.is_read {
                tell_value(span, asked.key.as_deref().unwrap_or_default(), value);
            }
            span.succeed();
        }
        Err(error) => tell_error(span, error),
    }
}

fn tell_value(span: &SpanRef, key: &str, value: &Value) {
    match value {
        Value::Nil => span.cache_miss(key),
        // Where it was asked for a number of values.
        Value::Array(values) | Value::Set(values) if values.is_empty() => span.cache_miss(key),
        Value::BulkString(bytes) => {
            span.cache_hit(key);
            span.cache_value_size(bytes.len());
        }
        _ => span.cache_hit(key),
    }
}

/// Records an error. Of a refusal of the server its code is all that is recorded: a server quotes the arguments of
/// a command that it does not know, whatever is known here.
fn tell_error(span: &SpanRef, error: &RedisError) {
    match error.code() {
        Some(code) => {
            let text = format!("{}: {code}", error.category());
            span.record_error_as::<RedisError>(text);
        }
        None => span.record_error(error),
    }
}

/// A pipeline of which the server refuses a command comes back as values all the same.
fn tell_values(span: &SpanRef, values: &[Value]) {
    match values.iter().find_map(refusal) {
        Some(error) => tell_error(span, &error),
        None => span.succeed(),
    }
}

/// Why the server refused; the answers to what is inside of a transaction lie in the one to `EXEC`.
fn refusal(value: &Value) -> Option<RedisError> {
    let of_one = |value: &Value| match value {
        Value::ServerError(error) => Some(error.clone().into()),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().find_map(of_one),
        value => of_one(value),
    }
}

/// What a command asks for.
#[derive(Debug)]
struct Asked {
    name: String,
    key: Option<String>,
    is_read: bool,
}

impl Asked {
    fn of(command: &Cmd) -> Self {
        let mut arguments = command.args_iter().map(|argument| match argument {
            Arg::Simple(bytes) => String::from_utf8_lossy(bytes),
            _ => Cow::Borrowed(""),
        });
        let name = arguments.next().unwrap_or_default().to_ascii_uppercase();
        let is_read = READS.contains(&&*name);
        let has_key = is_read || OTHERS_WITH_A_KEY.contains(&&*name);
        let key = arguments.next().filter(|_| has_key);
        Self {
            key: key.map(Cow::into_owned),
            name,
            is_read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_of_a_known_command_is_taken() {
        let of = |command: &mut Cmd| {
            let asked = Asked::of(command);
            (asked.name, asked.key, asked.is_read)
        };
        let key = |key: &str| Some(key.to_owned());
        let mut get = redis::cmd("get");
        assert_eq!(of(get.arg("a")), ("GET".to_owned(), key("a"), true));
        let mut set = redis::cmd("SET");
        assert_eq!(
            of(set.arg("a").arg("secret")),
            ("SET".to_owned(), key("a"), false)
        );
        let mut auth = redis::cmd("AUTH");
        assert_eq!(of(auth.arg("secret")), ("AUTH".to_owned(), None, false));
        let mut unknown = redis::cmd("FT.SEARCH");
        assert_eq!(
            of(unknown.arg("secret")),
            ("FT.SEARCH".to_owned(), None, false)
        );
    }
}
