//! Writes a recording that is large in one respect, for `scripts/check-growth`.
//!
//! ```text
//! cargo run --release -p benches --bin growth -- threads 10000 threads.perf
//! ```

use std::env;
use std::error::Error;
use std::fs;

use benches::Axis;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [axis, count, path] = arguments.as_slice() else {
        return Err("usage: growth AXIS COUNT OUT.perf".into());
    };
    let axis = Axis::ALL.into_iter().find(|known| known.name() == axis);
    let axis =
        axis.ok_or_else(|| format!("AXIS is one of {}", Axis::ALL.map(Axis::name).join(", ")))?;
    Ok(fs::write(path, axis.recording(count.parse()?))?)
}
