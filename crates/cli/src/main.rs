//! The binary `continuum`.

fn main() {}
