//! What the compiler says about wrong uses of the attribute and of `span!`: one clear line at the wrong token.
//!
//! After a change of the texts, `TRYBUILD=overwrite cargo test --package
//! continuum-observability-macros --test misuse` writes them anew.

#[test]
fn misuse_is_a_clear_compile_error() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
