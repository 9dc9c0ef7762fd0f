//! The first program: one line of set-up, a traced function, a span for a block, a ready-made span.
//!
//! `cargo run --example quickstart` prints, with times and the rest of the attributes:
//!
//! ```text
//! answer_question        question.length=36
//! ├─ memory.recall       memory.query_length=36 tenant.id=user_123 memory.concepts_found=2
//! └─ generate            answer.memory_count=2
//! ```
//!
//! What to look at: nothing has to be ended or passed on. A span ends with its closure or function,
//! and whatever starts in between is its child.

use continuum_observability::{
    get_tracer, init_telemetry, layers::memory::trace_recall, trace_function,
};

const MEMORIES: [&str; 3] = [
    "the schema is versioned",
    "tests run on every change",
    "the schema has one table per concept",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = init_telemetry()?; // from the environment; flushed, with a deadline, when dropped
    answer("what did we decide about the schema?");
    Ok(())
}

/// A block of code as a span: for attributes that are known on the way.
fn answer(question: &str) -> String {
    get_tracer("assistant").in_scope("answer_question", |span| {
        span.set_attribute("question.length", question.len());
        let memories = recall(question);
        generate(&memories)
    })
}

/// A ready-made span of the memory layer: name and attributes are those that everybody uses.
fn recall(question: &str) -> Vec<&'static str> {
    trace_recall(question)
        .tenant_id("user_123")
        .in_scope(|span| {
            let words: Vec<&str> = question
                .split([' ', '?'])
                .filter(|word| word.len() > 4)
                .collect();
            let mut memories = MEMORIES.to_vec();
            memories.retain(|memory| words.iter().any(|word| memory.contains(word)));
            span.concepts_found(memories.len());
            memories
        })
}

/// A whole function as a span; an `Err` or a panic would be recorded and passed on.
#[trace_function(attributes(answer.memory_count = memories.len()))]
fn generate(memories: &[&str]) -> String {
    format!("We decided: {}.", memories.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use continuum_observability::testing::{TestRecorder, assert_no_findings};

    #[test]
    fn a_question_is_one_trace_with_recall_and_generation() {
        let recorder = TestRecorder::new();
        let answer = recorder.run(|| answer("what did we decide about the schema?"));
        assert_eq!(
            answer,
            "We decided: the schema is versioned; the schema has one table per concept."
        );
        assert_eq!(
            recorder.tree(),
            "answer_question question.length=36\n  \
             memory.recall memory.operation=recall gen_ai.operation.name=search_memory memory.query_length=36 memory.max_concepts=10 \
             tenant.id=user_123 memory.concepts_found=2\n  \
             generate function.name=generate function.module=quickstart \
             code.function.name=quickstart::generate answer.memory_count=2\n"
        );
        assert_no_findings(&recorder);
    }
}
