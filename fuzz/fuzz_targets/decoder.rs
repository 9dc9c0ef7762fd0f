//! The reader of OTLP requests: it agrees with the crate of the protocol on what that accepts, and what it
//! read is written as a line of a trace file and read again unchanged.

#![no_main]

#[path = "../../crates/cli/src/trace_file/fields.rs"]
mod fields;
#[path = "../../crates/cli/src/trace_file/wire.rs"]
mod wire;

use continuum_observability::{DecodeError, decode_request, fuzzing::write_request};
use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

fuzz_target!(|bytes: &[u8]| {
    let ours = decode_request(bytes);
    let reference = ExportTraceServiceRequest::decode(bytes);
    // A text by its number in the table of a profile is no value of a span: another field for us.
    let reference = reference.ok().filter(|it| !format!("{it:?}").contains("StringValueStrindex"));
    if let Some(reference) = reference {
        match &ours {
            Ok(ours) => {
                let again = decode_request(&reference.encode_to_vec()).expect("still a request");
                // As text, since not-a-number is not equal to itself.
                assert_eq!(format!("{ours:?}"), format!("{again:?}"));
            }
            Err(error) => assert!(
                matches!(error, DecodeError::InvalidId | DecodeError::TooDeep),
                "{error}"
            ),
        }
    }
    let Ok(spans) = ours else { return };
    let mut line = String::new();
    write_request(&mut line, &spans);
    assert!(!line.contains('\n'));
    match wire::parse(line.as_bytes()) {
        Ok(read) => assert_eq!(format!("{read:?}"), format!("{spans:?}")),
        // Values nested deeper than any recorder writes them.
        Err(error) => assert!(
            format!("{error:#}").contains("recursion limit"),
            "{error:#}"
        ),
    }
});
