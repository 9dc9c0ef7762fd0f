//! [`rust_peers::hot`] in the build that has our `opentelemetry` bridge in it.
fn main() {
    rust_peers::hot::main();
}
