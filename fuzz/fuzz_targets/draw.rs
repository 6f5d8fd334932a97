//! What the programs of all targets are drawn with.

use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// As many as libFuzzer likes, but at most `most`.
pub fn many<'a, T>(
    input: &mut Unstructured<'a>,
    most: usize,
    draw: fn(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = input.int_in_range(0..=most)?;
    let mut drawn = Vec::new();
    while drawn.len() < count && !input.is_empty() {
        drawn.push(draw(input)?);
    }
    Ok(drawn)
}
