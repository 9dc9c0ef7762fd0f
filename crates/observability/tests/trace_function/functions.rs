//! Synchronous functions: what may stand in a signature, and that nothing about it changes.

use crate::tree;
use continuum_observability::{get_current_span, testing::TestRecorder, trace_function};
use futures_util::FutureExt as _;
use std::{
    error::Error,
    fmt::{Debug, Display},
};

#[trace_function]
fn outer() -> u32 {
    inner(1) + inner(2)
}

#[trace_function(attributes(n = n))]
fn inner(n: u32) -> u32 {
    get_current_span().add_event("inside", &[]);
    n
}

#[test]
fn calls_are_nested() {
    let recorder = TestRecorder::new();
    assert_eq!(recorder.run(outer), 3);
    assert_eq!(
        tree(&recorder),
        "outer\n  inner n=1\n    · inside\n  inner n=2\n    · inside\n"
    );
}

#[trace_function]
fn generic<'a, T, const N: usize>(items: &'a [T; N], pick: impl Fn(&T) -> bool) -> Option<&'a T>
where
    T: Debug,
{
    items.iter().find(|item| pick(item))
}

#[trace_function]
fn elided(text: &str) -> &str {
    text.trim()
}

#[trace_function]
fn exclusive(numbers: &mut [u32]) -> &mut u32 {
    &mut numbers[0]
}

#[trace_function]
fn opaque(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().rev()
}

#[trace_function]
fn opaque_inside(valid: bool) -> Result<impl Display, String> {
    if !valid {
        return Err("invalid".to_owned());
    }
    Ok(7)
}

#[trace_function]
fn dynamic(loud: bool) -> Box<dyn Fn(&str) -> String> {
    if loud {
        return Box::new(str::to_uppercase);
    }
    Box::new(str::to_owned)
}

#[trace_function]
fn boxed<'a>(words: &'a str, separator: &str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    let separator = separator.to_owned();
    let words: Vec<_> = words.split(separator.as_str()).collect();
    Box::new(words.into_iter())
}

#[trace_function]
fn borrowed_error(text: &str) -> Result<&str, Box<dyn Error + '_>> {
    if text.is_empty() {
        return Err("empty".into());
    }
    Ok(text)
}

#[trace_function]
fn function(trims: bool) -> fn(&str) -> &str {
    if trims { str::trim } else { |text| text }
}

#[trace_function]
fn closures(n: u32) -> (impl Fn(u32) -> u32, [u32; 1]) {
    (move |m| m + n, [n])
}

#[trace_function]
fn associated<I: IntoIterator>(items: I) -> Option<I::Item> {
    items.into_iter().next()
}

#[trace_function]
fn destructured((a, b): (u32, u32), [first, ..]: [u32; 3], mut sum: u32) -> u32 {
    sum += a + b + first;
    sum
}

#[test]
fn signatures_of_every_form_compile_and_keep_their_meaning() {
    TestRecorder::new().run(|| {
        assert_eq!(generic(&[1, 2, 3], |n| *n > 1), Some(&2));
        assert_eq!(elided(" a "), "a");
        let mut numbers = [1, 2];
        *exclusive(&mut numbers) = 5;
        assert_eq!(numbers, [5, 2]);
        assert_eq!(opaque("abc").collect::<String>(), "cba");
        assert_eq!(opaque_inside(true).unwrap().to_string(), "7");
        assert!(opaque_inside(false).is_err());
        assert_eq!(
            (dynamic(true)("a"), dynamic(false)("a")),
            ("A".to_owned(), "a".to_owned())
        );
        assert_eq!(boxed("a b", " ").collect::<Vec<_>>(), ["a", "b"]);
        assert!(borrowed_error("a").is_ok() && borrowed_error("").is_err());
        assert_eq!((function(true)(" a"), function(false)(" a")), ("a", " a"));
        let (add, [n]) = closures(2);
        assert_eq!((add(1), n), (3, 2));
        assert_eq!(associated([1, 2]), Some(1));
        assert_eq!(destructured((1, 2), [3, 0, 0], 4), 10);
    });
}

#[trace_function]
fn early(number: i32) -> Result<i32, std::num::TryFromIntError> {
    if number == 0 {
        return Ok(0);
    }
    let small = u8::try_from(number)?;
    Ok(i32::from(small) * 2)
}

#[test]
fn return_and_question_mark_end_the_span() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        assert_eq!(early(0).unwrap(), 0);
        assert_eq!(early(4).unwrap(), 8);
        assert!(early(-1).is_err());
        // A root again: no span was left open.
        assert!(!get_current_span().span_context().is_valid());
    });
    assert_eq!(
        tree(&recorder),
        "early\nearly\nearly ERROR(out of range integral type conversion attempted)\n  \
         · exception exception.type=core::num::error::TryFromIntError exception.message=out of \
         range integral type conversion attempted\n"
    );
}

/// Moves what it is given.
///
/// # Safety
///
/// `pointer` can be read.
#[trace_function]
#[expect(unsafe_code, reason = "an unsafe function is what is tested")]
unsafe fn read(pointer: *const u32) -> u32 {
    // SAFETY: the caller vouches for it.
    unsafe { *pointer }
}

#[trace_function]
extern "C" fn foreign(n: u32) -> u32 {
    n + 1
}

#[trace_function]
#[must_use]
#[inline]
pub(crate) fn decorated() -> u32 {
    #![allow(
        clippy::let_and_return,
        reason = "an inner attribute is what is tested"
    )]
    let result = 3;
    result
}

#[test]
fn unsafe_foreign_and_decorated_functions_are_traced() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        let number = 2;
        // SAFETY: the number outlives the call.
        #[expect(unsafe_code, reason = "an unsafe function is what is tested")]
        let two = unsafe { read(&raw const number) };
        assert_eq!((two, foreign(1), decorated()), (2, 2, 3));
    });
    assert_eq!(tree(&recorder), "read\nforeign\ndecorated\n");
}

macro_rules! define {
    ($name:ident, $output:ty, $value:expr, $literal:literal) => {
        #[trace_function(attributes(value = $value, literal = $literal))]
        fn $name(n: u32) -> $output {
            Ok($value + n)
        }
    };
}

define!(from_a_macro, Result<u32, String>, 1 + 2, "text");

#[test]
fn functions_that_a_macro_writes_are_traced() {
    let recorder = TestRecorder::new();
    recorder.run(|| from_a_macro(1)).unwrap();
    assert_eq!(tree(&recorder), "from_a_macro literal=text value=3\n");
}

#[test]
fn names_of_the_expansion_do_not_meet_those_of_the_body() {
    #[trace_function(attributes(sum = CALL_SITE + never))]
    async fn shadowed(entry: u32, never: u32) -> u32 {
        entry + never
    }

    const CALL_SITE: u32 = 7;
    let recorder = TestRecorder::new();
    let sum = recorder.run_async(shadowed(1, 2)).now_or_never();
    assert_eq!(sum, Some(3));
    assert_eq!(tree(&recorder), "shadowed sum=9\n");
}
