//! `tracestate` on the first line of the input, and on the second a threshold that is written into its
//! member `ot`: it is read again, and everything else stays.

#![no_main]

use continuum_observability::{
    TraceState,
    fuzzing::{ot_randomness, ot_threshold, with_ot_threshold},
};
use libfuzzer_sys::fuzz_target;

const BELOW: u64 = 1 << 56;

fuzz_target!(|input: &str| {
    let (header, threshold) = input.split_once('\n').unwrap_or((input, ""));
    let Ok(state) = header.parse::<TraceState>() else {
        return;
    };
    assert!(ot_threshold(&state).is_none_or(|number| number < BELOW));
    assert!(ot_randomness(&state).is_none_or(|number| number < BELOW));
    let wanted = u64::from_str_radix(threshold, 16).ok().map(|number| number % BELOW);
    let changed = with_ot_threshold(&state, wanted);
    // Where there is no room for it, it is not there rather than wrong.
    let read = ot_threshold(&changed);
    assert!(read == wanted || read.is_none(), "{header}: {read:?}");
    assert_eq!(ot_randomness(&changed), ot_randomness(&state), "{header}");
    let others = |state: &TraceState| {
        let header = state.header().to_string();
        let members = header.split(',').map(|member| member.trim().to_owned());
        members.filter(|member| !member.is_empty() && !member.starts_with("ot=")).collect::<Vec<_>>()
    };
    assert_eq!(others(&changed), others(&state), "{header}");
    assert_eq!(with_ot_threshold(&changed, wanted), changed, "{header}");
});
