//! [`rust_peers::allocs`] in the build that has our `opentelemetry` bridge in it.
#[global_allocator]
static ALLOCATOR: rust_peers::allocs::Counting = rust_peers::allocs::Counting;

fn main() {
    rust_peers::allocs::main();
}
