//! Things that cannot be traced.

use continuum_observability::trace_function;

#[trace_function]
struct Structure;

#[trace_function]
const fn constant() -> u32 {
    1
}

trait Recall {
    #[trace_function]
    fn recall(&self);
}

struct Memory;

#[trace_function]
impl Memory {}

fn main() {
    let _ = (Structure, constant());
}
