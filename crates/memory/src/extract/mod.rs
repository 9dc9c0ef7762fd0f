//! Finds what a text is about, by rules: no model, no network, any language that has words.
//!
//! Position: request → **extract** → store. `learn` stores what is found, `recall` looks up what it
//! finds in the question, so both must come through here.
//!
//! Invariants: the same text gives the same result in the same order, in time linear in its length.

mod compound;
mod concept;
mod decision;
mod quoted;
mod script;
mod stop_words;
mod subject;
mod token;

pub(crate) use compound::compounds;
pub(crate) use concept::{FoundConcept, concepts};
pub(crate) use decision::decisions;
pub(crate) use script::{index_text, search_phrases};
pub(crate) use stop_words::StopWords;
pub(crate) use token::sentences;
