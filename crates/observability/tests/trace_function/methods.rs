//! Methods: every receiver, implementations of traits, default bodies.

use crate::{pause, tree};
use continuum_observability::{testing::TestRecorder, trace_function};
use std::{pin::Pin, sync::Arc};

#[derive(Clone)]
struct Memory {
    tenant: String,
    concepts: Vec<String>,
}

impl Memory {
    #[trace_function(attributes(tenant.id = tenant))]
    fn new(tenant: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            concepts: Vec::new(),
        }
    }

    #[trace_function(name = "memory.recall", attributes(tenant.id = self.tenant))]
    fn recall(&self) -> Option<&String> {
        self.concepts.first()
    }

    #[trace_function(attributes(before = self.concepts.len()))]
    fn learn(&mut self, concept: &str) -> &mut Self {
        self.concepts.push(concept.to_owned());
        self
    }

    #[trace_function(attributes(tenant.id = self.tenant))]
    fn into_concepts(self) -> Vec<String> {
        self.concepts
    }

    #[trace_function]
    fn shared(self: Arc<Self>) -> usize {
        self.concepts.len()
    }

    #[trace_function]
    fn pinned(self: Pin<&mut Self>) -> usize {
        self.get_mut().concepts.len()
    }

    #[trace_function(attributes(before = self.concepts.len()))]
    async fn learn_later(&mut self, concept: String) -> &str {
        pause().await;
        self.concepts.push(concept);
        &self.concepts[self.concepts.len() - 1]
    }
}

#[test]
fn every_receiver_is_traced() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let mut memory = Memory::new("acme");
        assert_eq!(memory.recall(), None);
        memory.learn("rust").learn("tracing");
        assert_eq!(memory.recall().map(String::as_str), Some("rust"));
        assert_eq!(Arc::new(memory.clone()).shared(), 2);
        assert_eq!(Pin::new(&mut memory).pinned(), 2);
        assert_eq!(memory.into_concepts(), ["rust", "tracing"]);
    });
    assert_eq!(
        tree(&recorder),
        "new tenant.id=acme\n\
         memory.recall tenant.id=acme\n\
         learn before=0\n\
         learn before=1\n\
         memory.recall tenant.id=acme\n\
         shared\n\
         pinned\n\
         into_concepts tenant.id=acme\n"
    );
}

#[tokio::test]
async fn an_async_method_borrows_as_it_says() {
    let recorder = TestRecorder::new();
    let mut memory = Memory::new("acme");
    let learned = recorder
        .run_async(memory.learn_later("rust".to_owned()))
        .await;
    assert_eq!(learned, "rust");
    assert_eq!(tree(&recorder), "learn_later before=0\n");
}

trait Recall {
    type Answer;

    fn ask(&self, question: &str) -> Self::Answer;

    async fn ask_later(&self, question: &str) -> Result<usize, String>;

    #[trace_function]
    fn greet(&self) -> &'static str {
        "hello"
    }
}

impl Recall for Memory {
    type Answer = usize;

    #[trace_function(attributes(question.length = question.len()))]
    fn ask(&self, question: &str) -> Self::Answer {
        question.len()
    }

    #[trace_function]
    async fn ask_later(&self, question: &str) -> Result<usize, String> {
        pause().await;
        if question.is_empty() {
            return Err("no question".into());
        }
        Ok(self.ask(question))
    }
}

#[tokio::test]
async fn methods_of_traits_are_traced() {
    let recorder = TestRecorder::new();
    let memory = Memory::new("acme");
    assert_eq!(recorder.run(|| memory.greet()), "hello");
    assert_eq!(recorder.run_async(memory.ask_later("why")).await, Ok(3));
    assert!(recorder.run_async(memory.ask_later("")).await.is_err());
    assert_eq!(
        tree(&recorder),
        "greet\n\
         ask_later\n  ask question.length=3\n\
         ask_later ERROR(no question)\n  \
           · exception exception.type=alloc::string::String exception.message=no question\n"
    );
}

mod stores {
    pub(super) struct Store<T>(pub(super) T);
}

impl<T> stores::Store<T> {
    #[trace_function]
    fn new(inner: T) -> Self {
        Self(inner)
    }
}

trait Kept {
    #[trace_function]
    fn keep(&self) {
        let keep = || self.keep_here();
        keep();
    }

    fn keep_here(&self);
}

impl<T> Kept for stores::Store<T> {
    #[trace_function]
    fn keep_here(&self) {}
}

impl Kept for Memory {
    #[trace_function(attributes(code.function.name = "given"))]
    fn keep_here(&self) {}
}

#[tokio::test]
async fn methods_of_the_same_name_are_told_apart_by_their_type() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        Memory::new("acme").keep();
        stores::Store::new(1_u8).keep();
    });
    recorder
        .run_async(Memory::new("acme").learn_later("rust".to_owned()))
        .await;
    let name = |(key, value): &(String, continuum_observability::AnyValue)| {
        (key == "code.function.name").then(|| value.clone())
    };
    let mut names: Vec<String> = recorder
        .spans()
        .iter()
        .filter_map(|span| span.attributes.iter().find_map(name))
        .map(|name| match name {
            continuum_observability::AnyValue::String(name) => name,
            other => format!("{other:?}"),
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "given",
            "trace_function::methods::Kept::keep",
            "trace_function::methods::Kept::keep",
            "trace_function::methods::Memory::learn_later",
            "trace_function::methods::Memory::new",
            "trace_function::methods::stores::Store::keep_here",
            "trace_function::methods::stores::Store::new",
        ]
    );
}
