//! A request to the receiver of `continuum run`: whatever it is, its framing and packing are undone or it is
//! refused, and what was packed here comes out as it was.

#![no_main]

mod request;
mod trace_file;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Some((choice, body)) = body.split_first() else {
        return;
    };
    let packings = ["identity", "gzip", "deflate", "br"];
    let packing = packings[usize::from(*choice) % packings.len()];
    request::is_read_or_refused(packing, body);
    request::comes_out_as_it_was(body);
});
