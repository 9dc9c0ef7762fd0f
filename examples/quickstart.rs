//! The first program: one line of set-up, a span for a block, a ready-made span, traced functions.
//!
//! `cargo run --example quickstart` prints, with times and the rest of the attributes:
//!
//! ```text
//! answer_question        question.length=36
//! ├─ memory.recall       memory.query_length=36 tenant.id=user_123 memory.concepts_found=2
//! │  └─ find_words       question.min_word_length=5
//! └─ generate            answer.memory_count=2
//! ```
//!
//! What to look at: nothing has to be ended or passed on. A span ends with its closure or function,
//! and whatever starts in between is its child. An error goes up by `?` as in any program, and each
//! span that it leaves records it. Only where a closure and its caller both use `?` the error has to
//! be named, as in `Ok::<_, Error>(found)`: nothing else says what the first one is converted to.

use anyhow::{Error, Result, ensure};
use continuum_observability::{
    get_tracer, init_telemetry, layers::memory::trace_recall, trace_function,
};

const MIN_WORD_LENGTH: usize = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let _telemetry = init_telemetry()?; // from the environment; flushed, with a deadline, when dropped
    let memory = Memory(vec![
        "the schema is versioned",
        "tests run on every change",
        "the schema has one table per concept",
    ]);
    answer(&memory, "what did we decide about the schema?").await?;
    Ok(())
}

/// A block of code as a span, and inside of it a ready-made span of the memory layer.
async fn answer(memory: &Memory, question: &str) -> Result<String> {
    let tracer = get_tracer("assistant");
    tracer
        .in_span("answer_question", async |span| {
            span.set_attribute("question.length", question.len());
            let memories = trace_recall(question)
                .max_concepts(10)
                .tenant_id("user_123")
                .run(async |span| {
                    let found = memory.recall(question).await?;
                    span.concepts_found(found.len());
                    Ok::<_, Error>(found)
                })
                .await?;
            generate(question, &memories).await
        })
        .await
}

/// What was said, in a place that takes its time to answer.
struct Memory(Vec<&'static str>);

impl Memory {
    async fn recall(&self, question: &str) -> Result<Vec<&'static str>> {
        let words = find_words(question)?;
        tokio::task::yield_now().await;
        let said = self.0.iter().copied();
        let fits = |said: &&str| words.iter().any(|word| said.contains(word));
        Ok(said.filter(fits).collect())
    }
}

/// A whole function as a span: an `Err` is recorded and passed on.
#[trace_function(attributes(question.min_word_length = MIN_WORD_LENGTH))]
fn find_words(question: &str) -> Result<Vec<&str>> {
    let mut words: Vec<_> = question.split([' ', '?']).collect();
    words.retain(|word| word.len() >= MIN_WORD_LENGTH);
    ensure!(!words.is_empty(), "the question has no word to look for");
    Ok(words)
}

#[trace_function(attributes(answer.memory_count = memories.len()))]
async fn generate(question: &str, memories: &[&str]) -> Result<String> {
    ensure!(!memories.is_empty(), "nothing was ever said about that");
    Ok(format!("{question} {}.", memories.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use continuum_observability::testing::{TestRecorder, assert_no_findings};

    async fn ask(question: &str) -> (Result<String>, String) {
        let recorder = TestRecorder::new();
        let memory = Memory(vec!["the schema is versioned", "tests run on every change"]);
        let answer = recorder.run_async(answer(&memory, question)).await;
        assert_no_findings(&recorder);
        (answer, recorder.tree())
    }

    #[tokio::test]
    async fn a_question_is_one_trace_with_recall_and_generation() {
        let (answer, tree) = ask("which schema?").await;
        assert_eq!(answer.unwrap(), "which schema? the schema is versioned.");
        assert_eq!(
            tree,
            "answer_question question.length=13\n  \
             memory.recall OK memory.operation=recall gen_ai.operation.name=search_memory memory.query_length=13 \
             memory.max_concepts=10 tenant.id=user_123 memory.concepts_found=1\n    \
             find_words function.name=find_words function.module=quickstart \
             code.function.name=quickstart::find_words question.min_word_length=5\n  \
             generate function.name=generate function.module=quickstart \
             code.function.name=quickstart::generate answer.memory_count=1\n"
        );
    }

    #[tokio::test]
    async fn an_error_is_recorded_where_it_begins_and_wherever_it_passes() {
        let (answer, tree) = ask("why?").await;
        let text = "the question has no word to look for";
        assert_eq!(answer.unwrap_err().to_string(), text);
        for span in ["memory.recall", "find_words"] {
            assert!(tree.contains(&format!("{span} ERROR({text})")), "{tree}");
        }
    }
}
